"""TFRecord files: each record with its length and both with a checksum (CRC-32C, masked), so that damage is seen."""

import struct
from collections.abc import Iterator
from pathlib import Path

LONGEST = 64 << 20
CHECKED = 1 << 20
"""Longer records, which are pictures and graphs, are checked by the sum of their length alone: this is Python."""
HEAD = struct.Struct("<QI")


def table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


TABLE = table()


def masked(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class Records:
    """The records of a file, up to where it is whole. fault: why it ended before its end, in words."""

    def __init__(self, path: Path) -> None:
        self.path, self.fault = path, ""

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while head := file.read(HEAD.size):
                if len(head) < HEAD.size:
                    self.fault = "the file ends within a record"
                    return
                length, crc = HEAD.unpack(head)
                if masked(head[:8]) != crc or length > LONGEST:
                    self.fault = "a record's checksum is wrong; what follows it is not read"
                    return
                data, foot = file.read(length), file.read(4)
                if len(data) < length or len(foot) < 4:
                    self.fault = "the file ends within a record"
                    return
                if length <= CHECKED and struct.unpack("<I", foot)[0] != masked(data):
                    self.fault = "a record's checksum is wrong; what follows it is not read"
                    return
                yield data
