"""Where a run lies while it goes, and what is known of how far it has come to a server.

HOME/runs/RUN/run.json           what was asked for, by whom, and the clock that all its processes share
HOME/runs/RUN/WRITER.journal     one for each process that tells of it
HOME/runs/RUN/files/DIGEST       what was kept with it
HOME/runs/RUN/asked/NAME.json    what the server is asked to do for it
HOME/runs/RUN/to-SERVER.json     how far it has come there; a run that has none was not meant for that server
HOME/runs/RUN/to-SERVER.files    the digests of the files that are there, a line each
"""

import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from headhunt.track.wire import RunBegun

ID = re.compile(r"[0-9a-f]{32}")
TELLER = re.compile(r"([0-9a-f]+)-w-(\d+)-[0-9a-f]+")
DIGITS = 64
"""Of a digest."""
ENVIRONMENT = "HEADHUNT_RUN"
"""The folder of the run that children of this process tell of."""


def ticking() -> float:
    """Seconds that nobody sets, and that go on while the machine sleeps, where the system has such."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot() -> str:
    """Names this start of the machine: ticks and process numbers of another one mean nothing here."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class Clock(msgspec.Struct, frozen=True):
    """The wall's time when the run began, and the seconds since: a clock that is set meanwhile reorders nothing."""

    wall: float
    tick: float
    boot: str

    def now(self) -> float:
        return self.wall + (ticking() - self.tick)


def new_clock() -> Clock:
    return Clock(wall=time.time(), tick=ticking(), boot=boot())


class Begun(msgspec.Struct, frozen=True):
    """run.json."""

    id: str
    asked: RunBegun
    clock: Clock
    host: str = ""
    pid: int = 0
    born: float = 0.0
    """When that process began, as the system counts: a number is given again."""
    cwd: str = ""
    """Where it was begun: folders may be named from there."""

    def clock_here(self) -> Clock:
        """The one that all share, unless the machine was started anew since."""
        return self.clock if self.clock.boot == boot() else new_clock()


class Sent(msgspec.Struct):
    """to-SERVER.json. kept: what the server has of each writer; seen: the size of the journal when all that is whole in
    it was there; moved: grows as long as anything gets there; final: `error` will not mend by waiting. files: of
    earlier versions, which had them here."""

    server: str
    kept: dict[str, int] = msgspec.field(default_factory=dict)
    seen: dict[str, int] = msgspec.field(default_factory=dict)
    files: list[str] = msgspec.field(default_factory=list)
    moved: int = 0
    error: str | None = None
    final: bool = False


class Place:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = folder, folder.name
        self.files = folder / "files"
        self.asked = folder / "asked"

    def journals(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self.folder.glob("*.journal"))}

    def journal(self, writer: str) -> Path:
        return self.folder / f"{writer}.journal"

    def file(self, digest: str) -> Path:
        return self.files / digest

    def begin(self, begun: Begun, first: bool = True) -> None:
        """first: of several ranks, which begin at the same time, the one that the run is of."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if first:
            replaced(self.folder / "run.json", msgspec.json.encode(begun))
            return
        draft = self.folder / f".run.json.{os.urandom(4).hex()}"
        draft.write_bytes(msgspec.json.encode(begun))
        with suppress(FileExistsError):
            os.link(draft, self.folder / "run.json")
        draft.unlink()

    def begun(self) -> Begun | None:
        try:
            return msgspec.json.decode((self.folder / "run.json").read_bytes(), type=Begun)
        except (OSError, msgspec.DecodeError):
            return None

    def sent(self, server: str) -> Sent | None:
        try:
            return msgspec.json.decode(self._to(server).read_bytes(), type=Sent)
        except (OSError, msgspec.DecodeError):
            return None

    def told_on(self) -> bool:
        """A process of this machine still tells of it: one that began before its journal did, so it is no later one of
        the same number."""
        found = (TELLER.fullmatch(name) for name in self.journals())
        return any(0 < began_at(int(one[2])) <= int(one[1], 16) / 1000 + 1 for one in found if one)

    def note(self, sent: Sent) -> None:
        replaced(self._to(sent.server), msgspec.json.encode(sent))

    def files_sent(self, server: str) -> set[str]:
        """Digests. A line that was cut off by a kill is none: that file is sent again."""
        sent = self.sent(server)
        try:
            told = self._files_to(server).read_bytes().decode("ascii", "replace")
        except OSError:
            told = ""
        lines = told.split("\n")[:-1]
        return {line for line in lines if len(line) == DIGITS} | set(sent.files if sent is not None else ())

    def note_file(self, server: str, digest: str) -> None:
        """However many there are, a file costs a line. It begins with the end of one that was cut off."""
        path = self._files_to(server)
        with open(path, "ab") as file:
            file.write(b"\n" * cut_off(path) + f"{digest}\n".encode())

    def meant_for(self, server: str) -> bool:
        return self._to(server).exists()

    def _to(self, server: str) -> Path:
        name = server.encode()
        return self.folder / f"to-{zlib.crc32(name):08x}{zlib.adler32(name):08x}.json"

    def _files_to(self, server: str) -> Path:
        return self._to(server).with_suffix(".files")

    def arrived(self, server: str) -> bool:
        """All that lies here is there."""
        sent = self.sent(server)
        if sent is None or (self.asked.exists() and any(self.asked.iterdir())):
            return False
        return all(size_of(path) <= sent.seen.get(name, 0) for name, path in self.journals().items())


def place_of(home: Path, run: str) -> Place:
    return Place(home / "runs" / run)


def places_in(home: Path) -> Iterator[Place]:
    """All runs of the home that can be told of, the oldest name first."""
    folder = home / "runs"
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for one in found:
        if ID.fullmatch(one.name) and (one / "run.json").exists():
            yield Place(one)


def cut_off(path: Path) -> bool:
    """Its last line has no end."""
    with open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def replaced(path: Path, data: bytes) -> None:
    """As a whole; what a crash of the machine takes with it is sent again."""
    draft = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def process_born(pid: int) -> float:
    """When a process began; 0 where the system does not tell, or there is none."""
    try:
        return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0.0


def began_at(pid: int) -> float:
    """When a process that is not over began, on the wall's clock; 0 where that cannot be told."""
    born = process_born(pid)
    if not born or zombie(pid):
        return 0.0
    return time.time() - (ticking() - born / os.sysconf("SC_CLK_TCK"))


def alive(pid: int, born: float) -> bool:
    """That very process, and not a later one of its number."""
    if born:
        return process_born(pid) == born and not zombie(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def here(begun: Begun) -> bool:
    """It runs, or ran, on this machine."""
    return begun.host == os.uname().nodename


def zombie(pid: int) -> bool:
    """It has ended, and nobody asked for its last word yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except (OSError, IndexError):
        return False


def plain_json(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())
