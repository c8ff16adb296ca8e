"""A sample by the name that the user gave: a path, or a domain whose images are kept here."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headhunt.errors import MissingFile
from headhunt.vocabulary import Refusal
from zoo.images.samples import Sample, open_sample, stored_sample
from zoo.repository import Zoo

SHOWN = 5


@contextmanager
def sample_named(zoo: Zoo, name: str) -> Iterator[Sample]:
    """A path, or the name of a domain whose images are kept here. What was left out is said at once."""
    domain = zoo.catalogue.read().domains.get(name)
    if domain is not None and domain.version is not None and not Path(name).exists():
        opened = stored_sample(domain.version, zoo.home)
        opened.name = domain.name
    elif not Path(name).exists():
        raise MissingFile(
            f"No file or folder {name!r}, and no domain of that name with images."
            " Give a folder, a zip, a tar, or one of 'headhunt zoo domain list'."
        )
    else:
        opened = open_sample(name)
    with opened as sample:
        warn(*sample.warnings, *refused_lines(sample.refused))
        yield sample


def warn(*lines: str) -> None:
    for line in lines:
        print(f"headhunt: {line}", file=sys.stderr)


def refused_lines(refused: Sequence[Refusal]) -> list[str]:
    shown = [f"left out {refusal.member}: {refusal.reason}" for refusal in refused[:SHOWN]]
    more = len(refused) - len(shown)
    return shown + ([f"left out {more} more files"] if more > 0 else [])
