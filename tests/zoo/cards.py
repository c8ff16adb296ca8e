"""Cards and catalogues for tests: small ones, true in every fact that is checked."""

from pathlib import Path

import msgspec

from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.store import Catalogue


def card(model: str = "digits/resnet10t", **facts: object) -> ModelCard:
    domain = model.partition("/")[0]
    plain = ModelCard(
        id=model,
        network="resnet10t",
        domain=domain,
        origin="train",
        input_size=32,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        params=5,
        macs=7,
    )
    return msgspec.structs.replace(plain, **facts)


def filled(home: Path, *models: str) -> Catalogue:
    catalogue = Catalogue(home)
    with catalogue.change() as draft:
        for model in models:
            draft.ensure_domain(Domain(name=model.partition("/")[0]))
            draft.add_card(card(model))
    return catalogue
