"""Event files of TensorBoard: every folder that holds some is a run.

Numbers (plain, and as tensors of one), texts, pictures and hparams are taken; histograms, sounds, graphs and the rest
are told of, and left.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headhunt.errors import BadTable, MissingFile, printable
from headhunt.track.journal import Ended
from headhunt.track.wire import RunBegun
from tracking.importers.foreign import LARGEST_TEXT, Attached, Foreign, gathered, noted, those_that_tell
from tracking.importers.protobuf import Garbled, blob, fields, first, real, signed, text, varint
from tracking.importers.tfrecord import Records

EVENTS = "*tfevents*"
ONE = {1: "<f", 2: "<d", 3: "<i", 9: "<q", 19: "<e"}
"""Tensors of one number: the type, and how it stands in tensor_content."""
STRING = 7
LISTS = {5, 6, 7, 10, 13}
PICTURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif"}


class Told:
    """What one run's events say."""

    def __init__(self, run: Foreign) -> None:
        self.run = run
        self.numbers: list[tuple[float, int, str, float]] = []
        self.params: dict[str, Any] = {}
        self.began: float | None = None

    def event(self, data: bytes) -> None:
        at, step, summary = 0.0, 0, b""
        for number, value in fields(data):
            if number == 1:
                at = real(value)
            elif number == 2:
                step = signed(value)
            elif number == 5:
                summary = blob(value)
        self.began = at if self.began is None else min(at, self.began)
        for number, value in fields(summary):
            if number == 1:
                self.value(blob(value), at, step)

    def value(self, data: bytes, at: float, step: int) -> None:
        found = dict(fields(data))
        tag = text(found.get(1, b"")) or "value"
        plugin, content = plugin_of(blob(found.get(9, b"")))
        if plugin == "hparams":
            self.params |= hparams(content)
        elif 2 in found:
            self.numbers.append((at, step, tag, real(found[2])))
        elif 4 in found:
            self.picture(tag, blob(first(blob(found[4]), 4, b"")), at, step)
        elif 8 in found:
            self.tensor(tag, blob(found[8]), plugin, (at, step))
        else:
            self.run.miss("histograms, sounds and graphs")

    def tensor(self, tag: str, data: bytes, plugin: str, when: tuple[float, int]) -> None:
        kind = first(data, 1, 0)
        if kind == STRING:
            strings = [blob(value) for number, value in fields(data) if number == 8]
            if plugin == "images":
                for encoded in strings[2:]:
                    self.picture(tag, encoded, *when)
            else:
                words = "\n".join(one.decode(errors="replace") for one in strings)[:LARGEST_TEXT]
                path = f"{tag.removesuffix('/text_summary')}.txt"
                self.run.files.append(Attached(path, data=words.encode(), kind="text", step=when[1], at=when[0]))
        elif (number := number_of(data, int(kind) if isinstance(kind, int) else 0)) is not None:
            self.numbers.append((*when, tag, number))
        else:
            self.run.miss("tensors of more than one number")

    def picture(self, tag: str, encoded: bytes, at: float, step: int) -> None:
        kind = next((kind for head, kind in PICTURES.items() if encoded.startswith(head)), None)
        if kind is None:
            self.run.miss("pictures that are neither PNG, JPEG nor GIF")
        else:
            self.run.files.append(Attached(f"{tag}.{kind}", data=encoded, kind="image", step=step, at=at))


def plugin_of(metadata: bytes) -> tuple[str, bytes]:
    data = blob(first(metadata, 1, b""))
    return text(first(data, 1, b"")), blob(first(data, 2, b""))


def number_of(data: bytes, kind: int) -> float | None:
    """Of a tensor that holds one."""
    content = blob(first(data, 4, b""))
    if kind in ONE and len(content) == struct.calcsize(ONE[kind]):
        return float(struct.unpack(ONE[kind], content)[0])
    held = [value for number, value in fields(data) if number in LISTS]
    if content or len(held) != 1 or kind not in ONE:
        return None
    value = held[0]
    if kind == 19:
        packed = value if isinstance(value, int) else first_packed(value)
        return float(struct.unpack("<e", struct.pack("<H", packed & 0xFFFF))[0])
    if kind in (1, 2):
        return real(value)
    return float(signed(value if isinstance(value, int) else first_packed(value)))


def first_packed(data: bytes) -> int:
    value, end = varint(data, 0)
    if end != len(data):
        raise Garbled("several numbers where one should be")
    return value


def hparams(content: bytes) -> dict[str, Any]:
    """Of the start of a session: a map of names to what a google.protobuf.Value holds."""
    found: dict[str, Any] = {}
    for number, value in fields(blob(first(content, 3, b""))):
        if number == 1:
            pair = dict(fields(blob(value)))
            held = dict(fields(blob(pair.get(2, b""))))
            name = text(pair.get(1, b""))
            if 2 in held:
                found[name] = real(held[2])
            elif 3 in held:
                found[name] = text(held[3])
            elif 4 in held:
                found[name] = bool(held[4])
    return found


def runs_in(path: Path) -> Iterator[Foreign]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob(EVENTS) if one.is_file())
    if not path.exists():
        raise MissingFile(f"No file or folder {printable(str(path))}. Give the log folder of TensorBoard.")
    if not files:
        raise BadTable(f"{printable(str(path))} holds no event file of TensorBoard (*tfevents*).")
    folders = sorted({file.parent for file in files})
    found = (run_of(folder, [file for file in files if file.parent == folder], path) for folder in folders)
    words = (
        f"{printable(str(path))} holds not one whole event of TensorBoard. Give its log folder, or a file *tfevents*."
    )
    yield from those_that_tell(found, BadTable(words))


def run_of(folder: Path, files: list[Path], top: Path) -> Foreign | None:
    """None: nothing was told."""
    name = "" if top.is_file() or folder == top else folder.relative_to(top).as_posix()
    root = top.resolve() if top.is_dir() else top.resolve().parent
    run = Foreign(
        f"tensorboard\0{name}\0{files[0].name}", RunBegun(experiment=root.name or "tensorboard", name=name or root.name)
    )
    told = Told(run)
    for file in files:
        records = Records(file)
        for data in records:
            try:
                told.event(data)
            except (Garbled, struct.error, OverflowError) as error:
                run.miss(f"an event that is none: {error}")
        if records.fault:
            run.miss(f"{printable(file.name, 120)}: {records.fault}")
    if told.began is None:
        return None
    at = told.began
    run.begun = RunBegun(experiment=run.begun.experiment, name=run.begun.name, started=at)
    last = max((number[0] for number in told.numbers), default=at)
    run.records = [*noted("param", told.params, at), *gathered(told.numbers), Ended(last, "finished")]
    return run
