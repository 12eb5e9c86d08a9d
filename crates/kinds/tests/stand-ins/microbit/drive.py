"""Runs main.py with a stand-in for the module of a micro:bit, and prints what it did as JSON."""

import builtins
import json
import runpy
import sys
import types

seen = {"lines": [], "shown": [], "pauses": []}
incoming = [b"on\n"]


class Done(BaseException):
    """Ends the endless loop of the program."""


def sleep(milliseconds):
    seen["pauses"].append(milliseconds)
    if len(seen["pauses"]) == 2:
        raise Done


class Uart:
    def init(self, baudrate):
        assert baudrate == 115200

    def any(self):
        return bool(incoming)

    def readline(self):
        return incoming.pop(0)


class Display:
    def read_light_level(self):
        return 140

    def scroll(self, text, wait=True):
        assert not wait, "the measures would wait for the scrolling"
        seen["shown"].append(text)


board = types.ModuleType("microbit")
vars(board).update(display=Display(), sleep=sleep, temperature=lambda: 23, uart=Uart())
sys.modules["microbit"] = board
real_print = builtins.print
builtins.print = lambda line: seen["lines"].append(line)
try:
    runpy.run_path("main.py")
except Done:
    pass
real_print(json.dumps(seen))
