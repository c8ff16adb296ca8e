"""The wire format of protocol buffers, read without their library: what a few messages of others need."""

import struct
from collections.abc import Iterator

Value = int | bytes


class Garbled(ValueError):
    """These bytes are no message."""


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """(number, value): varints as int, all else as the bytes that stand there."""
    place, size = 0, len(data)
    while place < size:
        key, place = varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            length, place = varint(data, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise Garbled(f"a field of the kind {kind}")
        if place + length > size:
            raise Garbled("it ends within a field")
        yield key >> 3, data[place : place + length]
        place += length


def varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise Garbled("it ends within a number")
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, place
    raise Garbled("a number that does not end")


def signed(value: Value) -> int:
    number = value if isinstance(value, int) else 0
    return number - (1 << 64) if number >= 1 << 63 else number


def blob(value: Value) -> bytes:
    if isinstance(value, int):
        raise Garbled("a number where bytes should be")
    return value


def text(value: Value) -> str:
    return blob(value).decode("utf-8", errors="replace")


def real(value: Value) -> float:
    """float or double, by its length."""
    data = blob(value)
    if len(data) not in (4, 8):
        raise Garbled("a number of the wrong length")
    return float(struct.unpack("<f" if len(data) == 4 else "<d", data)[0])


def first(data: bytes, number: int, default: Value) -> Value:
    return next((value for found, value in fields(data) if found == number), default)
