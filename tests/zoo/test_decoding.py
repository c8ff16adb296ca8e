"""From bytes to RGB: every mode ends in the colours that one expects, and nothing hostile takes memory."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headhunt import errors
from headhunt.vocabulary import SampleLimits
from tests.zoo.images import chunk, encode, picture, png, with_exif
from zoo.images.decoding import decode

LIMITS = SampleLimits()
ROOT = Path(__file__).parents[2]


def pixels(data: bytes) -> np.ndarray:
    return decode(data, LIMITS).copy()


def by_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 100}, {"restart_marker_rows": 1}],
)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 48), (33, 65)])
def test_a_jpeg_is_decoded_as_pillow_does(size: tuple[int, int], options: dict[str, object]) -> None:
    data = picture(1, size, "JPEG", **options)
    assert np.abs(pixels(data).astype(int) - by_pillow(data)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "P", "RGB"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_modes_without_alpha_are_decoded_as_pillow_does(mode: str, format: str) -> None:  # row 60
    image = Image.open(io.BytesIO(picture(5, (40, 30)))).convert("RGB").convert(mode)
    try:
        data = encode(image, format)
    except (OSError, ValueError):
        pytest.skip(f"{format} has no {mode}")
    assert np.abs(pixels(data).astype(int) - by_pillow(data)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(mode: str, format: str) -> None:  # row 60
    if (mode, format) == ("LA", "WEBP"):
        pytest.skip("WebP has no LA")
    grey = Image.new("L", (3, 1), 100)
    grey = Image.merge("LA", (grey, Image.frombytes("L", (3, 1), bytes([0, 51, 255])))).convert(mode)
    options = {"lossless": True} if format == "WEBP" else {}
    expected = [255, round(100 * 0.2 + 255 * 0.8), 100]
    assert np.abs(pixels(encode(grey, format, **options))[0, :, 0].astype(int) - expected).max() <= 1


def test_a_transparent_entry_of_a_palette_is_white() -> None:  # row 60
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    for format in ("PNG", "GIF"):
        assert pixels(encode(image, format, transparency=0)).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_a_transparent_colour_of_a_png_is_white() -> None:  # row 60
    transparent = chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))
    assert pixels(png(2, 1, b"\0" + bytes([1, 2, 3, 4, 5, 6]), extra=transparent)).tolist() == [[[255] * 3, [4, 5, 6]]]


@pytest.mark.parametrize("value", [0, 128, 129, 257, 300, 32_768, 65_406, 65_407, 65_535])
def test_16_bit_grey_is_divided_by_257(value: int) -> None:  # row 61
    expected = [[[round(value / 257)] * 3]]
    assert pixels(png(1, 1, b"\0" + struct.pack(">H", value), bits=16, colour=0)).tolist() == expected
    assert pixels(encode(Image.fromarray(np.array([[value]], np.uint16)), "TIFF")).tolist() == expected


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
def test_16_bit_colour_is_within_one_level(colour: int, channels: int) -> None:  # row 61
    values = [0, 300, 65_535][:3] + [65_535] * (channels - 3)
    found = pixels(png(1, 1, b"\0" + struct.pack(f">{channels}H", *values), bits=16, colour=colour))
    assert np.abs(found[0, 0].astype(int) - np.round(np.array(values[:3]) / 257)).max() <= 1


def test_a_float_tiff_is_a_share_of_white_or_refused() -> None:  # row 61
    def tiff(*values: float) -> bytes:
        return encode(Image.fromarray(np.array([values], np.float32)), "TIFF")

    assert pixels(tiff(0.0, 0.5, 1.0))[0, :, 0].tolist() == [0, 128, 255]
    assert pixels(tiff(0.0, 128.0, 255.0))[0, :, 0].tolist() == [0, 128, 255]
    for bad in (float("nan"), float("inf"), -1.0, 300.0):
        with pytest.raises(errors.UnsupportedMode):
            decode(tiff(0.0, bad), LIMITS)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_counts(format: str) -> None:  # row 57
    first, *others = (Image.new("RGB", (16, 16), (i * 40, 0, 0)) for i in range(1, 5))
    data = encode(
        first, format, save_all=True, append_images=others, **({"lossless": True} if format == "WEBP" else {})
    )
    assert np.abs(pixels(data).astype(int) - [40, 0, 0]).max() <= 1


def test_all_eight_orientations_show_the_same_picture() -> None:  # row 63
    upright = np.zeros((24, 40, 3), np.uint8)
    upright[:8, :8] = 255
    upright[:8, 32:] = 128
    sides = upright.transpose(1, 0, 2)
    stored = (upright, upright[:, ::-1], upright[::-1, ::-1], upright[::-1])
    stored += (sides, np.rot90(upright), sides[::-1, ::-1], np.rot90(upright, -1))
    for orientation, array in enumerate(stored, 1):
        turned = Image.fromarray(np.ascontiguousarray(array))
        for data in (
            with_exif(encode(turned, "JPEG", quality=100, subsampling=0), orientation),
            turned_file(turned, orientation),
        ):
            assert np.abs(pixels(data).astype(int) - upright).max() <= 3, orientation


def turned_file(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, "PNG", exif=exif)


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 1)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_dots_and_needles_are_decoded(size: tuple[int, int], format: str) -> None:  # row 62
    assert pixels(picture(1, size, format)).shape == (size[1], size[0], 3)


def test_the_extension_does_not_count() -> None:  # row 66
    assert pixels(picture(1, (9, 9), "JPEG")).shape == (9, 9, 3)


def test_a_payload_behind_a_jpeg_changes_nothing() -> None:  # row 65
    data = picture(1, (64, 48), "JPEG")
    assert (pixels(data + bytes(range(256)) * 1000) == pixels(data)).all()


def test_a_jpeg_damaged_in_the_middle_is_refused_and_not_grey() -> None:  # row 55
    data = picture(1, (256, 256), "JPEG", quality=95)
    for cut in (0.5, 0.8):
        with pytest.raises((errors.Truncated, errors.BrokenImage)):
            decode(data[: int(len(data) * cut)] + b"\xff\xd9", LIMITS)


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "TIFF"])
def test_damage_behind_the_header_is_refused_or_harmless(format: str) -> None:
    whole = bytearray(picture(1, (64, 64), format))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xa5" * 40
    try:
        shape, code = decode(bytes(whole), LIMITS).shape, ""
    except errors.ImageRefused as error:
        shape, code = (64, 64, 3), error.code
    assert shape == (64, 64, 3)
    assert code in {"", "broken_image", "truncated", "bad_header", "unsupported_mode"}


def test_a_large_jpeg_is_decoded_smaller() -> None:
    data = picture(1, (640, 480), "JPEG")
    assert decode(data, SampleLimits(max_decoded_bytes=300_000)).shape == (240, 320, 3)
    with pytest.raises(errors.TooManyPixels):
        decode(picture(1, (640, 480), "PNG"), SampleLimits(max_decoded_bytes=300_000))


PROBE = """
import resource, sys
from headhunt.errors import ImageRefused
from headhunt.vocabulary import SampleLimits
from zoo.images.decoding import decode
from tests.zoo.images import picture
for format in ("JPEG", "PNG", "GIF", "WEBP", "TIFF"):
    decode(picture(1, (8, 8), format), SampleLimits())
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
data = open(sys.argv[1], "rb").read()
before = peak()
try:
    print("decoded", decode(data, SampleLimits()).shape, file=sys.stderr)
    code = "decoded"
