"""The courier of a training: a process beside it, that brings its runs to a server and looks after them.

    python -m headhunt.track.courier        its orders come by standard input: a line of JSON, then folders of runs

It measures the machine, notes code and packages, beats the heart, and sees when the training has died without a word.
It ends when the training has, and everything is there; or after a while of trying: what is left over then is brought
by the next courier of this home, or by `headhunt sync`.
"""

import os
import select
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

import msgspec

from headhunt.errors import HeadhuntError
from headhunt.track.bringing import Bringing
from headhunt.track.companion import Orders
from headhunt.track.journal import Known
from headhunt.track.load import Load
from headhunt.track.looking import looking_at
from headhunt.track.places import Place, alive, ticking
from headhunt.track.surroundings import code, environment
from headhunt.track.watching import Watched

TICK_S = 0.25
LOOK_S = float(os.environ.get("HEADHUNT_LOOK") or 10.0)
FIRST_LOOK_S = LOOK_S / 5
HIGHEST_FD = 65536


class Courier:
    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.runs: dict[str, Watched] = {}
        self.bringing = Bringing(orders) if orders.server is not None else None
        self._load: Load | None = None
        self._step = 0
        self._told = b""
        self._listening = True
        self._looking: list[threading.Thread] = []

    def go(self) -> None:
        if self.bringing is not None:
            self.bringing.start()
        next_look = ticking() + FIRST_LOOK_S
        while alive(self.orders.pid, self.orders.born):
            self.hear(TICK_S)
            if ticking() >= next_look:
                next_look = ticking() + LOOK_S
                self.measure()
        self.hear(0)
        self.see_off()

    def hear(self, wait: float) -> None:
        """Which runs there are; a word about a known one means that there is something to bring at once."""
        if not self._listening:
            threading.Event().wait(wait)
            return
        if not select.select([0], [], [], wait)[0]:
            return
        data = os.read(0, 65536)
        self._listening = bool(data)
        *lines, self._told = (self._told + data).split(b"\n")
        for line in lines:
            self.know(Path(os.fsdecode(line)))
        if self.bringing is not None:
            self.bringing.hurry()

    def know(self, folder: Path) -> None:
        if str(folder) in self.runs:
            return
        with suppress(HeadhuntError, OSError):
            watched = self.runs[str(folder)] = Watched(Place(folder))
            watched.lock.take()
            if self.bringing is not None:
                self.bringing.add(watched)
            if self.began(watched):
                self._looking.append(looking_at(watched, Path(self.orders.home)))
                noting = threading.Thread(target=self.note_facts, args=(watched,), daemon=True)
                noting.start()
                self._looking.append(noting)

    def began(self, watched: Watched) -> bool:
        """The training of this courier, and not another rank, began it."""
        return (watched.begun.pid, watched.begun.born) == (self.orders.pid, self.orders.born)

    def note_facts(self, watched: Watched) -> None:
        """The code first: it may change while packages are counted."""
        try:
            watched.writer.put(Known(watched.writer.now(), {"code": code(self.orders.command, self.orders.cwd)}))
            watched.writer.put(Known(watched.writer.now(), {"environment": environment()}))
            (watched.place.folder / "known").touch()
        except Exception as error:
            watched.mark(f"Where the run runs could not be found out: {type(error).__name__}.")

    def measure(self) -> None:
        going = [one for one in self.runs.values() if not one.look()]
        if not self.orders.measure:
            for one in going:
                one.beat()
        if not self.orders.measure or not going:
            return
        self._load = self._load or Load(self.orders.pid, Path(self.orders.home))
        node = f"system/node{self.orders.node}/" if self.orders.node else "system/"
        values = {f"{node}{name}": value for name, value in self._load.look().items()}
        for one in going:
            one.writer.points(values, None)

    def see_off(self) -> None:
        """The training is gone. What it did not end itself is lost; what is not there yet is brought, when it is known
        which data it saw and where it ran, however soon it was over."""
        for one in self.runs.values():
            one.bury()
        for thread in self._looking:
            thread.join(self.orders.linger)
        if self.bringing is not None:
            self.bringing.finish(self.orders.linger)


def main() -> None:
    """A courier that fails leaves a note where the runs are; the training knows nothing of it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.closerange(3, HIGHEST_FD)  # a port that the training listens on must not stay taken by its courier
    with suppress(OSError):
        os.chdir("/")
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 1)
        if not more:
            return
        line += more
    orders = msgspec.json.decode(line, type=Orders)
    try:
        Courier(orders).go()
    except Exception:
        with suppress(OSError):
            (Path(orders.home) / "runs" / "courier.log").write_text(traceback.format_exc())
        sys.exit(1)


if __name__ == "__main__":
    main()
