"""A program as the objective of a study: started for each trial, with the parameters around it.

    HEADHUNT_PARAMS    the parameters, as JSON          HEADHUNT_STUDY, HEADHUNT_TRIAL    which study, and its trial
    {lr}               in an argument: the value; an argument with a parameter that this trial lacks is left out

The loss is that of the last line `loss=0.3` on its standard output; where there is none, the last that it told by
`headhunt.report`. An exit status other than 0 is a failed trial. Its output goes where the worker's goes.
"""

import ctypes
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from typing import IO, Any, Protocol, cast

import msgspec

from headhunt.errors import BadValue, TrialFailed, TrialStopped, printable
from headhunt.spaces import Value
from headhunt.studies.line import LONGEST, Heard, Said
from headhunt.trials import SOCKET, as_loss, as_step, current

LOSS = re.compile(rb"\s*loss\s*=\s*([-+.\w]+)\s*")
PLACE = re.compile(r"\{([^{}]+)\}")
LOOK_S, GRACE_S, PIPES_S = 0.5, 10.0, 1.0
"""Between two looks whether it shall end; from being told so to a kill; what others may hold its output open."""
PR_SET_PDEATHSIG = 1
LINUX = ctypes.CDLL(None) if sys.platform == "linux" else None


class Ear(Protocol):
    """tuning.running.Ear."""

    number: int

    def report(self, step: int | None, loss: float) -> str | None: ...
    def ended(self) -> str | None: ...


