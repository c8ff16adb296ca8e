"""The command `headhunt zoo near`: the domains and models of the repository that lie nearest to a sample."""

import argparse
from collections.abc import Mapping, Sequence

from discriminator.atlas import Atlas, Near
from discriminator.domains import Discriminator, gallery_of
from discriminator.features import FeatureStore
from headhunt.cli.health import Line
from headhunt.cli.opening import sample_named, warn
from headhunt.cli.render import as_json, table, told
from headhunt.cli.values import whole
from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.quantities import write_count, write_share
from zoo.images.samples import Sample
from zoo.repository import Zoo

NOTHING_THERE = (
    "no domain of this zoo has images to compare with. 'headhunt zoo build-starter' keeps those of eight,"
    " 'headhunt zoo domain add NAME SAMPLE' keeps yours."
)


def show_near(asked: argparse.Namespace) -> None:
    zoo, top = Zoo(), whole("top", asked.top)
    with sample_named(zoo, asked.sample) as sample:
        version = sample.version.id
        domains, models = nearest(zoo, sample, top)
    if not domains:
        warn(NOTHING_THERE)
    if asked.json:
        named = asked.sample.encode(errors="backslashreplace").decode()  # a path need not be Unicode, JSON must
        print(as_json({"sample": named, "version": version, "domains": domains, "models": models}))
    elif domains:
        shelf = zoo.catalogue.read()
        tables = [table_of_domains(domains, shelf.domains), table_of_models(models, shelf.cards)]
        print("\n\n".join(tables if models else tables[:1]))


def nearest(zoo: Zoo, sample: Sample, top: int) -> tuple[list[Near], list[Near]]:
    """Domains and models. Without a domain to compare with no network is asked for."""
    if all(domain.version is None for domain in zoo.catalogue.read().domains.values()):
        return [], []
    discriminator = Discriminator(zoo, FeatureStore(zoo.home))
    atlas = Atlas(zoo, discriminator)
    with Line() as line:
        line.watch("reference network and images")
        place = discriminator.place(gallery_of(sample))
        line.watch("domains")
        found = atlas.near_domains(place, top), atlas.near_models(place, top)
    warn(*(f"{name} was not compared with: {why}." for name, why in discriminator.left_out().items()))
    return found


def table_of_domains(near: Sequence[Near], domains: Mapping[str, Domain]) -> str:
    rows = [(one.name, f"{one.distance:.3f}", f"{domains[one.name].images:,}") for one in near if one.name in domains]
    return table(("domain", "distance", "images"), rows, numbers=(1, 2))


def table_of_models(near: Sequence[Near], cards: Mapping[str, ModelCard]) -> str:
    """Those of one domain have one distance; the accuracy is that on their own domain."""
    known = [(one, cards[one.name]) for one in near if one.name in cards]
    rows = [
        (card.id, f"{one.distance:.3f}", card.network, write_count(card.params), told(card.accuracy, write_share))
        for one, card in known
    ]
    return table(("model", "distance", "network", "params", "accuracy"), rows, numbers=(1, 3, 4))
