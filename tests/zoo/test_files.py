"""Files are replaced as a whole, and locks go with the process that held them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from headhunt.errors import HomeLocked, NotWritten
from zoo.files import clear_drafts, replace_file, writer_lock

HOLD = """
import sys, time
from pathlib import Path
from zoo.files import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_file_is_made_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    replace_file(path, b"one")
    before = path.stat().st_ino
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_the_mode_of_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_pipe_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace_file(pipe, b"told")
        assert os.read(reader, 10) == b"told"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["", "a\0b", "b" * 300])
def test_a_place_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotWritten, match="could not be written"):
        replace_file(tmp_path / name, b"x")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_old_file_and_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    replace_file(path, b"old")
    monkeypatch.setattr("zoo.files.os.fsync", full)
    with pytest.raises(NotWritten, match="No space left on device"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_drafts_of_killed_writers_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    for name in (".file.99-aa.draft", "file", ".other.99-aa.draft"):
        (tmp_path / name).write_bytes(b"x")
    clear_drafts(tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.99-aa.draft", "file"]


def test_a_second_writer_waits_then_says_which_lock_is_held(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with writer_lock(lock), pytest.raises(HomeLocked, match=str(lock)) as caught, writer_lock(lock, patience=0.05):
        pass
    assert "\n" not in str(caught.value)


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with writer_lock(tmp_path / "lock"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HomeLocked), writer_lock(lock, patience=0.05):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with writer_lock(lock, patience=5):
            pass


def test_a_lock_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotWritten, match=r"Not a directory|File exists"), writer_lock(tmp_path / "file" / "lock"):
        pass
