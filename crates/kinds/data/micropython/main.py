# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
# <<w:intro>>

import json
import socket
import ssl
import time

import machine
import network
from umqtt.simple import MQTTClient

# <<w:fill_in>>
WIFI_NAME = "<<w:wifi_name>>"
WIFI_PASSWORD = "<<w:wifi_password>>"

with open("config.json") as file:
    config = json.load(file)

wifi = network.WLAN(network.STA_IF)


# <<w:chip_why>>
def read_temperature():
    try:
        import esp32
    except ImportError:
        volts = machine.ADC(4).read_u16() * 3.3 / 65535
        return 27 - (volts - 0.706) / 0.001721
    if hasattr(esp32, "mcu_temperature"):
        return esp32.mcu_temperature()
    return (esp32.raw_temperature() - 32) / 1.8


def join_wifi():
    wifi.active(True)
    if not wifi.isconnected():
        print("<<w:msg_wifi>>", WIFI_NAME)
        wifi.connect(WIFI_NAME, WIFI_PASSWORD)
    for _ in range(100):
        if wifi.isconnected():
            return
        time.sleep(0.2)
    raise OSError("Wi-Fi")


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
    context.load_verify_locations("ca.der")
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
            print("<<w:msg_connected>>", host)
            return client
        except Exception as error:
            fault = error
    raise fault


wait_seconds = 1
while True:
    try:
        join_wifi()
        set_clock()
        mqtt = connect()
        wait_seconds = 1
        while True:
            message = '{"temperature": %.1f}' % read_temperature()
            mqtt.publish(config["topic"], message.encode())
            time.sleep(1)
    except Exception as error:
        # <<w:backoff_why>>
        print("<<w:msg_refused>>", error)
        time.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, 30)