class Command:
    """words: the program and its arguments. names: all parameters of the space. seconds: for each trial."""

    def __init__(self, words: Sequence[str], study: str, names: Collection[str], seconds: float | None = None) -> None:
        if not words:
            raise BadValue("Say which program to run, as in: headhunt study worker STUDY -- python train.py")
        if shutil.which(words[0]) is None:
            raise BadValue(f"There is no program {printable(words[0], 80)!r}. Give its path, or install it.")
        self.words, self.study, self.names, self.seconds = list(words), study, set(names), seconds

    def __call__(self, params: dict[str, Value]) -> float:
        ear = cast(Ear, current())
        with tempfile.TemporaryDirectory(prefix="headhunt-") as folder, socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{folder}/s")
            listening.listen()
            environment = {
                **os.environ,
                "HEADHUNT_PARAMS": msgspec.json.encode(params).decode(),
                "HEADHUNT_STUDY": self.study,
                "HEADHUNT_TRIAL": str(ear.number),
                SOCKET: f"{folder}/s",
            }
            process = subprocess.Popen(  # noqa: S603 - what the user asked for
                filled(self.words, params, self.names),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
            with process:
                try:
                    return Watch(process, listening, ear, self.seconds).loss()
                except TrialFailed as failed:
                    print(f"headhunt: trial {ear.number} failed: {failed}", file=sys.stderr)
                    raise
                finally:
                    end(process)


class Watch:
    """One program, until it has ended."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", listening: socket.socket, ear: Ear, seconds: float | None
    ) -> None:
        self.process, self.ear = process, ear
        self.until = None if seconds is None else time.monotonic() + seconds
        self.seconds = seconds
        self.stopped: str | None = None
        self.kill_at: float | None = None
        self.printed: float | None = None
        self.reported: float | None = None
        self.last_words = b""
        self.looking = selectors.DefaultSelector()
        self.looking.register(listening, selectors.EVENT_READ, self._meet)
        self.pipes = 0
        for pipe, out in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            self._follow(pipe, out)

    def loss(self) -> float:
        """Raises TrialFailed, TrialStopped."""
        try:
            self._watch()
        finally:
            for key in list(self.looking.get_map().values()):
                if isinstance(key.fileobj, socket.socket) and key.data != self._meet:
                    key.fileobj.close()
            self.looking.close()
        if self.stopped is not None:
            raise TrialStopped(self.stopped)
        if status := self.process.wait():
            how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            words = printable(self.last_words.decode(errors="replace").strip(), 200)
            raise TrialFailed(f"The program ended with {how}{': ' + words if words else ''}")
        found = self.printed if self.printed is not None else self.reported
        if found is None:
            raise TrialFailed("The program told no loss. Let it print a line loss=0.3, or call headhunt.report")
        return found

    def _watch(self) -> None:
        gone_at: float | None = None
        while self.pipes or self.process.poll() is None:
            for key, _ in self.looking.select(LOOK_S if self.pipes else 0.05):
                key.data(key.fileobj)
            now = time.monotonic()
            if self.process.poll() is not None:
                gone_at = gone_at or now
                if now - gone_at > PIPES_S:
                    return
            self._end_if_asked(now)

    def _end_if_asked(self, now: float) -> None:
        if self.until is not None and now > self.until and self.process.poll() is None:
            end(self.process)
            raise TrialFailed(f"The program had not ended after {self.seconds:.0f} s, and was ended")
        if self.stopped is None and (reason := self.ear.ended()) is not None:
            self.stopped, self.kill_at = reason, now
        if self.kill_at is not None and now > self.kill_at:
            end(self.process)

    def _follow(self, pipe: IO[bytes] | None, out: Any) -> None:
        assert pipe is not None  # noqa: S101 - it was asked for
        os.set_blocking(pipe.fileno(), False)
        held = bytearray()

        def read(_: object) -> None:
            data = os.read(pipe.fileno(), LONGEST)
            if not data:
                self.looking.unregister(pipe)
                self.pipes -= 1
                self._line(bytes(held), out)
                return
            held.extend(data)
            getattr(out, "buffer", out).write(data)
            out.flush()
            *lines, rest = bytes(held).split(b"\n")
            for line in lines:
                self._line(line, out)
            held[:] = rest[-LONGEST:]

        self.pipes += 1
        self.looking.register(pipe, selectors.EVENT_READ, read)

    def _line(self, line: bytes, out: Any) -> None:
        if out is sys.stderr:
            self.last_words = line if line.strip() else self.last_words
        elif found := LOSS.fullmatch(line):
            try:
                self.printed = float(found[1])
            except ValueError:
                return

    def _meet(self, listening: Any) -> None:
        one, _ = listening.accept()
        held = bytearray()

        def read(_: object) -> None:
            data = one.recv(LONGEST)
            if not data or len(held) > LONGEST:
                self.looking.unregister(one)
                one.close()
                return
            held.extend(data)
            *lines, rest = bytes(held).split(b"\n")
            held[:] = rest
            for line in lines:
                one.sendall(msgspec.json.encode(Heard(stop=self._heard(line))) + b"\n")

        self.looking.register(one, selectors.EVENT_READ, read)

    def _heard(self, line: bytes) -> str | None:
        try:
            said = msgspec.json.decode(line, type=Said)
            step, loss = None if said.step is None else as_step(said.step), as_loss(float(said.loss))
        except (msgspec.DecodeError, ValueError, BadValue):
            return None
        self.reported = loss
        if (reason := self.ear.report(step, loss)) is not None and self.stopped is None:
            self.stopped, self.kill_at = reason, time.monotonic() + GRACE_S
        return reason


def filled(words: Sequence[str], params: Mapping[str, Value], names: Collection[str]) -> list[str]:
    """`{lr}` becomes its value; what names no parameter stays as it is."""
    told = []
    for word in words:
        asked = {one for one in PLACE.findall(word) if one in names}
        if asked <= params.keys():
            told.append(PLACE.sub(lambda found: text(params[found[1]]) if found[1] in params else found[0], word))
    return told


def text(value: Value) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def die_with_parent() -> None:
    """In the child, before the program: whoever kills the worker kills it, too."""
    if LINUX is not None:
        LINUX.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(process: "subprocess.Popen[bytes]") -> None:
    """The program and what it started."""
    if process.poll() is None:
        for how, wait in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
            try:
                os.killpg(process.pid, how)
                process.wait(wait)
                return
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