except ImageRefused as error:
    code = error.code
print(code, (peak() - before) // 1024)
"""


def growth(data: bytes, tmp_path: Path) -> tuple[str, int]:
    """What became of it, and the MiB by which a process of its own grew."""
    (tmp_path / "x").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path / "x")], capture_output=True, text=True, check=True, cwd=ROOT
    )
    code, grown = done.stdout.split()
    return code, int(grown)


def deflated(width: int, height: int, bits: int, colour: int, row: int) -> bytes:
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(bytes(row + 1)) for _ in range(height)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def plain(size: tuple[int, int], format: str, mode: str = "RGB", **options: object) -> bytes:
    return encode(Image.new(mode, size), format, **options)


def inflating(kind: bytes) -> bytes:
    return chunk(kind, b"k\0\0" + zlib.compress(bytes(200_000_000)))


LARGE = {
    "a PNG of 30000 x 30000": (lambda: deflated(30_000, 30_000, 1, 0, 3750), "too_many_pixels"),
    "a palette that just fits": (lambda: deflated(8_000, 8_000, 8, 3, 8000).replace(b"IDAT", b"IDAT"), None),
    "a PNG of 38 megapixels": (lambda: deflated(6_100, 6_200, 8, 2, 18_300), "decoded"),
    "16 bits that just fit": (lambda: deflated(6_100, 6_200, 16, 0, 12_200), "decoded"),
    "16 bits RGBA": (lambda: deflated(6_100, 6_200, 16, 6, 48_800), "decoded"),
    "a JPEG of 100 megapixels": (lambda: plain((10_000, 10_000), "JPEG"), "decoded"),
    "a progressive JPEG of 50 megapixels": (lambda: plain((7_100, 7_000), "JPEG", progressive=True), "decoded"),
    "a progressive JPEG of 100 megapixels": (lambda: plain((10_000,) * 2, "JPEG", progressive=True), "too_many_pixels"),
    "a CMYK JPEG": (lambda: plain((6_100, 6_100), "JPEG", "CMYK"), "decoded"),
    "a WebP": (lambda: plain((3_700, 3_700), "WEBP", lossless=True), "decoded"),
    "a GIF": (lambda: plain((4_700, 4_700), "GIF", "P"), "decoded"),
    "a TIFF": (lambda: plain((4_200, 4_200), "TIFF", compression="tiff_lzw"), "decoded"),
    "a TIFF beyond": (lambda: plain((8_000, 8_000), "TIFF", compression="tiff_lzw"), "too_many_pixels"),
    "a zTXt of 200 MB": (lambda: png(8, 8, bytes(200), extra=inflating(b"zTXt")), "decoded"),
    "an iCCP of 200 MB": (lambda: png(8, 8, bytes(200), extra=inflating(b"iCCP")), "decoded"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("case", LARGE)
def test_no_picture_takes_more_than_300_mb(case: str, tmp_path: Path) -> None:  # rows 51 to 53, 58
    make, expected = LARGE[case]
    code, grown = growth(make(), tmp_path)
    assert grown < 300
    assert expected in (None, code)
    if code == "too_many_pixels" or "200 MB" in case:
        assert grown < 50
