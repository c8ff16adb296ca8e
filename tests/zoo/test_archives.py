"""Hostile archives, each with the name of what is wrong. The numbers are rows of the list of bad inputs."""

import gzip
import io
import os
import resource
import struct
import tarfile
import time
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from headhunt import errors
from headhunt.vocabulary import SampleLimits
from tests.zoo.images import folder_of, many, picture, raw_zip, tar_header, tar_of, zip_of
from zoo.images.samples import open_sample

GOOD = picture(99)

SOON = 20.0
"""Seconds of the processor: far more than a refusal takes on a slow day, far less than unpacking would."""


def refused(path: Path, limits: SampleLimits | None = None) -> errors.SampleRefused:
    with pytest.raises(errors.SampleRefused) as caught:
        open_sample(path, limits).close()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "name", ["../evil.png", "/abs.png", "a/../../b.png", "..\\evil.png", "C:\\x.png", "C:x.png", "a\0.png"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_leaves_the_sample_is_refused(tmp_path: Path, name: str, kind: str) -> None:  # rows 31 and 42
    if kind == "zip":
        path = raw_zip([(name.encode(), GOOD, {})], tmp_path / "x.zip")
    else:
        header = tarfile.TarInfo(name)
        header.pax_headers = {"path": name}
        header.size = len(GOOD)
        path = tmp_path / "x.tar"
        path.write_bytes(header.tobuf(tarfile.PAX_FORMAT) + GOOD + bytes(-len(GOOD) % 512) + bytes(1024))
    error = refused(path)
    assert error.code == "bad_name"
    assert sorted(p.name for p in tmp_path.rglob("*")) == [path.name]


@pytest.mark.parametrize("kind", [b"1", b"2"])
def test_links_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:  # row 32
    link = tarfile.TarInfo("dog/link.png")
    link.type, link.linkname = kind, "/etc/passwd"
    error = refused(tar_of([*many(4).items(), (link, b"")], tmp_path / "x.tar"))
    assert (error.code, error.member) == ("link_not_allowed", "dog/link.png")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:  # row 32
    assert (
        refused(raw_zip([(b"a.png", b"/etc/passwd", {"mode": 0o120777})], tmp_path / "x.zip")).code
        == "link_not_allowed"
    )


@pytest.mark.parametrize("target", ["file", "folder"])
def test_links_in_a_folder_are_refused_and_not_followed(tmp_path: Path, target: str) -> None:  # row 32
    outside = folder_of({"secret.png": GOOD}, tmp_path / "outside")
    sample = folder_of(many(4), tmp_path / "sample")
    (sample / "dog" / "link.png").symlink_to(outside / "secret.png" if target == "file" else outside)
    assert refused(sample).code == "link_not_allowed"


@pytest.mark.parametrize("kind", [b"3", b"4", b"6"])
def test_devices_and_pipes_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:  # row 33
    device = tarfile.TarInfo("pipe.png")
    device.type = kind
    assert refused(tar_of([(device, b"")], tmp_path / "x.tar")).code == "special_file"


def test_a_pipe_in_a_folder_is_refused_and_does_not_block(tmp_path: Path) -> None:  # row 33
    sample = folder_of(many(4), tmp_path / "sample")
    os.mkfifo(sample / "pipe.png")
    assert refused(sample).code == "special_file"


def test_setuid_bits_are_dropped(tmp_path: Path) -> None:  # row 33
    info = tarfile.TarInfo("a.png")
    info.mode = 0o6755
    with open_sample(tar_of([(info, GOOD)], tmp_path / "x.tar")) as sample:
        assert len(sample.entries()) == 1


def overlap_bomb(path: Path) -> Path:
    """65,000 directory entries that all unpack one kernel of deflated zeros: a few megabytes that declare 977 GiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    size = 16_140_000
    kernel = packer.compress(bytes(size)) + packer.flush()
    body, directory = bytearray(), bytearray()
    count = 65_000
    for i in range(count):
        name = b"%d" % i
        directory += (
            struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(kernel), size, len(name), 0, 0, 0, 0, 0, 0)
            + name
        )
    body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(kernel), size, 1, 0) + b"0" + kernel
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory + end))
    return path


def test_an_overlap_bomb_is_refused_without_being_unpacked(tmp_path: Path) -> None:  # row 34
    path = overlap_bomb(tmp_path / "bomb.zip")
    began = time.process_time()
    assert refused(path).code == "overlapping_entries"
    assert time.process_time() - began < SOON


def test_members_quoted_inside_another_member_are_refused(tmp_path: Path) -> None:  # row 34
    inner = raw_zip([(b"b.png", GOOD, {})], tmp_path / "inner.zip").read_bytes()
    quoted = inner[: 30 + 5 + len(GOOD)]
    path = raw_zip([(b"a.png", quoted, {}), (b"b.png", GOOD, {"shared": 1, "offset": 35})], tmp_path / "x.zip")
    assert refused(path).code == "overlapping_entries"


def test_a_bomb_of_one_member_is_refused_unread(tmp_path: Path) -> None:  # row 35
    error = refused(zip_of([("a.png", bytes(20_000_000))], tmp_path / "x.zip"))
    assert (error.code, error.member) == ("compression_ratio", "a.png")


def test_a_blank_bitmap_is_no_bomb(tmp_path: Path) -> None:
    blank = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + 150_528, 0, 0, 54, 40, 224, 224, 1, 24, 0, 0, 0, 0, 0, 0)
    with open_sample(zip_of([("a.bmp", blank + b"\xff" * 150_528)], tmp_path / "x.zip")) as sample:
        assert len(sample.entries()) == 1


def test_an_archive_inside_is_reported_and_not_opened(tmp_path: Path) -> None:  # row 36
    inner = zip_of(many(2).items(), tmp_path / "inner.zip").read_bytes()
    with open_sample(
        zip_of([*many(40).items(), ("dog/inner.zip", inner), ("dog/x.png", inner)], tmp_path / "x.zip")
    ) as sample:
        assert [(r.member, r.code) for r in sample.refused] == [
            ("dog/inner.zip", "nested_archive"),
            ("dog/x.png", "nested_archive"),
        ]
        assert len(sample.entries()) == 40


def test_a_member_larger_than_declared_is_stopped_at_its_declared_size(tmp_path: Path) -> None:  # row 37
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(bytes(10_000_000)) for _ in range(50)) + packer.flush()
    lie = {"method": 8, "size": 10, "crc": 0}
    path = raw_zip([(b"a.png", packed, lie)], tmp_path / "x.zip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = refused(path)
    assert (error.code, error.member) == ("size_mismatch", "a.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "folder"])
def test_more_members_than_allowed_are_refused(tmp_path: Path, kind: str) -> None:  # row 38
    files = {f"{i}.png": b"" for i in range(41)}
    makers = {"zip": lambda p: zip_of(files.items(), p), "folder": lambda p: folder_of(files, p)}
    path = makers.get(kind, lambda p: tar_of(files.items(), p))(tmp_path / f"x.{kind}")
    assert refused(path, SampleLimits(max_members=40)).code == "too_many_files"


def test_a_million_empty_entries_are_refused_before_they_are_read(tmp_path: Path) -> None:  # row 38
    names = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", *[20] * 2, *[0] * 7, 6, *[0] * 6) + b"%06d" % i for i in range(200_001)
    )
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**6, 10**6, len(names), 4)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 4 + len(names), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\3\4" + names + end64 + locator + end)
    began = time.process_time()
    assert refused(path).code == "too_many_files"
    assert time.process_time() - began < SOON


@pytest.mark.parametrize(
    ("lie", "code"),
    [({"flags": 0x801}, "encrypted"), ({"method": 14}, "unsupported_method"), ({"method": 93}, "unsupported_method")],
)
def test_what_cannot_be_unpacked_is_named(tmp_path: Path, lie: dict[str, int], code: str) -> None:  # row 39
    error = refused(raw_zip([(b"a.png", GOOD, lie)], tmp_path / "x.zip"))
    assert (error.code, error.member) == (code, "a.png")


@pytest.mark.parametrize("magic", [b"BZh91AY", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"])
def test_other_archives_are_named(tmp_path: Path, magic: bytes) -> None:  # row 39
    (tmp_path / "x.zip").write_bytes(magic + bytes(600))
    assert refused(tmp_path / "x.zip").code == "unsupported_method"


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:  # row 40
    whole = zip_of(many(4).items(), tmp_path / "good.zip").read_bytes()
    for bad in (whole[:-30], whole + b"junk", b"MZ" + bytes(600) + whole, b"hello", GOOD, b"PK\3\4"):
        (tmp_path / "x.zip").write_bytes(bad)
        assert refused(tmp_path / "x.zip").code == "not_an_archive"
    (tmp_path / "x.zip").write_bytes(b"")
    assert refused(tmp_path / "x.zip").code == "empty_sample"


def test_a_prepended_program_is_refused_even_when_it_begins_as_a_zip(tmp_path: Path) -> None:  # row 40
    whole = zip_of(many(4).items(), tmp_path / "good.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(b"PK\3\4" + bytes(100) + whole)
    assert refused(tmp_path / "x.zip").code == "not_an_archive"


def test_the_comment_of_a_zip_is_not_junk(tmp_path: Path) -> None:
    path = zip_of(many(4).items(), tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK\5\6 as a comment"
    with open_sample(path) as sample:
        assert len(sample.entries()) == 4


@pytest.mark.parametrize(
    ("one", "two"),
    [("a.png", "A.PNG"), ("\u00e9.png", "e\u0301.png"), ("stra\u00dfe.png", "STRASSE.png"), ("a.png", "a.png")],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_names_equal_up_to_case_or_form_are_refused(
    tmp_path: Path, one: str, two: str, kind: str
) -> None:  # row 41
    files = [(one.encode(), GOOD, {}), (two.encode(), GOOD, {})]
    path = (
        raw_zip(files, tmp_path / "x.zip") if kind == "zip" else tar_of([(one, GOOD), (two, GOOD)], tmp_path / "x.tar")
    )
    assert refused(path).code == "duplicate_name"


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "d/" * 100 + "x.png", "CON", "NUL.png", "end. ", "end.png."])
def test_awkward_names_do_no_harm(tmp_path: Path, name: str) -> None:  # row 43
    for path in (tar_of([(name, GOOD)], tmp_path / "x.tar"), zip_of([(name, GOOD)], tmp_path / "x.zip")):
        with open_sample(path) as sample:
            assert sample.read(sample.entries()[0]) == GOOD


def test_a_long_name_is_shown_short(tmp_path: Path) -> None:  # row 43
    with open_sample(zip_of([*many(40).items(), ("y" * 3000 + ".png", b"no")], tmp_path / "x.zip")) as sample:
        assert len(sample.refused[0].member) <= 512


def test_litter_is_passed_over_and_counted(tmp_path: Path) -> None:  # row 44
    litter = {"__MACOSX/dog/._1.png": b"x", "dog/.DS_Store": b"x", "cat/Thumbs.db": b"x", ".git/config": b"x"}
    files = many(8) | litter
    for path in (zip_of(files.items(), tmp_path / "x.zip"), tar_of(files.items(), tmp_path / "x.tgz")):
        with open_sample(path) as sample:
            assert (len(sample.entries()), sample.ignored, sample.refused) == (8, 4, ())
    with open_sample(folder_of(files, tmp_path / "folder")) as sample:
        assert (len(sample.entries()), sample.ignored > 0, sample.refused) == (8, True, ())


def test_a_gzip_of_zeros_is_refused(tmp_path: Path) -> None:  # row 45
    path = tmp_path / "x.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(bytes(2**20))
    assert refused(path).code == "compression_ratio"
    info = tarfile.TarInfo("zeros.png")
    info.size = 50_000_000
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    assert refused(path).code == "compression_ratio"


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
def test_an_extended_header_of_a_gigabyte_is_refused(tmp_path: Path, kind: bytes) -> None:  # row 46
    path = tmp_path / "x.tar"
    path.write_bytes(tar_header(b"@LongLink", b"%011o\0" % 2**30, kind))
    with path.open("r+b") as file:
        file.truncate(2**30 + 2048)
    assert refused(path).code == "header_too_large"


def test_long_names_are_read_in_both_dialects(tmp_path: Path) -> None:
    name = "dog/" + "long" * 60 + ".png"
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with open_sample(tar_of([(name, GOOD), *many(3).items()], tmp_path / "x.tar", format)) as sample:
            assert name in [entry.path for entry in sample.entries()]


NEGATIVE = b"\xff" * 12
HUGE = b"\x80" + (8 * 10**12).to_bytes(11, "big")


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (tar_header(b"a.png", NEGATIVE), "broken_archive"),
        (tar_header(b"a.png", b"-0000000001\0"), "broken_archive"),
        (tar_header(b"a.png", HUGE), "declared_total_too_large"),
        (tar_header(b"a.png", HUGE, b"S"), "unsupported_method"),
        (tar_header(b"a.png", b"%011o\0" % 10_000), "broken_archive"),
    ],
)  # fmt: skip
def test_a_tar_that_lies_about_sizes_is_refused(tmp_path: Path, block: bytes, code: str) -> None:  # row 47
    (tmp_path / "x.tar").write_bytes(block + bytes(1024))
    assert refused(tmp_path / "x.tar").code == code


def test_a_tar_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:  # row 47
    path = tar_of(many(4).items(), tmp_path / "x.tar")
    data = bytearray(path.read_bytes())
    second = next(at for at in range(512, len(data), 512) if data[at + 257 : at + 262] == b"ustar")
    data[second + 5] ^= 1
    path.write_bytes(bytes(data))
    assert refused(path).code == "broken_archive"


def test_a_sparse_file_declared_in_pax_is_refused(tmp_path: Path) -> None:  # row 47
    info = tarfile.TarInfo("a.png")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(8 * 10**12)}
    assert refused(tar_of([(info, GOOD)], tmp_path / "x.tar")).code == "unsupported_method"


def test_sizes_of_zip64_are_not_believed(tmp_path: Path) -> None:  # row 48
    extra = struct.pack("<HHQQ", 1, 16, 2**63, 2**63)
    local = (
        struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 8, 0, 0, 0, 2**32 - 1, 2**32 - 1, 5, len(extra)) + b"a.png" + extra
    )
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 8, 0, 0, 0, 2**32 - 1, 2**32 - 1, 5, 20, 0, 0, 0, 0, 0)
    directory = entry + b"a.png" + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)
    (tmp_path / "x.zip").write_bytes(local + directory + end)
    assert refused(tmp_path / "x.zip").code == "declared_total_too_large"


@pytest.mark.parametrize("field", [b"a.png", b"\x00\x00\x21\x00"])
def test_a_directory_and_headers_that_disagree_are_refused(tmp_path: Path, field: bytes) -> None:  # row 49
    path = raw_zip([(b"a.png", GOOD, {})], tmp_path / "x.zip")
    data = path.read_bytes()
    other = b"b.png" if field == b"a.png" else b"\x08\x00\x21\x00"
    at = data.index(b"a.png") if field == b"a.png" else 8
    path.write_bytes(data[:at] + other[: 5 if field == b"a.png" else 1] + data[at + (5 if field == b"a.png" else 1) :])
    assert refused(path).code == "inconsistent_archive"


def test_folders_alone_are_no_images(tmp_path: Path) -> None:  # row 50
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "folder" / "a").mkdir(parents=True)
    zipped = zip_of([("a/", b""), ("a/b/", b"")], tmp_path / "x.zip")
    for path in (zipped, tar_of([(folder, b"")], tmp_path / "x.tar"), tmp_path / "folder"):
        assert refused(path).code == "no_images"


def test_a_damaged_member_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    path = zip_of(many(40).items(), tmp_path / "x.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(bytes(data))
    with open_sample(path) as sample:
        assert [(r.member, r.code) for r in sample.refused] == [("dog/0.png", "broken_image")]


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = tar_of(many(40).items(), tmp_path / "x.tar.gz")
    path.write_bytes(path.read_bytes()[:-500])
    assert refused(path).code == "broken_archive"


def test_the_sum_of_declared_sizes_is_limited_in_every_source(tmp_path: Path) -> None:
    small = SampleLimits(max_total_bytes=1000)
    files = many(20)
    for path in (
        zip_of(files.items(), tmp_path / "x.zip"),
        tar_of(files.items(), tmp_path / "x.tar"),
        folder_of(files, tmp_path / "f"),
    ):
        assert refused(path, small).code == "declared_total_too_large"
    assert refused(tmp_path / "x.zip", SampleLimits(max_archive_bytes=100)).code == "archive_too_large"


def test_a_member_over_its_limit_is_reported_and_not_read(tmp_path: Path) -> None:  # row 59
    files = many(40) | {"dog/large.png": os.urandom(100_000)}
    limits = SampleLimits(max_member_bytes=50_000)
    for path in (
        zip_of(files.items(), tmp_path / "x.zip"),
        tar_of(files.items(), tmp_path / "x.tgz"),
        folder_of(files, tmp_path / "f"),
    ):
        with open_sample(path, limits) as sample:
            assert [(r.member, r.code) for r in sample.refused] == [("dog/large.png", "file_too_large")]


def test_paths_are_written_in_one_unicode_form(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "caf\u00e9/1.png")
    with open_sample(tar_of([(decomposed, GOOD), ("b/2.png", picture(1))], tmp_path / "x.tar")) as sample:
        assert [entry.label for entry in sample.entries()] == ["b", "caf\u00e9"]
