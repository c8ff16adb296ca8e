"""A foreign run becomes a folder of HOME/runs. The same run again is the same folder, and is not written twice.

Its id is made of what it is at its source, so that whoever imports it, and how often, there is one. Where the source
has grown and only grown, the journal grows with it; where it has become another, what is here stays.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headhunt.errors import NotWritten, one_line
from headhunt.track.journal import Began, Kept, Points, Record, Said, framed, frames_in
from headhunt.vocabulary import MIB, Struct
from tracking.importers.foreign import Attached, Foreign, marks

WRITER = "imported"
BEGUN = ("experiment", "name", "intent", "parent", "group", "dataset", "model")


class Imported(Struct, frozen=True, omit_defaults=False):
    """state: new; there (nothing has changed); grown (more than before); other (it is here with other contents)."""

    id: str
    experiment: str
    name: str
    state: str
    records: int
    files: int
    unread: dict[str, int]


def id_of(source: str) -> str:
    return hashlib.sha256(f"headhunt import\0{source}".encode(errors="surrogatepass")).hexdigest()[:32]


def written(run: Foreign, home: Path) -> Imported:
    name, folder = id_of(run.source), home / "runs" / id_of(run.source)
    draft = folder / f".{WRITER}.{os.getpid()}.draft"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        records = sum(1 for _ in journal_of(run, folder, draft))
        state = placed(draft, folder / f"{WRITER}.journal")
        if state in {"new", "grown"}:
            begin(run, folder, name)
    except OSError as error:
        raise NotWritten(f"{folder} cannot be written: {one_line(error)}. Check the space left on the disk.") from error
    finally:
        draft.unlink(missing_ok=True)
    return Imported(
        id=name,
        experiment=run.begun.experiment,
        name=run.begun.name,
        state=state,
        records=records,
        files=len(run.files),
        unread=run.unread,
    )


def journal_of(run: Foreign, folder: Path, draft: Path) -> Iterator[Record]:
    began = run.begun.started or 0.0
    facts = {word: value for word in BEGUN if (value := getattr(run.begun, word)) is not None}
    with draft.open("wb") as journal:
        journal.write(framed(Began(began, {**facts, "imported": run.source.replace("\0", " ")})))
        for record in run.records:
            journal.write(framed(record))
            yield record
        for attached in run.files:
            if (kept := keep(attached, folder, run)) is not None:
                journal.write(framed(kept))
        for record in marks(run, began):
            journal.write(framed(record))


def keep(attached: Attached, folder: Path, run: Foreign) -> Kept | None:
    """A copy under its digest."""
    files = folder / "files"
    files.mkdir(exist_ok=True)
    draft = files / f".{os.getpid()}.draft"
    try:
        if attached.place is None:
            draft.write_bytes(attached.data)
        else:
            shutil.copyfile(attached.place, draft, follow_symlinks=False)
        digest, size = digest_of(draft), draft.stat().st_size
        draft.replace(files / digest)
    except OSError as error:
        run.miss(f"a file could not be read: {one_line(error)}")
        return None
    finally:
        draft.unlink(missing_ok=True)
    return Kept(attached.at, attached.path, digest, size, attached.kind, attached.step)


def digest_of(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(MIB):
            sha.update(block)
    return sha.hexdigest()


def placed(draft: Path, target: Path) -> str:
    """The journal that is there is only ever made longer: how far it was read elsewhere is told in bytes."""
    if not target.exists():
        draft.replace(target)
        return "new"
    old, new = target.read_bytes(), draft.read_bytes()
    if old == new:
        return "there"
    place = alike(old, new)
    if any(isinstance(record, Points | Said) for _, record in frames_in(old[place:])) or place == 0:
        return "other"
    with target.open("ab") as journal:
        journal.write(new[place:])
    return "grown"


def alike(old: bytes, new: bytes) -> int:
    """Up to where the two say the same. What is told again behind that, and is no point, changes nothing."""
    place = 0
    for (end, _), (other, _) in zip(frames_in(old), frames_in(new), strict=False):
        if end != other or old[place:end] != new[place:end]:
            break
        place = end
    return place


def begin(run: Foreign, folder: Path, name: str) -> None:
    clock = {"wall": run.begun.started or 0.0, "tick": 0.0, "boot": ""}
    facts = {"id": name, "asked": run.begun, "clock": clock, "host": "", "pid": 0, "born": 0.0}
    draft = folder / f".run.{os.getpid()}.draft"
    draft.write_bytes(msgspec.json.encode(facts))
    draft.replace(folder / "run.json")
