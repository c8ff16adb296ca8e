"""Opening a weights file that somebody else wrote: safetensors, or a torch file without the objects that run code.

The format is told by the content, never by the name. Declared sizes are compared with the file before they are used.
"""

import mmap
import pickle
import re
import stat
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from headhunt.errors import BrokenWeights, MissingFile, UnsafePickle, one_line
from headhunt.vocabulary import GIB, MIB
from zoo.networks.safetensors_header import MAX_HEADER

MAX_FILE = 64 * GIB
MAX_PICKLE = 4 * MIB
"""The same for a torch file: its pickle holds names and shapes, not values."""
UNFOLDING = (b"builtins\nbytearray\n", b"__builtin__\nbytearray\n", b"_codecs\nencode\n")
"""Calls that `weights_only` lets through, and that make gigabytes of a few bytes; no weights need them."""
AGAIN = "Download or save it again."


def read_file(path: Path, max_bytes: int = MAX_FILE) -> object:
    """What the file holds, as it holds it: a mapping of tensors or whatever a trainer wrapped around one."""
    size = checked_size(path, max_bytes)
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"PK\x03\x04"):
        check_zip(path, size)
        check_calls(path)
        return read_torch(path)
    if head.startswith(b"\x80") and not looks_like_safetensors(head):
        check_calls(path)
        return read_torch(path)
    if looks_like_safetensors(head) or path.suffix == ".safetensors":
        return read_safetensors(path, head, size)
    raise BrokenWeights(
        "is neither a safetensors nor a torch file. Save network.state_dict() with safetensors.", path.name
    )


def checked_size(path: Path, max_bytes: int) -> int:
    """The size of a regular file that can be read."""
    try:
        seen = path.stat()
        if stat.S_ISDIR(seen.st_mode):
            raise MissingFile(f"{path} is a folder. Name the weights file in it.")
        if not stat.S_ISREG(seen.st_mode):
            raise MissingFile(f"{path} is not a regular file. Name a weights file.")
        path.open("rb").close()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or one_line(error)
        raise MissingFile(f"{str(path)[:200]!r} cannot be read: {why}. Check the path of the weights file.") from error
    if seen.st_size == 0:
        raise BrokenWeights(f"is empty. {AGAIN}", path.name)
    if seen.st_size > max_bytes:
        raise BrokenWeights(
            f"has {seen.st_size} bytes, more than the limit of {max_bytes}. Save the weights alone.", path.name
        )
    return seen.st_size


# --- safetensors ------------------------------------------------------------------------------------------------------


def looks_like_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{"


def read_safetensors(path: Path, head: bytes, size: int) -> Mapping[str, Tensor]:
    if len(head) < 9:
        raise BrokenWeights(f"is cut off within its header. {AGAIN}", path.name)
    (header,) = struct.unpack("<Q", head[:8])
    if header > MAX_HEADER:
        raise BrokenWeights(
            f"declares a header of {header} bytes, more than the limit of {MAX_HEADER}. {AGAIN}", path.name
        )
    if header + 8 > size:
        raise BrokenWeights(
            f"is cut off: its header needs {header + 8} bytes and the file has {size}. {AGAIN}", path.name
        )
    try:
        return load_file(path)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise BrokenWeights(f"is not valid safetensors: {one_line(error)}. {AGAIN}", path.name) from error


# --- torch ------------------------------------------------------------------------------------------------------------


def check_zip(path: Path, size: int) -> None:
    """torch stores without compression; what unfolds or overlaps was not written by torch."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise BrokenWeights(f"is a torch file that is cut off: {one_line(error)}. {AGAIN}", path.name) from error
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise BrokenWeights(
            "is a compressed archive, which no torch file is. Unpack it and name the file in it.", path.name
        )
    if sum(member.file_size for member in members) > size:
        raise BrokenWeights(f"declares more bytes than the file's {size}. {AGAIN}", path.name)
    if any(member.filename.endswith(".pkl") and member.file_size > MAX_PICKLE for member in members):
        raise BrokenWeights(
            f"holds a pickle of more than {MAX_PICKLE} bytes. Save network.state_dict() alone.", path.name
        )
    if not any(member.filename.endswith("data.pkl") for member in members):
        raise BrokenWeights("is a zip archive but no torch file. Name the weights file in it.", path.name)
    if any(member.filename.endswith("constants.pkl") for member in members):
        raise UnsafePickle("is a TorchScript program, not weights. Save its state_dict() with safetensors.", path.name)


def check_calls(path: Path) -> None:
    """Nothing is packed in a torch file, so what its pickles call stands in it as plain text."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for call in UNFOLDING:
            if content.find(call) >= 0:
                named = ".".join(call.decode().split())
                raise UnsafePickle(
                    f"holds Python objects ({named}) that are no weights. Save network.state_dict() with safetensors.",
                    path.name,
                )


def read_torch(path: Path) -> object:
    """`weights_only=True` and nothing else: a pickle that needs more is refused, never tried again without."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice to the file's author; what is wrong for us is raised below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise unsafe_or_broken(path, error) from error
    except (
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
        OSError,
        struct.error,
    ) as error:
        raise BrokenWeights(f"is a torch file that cannot be read: {one_line(error)}. {AGAIN}", path.name) from error
    except MemoryError as error:
        raise BrokenWeights(f"declares more values than this machine can hold. {AGAIN}", path.name) from error


def unsafe_or_broken(path: Path, error: pickle.UnpicklingError) -> UnsafePickle | BrokenWeights:
    """Tell a pickle that would run code from one that is cut off."""
    text = str(error)
    named = re.search(r"(?:GLOBAL|global|class|type) ['\"`]?([A-Za-z_][\w.]*\.[\w.]+)", text)
    if "truncated" in text or "ran out of" in text.lower() or "Unsupported operand 0" in text:
        return BrokenWeights(f"is a torch file that is cut off. {AGAIN}", path.name)
    what = f" ({named[1]})" if named else ""
    return UnsafePickle(
        f"holds Python objects{what} that could run code. Save network.state_dict() with safetensors.", path.name
    )
