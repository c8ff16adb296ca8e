"""Which files a server has is noted in a line each, survives a kill, and is asked again where it may be wrong."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headhunt.errors import HeadhuntError
from headhunt.remote.transport import Server
from headhunt.track.journal import Kept, framed
from headhunt.track.places import Begun, Place, Sent, new_clock
from headhunt.track.sending import Sender
from headhunt.track.wire import RunBegun
from tests.sdk.couriers import server
from tests.sdk.servers import Running, running, said
from tests.sdk.track_server import KEY, TrackServer

__all__ = ["server"]
RUN = "c" * 32
FILES = [f"file {number}".encode() for number in range(300)]
DIGESTS = [hashlib.sha256(data).hexdigest() for data in FILES]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "home" / "runs" / RUN)
    made.begin(Begun(id=RUN, asked=RunBegun(), clock=new_clock()))
    made.files.mkdir()
    for digest, data in zip(DIGESTS, FILES, strict=True):
        made.file(digest).write_bytes(data)
    named = (Kept(1.0, f"f{at}", digest, len(FILES[at])) for at, digest in enumerate(DIGESTS))
    made.journal("main-1").write_bytes(b"".join(map(framed, named)))
    return made


Sending = Callable[..., Sender]


@pytest.fixture
def sender(place: Place, server: TrackServer) -> Iterator[Sending]:
    with Server(server.url, KEY, patience=0.0) as there:
        yield lambda marks: Sender(place, there, marks.append)


def test_what_is_noted_of_a_file_does_not_grow_with_the_others(
    place: Place, server: TrackServer, sender: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    inner = Place.note

    def note(self: Place, sent: Sent) -> None:
        inner(self, sent)
        written.append(self._to(sent.server).stat().st_size)

    monkeypatch.setattr(Place, "note", note)
    sender([]).bring()
    assert set(server.runs.files[RUN]) == set(DIGESTS)
    assert place.files_sent(server.url) == set(DIGESTS)
    assert max(written) < 1000


def test_a_line_that_was_cut_off_by_a_kill_is_no_file_and_harms_no_other(place: Place, server: TrackServer) -> None:
    for digest in DIGESTS[:3]:
        place.note_file(server.url, digest)
    path = next(place.folder.glob("to-*.files"))
    path.write_bytes(path.read_bytes()[:-10])
    assert place.files_sent(server.url) == set(DIGESTS[:2])
    place.note_file(server.url, DIGESTS[5])
    assert place.files_sent(server.url) == {*DIGESTS[:2], DIGESTS[5]}


def test_files_that_were_noted_by_an_earlier_version_are_not_sent_again(
    place: Place, server: TrackServer, sender: Sending
) -> None:
    place.note(Sent(server=server.url, files=DIGESTS[:200]))
    server.runs.files[RUN] = dict(zip(DIGESTS[:200], FILES[:200], strict=True))
    before = server.runs.requests
    sender([]).bring()
    assert server.runs.requests - before < 110
    assert set(server.runs.files[RUN]) == set(DIGESTS)


def test_files_that_went_before_their_journal_was_taken_are_sent_again_and_the_run_is_marked(
    server: TrackServer, sender: Sending
) -> None:
    marks: list[str] = []
    one = sender(marks)
    taken = server.runs.take
    server.runs.take = refusing  # type: ignore[assignment]
    with pytest.raises(HeadhuntError):
        one.bring()
    assert len(server.runs.files[RUN]) == len(DIGESTS)
    server.runs.files[RUN] = {DIGESTS[7]: FILES[7]}  # a day later
    server.runs.take = taken  # type: ignore[method-assign]
    one.bring()
    assert set(server.runs.files[RUN]) == set(DIGESTS)
    assert one.again == len(DIGESTS) - 1
    assert len(marks) == 1
    assert "299 files had gone" in marks[0]
    one.bring()
    assert len(marks) == 1


def refusing(run: str, writer: str, offset: int, data: bytes) -> int:
    return offset


def test_sync_sends_what_a_server_lacks_of_a_run_that_is_there_and_says_so(place: Place, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(tmp_path / "there", workers=0) as one:
        surroundings = {"HEADHUNT_SERVER": one.url, "HEADHUNT_API_KEY": one.key}
        assert "1 run brought" in said(home, "sync", **surroundings).stdout
        collected(one, DIGESTS[:5])
        place.file(DIGESTS[4]).unlink()
        done = said(home, "sync", **surroundings)
        assert "0 runs brought" in done.stdout
        assert "4 files had gone there" in done.stdout
        assert "1 file that it names are neither there nor here" in done.stderr
        again = said(home, "sync", **surroundings)
        assert "had gone" not in again.stdout
        with one.server() as there, there.opened("GET", f"/runs/{RUN}/files/{DIGESTS[0]}") as answer:
            assert answer.read() == FILES[0]
        with one.server() as there, there.opened("GET", f"/runs/{RUN}") as answer:
            assert b"4 files had gone from" in answer.read()


def collected(one: Running, digests: list[str]) -> None:
    """As a collection leaves it."""
    with sqlite3.connect(one.home / "service.db", timeout=30) as database:
        for digest in digests:
            done = database.execute("DELETE FROM project_files WHERE digest = ?", (digest,))
            assert done.rowcount == 1
