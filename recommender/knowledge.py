"""What past rankings and trainings taught, as one request may use it: all but what is known of its own images."""

from collections.abc import Sequence
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


def not_of(outcomes: Sequence[Outcome], zoo: Zoo, sample: Sample) -> list[Outcome]:
    """Outcomes on other data: neither of this version, nor under its name or that of a domain of this version."""
    domains = zoo.catalogue.read().domains.values()
    names = {sample.name, *(domain.name for domain in domains if domain.version == sample.version.id)}
    return [row for row in outcomes if row.version != sample.version.id and row.dataset not in names]
