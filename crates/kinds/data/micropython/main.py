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


<<part:micropython-clock.py>>


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
