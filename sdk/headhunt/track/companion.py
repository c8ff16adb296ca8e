"""The courier's side that lies in the training: starts it, tells it of runs, and waits for it at the end.

It is another process, so that no network and no disk but one's own is ever waited for. It is started by `posix_spawn`,
which copies nothing of a training that may have many gigabytes; by way of a shell that ends at once, so that it is no
child of the training: one that waits for all its children, as by `os.wait()`, neither waits for it nor hears of it.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from headhunt.track.marks import warn
from headhunt.track.places import alive, process_born, size_of, ticking
from headhunt.track.ranks import node_here
from headhunt.track.values import clean_text

if TYPE_CHECKING:
    from headhunt.track.run import LiveRun

SILENCE_S = 10.0
"""So long the end of a run waits for a courier that brings nothing further."""
PATIENCE_S = 2.0
"""After so long it says what it waits for."""
FACTS_S = 2.0
"""So long it waits, where nothing is to be brought, until code and environment are noted."""
LINGER_S = 900.0
"""So long a courier goes on trying when the training has ended."""
NAP_S = 0.01
MOST_WORDS, LONGEST_WORD, LONGEST_COMMAND = 200, 4000, 8000
"""Of a command line: a pipe that nobody reads yet takes no more at once."""
SHELL = "/bin/sh"
PASSED_ON = 'exec 3<&0; "$@" <&3 3<&- >/dev/null & echo $!'
DROPPED = (
    "PYTHONINSPECT",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONPROFILEIMPORTTIME",
    "HEADHUNT_RUN",
    "PYTHONMALLOC",
)


class Orders(msgspec.Struct, frozen=True):
    """What a courier is told first, in a line of its standard input: the key stands in no command line."""

    pid: int
    born: float
    server: str | None = None
    key: str | None = None
    home: str = ""
    linger: float = LINGER_S
    command: list[str] = msgspec.field(default_factory=list)
    cwd: str = ""
    measure: bool = True
    node: int = 0
    """Of several machines that have one run: 0 began it."""


class Companion:
    """One for each home and server of a process."""

    def __init__(self, home: Path, server: str | None, key: str | None, measure: bool = True) -> None:
        self.home, self.server, self._key, self._measure = home, server, key, measure
        self._pid: int | None = None
        self._born = 0.0
        self._pipe: int | None = None
        self._of = os.getpid()

    def forked(self) -> bool:
        """It belongs to the process from which this one was forked."""
        return os.getpid() != self._of

    def again(self) -> "Companion":
        """For a child: its own, that is started when the parent's is gone."""
        return Companion(self.home, self.server, self._key, measure=False)

    def tell(self, run: "LiveRun") -> None:
        """There is something to bring. A courier that has died is followed by another."""
        line = f"{run.folder}\n".encode()
        for _ in range(2):
            try:
                if self._pipe is None or not self.lives():
                    self._start()
                if self._pipe is not None:
                    os.write(self._pipe, line)
                return
            except BlockingIOError:  # it has enough to do
                return
            except OSError:
                self._forget()

    def lives(self) -> bool:
        return self._pid is not None and alive(self._pid, self._born)

    def _forget(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
        self._pid = self._pipe = None

    def _start(self) -> None:
        self._forget()
        if not sys.executable:
            warn("There is no interpreter to start a courier with; 'headhunt sync' brings the run to a server.")
            return
        reading, self._pipe = os.pipe()
        try:
            self._pid = spawned(reading)
            self._born = process_born(self._pid)
        finally:
            os.close(reading)
        os.set_blocking(self._pipe, False)
        os.write(self._pipe, msgspec.json.encode(self._orders()) + b"\n")

    def _orders(self) -> Orders:
        pid = os.getpid()
        return Orders(
            pid=pid,
            born=process_born(pid),
            server=self.server,
            key=self._key,
            home=str(self.home),
            command=command_line(),
            cwd=folder_here(),
            measure=self._measure,
            node=node_here(),
            linger=linger_asked(),
        )

    def wait(self, run: "LiveRun") -> None:
        """Until all is there, as long as more and more of it is; without a server, until it is known where it ran."""
        if self.server is None:
            self._wait_for_facts(run)
        else:
            self._wait_for_server(run, self.server)

    def _wait_for_server(self, run: "LiveRun", server: str) -> None:
        wanted = {name: size_of(path) for name, path in run.place.journals().items()}
        since, before, tried = ticking(), None, False
        began, said = since, False
        while True:
            sent = run.place.sent(server)
            if (
                sent is not None
                and all(sent.seen.get(name, 0) >= size for name, size in wanted.items())
                and not waits(run)
            ):
                return None
            moved = None if sent is None else (sent.moved, sent.kept)
            if moved != before:
                since, before = ticking(), moved
            if sent is not None and sent.final and sent.error:
                return self._left_here(run, sent.error)
            if not self.lives():
                if tried:
                    return self._left_here(run, "the courier has ended")
                tried = True
                self.tell(run)
            if not said and ticking() - began > PATIENCE_S:
                said = True
                warn(
                    f"The run has ended, and {server} lacks some of it: waiting, {SILENCE_S:g} s after the last answer."
                )
            if ticking() - since > SILENCE_S:
                return self._left_here(run, (sent.error if sent else None) or f"{server} gives no answer")
            time.sleep(NAP_S)

    def _wait_for_facts(self, run: "LiveRun") -> None:
        until = ticking() + FACTS_S
        while ticking() < until and self.lives() and not (run.folder / "known").exists():
            time.sleep(NAP_S)

    def _left_here(self, run: "LiveRun", why: str) -> None:
        warn(f"{why.rstrip('.')}. The run lies whole in {run.folder}; 'headhunt sync' brings it to {self.server}.")


def waits(run: "LiveRun") -> bool:
    return run.place.asked.exists() and any(run.place.asked.iterdir())


def command_line() -> list[str]:
    """What started this process, as far as it goes."""
    kept, room = list[str](), LONGEST_COMMAND
    for word in sys.orig_argv[:MOST_WORDS]:
        kept.append(clean_text(word[: min(LONGEST_WORD, room)]))
        room -= len(kept[-1])
        if room <= 0:
            break
    return kept


def folder_here() -> str:
    """Empty where it was removed."""
    try:
        return clean_text(str(Path.cwd()))
    except OSError:
        return ""


def linger_asked() -> float:
    try:
        return float(os.environ.get("HEADHUNT_LINGER") or LINGER_S)
    except ValueError:
        warn("HEADHUNT_LINGER is no number of seconds; it is passed over.")
        return LINGER_S


def command() -> list[str]:
    """-P: no module of the training's folder takes the place of a library's."""
    return [sys.executable, "-P", "-m", "headhunt.track.courier"]


def environment() -> dict[str, str]:
    """With the very headhunt that runs here."""
    here = str(Path(__file__).parents[2])
    others = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return {**kept, "PYTHONPATH": os.pathsep.join([here, *others])}


def spawned(orders: int) -> int:
    """The number of a courier that reads its orders there."""
    telling, told = os.pipe()
    try:
        words = ["sh", "-c", PASSED_ON, "sh", *command()]
        shell = os.posix_spawn(SHELL, words, environment(), file_actions=streams(orders, told), **session())
    except OSError:  # no shell: then it is a child
        os.close(telling)
        return os.posix_spawn(sys.executable, command(), environment(), file_actions=streams(orders), **session())
    finally:
        os.close(told)
    with suppress(ChildProcessError):  # somebody else waits for all
        os.waitpid(shell, 0)
    with open(telling, "rb") as number:
        return int(number.readline())


def streams(orders: int, told: int | None = None) -> list[Any]:
    answers = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0o644)
    return [
        (os.POSIX_SPAWN_DUP2, orders, 0),
        answers if told is None else (os.POSIX_SPAWN_DUP2, told, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0o644),
    ]


def session() -> dict[str, Any]:
    """Ctrl-C and the end of a terminal are for the training."""
    return {"setsid": True, "setsigdef": [signal.SIGTERM, signal.SIGINT, signal.SIGPIPE], "setsigmask": []}
