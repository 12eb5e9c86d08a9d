# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
# <<w:intro>>

import json
import socket
import ssl
import time

import M5
import machine
import network
from umqtt.simple import MQTTClient

FOLDER = "/flash/"

with open(FOLDER + "config.json") as file:
    config = json.load(file)

wifi = network.WLAN(network.STA_IF)


# <<w:sensor_why>>
def read_millivolts():
    return M5.Power.getBatteryVoltage()


def show(text):
    M5.Lcd.fillScreen(0)
    M5.Lcd.setCursor(0, 0)
    M5.Lcd.print(text)
    print(text)


# <<w:wifi_why>>
def join_wifi():
    for _ in range(100):
        if wifi.isconnected():
            return
        time.sleep(0.2)
    raise OSError("<<w:msg_wifi>>")


def clock_is_set():
    return time.gmtime()[0] >= 2025


# <<w:clock_courtier>>
def ask_courtier_for_time(host):
    link = socket.socket()
    try:
        link.settimeout(5)
        link.connect(socket.getaddrinfo(host, config["time_port"])[0][-1])
        request = "GET /time HTTP/1.0\r\nHost: {}:{}\r\nConnection: close\r\n\r\n".format(host, config["time_port"])
        link.send(request.encode())
        answer = b""
        part = link.recv(512)
        while part:
            answer += part
            part = link.recv(512)
    finally:
        link.close()
    digits = ""
    for character in answer.decode().split("\r\n\r\n", 1)[1]:
        digits = digits + character if character.isdigit() else ""
        if len(digits) == 10:
            break
    # <<w:epoch_why>>
    seconds = int(digits) - (946684800 if time.gmtime(0)[0] == 2000 else 0)
    year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


# <<w:clock_why>>
def set_clock():
    if clock_is_set():
        return
    try:
        # <<w:clock_internet>>
        import ntptime

        ntptime.settime()
    except Exception:
        pass
    for host in config["hosts"]:
        if clock_is_set():
            return
        try:
            ask_courtier_for_time(host)
        except Exception:
            pass
    if not clock_is_set():
        raise OSError("<<w:msg_clock>>")


# <<w:hosts_why>>
def connect():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # <<w:verify_why>>
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(FOLDER + "ca.der")
    fault = None
    for host in config["hosts"]:
        client = MQTTClient(
            config["client_id"],
            host,
            config["port"],
            config["user"],
            config["password"],
            keepalive=60,
            ssl=context,
        )
        try:
            client.connect()
            show("<<w:msg_connected>>")
            return client
        except Exception as error:
            fault = error
    raise fault


M5.begin()
wifi.active(True)
wait_seconds = 1
while True:
    try:
        join_wifi()
        set_clock()
        mqtt = connect()
        wait_seconds = 1
        while True:
            M5.update()
            message = json.dumps({"millivolts": read_millivolts()})
            mqtt.publish(config["topic"], message.encode())
            show(message)
            time.sleep(1)
    except Exception as error:
        # <<w:backoff_why>>
        show("<<w:msg_lost>> {}".format(error))
        time.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, 30)
