"""The line from a program to the worker that started it for a trial: a socket, JSON a line each way.

{"step": 3, "loss": 0.25}   ->   {"stop": null}   or   {"stop": "At step 3 it was behind ..."}
"""

import socket
import threading
from functools import cache

import msgspec

from headhunt.errors import NoTrial, one_line
from headhunt.vocabulary import Struct

LONGEST = 1 << 16


class Said(Struct, frozen=True, omit_defaults=False):
    """nan and infinity are texts, as everywhere in JSON here."""

    step: int | None
    loss: float | str


class Heard(Struct, frozen=True, omit_defaults=False):
    stop: str | None


class Line:
    """In the program."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(path)
        except OSError as error:
            raise NoTrial(f"The worker of this trial is gone ({one_line(error)}). End this program.") from error
        self._file = self._socket.makefile("rb")

    @staticmethod
    @cache
    def of(path: str) -> "Line":
        return Line(path)

    def report(self, step: int | None, loss: float) -> str | None:
        said = Said(step=step, loss=loss if loss - loss == 0 else str(loss))
        with self._lock:
            try:
                self._socket.sendall(msgspec.json.encode(said) + b"\n")
                answer = self._file.readline(LONGEST)
            except OSError as error:
                raise NoTrial(f"The worker of this trial is gone ({one_line(error)}). End this program.") from error
        if not answer.endswith(b"\n"):
            raise NoTrial("The worker of this trial is gone. End this program.")
        return msgspec.json.decode(answer, type=Heard).stop
