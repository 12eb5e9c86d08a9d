# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
# <<w:intro>>
# <<w:install>>

import configparser
import json
import math
import pathlib
import time

import paho.mqtt.client as mqtt

HERE = pathlib.Path(__file__).resolve().parent
settings = configparser.ConfigParser(interpolation=None)
settings.read(HERE / "config.ini", encoding="utf-8")
courtier = settings["courtier"]


# <<w:sensor_why>>
def read_temperature():
    try:
        return int(pathlib.Path("/sys/class/thermal/thermal_zone0/temp").read_text()) / 1000
    except (OSError, ValueError):
        return 21 + 3 * math.sin(time.time() / 30)


def on_connect(client, userdata, flags, reason_code, properties):
    if reason_code.is_failure:
        print("<<w:msg_refused>>", reason_code, flush=True)
        return
    print("<<w:msg_connected>>", flush=True)
    client.subscribe(courtier["commands"], qos=1)


def on_disconnect(client, userdata, flags, reason_code, properties):
    print("<<w:msg_lost>>", reason_code, flush=True)


# <<w:commands_why>>
def on_message(client, userdata, message):
    print(message.topic, message.payload.decode("utf-8", "replace"), flush=True)


def connect(client):
    wait_seconds = 1
    while True:
        # <<w:hosts_why>>
        for host in courtier["hosts"].split(","):
            try:
                client.connect(host.strip(), courtier.getint("port"), keepalive=30)
                return
            except OSError as error:
                print("<<w:msg_unreachable>>", host.strip(), error, flush=True)
        # <<w:backoff_why>>
        time.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, 30)


def main():
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=courtier["client_id"])
    client.username_pw_set(courtier["user"], courtier["password"])
    # <<w:verify_why>>
    client.tls_set(ca_certs=str(HERE / courtier["ca"]))
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.on_message = on_message
    client.reconnect_delay_set(min_delay=1, max_delay=30)
    connect(client)
    client.loop_start()
    while True:
        if client.is_connected():
            message = json.dumps({"temperature": round(read_temperature(), 1)})
            client.publish(courtier["topic"], message, qos=1)
        time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
