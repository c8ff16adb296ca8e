"""Whether a file can be safetensors, by its header alone: no values are read, and no torch is loaded.

    8 bytes: n | n bytes of JSON: {name: {dtype, shape, data_offsets: [begin, end]}} | values

The values follow one another without gaps and without overlaps, and end where the file ends.
"""

import math
import struct
from typing import BinaryIO

import msgspec

from headhunt.errors import BrokenWeights, SafetensorsOnly
from headhunt.vocabulary import MIB

MAX_HEADER = 8 * MIB
"""Names and shapes of 100,000 tensors: a header of 100 MiB, which the format allows, unfolds to gigabytes."""
SIZES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
         "I8": 1, "U8": 1, "BOOL": 1}  # fmt: skip
META = "__metadata__"
AGAIN = "Save it again with safetensors."


class Told(msgspec.Struct):
    """What the header tells of one tensor."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def check_header(file: BinaryIO, size: int) -> None:
    """Raises SafetensorsOnly for what is another kind of file, BrokenWeights for one that is none."""
    head = file.read(9)
    if len(head) < 9 or head[8:9] != b"{":
        raise SafetensorsOnly("Weights are sent as safetensors. Convert them with safetensors.torch.save_file.")
    (length,) = struct.unpack("<Q", head[:8])
    if length > MAX_HEADER:
        raise BrokenWeights(f"The header declares {length} bytes, more than the limit of {MAX_HEADER}. {AGAIN}")
    if length + 8 > size:
        raise BrokenWeights(f"The file is cut off: its header needs {length + 8} bytes, and it has {size}. {AGAIN}")
    check_tensors(decoded(head[8:] + file.read(length - 1)), size - 8 - length)


def decoded(header: bytes) -> dict[str, Told]:
    try:
        found = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        return {name: msgspec.json.decode(raw, type=Told) for name, raw in found.items() if name != META}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenWeights(f"The header is not that of a safetensors file. {AGAIN}") from error


def check_tensors(told: dict[str, Told], values: int) -> None:
    if not told:
        raise BrokenWeights(f"There are no weights in the file. {AGAIN}")
    place = 0
    for name, one in sorted(told.items(), key=lambda pair: pair[1].data_offsets):
        begin, end = one.data_offsets
        shown = repr(name[:80])
        if one.dtype not in SIZES:
            raise BrokenWeights(f"{shown} has values of {one.dtype[:20]!r}. Save float32, float16 or bfloat16.")
        if begin != place:
            raise BrokenWeights(f"{shown} begins at {begin}, and what is before it ends at {place}. {AGAIN}")
        if any(side < 0 for side in one.shape) or end - begin != SIZES[one.dtype] * math.prod(one.shape):
            raise BrokenWeights(f"{shown} does not have as many values as its shape says. {AGAIN}")
        place = end
    if place != values:
        raise BrokenWeights(f"The tensors end after {place} bytes of values, and the file holds {values}. {AGAIN}")
