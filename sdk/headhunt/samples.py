"""A sample by what the user calls it: a path, or the name of a domain whose images are kept here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from headhunt.errors import MissingFile
from zoo.catalogue.store import Catalogue
from zoo.images.samples import Sample, open_sample, stored_sample


class Kept(Protocol):
    """What of a zoo is needed to find a sample: no network, so no torch."""

    home: Path
    catalogue: Catalogue


class Here:
    """A home without its networks."""

    def __init__(self, home: Path) -> None:
        self.home, self.catalogue = home, Catalogue(home)


def check_there(zoo: Kept, path: str | Path) -> None:
    """Whether there is anything at all under this name. Raises MissingFile."""
    domain = zoo.catalogue.read().domains.get(str(path))
    if not Path(path).expanduser().exists() and (domain is None or domain.version is None):
        raise MissingFile(
            f"No file or folder {str(path)!r}, and no domain of that name with images. Give a folder, a zip, a tar, or"
            " one of 'headhunt zoo domain list'."
        )


@contextmanager
def sample_at(zoo: Kept, path: str | Path) -> Iterator[Sample]:
    """A path, or the name of a domain whose images are kept here."""
    check_there(zoo, path)
    domain = zoo.catalogue.read().domains.get(str(path))
    there = Path(path).expanduser()
    if domain is not None and domain.version is not None and not there.exists():
        opened = stored_sample(domain.version, zoo.home)
        opened.name = domain.name
    else:
        opened = open_sample(there)
    with opened as sample:
        yield sample
