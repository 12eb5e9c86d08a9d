"""Runs code.py of a CircuitPython board with Adafruit's own MQTT library, against a real broker.

The board is in a room without Internet and starts in the year 2000: the broker's computer must tell
the time, or the certificate would not be valid yet.
"""

import os
import runpy
import socket
import sys
import time
import tomllib
import types

real_time = time.time
behind = real_time() - 946684800


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


class Pool:
    """A pool of CircuitPython is CPython's module, but for UDP to the Internet: there is none."""

    def __init__(self, radio):
        pass

    def __getattr__(self, name):
        return getattr(socket, name)

    def getaddrinfo(self, host, port, *rest):
        if host.endswith(".ntp.org"):
            raise OSError("no Internet")
        return socket.getaddrinfo(host, port, *rest)


class Clock:
    @property
    def datetime(self):
        return time.localtime()

    @datetime.setter
    def datetime(self, now):
        global behind
        behind = real_time() - time.mktime(now)
        print("clock set", flush=True)


class Radio:
    connected = False

    def connect(self, name, password):
        assert "Wi-Fi" in name and "Wi-Fi" in password
        self.connected = True


time.time = lambda: real_time() - behind
module("socketpool", SocketPool=Pool)
module("wifi", radio=Radio())
module("rtc", RTC=Clock)
module("micropython", const=lambda number: number)
module("microcontroller", cpu=types.SimpleNamespace(temperature=23.456))
with open("settings.toml", "rb") as file:
    os.environ.update({key: str(value) for key, value in tomllib.load(file).items()})
runpy.run_path("code.py")
