"""Every format gives the same sample; labels and parts come from places or from a table; versions name content."""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from headhunt import errors
from headhunt.vocabulary import Entry, SampleLimits
from tests.zoo.full_disk import full_disk
from tests.zoo.images import folder_of, many, picture, tar_of, zip_of
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample, stored_sample
from zoo.images.versions import diff, version_of

Maker = Callable[[dict[str, bytes], Path], Path]
MAKERS: dict[str, Maker] = {
    "folder": lambda files, path: folder_of(files, path / "photos"),
    "zip": lambda files, path: zip_of(files.items(), path / "photos.zip"),
    "rooted zip": lambda files, path: zip_of(((f"photos/{n}", d) for n, d in files.items()), path / "photos.zip"),
    "tar": lambda files, path: tar_of(files.items(), path / "photos.tar"),
    "dotted tar": lambda files, path: tar_of(((f"./{n}", d) for n, d in files.items()), path / "photos.tar"),
    "tar.gz": lambda files, path: tar_of(files.items(), path / "photos.tar.gz"),
    "gnu tgz": lambda files, path: tar_of(files.items(), path / "photos.tgz", tarfile.GNU_FORMAT),
}
TABLE = b"file,label\n" + b"".join(b"%d.png,%s\n" % (i, b"cat" if i % 2 else b"dog") for i in range(6))
SHAPES: dict[str, dict[str, bytes]] = {
    "classes": many(8),
    "splits": {f"{part}/{name}": data for part in ("train", "valid", "test") for name, data in many(4).items()},
    "labels": {f"{i}.png": picture(i) for i in range(6)} | {"labels.csv": TABLE},
    "unlabelled": {f"{i}.png": picture(i) for i in range(6)},
}
NAMED = pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS.keys())


@NAMED
@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_gives_the_same_version_and_the_same_bytes(tmp_path: Path, maker: Maker, shape: str) -> None:
    files = SHAPES[shape]
    with open_sample(folder_of(files, tmp_path / "plain" / "photos")) as reference:
        expected = reference.version
    with open_sample(maker(files, tmp_path)) as sample:
        assert sample.name == "photos"
        assert sample.version == expected
        for entry in sample.entries():
            data = sample.read(entry)
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (entry.digest, entry.size)
            assert data == files[entry.path]


@NAMED
def test_a_stored_sample_is_the_one_that_was_opened(tmp_path: Path, maker: Maker) -> None:
    blobs = Blobs(tmp_path / "home" / "blobs")
    source = maker(SHAPES["splits"], tmp_path)
    with open_sample(source, blobs=blobs) as at_once:
        assert at_once.store(blobs) == at_once.version
    with open_sample(source) as later:
        assert later.store(blobs).id == at_once.version.id
    stored = stored_sample(at_once.version.id, tmp_path / "home")
    assert stored.version == at_once.version
    assert [stored.read(entry) for entry in stored.entries("val")] == [at_once.read(e) for e in at_once.entries("val")]
    kept = [path for path in blobs.folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in kept) == sorted({entry.digest for entry in stored.entries()})


def test_splits_have_their_usual_names(tmp_path: Path) -> None:
    with open_sample(folder_of(SHAPES["splits"], tmp_path)) as sample:
        assert (sample.splits, sample.classes) == (("test", "train", "val"), ("cat", "dog"))
        assert {entry.path.split("/")[0] for entry in sample.entries("val")} == {"valid"}
        with pytest.raises(errors.UnknownSplit, match="Did you mean 'train'"):
            sample.entries("trian")


def test_a_class_may_be_named_as_a_split_beside_others(tmp_path: Path) -> None:
    with open_sample(folder_of({"train/1.png": picture(1), "bus/2.png": picture(2)}, tmp_path)) as sample:
        assert (sample.splits, sample.classes) == ((), ("bus", "train"))


def test_one_folder_is_a_class_unless_it_has_the_name_of_the_sample(tmp_path: Path) -> None:
    files = [("cats/1.png", picture(1)), ("cats/2.png", picture(2))]
    with open_sample(zip_of(files, tmp_path / "photos.zip")) as sample:
        assert sample.classes == ("cats",)
    with open_sample(zip_of(files, tmp_path / "cats.zip")) as sample:
        assert (sample.classes, sample.entries()[0].path) == ((), "1.png")


def test_the_content_decides_what_an_archive_is(tmp_path: Path) -> None:
    with open_sample(tar_of(many(4).items(), tmp_path / "x.tar").rename(tmp_path / "x.zip")) as sample:
        assert len(sample.entries()) == 4


