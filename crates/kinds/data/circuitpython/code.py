# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
# <<w:intro>>

import json
import os
import ssl
import time

import adafruit_minimqtt.adafruit_minimqtt as MQTT
import microcontroller
import rtc
import socketpool
import wifi

HOSTS = (os.getenv("COURTIER_HOST"), os.getenv("COURTIER_HOST_OTHER"))
pool = socketpool.SocketPool(wifi.radio)


# <<w:chip_why>>
def read_temperature():
    return microcontroller.cpu.temperature


def join_wifi():
    if wifi.radio.connected:
        return
    print("<<w:msg_wifi>>", os.getenv("CIRCUITPY_WIFI_SSID"))
    wifi.radio.connect(os.getenv("CIRCUITPY_WIFI_SSID"), os.getenv("CIRCUITPY_WIFI_PASSWORD"))


def clock_is_set():
    return time.time() > 1700000000


# <<w:clock_courtier>>
def ask_courtier_for_time(host):
    port = int(os.getenv("COURTIER_TIME_PORT"))
    link = pool.socket(pool.AF_INET, pool.SOCK_STREAM)
    try:
        link.settimeout(5)
        link.connect((host, port))
        request = "GET /time HTTP/1.0\r\nHost: {}:{}\r\nConnection: close\r\n\r\n".format(host, port)
        link.send(request.encode())
        answer = b""
        part = bytearray(512)
        size = link.recv_into(part)
        while size:
            answer += bytes(part[:size])
            size = link.recv_into(part)
    finally:
        link.close()
    digits = ""
    for character in answer.decode().split("\r\n\r\n", 1)[1]:
        digits = digits + character if "0" <= character <= "9" else ""
        if len(digits) == 10:
            break
    rtc.RTC().datetime = time.localtime(int(digits))


# <<w:clock_internet>>
def ask_internet_for_time():
    link = pool.socket(pool.AF_INET, pool.SOCK_DGRAM)
    try:
        link.settimeout(5)
        packet = bytearray(48)
        packet[0] = 0x23
        link.sendto(packet, (pool.getaddrinfo("pool.ntp.org", 123)[0][4][0], 123))
        link.recv_into(packet)
    finally:
        link.close()
    seconds = int.from_bytes(packet[40:44], "big") - 2208988800
    rtc.RTC().datetime = time.localtime(seconds)


# <<w:clock_why>>
def set_clock():
    for host in (None,) + HOSTS:
        if clock_is_set():
            return
        try:
            if host is None:
                ask_internet_for_time()
            else:
                ask_courtier_for_time(host)
        except Exception as error:
            print("<<w:msg_clock>>", host, error)
    if not clock_is_set():
        raise OSError("<<w:msg_clock>>")


# <<w:commands_why>>
def on_message(client, topic, message):
    print(topic, message)


# <<w:hosts_why>>
def connect():
    context = ssl.create_default_context()
    # <<w:verify_why>>
    with open("ca.pem") as file:
        context.load_verify_locations(cadata=file.read())
    fault = None
    for host in HOSTS:
        client = MQTT.MQTT(
            broker=host,
            port=int(os.getenv("COURTIER_PORT")),
            username=os.getenv("COURTIER_ID"),
            password=os.getenv("COURTIER_PASSWORD"),
            client_id=os.getenv("COURTIER_ID"),
            socket_pool=pool,
            ssl_context=context,
            is_ssl=True,
            keep_alive=30,
            connect_retries=1,
        )
        client.on_message = on_message
        try:
            client.connect()
            client.subscribe(os.getenv("COURTIER_COMMANDS"), 1)
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
            message = json.dumps({"temperature": round(read_temperature(), 1)})
            mqtt.publish(os.getenv("COURTIER_TOPIC"), message)
            mqtt.loop(timeout=1)
    except Exception as error:
        # <<w:backoff_why>>
        print("<<w:msg_lost>>", error)
        time.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, 30)
