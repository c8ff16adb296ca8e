"""What is more than a number, as bytes that can be kept: pictures, histograms, tables, text, confusion matrices."""

import io
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import msgspec

from headhunt.track.values import array, clean_text, kind_of, members, number, picture_like, plain

BINS = 64
MOST_CLASSES_TOLD = 50
"""A confusion matrix of more classes stands in its file alone."""
PNG = b"\x89PNG\r\n\x1a\n"
COLOURS = {1: 0, 3: 2, 4: 6}


class Thing(msgspec.Struct, frozen=True):
    """kind and facts as `Kept` has them. source: the file that it is, instead of data."""

    kind: str
    folder: str
    ending: str
    data: bytes = b""
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    source: Path | None = None

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}{self.ending}"


def thing_of(value: Any) -> Thing | None:
    """None: nothing that is known how to keep."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return Thing("file", "files", ".bin", bytes(value))
    if isinstance(value, PurePath):
        return Thing("file", "files", value.suffix, source=Path(value))
    if hasattr(value, "save") and hasattr(value, "mode") and hasattr(value, "size"):
        return drawn(value)
    if callable(getattr(value, "to_dict", None)) and hasattr(value, "columns"):
        return table(value.to_dict("records"))
    if (found := array(value)) is not None:
        return picture(found) if picture_like(found) else histogram(found.ravel().tolist())
    if isinstance(value, list | tuple):
        return listed(value)
    return None


def listed(value: Sequence[Any]) -> Thing | None:
    if value and all(isinstance(row, dict) for row in value):
        return table(value)
    numbers = [number(one) for one in value]
    if any(one is None for one in numbers):
        return None
    return histogram([one for one in numbers if one is not None])


def text(value: str) -> Thing:
    return Thing("text", "text", ".txt", clean_text(value).encode())


def table(rows: Sequence[dict[Any, Any]]) -> Thing:
    """Every column that a row has, in the order in which they came up."""
    columns = list(dict.fromkeys(str(name) for row in rows for name in row))
    named = [{str(name): one for name, one in row.items()} for row in rows]
    cells = [[plain(row.get(name)) for name in columns] for row in named]
    data = msgspec.json.encode({"columns": [clean_text(name) for name in columns], "rows": cells})
    return Thing("table", "tables", ".json", data, {"columns": len(columns), "rows": len(rows)})


def histogram(values: Sequence[float]) -> Thing:
    """Equal bins from the least to the greatest; NaN and infinity are counted beside them."""
    finite = [one for one in values if math.isfinite(one)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    width = (high - low) / BINS if math.isfinite(high - low) else 0.0
    counts = [0] * (BINS if width else 1)
    for one in finite:
        counts[min(int((one - low) / width), BINS - 1) if width else 0] += 1
    facts = {
        "low": low,
        "high": high,
        "counts": counts,
        "count": len(values),
        "no_numbers": len(values) - len(finite),
        "mean": math.fsum(one / len(finite) for one in finite) if finite else None,
    }
    return Thing("histogram", "histograms", ".json", msgspec.json.encode(facts), facts)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Thing:
    """Rows are what is true, columns what was said."""
    whole, right = sum(map(sum, matrix)), sum(row[at] for at, row in enumerate(matrix))
    facts: dict[str, Any] = {
        "classes": list(classes),
        "matrix": [list(row) for row in matrix],
        "count": whole,
        "accuracy": right / whole if whole else None,
        "per_class": [per_class(matrix, at, name) for at, name in enumerate(classes)],
    }
    data = msgspec.json.encode(facts)
    told = facts if len(classes) <= MOST_CLASSES_TOLD else {name: facts[name] for name in ("count", "accuracy")}
    return Thing("confusion", "evaluation", ".json", data, told)


def per_class(matrix: Sequence[Sequence[int]], at: int, name: str) -> dict[str, Any]:
    hit, true, said = matrix[at][at], sum(matrix[at]), sum(row[at] for row in matrix)
    precision, recall = hit / said if said else None, hit / true if true else None
    both = 2 * hit / (true + said) if true + said else None
    return {"class": name, "count": true, "precision": precision, "recall": recall, "f1": both}


def counted(
    truth: Sequence[Any], said: Sequence[Any], classes: Sequence[Any] | None
) -> tuple[list[list[int]], list[str]]:
    """A matrix of labels, or of their numbers where `classes` names them in order."""
    truth, said = plain_list(truth), plain_list(said)
    given = list(classes) if classes is not None else []
    labels = list(range(len(given))) if given and all(isinstance(one, int) for one in truth) else given
    seen: dict[Any, int] = {label: at for at, label in enumerate(labels)}
    for label in sorted({*truth, *said} - set(seen), key=lambda one: (str(type(one)), one)):
        seen[label] = len(seen)
    names = [str(given[at]) if at < len(given) else str(label) for label, at in seen.items()]
    matrix = [[0] * len(seen) for _ in seen]
    for true, other in zip(truth, said, strict=True):
        matrix[seen[true]][seen[other]] += 1
    return matrix, names


def plain_list(values: Any) -> list[Any]:
    found = array(values)
    return [plain(one) for one in (values if found is None else found.tolist())]


# --- Pictures ---------------------------------------------------------------------------------------------------------


def drawn(image: Any) -> Thing:
    """A picture of PIL."""
    held = io.BytesIO()
    (image if image.mode in ("L", "RGB", "RGBA", "P", "1", "I;16") else image.convert("RGB")).save(held, format="PNG")
    return Thing("image", "images", ".png", held.getvalue(), {"width": image.size[0], "height": image.size[1]})


def picture(pixels: Any) -> Thing:
    """Bytes as they are; fractions of one, or whatever lies in between the least and the greatest, spread over them."""
    if len(pixels.shape) == 3 and pixels.shape[2] not in COLOURS:
        pixels = pixels.transpose(1, 2, 0)
    height, width, channels = (*pixels.shape, 1)[:3]
    data = as_bytes(pixels).tobytes()
    row = int(width) * int(channels)
    lines = b"".join(b"\0" + data[at : at + row] for at in range(0, len(data), row))
    head = struct.pack(">IIBBBBB", width, height, 8, COLOURS[int(channels)], 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")
    return Thing("image", "images", ".png", PNG + parts, {"width": int(width), "height": int(height)})


def as_bytes(pixels: Any) -> Any:
    if str(pixels.dtype) == "uint8":
        return pixels
    if str(pixels.dtype) == "bool":
        return pixels.astype("uint8") * 255
    pixels = pixels.astype("float64")
    pixels[~((pixels >= -1e300) & (pixels <= 1e300))] = 0.0  # NaN and infinity are black
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    elif low >= 0.0 and high <= 255.0:
        low, high = 0.0, 255.0
    return ((pixels - low) * (255.0 / ((high - low) or 1.0))).round().astype("uint8")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


__all__ = ["Thing", "confusion", "counted", "histogram", "kind_of", "members", "picture", "table", "text", "thing_of"]
