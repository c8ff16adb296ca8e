"""What past rankings and trainings taught, as one request may use it: all but what is known of its own images."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from headhunt.vocabulary import Outcome
from recommender.experience import SHIPPED, Lesson, read_lessons
from zoo.images.samples import Sample
from zoo.repository import Zoo


@dataclass(frozen=True)
class Known:
    """What past rankings and trainings taught: lessons to fit on, and outcomes of these models elsewhere."""

    lessons: Sequence[Lesson]
    outcomes: Sequence[Outcome]


def known_to(zoo: Zoo) -> Known:
    """The experience that comes with the package and that of the home."""
    own = read_lessons(zoo.home / "experience.csv")
    return Known([*read_lessons(SHIPPED), *own], zoo.history.rows())


def apart_from_sample(known: Known, zoo: Zoo, sample: Sample, holding: Collection[str] = ()) -> Known:
    """What was learned on other data: neither of this version, nor under its name or that of a domain of this version,
    nor in one of the domains `holding` some of its images. A forecast, never a memory.
    """
    domains = zoo.catalogue.read().domains.values()
    same = [domain for domain in domains if domain.version == sample.version.id or domain.name in holding]
    names = {sample.name, *(domain.name for domain in same)}
    versions = {sample.version.id, *(domain.version for domain in same)}
    return Known(
        [one for one in known.lessons if one.version not in versions and one.target not in names],
        [row for row in known.outcomes if row.version not in versions and row.dataset not in names],
    )
