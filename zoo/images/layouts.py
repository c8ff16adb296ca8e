"""What the places of files in a sample mean: which part they belong to, and what the user calls them.

    photos/train/cat/1.jpg     one root that all share is taken off; `train` is a part; `cat` is the label
    cat/1.jpg                  the first folder is the label, however deep the file lies in it
    1.jpg + labels.csv         the label stands in the table: file,label
    1.jpg                      no label

The root rule looks at the places alone, so that a folder, its zip and its tar mean the same.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headhunt.errors import BadLabels, BadName, TooManyClasses
from headhunt.vocabulary import Entry, SampleLimits
from zoo.images.names import clean

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
LABELS = "labels.csv"
FILE_COLUMNS = ("file", "filename", "file_name", "image", "path")
LABEL_COLUMNS = ("label", "class")


class Found(NamedTuple):
    """One good image: its clean name, and what is in it."""

    name: str
    digest: str
    size: int


def arrange(found: Sequence[Found], table: bytes | None, broken: set[str], root: str) -> list[Entry]:
    """The images with their parts and labels. `table`: labels.csv; `broken`: files that were left out."""
    parts = splits([image.name[len(root) :] for image in found])
    if table is not None:
        labels = read_labels(
            table, {image.name[len(root) :] for image in found}, {name.removeprefix(root) for name in broken}
        )
        return [_entry(image, root, labels[image.name[len(root) :]], parts) for image in found]
    return [_entry(image, root, _label(image.name[len(root) :], parts), parts) for image in found]


def common_root(names: Sequence[str], source: str) -> str:
    """The folders, ending in `/`, that hold everything and say nothing.

    One folder around others, or around a labels.csv, is a root. One folder around images only is a class, unless the
    sample has the same name: `cats/1.jpg` in photos.zip is a cat, `photos/1.jpg` in photos.zip is a photo.
    """
    root = ""
    while True:
        below = [name[len(root) :] for name in names]
        tops = {name.partition("/")[0] for name in below if "/" in name}
        if len(tops) != 1 or not all("/" in name for name in below):
            return root
        top = tops.pop()
        inner = [name[len(top) + 1 :] for name in below]
        holds_more = LABELS in inner or any("/" in name for name in inner)
        if top.lower() in SPLITS or not (holds_more or top == source):
            return root
        root += top + "/"


def splits(names: Sequence[str]) -> bool:
    """Whether the first folders are parts: all of them, else `train` may be a class beside `bus`."""
    return all("/" in name and name.partition("/")[0].lower() in SPLITS for name in names)


def _label(name: str, parts: bool) -> str | None:
    folders = name.split("/")[1 if parts else 0 : -1]
    return folders[0] if folders else None


def _entry(image: Found, root: str, label: str | None, parts: bool) -> Entry:
    path = image.name[len(root) :]
    split = split_of(path) if parts else None
    return Entry(path=path, digest=image.digest, size=image.size, label=label, split=split)


def split_of(path: str) -> str:
    """The part that the first folder names."""
    return SPLITS[path.partition("/")[0].lower()]


def check_classes(entries: Sequence[Entry], limits: SampleLimits) -> None:
    classes = len({entry.label for entry in entries})
    if classes > limits.max_classes:
        raise TooManyClasses(f"the sample has {classes:,} classes; {limits.max_classes:,} are allowed")


def read_labels(table: bytes, images: set[str], broken: set[str]) -> dict[str, str]:
    """Path -> label, one row for every image and one image for every row. BadLabels names the row."""
    labels: dict[str, str] = {}
    for row, file, label in _rows(table):
        path = _path(file, row)
        if path in labels:
            raise _bad(row, f"{path!r} stands twice. Keep one of the rows")
        if path not in images and path not in broken:
            raise _bad(row, f"{path!r} is not in the sample. Add the file, or remove the row")
        if not label or "\0" in label or len(label) > 512:
            raise _bad(row, f"{path!r} has {'no' if not label else 'an unusable'} label")
        labels[path] = unicodedata.normalize("NFC", label)
    if missing := sorted(images - labels.keys()):
        raise BadLabels(
            f"{len(missing)} image(s) have no row, the first is {missing[0]!r}. Add rows, or remove the images", LABELS
        )
    return labels


def _rows(table: bytes) -> Iterator[tuple[int, str, str]]:
    """(row as a spreadsheet counts them, file, label). A byte order mark, CRLF and quotes are as Excel writes them."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(table), "utf-8-sig", newline=""), strict=True)
    row, columns = 0, (0, 0)
    try:
        for row, cells in enumerate(reader, 1):
            if row == 1:
                columns = _columns(cells)
            elif any(cell.strip() for cell in cells):
                if len(cells) <= max(columns):
                    raise _bad(row, f"has {len(cells)} cell(s), too few")
                yield row, cells[columns[0]].strip(), cells[columns[1]].strip()
    except csv.Error as error:
        raise _bad(row + 1, f"cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise _bad(row + 1, "or one soon after it is not UTF-8. Save the table as UTF-8") from error
    if not row:
        raise _bad(1, "is missing: the table is empty. It begins with 'file,label'")


def _columns(cells: list[str]) -> tuple[int, int]:
    heads = [cell.strip().lower() for cell in cells]
    file = next((heads.index(name) for name in FILE_COLUMNS if name in heads), None)
    label = next((heads.index(name) for name in LABEL_COLUMNS if name in heads), None)
    if file is None or label is None:
        raise _bad(1, f"is {','.join(cells)[:80]!r}; it must name the columns: file,label")
    return file, label


def _path(file: str, row: int) -> str:
    try:
        return clean(file)
    except BadName as error:
        raise _bad(row, f"{error.reason}: {file[:80]!r}") from error


def _bad(row: int, reason: str) -> BadLabels:
    return BadLabels(f"row {row} {reason}", LABELS)
