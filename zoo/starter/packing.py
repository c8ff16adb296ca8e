"""A starter domain as a sample like any user's: a zip of PNG files, `train/<class>/0001.png`, written once."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from zoo.files import discard, draft_beside, put_in_place
from zoo.starter.domains import FULL, Counts, Pictures, starter_domain

EDITION = 1
"""Raised whenever a generator draws differently, so that no old pictures are taken for new ones."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can name; the same for all, so that equal pictures make equal files."""


def pack(domain: str, folder: Path, counts: Counts = FULL) -> Path:
    """The zip of a domain below `folder`, drawn and written if it is not there yet. Whole or not at all."""
    target = folder / f"edition-{EDITION}-{counts.train}-{counts.test}" / f"{domain}.zip"
    return target if target.exists() else write(starter_domain(domain).draw(counts), target)


def write(splits: Mapping[str, Pictures], target: Path) -> Path:
    """Pictures by part as a zip: `<part>/<class>/<number>.png`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_beside(target)
    try:
        with zipfile.ZipFile(draft, "w") as archive:
            for split, pictures in splits.items():
                for name, png in members(pictures):
                    archive.writestr(zipfile.ZipInfo(f"{split}/{name}", EPOCH), png)
        put_in_place(draft, target)
    finally:
        discard(draft)
    return target


def members(pictures: Pictures) -> Iterator[tuple[str, bytes]]:
    """`<class>/<number>.png` and its bytes, for every picture."""
    number = dict.fromkeys(pictures.classes, 0)
    for image, label in zip(pictures.images.transpose(0, 2, 3, 1), pictures.labels, strict=True):
        name = pictures.classes[label]
        number[name] += 1
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "png", compress_level=1)
        yield f"{name}/{number[name]:04d}.png", buffer.getvalue()
