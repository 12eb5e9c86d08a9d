"""Runs main.py with stand-ins for the modules of a board, and prints what it did as JSON.

The stand-ins act as a board in a room without Internet: no NTP, a clock that starts in 2000, an
address that refuses seven rounds of tries and then a name that answers.
"""

import builtins
import calendar
import json
import runpy
import socket as real_socket
import sys
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, HTTPServer

EPOCH = int(sys.argv[1])
OFFSET = 946684800 if EPOCH == 2000 else 0
FAILED_ROUNDS = 7
seen = {"tried": [], "pauses": []}


class Done(BaseException):
    """Ends the endless loop of the program; it catches only Exception."""


class ClockDoor(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"rfc3339":"2026-11-24T11:37:48Z","unix":1795520268}' if self.path == "/time" else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Clock:
    def datetime(self, now):
        seen["clock"] = list(now)


def gmtime(seconds=None, real=time.gmtime):
    if seconds is None:
        if "clock" not in seen:
            return real(946684800)
        year, month, day, _, hour, minute, second, _ = seen["clock"]
        return real(calendar.timegm((year, month, day, hour, minute, second)))
    return real(seconds + OFFSET)


def sleep(seconds):
    if "topic" in seen:
        raise Done
    if seconds >= 1:
        seen["pauses"].append(seconds)


class Wifi:
    def __init__(self, interface):
        # UIFlow joins by itself; MicroPython is told to.
        self.joined = "WIFI_NAME" not in open("main.py").read()

    def active(self, on):
        pass

    def isconnected(self):
        return self.joined

    def connect(self, name, password):
        self.joined = True


class Context:
    verify_mode = None
    authority = None

    def __init__(self, protocol):
        pass

    def load_verify_locations(self, path):
        open(path, "rb").close()
        self.authority = path.removeprefix("/flash/")


class Client:
    def __init__(self, id, host, port, user, password, keepalive=0, ssl=None):
        self.host, self.ssl = host, ssl
        seen["client"] = {"id": id, "port": port, "user": user, "password": password}
        seen["client"].update(checked=ssl.verify_mode == "required", authority=ssl.authority)

    def connect(self):
        if len(seen["pauses"]) < FAILED_ROUNDS:
            raise OSError("nobody answers")
        seen["tried"].append(self.host)
        if self.host == "192.168.1.20":
            raise OSError("nobody answers")

    def publish(self, topic, message):
        seen["topic"], seen["message"] = topic, message.decode()


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


door = HTTPServer(("127.0.0.1", 0), ClockDoor)
threading.Thread(target=door.serve_forever, daemon=True).start()

def getaddrinfo(host, port):
    if host == "192.168.1.20":
        raise OSError("no route")
    return [(2, 1, 0, "", ("127.0.0.1", door.server_port))]


class Screen:
    def fillScreen(self, colour):
        pass

    def setCursor(self, x, y):
        pass

    def print(self, text):
        assert isinstance(text, str)


class Power:
    def getBatteryVoltage(self):
        return 4012


def flash_open(path, *rest, real=open):
    """UIFlow keeps its files in /flash."""
    return real(path.removeprefix("/flash/") if isinstance(path, str) else path, *rest)


builtins.open = flash_open
module("M5", begin=lambda: None, update=lambda: None, Lcd=Screen(), Power=Power())
module("socket", socket=real_socket.socket, getaddrinfo=getaddrinfo)
module("machine", RTC=Clock)
module("network", WLAN=Wifi, STA_IF=0)
module("esp32", mcu_temperature=lambda: 21.5)
module("ssl", SSLContext=Context, PROTOCOL_TLS_CLIENT=16, CERT_REQUIRED="required")
module("umqtt")
module("umqtt.simple", MQTTClient=Client)
time.gmtime, time.sleep = gmtime, sleep

try:
    sys.stdout = sys.stderr
    runpy.run_path("main.py")
except Done:
    pass
sys.stdout = sys.__stdout__
print(json.dumps(seen))
