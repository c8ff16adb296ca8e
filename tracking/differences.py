"""What changed between two versions of data: files, and classes where folders are such."""

from collections import Counter

from headhunt.track.wire import DataDiff as DataDiff
from tracking.versions import DataVersion

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing", "eval"})


def diff(before: DataVersion, after: DataVersion) -> DataDiff:
    old = {file.path: file.digest for file in before.files}
    new = {file.path: file.digest for file in after.files}
    gone, come = [path for path in old if path not in new], [path for path in new if path not in old]
    moved = moves({path: old[path] for path in gone}, {path: new[path] for path in come})
    went, came = {pair[0] for pair in moved}, {pair[1] for pair in moved}
    counts = Counter(map(class_of, old)), Counter(map(class_of, new))
    names = sorted(name for name in {*counts[0], *counts[1]} if name and counts[0][name] != counts[1][name])
    return DataDiff(
        before=before.id,
        after=after.id,
        added=tuple(path for path in come if path not in came),
        removed=tuple(path for path in gone if path not in went),
        changed=tuple(path for path in old if path in new and old[path] != new[path]),
        moved=tuple(moved),
        same=sum(new.get(path) == digest for path, digest in old.items()),
        size=(before.size, after.size),
        classes={name: (counts[0][name], counts[1][name]) for name in names},
    )


def moves(gone: dict[str, str], come: dict[str, str]) -> list[tuple[str, str]]:
    """The same bytes, under another path; each file is told once."""
    waiting: dict[str, list[str]] = {}
    for path, digest in gone.items():
        waiting.setdefault(digest, []).append(path)
    return [(waiting[digest].pop(0), path) for path, digest in come.items() if waiting.get(digest)]


def class_of(path: str) -> str:
    """`train/cat/1.png` and `cat/1.png` are of the class `cat`; a file beside the folders is of none."""
    folders = [part for part in path.split("/")[:-1] if part.lower() not in SPLITS]
    return folders[0] if folders else ""