def test_a_readme_is_reported_and_not_held_against_the_sample(tmp_path: Path) -> None:
    with open_sample(folder_of(many(4) | {"README.md": b"# Photos"}, tmp_path)) as sample:
        assert [(r.member, r.code) for r in sample.refused] == [("README.md", "not_an_image")]


def test_more_than_a_twentieth_broken_refuses_the_sample(tmp_path: Path) -> None:
    with open_sample(folder_of(many(38) | {"dog/a.png": b"x", "dog/b.png": b""}, tmp_path / "a")) as sample:
        assert [r.code for r in sample.refused] == ["not_an_image", "empty_file"]
    with pytest.raises(errors.TooManyBroken, match="2 of 39"):
        open_sample(folder_of(many(37) | {"dog/a.png": b"x", "dog/b.png": b""}, tmp_path / "b"))


def test_a_sample_without_images_says_so(tmp_path: Path) -> None:  # row 72
    with pytest.raises(errors.NoValidImages, match=r"a\.jpg: is text"):
        open_sample(folder_of({"a.jpg": b"<html>"}, tmp_path / "a"))
    with pytest.raises(errors.NoImages):
        open_sample(folder_of({"a.txt": b"hello"}, tmp_path / "b"))
    with pytest.raises(errors.MissingFile, match="nowhere"):
        open_sample(tmp_path / "nowhere")


def test_one_picture_under_two_labels_is_kept_and_both_are_named(tmp_path: Path) -> None:  # row 64
    with open_sample(folder_of(many(4) | {"cat/same.png": picture(0), "dog/copy.png": picture(0)}, tmp_path)) as sample:
        assert len(sample.entries()) == 6
        (warning,) = (w for w in sample.warnings if w.startswith("duplicate_conflicting_labels"))
        assert "cat/same.png (cat)" in warning
        assert "dog/0.png (dog)" in warning


def test_the_same_picture_twice_under_one_label_is_no_warning(tmp_path: Path) -> None:  # row 64
    with open_sample(folder_of(many(4) | {"dog/copy.png": picture(0)}, tmp_path)) as sample:
        assert (len(sample.entries()), sample.warnings) == (5, ())


def test_thin_classes_are_warned_of(tmp_path: Path) -> None:  # row 68
    with open_sample(folder_of(many(40) | {"owl/1.png": picture(50), "bat/1.png": b"broken"}, tmp_path)) as sample:
        assert sample.classes == ("cat", "dog", "owl")
        assert [w.partition(":")[0] for w in sample.warnings] == ["single_image_class", "empty_class"]


def test_one_class_is_a_sample_too(tmp_path: Path) -> None:  # row 67
    with open_sample(folder_of({"cat/1.png": picture(1), "cat/2.png": picture(2)}, tmp_path)) as sample:
        assert sample.classes == ("cat",)


def test_too_many_classes_are_refused(tmp_path: Path) -> None:  # row 70
    files = {f"{i}/x.png": picture(i) for i in range(6)}
    with pytest.raises(errors.TooManyClasses, match="6 classes; 5"):
        open_sample(folder_of(files, tmp_path), SampleLimits(max_classes=5))


@pytest.mark.parametrize(
    "table",
    [
        "\ufefffile,label\r\n0.png,dog\r\n1.png,\"cat, grey\"\r\n",
        "label,file\ndog,./0.png\n\"cat, grey\",1.png\n\n",
        "Filename,note,Class\n0.png,,dog\n1.png,x,\"cat, grey\"",
    ],
)  # fmt: skip
def test_a_table_may_come_from_a_spreadsheet(tmp_path: Path, table: str) -> None:  # row 71
    files = {"0.png": picture(0), "1.png": picture(1), "labels.csv": table.encode()}
    with open_sample(folder_of(files, tmp_path)) as sample:
        assert [entry.label for entry in sample.entries()] == ["dog", "cat, grey"]


