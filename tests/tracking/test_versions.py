"""Versions of folders: DVC's ids, what is kept, what comes back."""

import os

import msgspec
import pytest

from headhunt.errors import BadValue, BlobBroken, MissingFile, UnknownVersion
from tests.tracking.folders import DVC, IGNORES, nothing, plain, put
from tracking.checkout import checkout
from tracking.differences import class_of, diff
from tracking.versions import DataFile, DataVersion, Shelf, check_version, version_at, version_named, version_of


@pytest.fixture
def repository(tmp_path):
    """A folder as `dvc init` leaves it."""
    root = tmp_path / "repository"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvcignore").write_text(IGNORES)
    return root


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "home")


@pytest.fixture
def folder(tmp_path):
    plain(tmp_path / "photos")
    return tmp_path / "photos"


@pytest.mark.parametrize("name", DVC)
def test_the_id_of_a_folder_is_the_one_that_dvc_gives_it(name, repository):
    make, wanted = DVC[name]
    make(repository / f"data_{name}")
    assert version_at(repository / f"data_{name}").id == wanted


def test_a_dvcignore_between_the_root_and_the_folder_counts_too(repository):
    for path in ("README", "p/q/a.txt", "p/q/a.skip", "p/b.skip"):
        put(repository / "mids" / "data_mid", path, b"r" if path == "README" else None)
    (repository / "mids" / ".dvcignore").write_text("*.skip\n!/data_mid/p/b.skip\n")
    assert version_at(repository / "mids" / "data_mid").id == "03a68b73f08fe57e5237ed9d36283a42.dir"


@pytest.mark.parametrize("place", [".dvcignore", "sub/.dvcignore"])
def test_a_dvcignore_within_the_folder_is_refused_as_dvc_does(place, folder):
    put(folder, place, b"*.tmp")
    with pytest.raises(BadValue, match=r"\.dvcignore"):
        version_at(folder)


def test_a_link_that_leads_nowhere_is_named(folder):
    (folder / "link").symlink_to("nowhere")
    with pytest.raises(MissingFile, match="link"):
        version_at(folder)


def test_a_pipe_is_named_and_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(BadValue, match="pipe"):
        version_at(folder)


def test_a_name_that_is_no_unicode_is_refused(folder):
    with open(os.fsencode(folder) + b"/bad\xff.txt", "wb"):
        pass
    with pytest.raises(BadValue, match="Unicode"):
        version_at(folder)


def test_what_was_added_comes_back_whole(folder, shelf, tmp_path):
    added = shelf.add(folder, note="the first")
    told = checkout(shelf, shelf.version(added.version), tmp_path / "again")
    assert version_at(tmp_path / "again").id == added.version
    assert (told.written, told.removed, told.left) == (3, 0, ())
    assert [(one.name, one.note, one.files, one.size) for one in shelf.log()] == [("photos", "the first", 3, 264)]


def test_a_file_is_kept_once_however_often_it_stands_there(folder, shelf):
    put(folder, "twice.txt", b"one\n")
    shelf.add(folder)
    shelf.add(folder)
    assert sum(path.is_file() for path in (shelf.folder / "files").rglob("*")) == 3


def test_going_back_replaces_and_removes_only_what_can_be_had_again(folder, shelf):
    first = shelf.add(folder)
    put(folder, "a.txt", b"changed")
    put(folder, "new.txt", b"new")
    second = shelf.add(folder)
    put(folder, "unkept.txt", b"nobody has this")
    told = checkout(shelf, shelf.version(first.version), folder)
    assert (told.written, told.removed, told.left) == (1, 1, ("unkept.txt",))
    (folder / "unkept.txt").unlink()
    assert version_at(folder).id == first.version
    checkout(shelf, shelf.version(second.version), folder)
    assert version_at(folder).id == second.version


def test_a_changed_file_that_is_kept_nowhere_stays_unless_forced(folder, shelf):
    first = shelf.version(shelf.add(folder).version)
    put(folder, "a.txt", b"mine")
    with pytest.raises(BadValue, match=r"a\.txt.*--force"):
        checkout(shelf, first, folder)
    assert (folder / "a.txt").read_bytes() == b"mine"
    checkout(shelf, first, folder, force=True)
    assert (folder / "a.txt").read_bytes() == b"one\n"


