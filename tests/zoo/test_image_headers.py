"""What headers say, before a pixel is decoded. The numbers are rows of the list of bad inputs."""

import io
import struct
import time
import zlib

import pytest
from PIL import Image

from headhunt import errors
from headhunt.vocabulary import SampleLimits
from tests.zoo.images import chunk, encode, picture, png, with_exif, with_size
from zoo.images.headers import inspect

LIMITS = SampleLimits()
JPEG = picture(1, (64, 48), "JPEG")


def code(data: bytes, limits: SampleLimits = LIMITS) -> str:
    with pytest.raises(errors.ImageRefused) as caught:
        inspect(data, limits)
    assert "\n" not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "RGBA", "CMYK"])
def test_headers_agree_with_the_pictures(format: str, mode: str) -> None:
    image = Image.new("RGB", (37, 21), (200, 30, 90)).convert(mode)
    try:
        data = encode(image, format)
    except (OSError, ValueError):
        pytest.skip(f"{format} has no {mode}")
    header = inspect(data, LIMITS)
    assert (header.format, header.width, header.height) == (format, 37, 21)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("exif", [b"", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)])
def test_every_kind_of_webp_is_understood(lossless: bool, exif: bytes) -> None:
    header = inspect(encode(Image.new("RGB", (37, 21)), "WEBP", lossless=lossless, exif=exif), LIMITS)
    assert (header.width, header.height, header.orientation) == (37, 21, 6 if exif else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_found(orientation: int) -> None:  # row 63
    assert inspect(with_exif(JPEG, orientation), LIMITS).orientation == orientation


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_senseless_orientation_is_none(orientation: int) -> None:
    assert inspect(with_exif(JPEG, orientation), LIMITS).orientation == 1


def test_a_pixel_bomb_is_refused_without_being_decoded() -> None:  # row 51
    bomb = png(30_000, 30_000, bytes(30_000 * 3500))
    assert len(bomb) < 200_000
    began = time.process_time()
    assert code(bomb) == "too_many_pixels"
    assert time.process_time() - began < 2


def test_a_jpeg_that_cannot_hold_its_pixels_is_truncated() -> None:  # row 52
    assert code(with_size(picture(1, (8, 8), "JPEG"), 12_000, 12_000)) == "truncated"


def test_pixels_are_counted_before_the_rest_of_a_jpeg() -> None:  # row 53
    bomb = with_size(picture(1, (8, 8), "JPEG"), 65_500, 65_500)
    assert code(bomb) == "too_many_pixels"
    assert code(bomb[: bomb.index(b"\xff\xda")]) == "too_many_pixels"


@pytest.mark.parametrize(("width", "height"), [(2**31, 1), (1, 2**31), (2**32 - 1, 2**32 - 1), (0, 5), (5, 0)])
def test_impossible_sizes_are_bad_headers(width: int, height: int) -> None:  # row 54
    assert code(png(width, height, b"")) == "bad_header"
    if width == 0 or height == 0:
        bitmap = struct.pack("<2sIHHIIiiHHI", b"BM", 100, 0, 0, 54, 40, width, height, 1, 24, 0)
        assert code(bitmap + bytes(99)) == "bad_header"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_truncated_picture_is_noticed(format: str, share: float) -> None:  # row 55
    data = picture(1, (64, 64), format)
    assert code(data[: int(len(data) * share)]) in {"truncated", "bad_header"}


@pytest.mark.parametrize(
    "data",
    [b"hello world", b"<!DOCTYPE html>", b'\xef\xbb\xbf<svg xmlns="x">', b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF",
     b"<?php x;", b"\xc5\xd0\xd3\xc6", b"\x00\x00\x00\x20ftypheic", b"BM", b"\xff\xd8", b"\x7fELF", b"\0" * 600],
)  # fmt: skip
def test_what_is_no_picture_is_refused_whatever_its_name(data: bytes) -> None:  # row 56
    assert code(data) == "not_an_image"


def test_an_empty_file_says_so() -> None:
    assert code(b"") == "empty_file"


def test_a_deflated_picture_that_cannot_be_there_is_truncated() -> None:
    assert code(png(10_000, 10_000, b"\0" * 1000)) == "truncated"


def test_chunks_and_segments_without_end_are_refused() -> None:  # row 58
    assert code(png(8, 8, bytes(200), extra=chunk(b"tEXt", b"") * 70_000)) == "metadata_too_large"
    assert code(JPEG[:2] + b"\xff\xfe\x00\x02" * 5000 + JPEG[2:]) == "metadata_too_large"


def test_a_jpeg_of_hundreds_of_scans_is_refused() -> None:  # row 59
    jpeg = picture(1, (64, 48), "JPEG", progressive=True)
    scan = jpeg.index(b"\xff\xda")
    header = jpeg[scan : scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")]
    assert code(jpeg[:-2] + (header + b"\0" * 20) * 500 + b"\xff\xd9") == "bad_header"


@pytest.mark.parametrize(
    ("size", "fine"), [((1, 1), True), ((1, 100), True), ((1, 20_000), False), ((20_000, 1), False)]
)
def test_needles_are_refused_and_dots_are_not(size: tuple[int, int], fine: bool) -> None:  # row 62
    data = encode(Image.new("RGB", size))
    if fine:
        assert inspect(data, LIMITS).width == size[0]
    else:
        assert code(data) == "aspect_ratio"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_payload_behind_the_picture_is_allowed(format: str) -> None:  # row 65
    payload = bytes(range(256)) * 40_000
    assert inspect(picture(1, (64, 64), format) + payload, LIMITS).width == 64


def test_memory_is_counted_before_decoding() -> None:
    rows = zlib.compress(bytes(10), 9)
    data = png(12_000, 12_000, b"")[:-12]
    deep = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 12_000, 9_000, 16, 6, 0, 0, 0))
    assert code(deep + chunk(b"IDAT", rows + bytes(900_000)) + chunk(b"IEND", b"") + data) == "too_many_pixels"


@pytest.mark.parametrize("kind", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_rare_kinds_of_jpeg_are_named(kind: int) -> None:
    at = JPEG.index(b"\xff\xc0")
    assert code(JPEG[: at + 1] + bytes([kind]) + JPEG[at + 2 :]) == "unsupported_mode"


def test_no_damage_of_a_header_ends_in_another_error() -> None:
    for format in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        whole = picture(3, (40, 30), format)
        for at in range(min(len(whole), 400)):
            for value in (0, 0x7F, 0xFF):
                damaged = whole[:at] + bytes([value]) + whole[at + 1 :]
                for data in (damaged, damaged[: at + 1]):
                    try:
                        inspect(data, LIMITS)
                    except errors.ImageRefused:
                        continue


def test_a_tiff_is_read_in_both_byte_orders() -> None:
    stream = io.BytesIO()
    Image.new("I;16", (5, 4)).save(stream, "TIFF")
    assert (inspect(stream.getvalue(), LIMITS).width, inspect(stream.getvalue(), LIMITS).bits) == (5, 16)
    big = (
        b"MM\0*"
        + struct.pack(">IH", 8, 3)
        + b"".join(struct.pack(">HHIHH", t, 3, 1, v, 0) for t, v in ((256, 7), (257, 6), (258, 8)))
    )
    assert (inspect(big, LIMITS).width, inspect(big, LIMITS).height) == (7, 6)