def test_a_formula_is_a_label_as_any_other_text(tmp_path: Path) -> None:  # row 71
    files = {"0.png": picture(0), "1.png": picture(1), "labels.csv": b"file,label\n0.png,=cmd()\n1.png,b\n"}
    with open_sample(folder_of(files, tmp_path)) as sample:
        assert sample.classes == ("=cmd()", "b")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "row 1 "),
        (b"a,b\n", "row 1 "),
        (b"file,label\n0.png,dog\ngone.png,cat\n1.png,cat\n", "row 3 'gone.png' is not in the sample"),
        (b"file,label\n0.png,dog\n", "no row, the first is '1.png'"),
        (b"file,label\n0.png,dog\n0.png,cat\n1.png,cat\n", "row 3 '0.png' stands twice"),
        (b"file,label\n0.png,dog\n1.png,\n", "row 3 '1.png' has no label"),
        (b"file,label\n0.png\n", "row 2 has 1 cell"),
        (b"file,label\n../0.png,dog\n", "row 2 the name leaves the sample"),
        (b"file,label\n0.png,\xff\n", "not UTF-8"),
        (b'file,label\n0.png,"dog\n', "row 2 cannot be read"),
        (b"file,label\n0.png," + b"x" * 200_000 + b"\n", "row 2 cannot be read"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(tmp_path: Path, table: bytes, said: str) -> None:  # row 71
    files = {"0.png": picture(0), "1.png": picture(1), "labels.csv": table}
    with pytest.raises(errors.BadLabels) as caught:
        open_sample(folder_of(files, tmp_path))
    assert said in str(caught.value)
    assert str(caught.value).startswith("labels.csv: ")
    assert len(str(caught.value)) < 400


def test_a_table_with_a_line_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:  # row 71
    folder_of({"0.png": picture(0)}, tmp_path)
    with (tmp_path / "labels.csv").open("wb") as file:
        file.write(b"file,label\n")
        file.truncate(2**30)
    with pytest.raises(errors.BadLabels, match="bytes"):
        open_sample(tmp_path)


def test_a_table_below_the_top_is_reported(tmp_path: Path) -> None:
    with open_sample(folder_of(many(4) | {"dog/labels.csv": b"file,label\n"}, tmp_path)) as sample:
        assert [(r.member, r.code) for r in sample.refused] == [("dog/labels.csv", "not_an_image")]


def test_a_row_may_name_an_image_that_was_refused(tmp_path: Path) -> None:
    files = {f"{i}.png": picture(i) if i else b"x" for i in range(30)}
    files["labels.csv"] = b"file,label\n" + b"".join(b"%d.png,a\n" % i for i in range(30))
    with open_sample(folder_of(files, tmp_path)) as sample:
        assert (len(sample.entries()), len(sample.refused)) == (29, 1)


def test_a_version_is_the_hash_of_its_manifest() -> None:
    entries = [Entry(path="b", digest="1" * 64, size=3, label="x"), Entry(path="a", digest="2" * 64, size=4)]
    lines = f"a\0{'2' * 64}\0\x004\nb\0{'1' * 64}\0=x\x003\n"
    assert version_of(entries).id == hashlib.sha256(lines.encode()).hexdigest()
    assert version_of(reversed(entries)) == version_of(entries)


def test_two_versions_have_a_diff() -> None:
    def entry(path: str, digest: str, label: str) -> Entry:
        return Entry(path=path, digest=digest * 64, size=1, label=label)

    before = version_of(
        [entry("same", "1", "x"), entry("gone", "2", "x"), entry("named", "3", "x"), entry("new", "4", "y")]
    )
    after = version_of(
        [entry("same", "1", "x"), entry("named", "3", "y"), entry("new", "5", "y"), entry("more", "6", "z")]
    )
    found = diff(before, after)
    assert [e.path for e in found.added] == ["more", "new"]
    assert [e.path for e in found.removed] == ["gone", "new"]
    assert [(a.label, b.label) for a, b in found.relabelled] == [("x", "y")]
    assert found.balance == {"x": (3, 1), "y": (1, 2), "z": (0, 1)}


def test_a_damaged_blob_is_never_handed_out(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    digest = blobs.add(b"picture")
    blobs.path(digest).write_bytes(b"pictura")
    with pytest.raises(errors.BlobBroken):
        blobs.read(digest)
    blobs.path(digest).write_bytes(b"")
    assert blobs.add(b"picture") == digest
    assert blobs.read(digest) == b"picture"


def test_an_image_that_changes_after_opening_is_noticed(tmp_path: Path) -> None:
    with open_sample(folder_of(many(4), tmp_path)) as sample:
        (tmp_path / sample.entries()[0].path).write_bytes(b"other")
        with pytest.raises(errors.BlobBroken, match="has changed"):
            sample.read(sample.entries()[0])


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "x" * 10_000, "A" * 64])
def test_an_unknown_version_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(errors.UnknownVersion):
        stored_sample(name, tmp_path)


def test_a_changed_manifest_is_noticed(tmp_path: Path) -> None:
    with open_sample(folder_of(many(4), tmp_path / "x")) as sample:
        version = sample.store(Blobs(tmp_path / "blobs"))
    place = tmp_path / "versions" / f"{version.id}.json"
    place.write_bytes(place.read_bytes().replace(b'"cat"', b'"cow"'))
    with pytest.raises(errors.BlobBroken):
        stored_sample(version.id, tmp_path)


def test_on_a_full_disk_a_blob_is_not_kept_and_the_place_is_named(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(errors.NotWritten, match=r"blobs.*could not be written.*Make space"):
        Blobs(tmp_path / "blobs").add(bytes(10_000))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
