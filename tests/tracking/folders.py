"""Folders whose ids DVC 3.67.1 was asked for: `dvc init --no-scm; dvc add FOLDER`, with IGNORES as the .dvcignore."""

from collections.abc import Callable
from pathlib import Path

NAMES = 'café.txt|cafe\u0301.txt|고양이/하나.jpg|日本.txt|😀.txt|Z.txt|a b.txt|"quoted".txt|back\\slash.txt'
NAMES += "|tab\t.txt|~.txt|é/1|e/1|a-b|a.b"
IGNORED = "keep.txt drop.tmp sub/drop.tmp sub/keep.txt build/x deep/build/y only/here.txt other/here.txt note.log"
IGNORED += " important.log a1.dat a2.dat ab.dat x/y/z/w.txt x/w.txt #hash"
IGNORES = r"""# comment
*.tmp
build/
data_ignored/only/here.txt
*.log
!important.log
a[0-9].dat
data_ignored/x/**/w.txt
\#hash
"""


def put(folder: Path, path: str, data: bytes | None = None) -> Path:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.encode() if data is None else data)
    return place


def plain(folder: Path) -> None:
    put(folder, "a.txt", b"one\n")
    put(folder, "b/c.txt", b"two\n")
    put(folder, "b/d/e.bin", bytes(range(256)))


def empty(folder: Path) -> None:
    put(folder, "empty", b"")
    put(folder, "a.txt", b"a")
    (folder / "nothing" / "below").mkdir(parents=True)


def scripts(folder: Path) -> None:
    for name in NAMES.split("|"):
        put(folder, name)


def line_ends(folder: Path) -> None:
    put(folder, "dos.txt", b"one\r\ntwo\r\n")
    put(folder, "unix.txt", b"one\ntwo\n")


def modes(folder: Path) -> None:
    put(folder, "run.sh", b"#!/bin/sh\n").chmod(0o755)
    put(folder, "plain.sh", b"#!/bin/sh\n")


def links(folder: Path) -> None:
    put(folder, "real/x.txt", b"x")
    (folder / "link.txt").symlink_to("real/x.txt")
    (folder / "linked").symlink_to("real")


def hidden(folder: Path) -> None:
    for path, data in {".hidden": b"h", ".git/config": b"g", ".hg/x": b"g", ".gitignore": b"*.txt\n"}.items():
        put(folder, path, data)
    for path, data in {"a.txt": b"a", "sub/.git/HEAD": b"x", ".DS_Store": b"s", "x/.git": b"gitdir"}.items():
        put(folder, path, data)


def order(folder: Path) -> None:
    for name in ("b", "a/z", "a.txt", "a-", "A", "aa/b", "a0"):
        put(folder, name)


def ignored(folder: Path) -> None:
    for name in (*IGNORED.split(), "sp ace"):
        put(folder, name)


def large(folder: Path) -> None:
    put(folder, "big.bin", bytes(range(256)) * 12000)
    put(folder, "big2.bin", bytes(range(255)) * 12000)


def nothing(folder: Path) -> None:
    folder.mkdir()


def lonely(folder: Path) -> None:
    put(folder, "x/y.txt", b"y")


DVC: dict[str, tuple[Callable[[Path], None], str]] = {
    "plain": (plain, "30e8003352221771fdb83b26d030c289.dir"),
    "empty": (empty, "8211dd4b77c42bcbf42d47a5cfcf6a19.dir"),
    "scripts": (scripts, "9ecb8b0bb1b6aa758158e396a640a23d.dir"),
    "line_ends": (line_ends, "902fb49d5c788d03b5f63e8c0961da44.dir"),
    "modes": (modes, "b4a38db3126c54de8fc8e2f17679ede9.dir"),
    "links": (links, "767cf27eb47551f43c11fcb38c266031.dir"),
    "hidden": (hidden, "ad8bec11c81303e9672bca6a62f077c8.dir"),
    "order": (order, "5636f75ed7a0bc8316a66ab9619307c3.dir"),
    "ignored": (ignored, "004d0aa646151f58dd6fb713b732bf01.dir"),
    "large": (large, "1ccf7d9decf9d39bdf600c5a016b2208.dir"),
    "nothing": (nothing, "d751713988987e9331980363e24189ce.dir"),
    "lonely": (lonely, "71dd0eecebfcd49fa1b60de977c6a0fc.dir"),
}
