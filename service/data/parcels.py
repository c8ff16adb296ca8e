"""Archives that come in parts: in any order, over several connections, some of them twice. Parts lie in the store,
so that any machine may take the next one and join them.

    ask --upload--> part 3, part 1, part 1 again, part 2 --finish--> one draft, checked --> dataset; parts are dropped

A part is written under its number and its digest before its row is: what the rows say is there, whatever was killed;
what no row says any longer is removed. Where a part is gone nevertheless (a backup has none), it is asked for again. A
finished upload remembers its dataset until either is gone, so finishing twice is as once.
"""

import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from headhunt.errors import (
    BadValue,
    BlobBroken,
    ChecksumMismatch,
    HasEnded,
    HeadhuntError,
    KeyReused,
    TooLarge,
    UnknownUpload,
    UploadIncomplete,
)
from headhunt.vocabulary import MIB
from headhunt.wire import Dataset, Upload, UploadAsked
from service.data.holdings import Holdings, check_digests
from service.data.rows import Target, check_name
from service.database import Database
from service.datasets import Datasets
from service.store import Store
from service.tables import datasets as dataset_rows, upload_parts, uploads
from service.uploads import LARGEST, Draft

PART_BYTES = 64 * MIB
MOST_PARTS = 10_000


class Parcels:
    """Uploads of all projects; every method is told of which."""

    def __init__(self, database: Database, store: Store, holdings: Holdings, datasets: Datasets) -> None:
        self.database, self.store, self.holdings, self.datasets = database, store, holdings, datasets

    def begin(self, project: str, asked: UploadAsked, key: str | None) -> Upload:
        """key: the same one is the same upload, however often it is sent. `asked` was checked. Raises OverQuota."""
        with self.database.write() as connection:
            self.holdings.lock(connection, project)
            mine = (uploads.c.project == project) & (uploads.c.key == key)
            gone = uploads.c.dataset.is_not(None) & uploads.c.dataset.not_in(sa.select(dataset_rows.c.id))
            connection.execute(sa.delete(uploads).where(mine, gone))
            if key is not None and (row := connection.execute(sa.select(uploads).where(mine)).first()) is not None:
                if (row.name, row.size, row.digest) != (asked.name, asked.size, asked.digest):
                    raise KeyReused("This Idempotency-Key is of another upload. Give another one.")
                return self._shown(connection, row)
            self.holdings.check_room(connection, project, asked.size)
            own = uuid.uuid4().hex
            now = self.database.now
            values = {"id": own, "project": project, "name": asked.name, "size": asked.size, "digest": asked.digest}
            connection.execute(sa.insert(uploads).values(**values, key=key, created=now, touched=now))
            return self._shown(connection, self._read(connection, project, own))

    def get(self, project: str, upload: str) -> Upload:
        with self.database.read() as connection:
            return self._shown(connection, self._read(connection, project, upload))

    def put(self, project: str, upload: str, number: int, file: Draft) -> Upload:
        """One part, which has come. Raises UnknownUpload, TooLarge, HasEnded."""
        with self.database.read() as connection:
            self._check_part(connection, project, upload, (number, file.size))
        self.store.put_part(upload, part_name(number, file.digest), Path(file.name))
        try:
            shown, before = self._put(project, upload, number, file)
        except HeadhuntError:
            self._forget(upload, number, file.digest)
            raise
        if before not in (None, file.digest):
            self._forget(upload, number, str(before))
        return shown

    def finish(self, project: str, upload: str, file: Draft) -> tuple[Dataset, bool]:
        """Join the parts in this file, and make the dataset of it. Raises UploadIncomplete, ChecksumMismatch."""
        with self.database.read() as connection:
            parts = self._parts(connection, upload)  # first: whoever finishes this takes them away
            row = self._read(connection, project, upload)
        if row.dataset is not None:
            return self.datasets.get(project, row.dataset), False
        check_whole(row, parts)
        try:
            self.store.join(upload, names_of(parts), file)
        except (FileNotFoundError, BlobBroken):
            return self._finished(project, upload), False
        file.finish()
        if row.digest not in (None, file.digest):
            raise ChecksumMismatch("The parts together are not what was announced. Send them again.")
        made, new = self.datasets.add(Target(project, row.name), Path(file.name))
        with self.database.write() as connection:
            connection.execute(sa.update(uploads).where(uploads.c.id == upload).values(dataset=made.id))
            connection.execute(sa.delete(upload_parts).where(upload_parts.c.upload == upload))
        self.store.drop(upload)
        return made, new

    def remove(self, project: str, upload: str) -> None:
        with self.database.write() as connection:
            self._read(connection, project, upload)
            connection.execute(sa.delete(uploads).where(uploads.c.id == upload))
        self.store.drop(upload)

    # --- inside ---

    def _put(self, project: str, upload: str, number: int, file: Draft) -> tuple[Upload, str | None]:
        """The row of a part, and the digest of the one whose place it takes."""
        same = (upload_parts.c.upload == upload) & (upload_parts.c.number == number)
        with self.database.write() as connection:
            row = self._check_part(connection, project, upload, (number, file.size), lock=True)
            before = connection.execute(sa.select(upload_parts.c.digest).where(same)).scalar()
            connection.execute(sa.delete(upload_parts).where(same))
            now = self.database.now
            values = {"upload": upload, "number": number, "size": file.size, "digest": file.digest, "created": now}
            connection.execute(sa.insert(upload_parts).values(values))
            connection.execute(sa.update(uploads).where(uploads.c.id == upload).values(touched=now))
            return self._shown(connection, row), before

    def _forget(self, upload: str, number: int, digest: str) -> None:
        """A part that no row names is not counted, so it is not kept."""
        with self.database.read() as connection:
            kept = names_of(self._parts(connection, upload))
        if part_name(number, digest) not in kept:
            self.store.drop_part(upload, part_name(number, digest))

    def _finished(self, project: str, upload: str) -> Dataset:
        """Parts were gone: somebody else has finished this upload, or removed it, or they are lost."""
        with self.database.write() as connection:
            row = self._read(connection, project, upload, lock=True)
            parts = self._parts(connection, upload)
            there = self.store.parts(upload)
            for part in [part for part in parts if part_name(part.number, part.digest) not in there]:
                same = (upload_parts.c.upload == upload) & (upload_parts.c.number == part.number)
                connection.execute(sa.delete(upload_parts).where(same))
                parts.remove(part)
        if row.dataset is not None:
            return self.datasets.get(project, row.dataset)
        check_whole(row, parts)
        raise UploadIncomplete("A part was being replaced. Finish again.")

    def _check_part(
        self, connection: Connection, project: str, upload: str, part: tuple[int, int], lock: bool = False
    ) -> Row[Any]:
        number, size = part
        if not 1 <= number <= MOST_PARTS:
            raise UnknownUpload(f"part {number}", (), f"Parts are numbered from 1 to {MOST_PARTS:,}.")
        row = self._read(connection, project, upload, lock)
        if row.dataset is not None:
            raise HasEnded("This upload is finished; its dataset is made.")
        others = sum(other.size for other in self._parts(connection, upload) if other.number != number)
        if others + size > row.size:
            raise TooLarge(
                f"The parts have more than the {row.size:,} bytes that were announced. Begin another upload."
            )
        return row

    def _read(self, connection: Connection, project: str, upload: str, lock: bool = False) -> Row[Any]:
        wanted = sa.select(uploads).where(uploads.c.id == upload, uploads.c.project == project)
        row: Row[Any] | None = connection.execute(wanted.with_for_update() if lock else wanted).first()
        if row is None:
            raise UnknownUpload(upload)
        return row

    def _parts(self, connection: Connection, upload: str) -> list[Row[Any]]:
        wanted = sa.select(upload_parts).where(upload_parts.c.upload == upload).order_by(upload_parts.c.number)
        return list(connection.execute(wanted).all())

    def _shown(self, connection: Connection, row: Row[Any]) -> Upload:
        parts = self._parts(connection, row.id)
        return Upload(
            id=row.id,
            name=row.name,
            size=row.size,
            received=row.size if row.dataset is not None else sum(part.size for part in parts),
            parts=tuple(part.number for part in parts),
            part_bytes=PART_BYTES,
            created=row.created,
        )


def check_asked(asked: UploadAsked) -> None:
    check_name(asked.name)
    if asked.digest is not None:
        check_digests([asked.digest])
    if asked.size < 1:
        raise BadValue(f"An upload of {asked.size} bytes cannot be. Tell how many will come.")
    if asked.size > LARGEST:
        raise TooLarge(f"At most {LARGEST:,} bytes are taken at once. Send several datasets.")


def check_whole(row: Row[Any], parts: list[Row[Any]]) -> None:
    """Raises UploadIncomplete, which says what to send."""
    numbers = {part.number for part in parts}
    gaps = [number for number in range(1, max(numbers, default=0) + 1) if number not in numbers]
    if gaps:
        raise UploadIncomplete(f"Part {gaps[0]} is missing, and {len(gaps) - 1:,} more. Send them, then finish again.")
    received = sum(part.size for part in parts)
    if received != row.size:
        raise UploadIncomplete(f"{received:,} of {row.size:,} bytes are here. Send the rest, then finish again.")


def names_of(parts: list[Row[Any]]) -> list[str]:
    return [part_name(part.number, part.digest) for part in parts]


def part_name(number: int, digest: str) -> str:
    return f"{number:05d}-{digest}"
