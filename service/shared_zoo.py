"""The zoo of a server that runs on several machines. With the store in the home there is nothing to do.

    pull    before a route or a job reads: what others changed comes into this machine's home. One small question to the
            database while nothing has changed. `whole`: with the weights and the images of domains, as a job needs them
    push    after a change, which is made in the home as always: it goes to the store, and is the newest from then on

The table shared_files says which content is the newest of each file. Whoever pushes names the revision that its own
was made from; when somebody was faster, both are joined (service/merging.py) and it is tried again, so no change is
lost. Weights, manifests and images go before the catalogue that names them.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import ServiceUnavailable
from service.data.holdings import COLLECTED
from service.database import Database
from service.merging import Opened, joined_catalogues, joined_lessons, joined_lines, opened
from service.store import Store
from service.tables import shared_files
from zoo.files import replace_file, writer_lock
from zoo.images.blobs import Blobs


class Kind(NamedTuple):
    """lock: of those that write it in the home. join: of base, here and there."""

    lock: str
    join: Callable[[bytes, bytes, bytes], bytes]


CATALOGUE = "catalogue.json"
FILES = {
    CATALOGUE: Kind("catalogue.lock", joined_catalogues),
    "history.jsonl": Kind("history.lock", joined_lines),
    "experience.csv": Kind("experience.lock", joined_lessons),
}
REFERENCE = "reference"
"""A folder in the home: the network that looks at all data. Its files never change."""
KEPT = "shared"
"""A folder in the home: each file as it was when it was last pulled or pushed."""
TRIES = 20


class Newest(NamedTuple):
    digest: str
    revision: int


class SharedZoo:
    """The zoo in this home, and what others have of it."""

    def __init__(self, database: Database, home: Path, store: Store) -> None:
        self.database, self.home, self.store = database, home, store
        self._seen: dict[str, Newest] = {}

    def pull(self, whole: bool = False) -> None:
        """Raises ServiceUnavailable."""
        if not self.store.shared:
            return
        newest = self._newest()
        if newest != self._seen:
            with writer_lock(self.home / KEPT / "lock"):
                for name in FILES.keys() & newest.keys():
                    self._take(name, newest[name].digest)
            self._seen = newest
        if whole:
            self._bring_all(newest)

    def is_newest(self, connection: Connection) -> bool:
        """Whether nobody has pushed since the last pull, as this transaction sees it."""
        return not self.store.shared or self._newest_in(connection) == self._seen

    def pull_weights(self, digests: Iterable[str]) -> None:
        """Those that are not here."""
        places = {digest: self.home / "weights" / f"{digest}.safetensors" for digest in digests}
        self.store.bring({weights_name(one): place for one, place in places.items() if not place.is_file()})

    def push(self) -> None:
        """Raises ServiceUnavailable; what was changed in the home stays, and goes with the next push."""
        if not self.store.shared:
            return
        for _ in range(TRIES):
            self.pull()
            with writer_lock(self.home / KEPT / "lock"):
                changed = {name: data for name in FILES if (data := self._read(name)) != self._kept(name)}
                files = {name: digest_of(data) for name, data in changed.items()} | self._new_references()
                if not files or self._pushed(changed, files):
                    return
        raise ServiceUnavailable("Others change the zoo all the time. Try again.")

    # --- inside ---

    def _newest(self) -> dict[str, Newest]:
        with self.database.read() as connection:
            return self._newest_in(connection)

    def _newest_in(self, connection: Connection) -> dict[str, Newest]:
        rows = connection.execute(sa.select(shared_files)).all()
        return {row.name: Newest(row.digest, row.revision) for row in rows if row.name != COLLECTED}

    def _take(self, name: str, digest: str) -> None:
        """What is newest, joined with what was changed here and not pushed yet."""
        base = self._kept(name)
        if digest_of(base) == digest:
            return
        came = self.home / KEPT / "came"
        self.store.bring({zoo_name(digest): came})
        there = came.read_bytes()
        with writer_lock(self.home / FILES[name].lock):
            here = self._read(name)
            replace_file(self.home / name, there if here == base else FILES[name].join(base, here, there))
            replace_file(self.home / KEPT / name, there)

    def _pushed(self, changed: Mapping[str, bytes], files: Mapping[str, str]) -> bool:
        """False: somebody was faster."""
        if CATALOGUE in changed:
            self._send_named(opened(self._kept(CATALOGUE)), opened(changed[CATALOGUE]))
        drafts = {name: self.home / KEPT / f"sent-{name}" for name in changed}
        for name, draft in drafts.items():
            replace_file(draft, changed[name])
        self.store.send({zoo_name(files[name]): drafts.get(name, self.home / name) for name in files})
        if not self._recorded(files):
            return False
        for name, data in changed.items():
            replace_file(self.home / KEPT / name, data)
        return True

    def _recorded(self, files: Mapping[str, str]) -> bool:
        """All or none, and only where nobody has pushed since we looked."""
        now = self.database.now
        try:
            with self.database.write() as connection:
                for name, digest in files.items():
                    seen = self._seen.get(name)
                    values = {"digest": digest, "changed": now, "revision": 1 if seen is None else seen.revision + 1}
                    if seen is None:
                        connection.execute(sa.insert(shared_files).values(name=name, **values))
                        continue
                    same = (shared_files.c.name == name) & (shared_files.c.revision == seen.revision)
                    if not connection.execute(sa.update(shared_files).where(same).values(values)).rowcount:
                        raise Faster
        except (sa.exc.IntegrityError, Faster):
            return False
        return True

    def _send_named(self, before: Opened, after: Opened) -> None:
        """What the catalogue names from now on, and did not before."""
        old = {card.weights for card in before[0].values()}
        weights = {str(card.weights) for card in after[0].values() if card.weights not in (None, *old)}
        places = {one: self.home / "weights" / f"{one}.safetensors" for one in weights}
        self.store.send({weights_name(one): place for one, place in places.items() if place.is_file()})
        known = {domain.version for domain in before[1].values()}
        blobs = Blobs(self.home / "blobs")
        for version in {domain.version for domain in after[1].values()} - known - {None}:
            if (self.home / "versions" / f"{version}.json").is_file():
                digests = {entry.digest for entry in self.store.manifest(str(version)).entries}
                self.store.push(version, {digest for digest in digests if digest in blobs})

    def _bring_all(self, newest: Mapping[str, Newest]) -> None:
        """Weights that are nowhere yet are fetched from where their models come from, when they are needed."""
        cards, domains = opened(self._kept(CATALOGUE))
        self.pull_weights({card.weights for card in cards.values() if card.weights is not None})
        for version in {domain.version for domain in domains.values()} - {None}:
            self.store.fetch(str(version))
        wanted = {name: self.home / name for name in newest if name.startswith(f"{REFERENCE}/")}
        self.store.bring({zoo_name(newest[n].digest): place for n, place in wanted.items() if not place.is_file()})

    def _new_references(self) -> dict[str, str]:
        there = [f"{REFERENCE}/{path.name}" for path in (self.home / REFERENCE).glob("*.safetensors")]
        return {name: digest_of((self.home / name).read_bytes()) for name in there if name not in self._seen}

    def _read(self, name: str) -> bytes:
        return content(self.home / name)

    def _kept(self, name: str) -> bytes:
        return content(self.home / KEPT / name)


class Faster(Exception):
    """Somebody else has pushed."""


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zoo_name(digest: str) -> str:
    return f"zoo/{digest}"


def weights_name(digest: str) -> str:
    return f"weights/{digest}.safetensors"
