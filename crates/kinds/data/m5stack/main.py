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


<<part:micropython-clock.py>>


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
