"""A run comes to a server: what was asked of it, its files, its journals; each from where the server has it up to.

PUT  /runs/RUN                                   as often as anybody likes, it is the same run
GET  /runs/RUN/journal                           {writer: how far}
PUT  /runs/RUN/files/DIGEST                      before the words that name it
POST /runs/RUN/journal?writer=W&offset=N         whole frames from N on; the answer says how far it has come
GET  /runs/RUN/lacking                           files that are named, and not there: a server collects what nobody has
                                                 named for a day, as when it took no journals for so long

Whoever sends the same twice, or at the same time as another, does no harm: the server takes what it does not have.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from headhunt.errors import (
    HeadhuntError,
    InsufficientStorage,
    NotAllowed,
    NotSignedIn,
    ServerUnreachable,
    ServiceUnavailable,
    TooManyTries,
    one_line,
)
from headhunt.remote.reading import LARGEST_ANSWER, read
from headhunt.remote.transport import Server
from headhunt.track.journal import HEAD, Kept, frames_in
from headhunt.track.places import Place, Sent, plain_json, size_of
from headhunt.track.wire import JournalKept, Run
from headhunt.wire import Page

T = TypeVar("T")
AT_ONCE = 4 << 20
"""Bytes of a journal in one request, unless a single frame is longer."""
PIECE = 1 << 20
CONNECT_S, ANSWER_S = 5.0, 30.0
WAITING = (ServerUnreachable, ServiceUnavailable, TooManyTries, InsufficientStorage)
"""What mends by waiting."""
FINAL = (NotSignedIn, NotAllowed)
"""What does not."""


class Sender:
    """Of one run to one server. It keeps in `sent`, and beside the run, how far it has come."""

    def __init__(self, place: Place, server: Server, mark: Callable[[str], None]) -> None:
        self.place, self.server, self._mark = place, server, mark
        self.sent = place.sent(server.url) or Sent(server=server.url)
        self._begun = self._met = False
        self._checked = False
        """Whether what was sent is there: asked anew after whatever kept journals back."""
        self._files = place.files_sent(server.url)
        self.again = self.gone = 0
        """Files that were sent a second time; that are neither there nor here."""

    def bring(self) -> None:
        """All that lies here and is not there. Raises what kept it from going on."""
        try:
            if not self._met:
                self._meet()
            for writer, path in self.place.journals().items():
                self._bring_journal(writer, path)
            if self._files and not self._checked:
                self.bring_lacking()
            self._ask()
            if self.sent.error is not None:
                self.sent.error, self.sent.final = None, False
                self._note()
        except HeadhuntError as error:
            self._checked = False
            self.failed(str(error), final=isinstance(error, FINAL) or not isinstance(error, WAITING))
            raise

    def beat(self) -> None:
        """It is alive, and has nothing to say."""
        names = list(self.place.journals())
        if self._met and names:
            self._post(names[0], self.sent.kept.get(names[0], 0), b"")

    def failed(self, error: str, final: bool) -> None:
        if (self.sent.error, self.sent.final) != (error, final):
            self.sent.error, self.sent.final = error, final
            self._note()

    def _meet(self) -> None:
        if not self._begun:
            self._begin()
        self.sent.kept = self._ask_for("GET", "/journal", dict[str, int])
        self.sent.seen = {}
        self._met = True
        self._note()

    def _begin(self) -> None:
        begun = self.place.begun()
        if begun is None:
            raise HeadhuntError(f"{self.place.folder / 'run.json'} cannot be read: the run is not sent.")
        said = {"Content-Type": "application/json"}
        self._ask_for("PUT", "", Run, content=msgspec.json.encode(begun.asked), headers=said)
        self._begun = True

    def _bring_journal(self, writer: str, path: Path) -> None:
        while (size := size_of(path)) > self.sent.seen.get(writer, 0):
            kept = self.sent.kept.get(writer, 0)
            whole = whole_frames(path, kept)
            if not whole:
                self.sent.seen[writer] = size
                self._note()
                return
            self._bring_files(whole)
            now = self._post(writer, kept, whole)
            if now == kept:
                raise HeadhuntError(f"{self.server.url} takes nothing of the run {self.place.id} beyond {kept} bytes.")
            self.sent.kept[writer] = now
            self.sent.moved += 1
            self._note()

    def _post(self, writer: str, offset: int, data: bytes) -> int:
        where = f"/journal?writer={quote(writer, safe='')}&offset={offset}"
        said = {"Content-Type": "application/octet-stream"}
        return self._ask_for("POST", where, JournalKept, content=data, headers=said).kept

    def _bring_files(self, frames: bytes) -> None:
        for _, record in frames_in(frames):
            if isinstance(record, Kept) and record.digest not in self._files:
                self._bring_file(record)
                self._files.add(record.digest)
                with suppress(OSError):  # the server knows it, too
                    self.place.note_file(self.server.url, record.digest)

    def _bring_file(self, record: Kept) -> None:
        try:
            self._send_file(record.digest)
        except OSError as error:
            self._mark(f"The file {record.path!r} of the run cannot be read: {error.strerror or error}.")
        except (*WAITING, *FINAL):
            raise
        except HeadhuntError as error:
            self._mark(f"{self.server.url} does not take the file {record.path!r}: {one_line(error)}.")

    def _send_file(self, digest: str) -> None:
        path = self.place.file(digest)
        said = {"Content-Type": "application/octet-stream", "Content-Length": str(size_of(path))}
        with open(path, "rb") as file:
            self._ask_for("PUT", f"/files/{digest}", Any, content=self._pieces(file), headers=said)

    def bring_lacking(self) -> None:
        """What had been sent, and was collected there before the journal that names it was taken, is sent again."""
        again = self.again
        for digest in self._lacking():
            try:
                self._send_file(digest)
                self.again += 1
            except OSError:
                self.gone += 1
            except (*WAITING, *FINAL):
                raise
            except HeadhuntError:  # as before: it is marked
                continue
        self._checked = True
        if self.again > again:
            count = files_in_words(self.again - again)
            self._mark(f"{count} had gone from {self.server.url} before the words that name them came: sent again.")

    def _lacking(self) -> list[str]:
        found: list[str] = []
        more = ""
        while True:
            try:
                page: Page[str] = self._ask_for("GET", f"/lacking?limit=1000{more}", Page[str])
            except (*WAITING, *FINAL):
                raise
            except HeadhuntError:  # a server of before does not say
                return found
            found += page.items
            if page.next is None:
                return found
            more = f"&after={quote(page.next, safe='')}"

    def _pieces(self, file: Any) -> Iterator[bytes]:
        while piece := file.read(PIECE):
            yield piece
            self.sent.moved += 1
            if self.sent.moved % 16 == 0:
                self._note()

    def _ask(self) -> None:
        """What the user asked of the server itself."""
        if not self.place.asked.exists():
            return
        for path in sorted(self.place.asked.glob("*.json")):
            try:
                said = {"Content-Type": "application/json"}
                where = f"/{path.stem.partition('-')[0]}s"
                self._ask_for("POST", where, Any, content=msgspec.json.encode(plain_json(path)), headers=said)
            except (*WAITING, *FINAL):
                raise
            except (HeadhuntError, OSError, msgspec.DecodeError) as error:
                self._mark(f"{self.server.url} does not do what was asked ({path.stem}): {one_line(error)}.")
            path.unlink(missing_ok=True)

    def _ask_for(self, method: str, path: str, kind: type[T] | Any, **options: Any) -> T:
        import httpx2

        timeout = httpx2.Timeout(ANSWER_S, connect=CONNECT_S)
        with self.server.opened(method, f"/runs/{self.place.id}{path}", timeout=timeout, **options) as response:
            data = read(self.server.url, response, LARGEST_ANSWER)
            try:
                answer: T = msgspec.json.decode(data or b"null", type=kind)
            except msgspec.DecodeError as error:
                raise ServerUnreachable(
                    f"{self.server.url} answers what is not understood: {one_line(error)}."
                ) from error
            return answer

    def _note(self) -> None:
        try:
            self.place.note(self.sent)
        except OSError:  # the server knows it, too
            return


def files_in_words(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def whole_frames(path: Path, start: int) -> bytes:
    """From there on, so many as go at once; one at least, if a whole one is there."""
    with open(path, "rb") as file:
        file.seek(start)
        data = file.read(AT_ONCE)
        if len(data) >= HEAD.size:
            needed = HEAD.size + HEAD.unpack_from(data)[0]
            if needed > len(data) and needed <= size_of(path) - start:
                data += file.read(needed - len(data))
    end = 0
    for place, _ in frames_in(data):
        end = place
    return data[:end]
