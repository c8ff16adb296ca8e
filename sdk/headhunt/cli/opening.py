"""A sample by the name that the user gave: a path, or a domain whose images are kept here."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from headhunt.samples import Kept, sample_at
from headhunt.vocabulary import Refusal
from zoo.images.samples import Sample

SHOWN = 5


@contextmanager
def sample_named(zoo: Kept, name: str) -> Iterator[Sample]:
    """A path, or the name of a domain whose images are kept here. What was left out is said at once."""
    with sample_at(zoo, name) as sample:
        warn(*sample.warnings, *refused_lines(sample.refused))
        yield sample


def warn(*lines: str) -> None:
    for line in lines:
        print(f"headhunt: {line}", file=sys.stderr)


def refused_lines(refused: Sequence[Refusal]) -> list[str]:
    shown = [f"left out {refusal.member}: {refusal.reason}" for refusal in refused[:SHOWN]]
    more = len(refused) - len(shown)
    return shown + ([f"left out {more} more files"] if more > 0 else [])
