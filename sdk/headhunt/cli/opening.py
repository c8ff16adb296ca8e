"""A sample by the name that the user gave: a path, or a domain whose images are kept here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headhunt.errors import MissingFile
from zoo.images.samples import Sample, open_sample, stored_sample
from zoo.repository import Zoo

SHOWN = 5


@contextmanager
def sample_named(zoo: Zoo, name: str) -> Iterator[Sample]:
    """A path, or the name of a domain whose images are kept here. What was left out is said at once."""
    domain = zoo.catalogue.read().domains.get(name)
    if domain is not None and domain.version is not None and not Path(name).exists():
        opened = stored_sample(domain.version, zoo.home)
    elif not Path(name).exists():
        raise MissingFile(
            f"No file or folder {name!r}, and no domain of that name with images."
            " Give a folder, a zip, a tar, or one of 'headhunt zoo domain list'."
        )
    else:
        opened = open_sample(name)
    with opened as sample:
        for line in (*sample.warnings, *refused_lines(sample)):
            print(f"headhunt: {line}", file=sys.stderr)
        yield sample


def refused_lines(sample: Sample) -> list[str]:
    shown = [f"left out {refusal.member}: {refusal.reason}" for refusal in sample.refused[:SHOWN]]
    more = len(sample.refused) - len(shown)
    return shown + ([f"left out {more} more files"] if more > 0 else [])
