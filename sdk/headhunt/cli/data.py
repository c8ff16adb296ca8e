"""The commands `headhunt data`: versions of folders."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headhunt.cli.opening import warn
from headhunt.cli.render import as_json, facts, table
from headhunt.cli.telling import Stages
from headhunt.errors import BadValue, HeadhuntError, UnknownVersion, printable
from headhunt.home import home_folder
from headhunt.remote.address import in_the_clear
from headhunt.remote.credentials import chosen
from headhunt.remote.data import pulled, pushed, versions_at
from headhunt.remote.transport import Server
from tracking.checkout import checkout
from tracking.differences import DataDiff, diff as differences
from tracking.versions import Added, DataVersion, Shelf
from zoo.catalogue.quantities import write_bytes

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
SHOWN = 10
LONGEST_NAME, LONGEST_NOTE = 250, 4_000


def add(asked: argparse.Namespace) -> None:
    folder, shelf = folder_named(asked.folder), Shelf(home_folder())
    name, note = asked.name or "", asked.note or ""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadValue(f"{printable(name, 80)!r} is no name of data. Give up to {LONGEST_NAME} printable characters.")
    if len(note) > LONGEST_NOTE:
        raise BadValue(f"The note has {len(note):,} characters, and may have {LONGEST_NOTE:,}. Shorten it.")
    told = shelf.add(folder, name, note, images_id(folder))
    if asked.json:
        print(as_json(told))
        return
    rows = [("name", told.name), ("version", told.version), ("files", f"{told.files:,}, {write_bytes(told.size)}")]
    if told.images:
        rows.append(("images", f"{told.images}, the version that the zoo knows"))
    print(facts(rows))


def folder_named(text: str) -> Path:
    """Not the one that one stands in by accident, as where a variable of the shell is empty."""
    if not text.strip():
        raise BadValue("The path of the folder is empty. Give a folder, as '.' for this one.")
    return Path(text)


def images_id(folder: Path) -> str | None:
    """The id that the zoo gives the same folder, where it holds images that it would take."""
    if not any(path.suffix.lower() in PICTURES for path in folder.rglob("*")):
        return None
    from zoo.images.samples import open_sample

    try:
        with open_sample(folder) as sample:
            return sample.version.id
    except HeadhuntError:  # images among other things: the folder is a version all the same
        return None


def list_versions(asked: argparse.Namespace) -> None:
    found = listed(asked)
    if not found and asked.name is not None:
        where = f" --server {asked.server}" if asked.server else ""
        raise UnknownVersion(asked.name, known_names(asked), f"'headhunt data list{where}' shows all.")
    if asked.json:
        print(as_json(found))
    elif found:
        heads = ("name", "version", "files", "size", "added", "images", "note")
        print(table(heads, [row_of(one) for one in found], numbers=(2, 3)))
    else:
        print("No versions yet: 'headhunt data add FOLDER' keeps one.")


def known_names(asked: argparse.Namespace) -> set[str]:
    return {one.name for one in listed(argparse.Namespace(server=asked.server, name=None))}


def listed(asked: argparse.Namespace) -> list[Added]:
    if asked.server:
        with server_of(asked.server) as server:
            return versions_at(server, asked.name)
    return [one for one in Shelf(home_folder()).log() if asked.name in (None, one.name)]


def row_of(one: Added) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.created))
    size, images = write_bytes(one.size), (one.images or "-")[:12]
    return one.name, one.version[:12], f"{one.files:,}", size, when, images, one.note or "-"


def diff(asked: argparse.Namespace) -> None:
    shelf = Shelf(home_folder())
    before, after = pair(shelf, asked.before, asked.after)
    told = differences(before, after)
    moved = looked_at(shelf, before, after, (asked.before, asked.after)) if asked.shift else None
    if asked.json:
        print(as_json({"files": told, "shift": moved} if asked.shift else told))
        return
    print(report(told))
    if moved is not None:
        verdict = "the images have shifted" if moved.clear else "no shift that chance would not make"
        print(f"distance to a network's eyes {moved.distance:.4f}, by chance up to {moved.chance:.4f}: {verdict}.")


def looked_at(shelf: Shelf, before: DataVersion, after: DataVersion, names: tuple[str, str | None]) -> Any:
    """Both are laid out in a folder of their own, unless they are one already, and the reference network looks."""
    from discriminator.domains import Discriminator, chance_of, gallery_of
    from discriminator.features import FeatureStore
    from discriminator.shift import shift
    from zoo.images.samples import open_sample
    from zoo.repository import Zoo

    zoo, seen = Zoo(), []
    discriminator = Discriminator(zoo, FeatureStore(zoo.home))
    for version, name in zip((before, after), names, strict=True):
        with laid_out(shelf, version, name) as folder, open_sample(folder) as sample:
            seen.append(discriminator.vectors(gallery_of(sample)))
    return shift(seen[0], seen[1], chance_of(before.files[0].digest if before.files else "0"))


@contextmanager
def laid_out(shelf: Shelf, version: DataVersion, name: str | None) -> Iterator[Path]:
    if name and shelf.id_named(name) is None and Path(name).is_dir():
        yield Path(name)
        return
    with tempfile.TemporaryDirectory(prefix="headhunt-") as folder:
        checkout(shelf, version, Path(folder))
        yield Path(folder)


def pair(shelf: Shelf, before: str, after: str | None) -> tuple[DataVersion, DataVersion]:
    """The two that were named; of one name alone, its last two versions."""
    if after is not None:
        return shelf.named(before), shelf.named(after)
    there = list(dict.fromkeys(one.version for one in reversed(shelf.log()) if one.name == before))
    if len(there) == 1:
        raise BadValue(
            f"Of {before!r} one version is kept, {there[0][:12]}: there is none to compare it with."
            " Name another version or a folder as well, or 'headhunt data add' the next."
        )
    if not there:
        known = {one.name for one in shelf.log()}
        raise UnknownVersion(before, known - {before}, "Name two versions, or one name that has two.")
    return shelf.version(there[1]), shelf.version(there[0])


def report(told: DataDiff) -> str:
    parts = [f"{told.before[:12]} -> {told.after[:12]}: {told.same:,} files are the same"]
    for sign, word, paths in (
        ("+", "added", told.added),
        ("-", "removed", told.removed),
        ("~", "changed", told.changed),
    ):
        parts += some(sign, f"{len(paths):,} {word}", paths)
    parts += some(">", f"{len(told.moved):,} moved", tuple(f"{before} -> {after}" for before, after in told.moved))
    if told.classes:
        rows = [(name, f"{before:,}", f"{after:,}") for name, (before, after) in told.classes.items()]
        parts.append(table(("class", "before", "after"), rows, numbers=(1, 2)))
    return "\n".join(parts)


def some(sign: str, head: str, paths: tuple[str, ...]) -> list[str]:
    if not paths:
        return []
    more = [f"    ... and {len(paths) - SHOWN:,} more"] if len(paths) > SHOWN else []
    return [head + ":", *(f"  {sign} {printable(path)}" for path in paths[:SHOWN]), *more]


def check_out(asked: argparse.Namespace) -> None:
    shelf = Shelf(home_folder())
    version = shelf.id_named(asked.version)
    if version is None:
        raise UnknownVersion(asked.version, {one.name for one in shelf.log()}, "'headhunt data list' shows all.")
    told = checkout(shelf, shelf.version(version), folder_named(asked.folder), asked.force)
    if asked.json:
        print(as_json(told))
        return
    print(f"{asked.folder} is {version}: {told.written:,} written, {told.removed:,} removed, {told.same:,} the same.")
    print(
        "\n".join(some("?", f"{len(told.left):,} of no version lie there still", told.left)), end="\n" * bool(told.left)
    )


@contextmanager
def server_of(url: str | None) -> Iterator[Server]:
    found = chosen(url, None, home_folder())
    if found is None:
        raise BadValue("No server is known. Sign in with 'headhunt login URL', or give --server URL.")
    warn(*filter(None, [in_the_clear(found.url)]))
    with Server(found.url, found.key) as server:
        server.greet()
        yield server


def push(asked: argparse.Namespace) -> None:
    shelf = Shelf(home_folder())
    version = shelf.id_named(asked.version)
    added = next((one for one in reversed(shelf.log()) if one.version == version), None)
    if added is None:
        raise UnknownVersion(asked.version, {one.name for one in shelf.log()}, "'headhunt data add FOLDER' keeps one.")
    with server_of(asked.server) as server, Stages() as stages:
        new = pushed(server, shelf, added, stages.show)
    if asked.json:
        print(as_json(added))
    else:
        print(f"{added.name} {added.version}: {'sent' if new else 'there already'}, {added.files:,} files.")


def pull(asked: argparse.Namespace) -> None:
    with server_of(asked.server) as server, Stages() as stages:
        added = pulled(server, Shelf(home_folder()), asked.version, stages.show)
    if asked.json:
        print(as_json(added))
    else:
        print(f"{added.name} {added.version}: {added.files:,} files. 'headhunt data checkout {added.version} FOLDER'.")
