"""What a user hands to `log` and `config`, told apart without importing the libraries that it comes from.

a number           int, float, bool, or anything of one element that has `.item()`, or that `float()` takes
a picture          of PIL (it has `.save` and `.mode`), or an array H x W, H x W x C or C x H x W, C in 1, 3, 4
a histogram        a list of numbers, or any other array
a table            a list of dicts, or what has `.to_dict("records")`
a file             a pathlib path; bytes
text               a string
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

LONGEST_NAME = 250
LONGEST_TEXT = 16_384
"""Of a parameter; a longer one is kept as a file."""
DEEPEST = 20
CHANNELS = (1, 3, 4)
LARGEST_INT = 2**63


def number(value: Any) -> float | None:
    """None: it is no number."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return as_float(value)
    if isinstance(value, str | bytes | bytearray | Mapping | list | tuple) or value is None:
        return None
    try:
        if size_of(value) not in (None, 1):
            return None
        if hasattr(value, "item"):
            value = value.item()
        return None if isinstance(value, complex | str | bytes) else as_float(value)
    except Exception:  # whatever a stranger's object raises
        return None


def as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def size_of(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    return None if shape is None else math.prod(int(side) for side in shape)


def array(value: Any) -> Any | None:
    """As numpy has it, where it comes from numpy, torch or their like; not in the memory of an accelerator."""
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return None
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if hasattr(value, step) else value
    if hasattr(value, "is_floating_point") and value.is_floating_point():
        value = value.float()  # bfloat16 is unknown to numpy
    if hasattr(value, "numpy"):
        value = value.numpy()
    elif hasattr(value, "__array__"):
        value = value.__array__()
    return value if hasattr(value, "tobytes") else None


def picture_like(value: Any) -> bool:
    """An array that has the shape of a picture."""
    shape = tuple(value.shape)
    if len(shape) == 2:
        return int(min(shape)) >= 2
    return len(shape) == 3 and (shape[2] in CHANNELS or shape[0] in CHANNELS) and int(sorted(shape)[1]) >= 2


def flat(values: Mapping[Any, Any], before: str = "", depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Names with dots for dicts in dicts."""
    for name, value in values.items():
        whole = f"{before}.{name}" if before else name
        if isinstance(value, Mapping) and value and depth < DEEPEST:
            yield from flat(value, whole if isinstance(whole, str) else str(whole), depth + 1)
        else:
            yield whole, value


def clean_name(name: Any) -> tuple[str, bool]:
    """A name that can be kept; False: it is not the one that was given."""
    try:
        text = name if type(name) is str else str(name)
    except Exception:
        text = type(name).__name__
    text = clean_text(text).replace("\0", "")
    if not text.strip():
        return "unnamed", False
    return text[:LONGEST_NAME], type(name) is str and text == name and len(text) <= LONGEST_NAME


def clean_text(text: str) -> str:
    """What UTF-8 cannot say is escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain(value: Any, depth: int = 0) -> Any:
    """As JSON knows it: types are kept where it has them, all else becomes text."""
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return value if -LARGEST_INT <= value < LARGEST_INT else str(value)
    if isinstance(value, str):
        return clean_text(str(value))
    if depth < DEEPEST:
        if isinstance(value, Mapping):
            return {clean_name(name)[0]: plain(one, depth + 1) for name, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [plain(one, depth + 1) for one in value]
    return plain_object(value, depth)


def plain_object(value: Any, depth: int) -> Any:
    try:
        if isinstance(value, PurePath):
            return clean_text(str(value))
        if isinstance(value, int):  # an enum, or another child of theirs
            return plain(int(value))
        if isinstance(value, float):
            return float(value)
        if size_of(value) == 1 and hasattr(value, "item"):
            return plain(value.item(), depth + 1)
        return clean_text(str(value))
    except Exception:
        return f"<{kind_of(value)}>"


def members(value: Any) -> Mapping[Any, Any] | None:
    """Of a dict, a namespace, a dataclass, or whatever else has named parts."""
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return {name: one for name, one in vars(value).items() if not name.startswith("_")}
    names = getattr(value, "__struct_fields__", None) or getattr(value, "__slots__", None)
    return {name: getattr(value, name) for name in names if hasattr(value, name)} if names else None


def kind_of(value: Any) -> str:
    return type(value).__name__
