"""What is said of a sample as a whole: too many broken images, and what its owner should look at."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from headhunt.errors import NoValidImages, TooManyBroken, printable
from headhunt.vocabulary import Entry, Refusal, SampleLimits

PICTURE_SUFFIXES = frozenset({"jpg", "jpeg", "jpe", "png", "gif", "webp", "bmp", "tif", "tiff"})
"""What else stands in a sample (a README, a licence) is reported, but not held against it."""
SHOWN = 20
"""So many warnings of a kind are written out."""


def promises_picture(member: str) -> bool:
    """Whether the name is one of a picture."""
    name = member.rpartition("/")[2]
    return "." not in name or name.rpartition(".")[2].lower() in PICTURE_SUFFIXES


def folder_of(member: str) -> str:
    return member.rpartition("/")[0]


def check_broken(broken: Sequence[Refusal], good: int, limits: SampleLimits) -> None:
    """More than a few broken images, and the sample is not what its owner believes it to be."""
    if not broken:
        return
    first = f"the first is {broken[0].member}: {broken[0].reason}"
    if not good:
        raise NoValidImages(f"none of the {len(broken):,} image(s) can be used; {first}")
    if len(broken) > limits.max_broken * (len(broken) + good):
        raise TooManyBroken(
            f"{len(broken):,} of {len(broken) + good:,} images are broken, more than {limits.max_broken:.0%}; {first}."
            " Remove them, or send them again"
        )


def warnings_of(entries: Sequence[Entry], lost: Iterable[str]) -> tuple[str, ...]:
    """What stops nothing and should be looked at, each behind a stable code. `lost`: folders of broken images only."""
    warnings = _some("duplicate_conflicting_labels", _conflicts(entries))
    counts = Counter(entry.label for entry in entries)
    single = sorted(label for label, count in counts.items() if label is not None and count == 1)
    warnings += _some("single_image_class", [f"the class {printable(label)!r} has one image only" for label in single])
    if None in counts and len(counts) > 1:
        warnings.append(f"unlabelled_images: {counts[None]:,} of {len(entries):,} images have no label")
    empty = [f"no image of the folder {printable(folder)!r} can be used" for folder in sorted(lost)]
    return tuple(warnings + _some("empty_class", empty))


def _conflicts(entries: Sequence[Entry]) -> list[str]:
    by_digest: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_digest[entry.digest].append(entry)
    conflicts = [same for same in by_digest.values() if len({entry.label for entry in same}) > 1]
    return ["the same picture is " + ", ".join(map(_labelled, _one_of_each(same)[:5])) for same in conflicts]


def _one_of_each(same: Sequence[Entry]) -> list[Entry]:
    """The first of each label before the others: a conflict is seen in the first two."""
    first = {entry.label: entry for entry in reversed(same)}
    return [*sorted(first.values(), key=same.index), *(entry for entry in same if entry not in first.values())]


def _labelled(entry: Entry) -> str:
    return f"{printable(entry.path)} ({printable(entry.label or 'no label')})"


def _some(code: str, cases: list[str]) -> list[str]:
    shown = [f"{code}: {case}" for case in cases[:SHOWN]]
    return shown if len(cases) <= SHOWN else [*shown, f"{code}: and {len(cases) - SHOWN:,} more"]