def test_a_folder_that_is_a_link_is_not_written_through(folder, shelf, tmp_path):
    version = shelf.version(shelf.add(folder).version)
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "b").symlink_to(outside)
    with pytest.raises(BadValue, match="folder of its own"):
        checkout(shelf, version, target)
    assert not list(outside.iterdir())


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", "", ".", "a/.git/hooks/x", ".git", "a\0b"])
def test_a_manifest_with_a_path_that_leads_out_is_not_used(path, shelf):
    version = version_of([DataFile(path=path, md5="0" * 32, digest="0" * 64, size=0)])
    with pytest.raises(BlobBroken):
        check_version(version)
    place = shelf.folder / "versions" / f"{version.id}.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(msgspec.json.encode(version))
    with pytest.raises(BlobBroken):
        shelf.version(version.id)


def test_a_manifest_in_which_a_file_is_also_a_folder_is_not_used():
    files = [DataFile(path=path, md5="0" * 32, digest="0" * 64, size=0) for path in ("a", "a/b")]
    with pytest.raises(BlobBroken):
        check_version(version_of(files))


def test_a_manifest_whose_id_is_not_that_of_its_files_is_not_used(folder):
    with pytest.raises(BlobBroken):
        check_version(DataVersion(id="0" * 32 + ".dir", files=version_at(folder).files))


def test_two_folders_of_one_id_with_other_bytes_are_not_mistaken_for_each_other(folder, shelf):
    kept = shelf.version(shelf.add(folder).version)
    forged = tuple(msgspec.structs.replace(file, digest="1" * 64) for file in kept.files)
    with pytest.raises(BlobBroken, match="forged"):
        shelf.keep_manifest(DataVersion(id=kept.id, files=forged))


def test_a_kept_file_that_changed_on_the_disk_is_not_handed_out(folder, shelf, tmp_path):
    version = shelf.version(shelf.add(folder).version)
    shelf.place(version.files[0].digest).write_bytes(b"rot")
    with pytest.raises(BlobBroken):
        checkout(shelf, version, tmp_path / "again")
    assert not list((tmp_path / "again").rglob("*.draft"))


def test_a_version_goes_by_id_beginning_name_or_folder(folder, shelf, tmp_path):
    added = shelf.add(folder, name="flowers")
    for text in (added.version, added.version[:8], "flowers", str(folder)):
        assert shelf.named(text).id == added.version
        assert version_named(text, tmp_path / "home") == added.version
    assert version_named("nobody", tmp_path / "home") is None
    with pytest.raises(UnknownVersion, match="flowers"):
        shelf.named("flower")


def test_a_name_stands_for_its_newest_version(folder, shelf):
    shelf.add(folder, name="flowers")
    put(folder, "more.txt")
    assert shelf.add(folder, name="flowers").version == shelf.named("flowers").id


def test_a_difference_tells_files_moves_and_classes(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in ("train/cat/1", "train/cat/2", "train/dog/1", "test/dog/9", "note"):
        put(old, path)
    for path in ("train/cat/1", "train/dog/1", "test/dog/9"):
        put(new, path, b"changed" if path == "test/dog/9" else None)
    put(new, "train/cow/1")
    put(new, "train/dog/moved", b"train/cat/2")
    told = diff(version_at(old), version_at(new))
    assert (told.added, told.removed, told.changed) == (("train/cow/1",), ("note",), ("test/dog/9",))
    assert told.moved == (("train/cat/2", "train/dog/moved"),)
    assert told.same == 2
    assert told.classes == {"cat": (2, 1), "cow": (0, 1), "dog": (2, 3)}


@pytest.mark.parametrize(("path", "name"), [("cat/1", "cat"), ("Train/cat/x/1", "cat"), ("1.png", ""), ("test/1", "")])
def test_the_class_of_a_file_is_its_folder(path, name):
    assert class_of(path) == name


def test_a_line_of_the_log_that_was_cut_off_hides_no_other(folder, shelf):
    shelf.add(folder)
    with (shelf.folder / "added.jsonl").open("ab") as log:
        log.write(b'{"name": "ha')
    assert len(shelf.log()) == 1
    shelf.add(folder)
    assert len(shelf.log()) == 2


def test_an_empty_folder_is_a_version_too(tmp_path, shelf):
    nothing(tmp_path / "void")
    assert checkout(shelf, shelf.version(shelf.add(tmp_path / "void").version), tmp_path / "again").same == 0
