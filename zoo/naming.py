"""Free names for what is trained from a model of the zoo on a user's sample."""

from headhunt.vocabulary import ModelCard
from zoo.images.samples import Sample
from zoo.repository import Zoo


def free_domain(zoo: Zoo, sample: Sample) -> str:
    """The sample's name; with a number where a row of that name holds other images."""
    rows = zoo.catalogue.read().domains
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in sample.name).strip("-_") or "sample"
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, len(rows) + 3))
    return next(name for name in names if name not in rows or rows[name].version == sample.version.id)


def free_name(zoo: Zoo, domain: str, card: ModelCard) -> str:
    cards = zoo.catalogue.read().cards
    stem = f"{card.network.rpartition(':')[2]}-from-{card.domain}"
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, len(cards) + 3))
    return next(name for name in names if f"{domain}/{name}" not in cards)
