"""Which network looks at all data: domains and samples are compared in its eyes.

1. what HEADHUNT_REFERENCE names: a model's id
2. the best broad backbone of the catalogue whose weights are on this machine
3. a small network taught all starter domains at once, trained at first use     zoo/starter/reference.py
"""

import hashlib
import os

from discriminator.backbone import Backbone, backbone_of
from headhunt.vocabulary import ModelCard
from zoo.images.pixels import View
from zoo.repository import Zoo
from zoo.starter.drawing import SIZE
from zoo.starter.networks import MEAN, STD
from zoo.starter.reference import place, starter_reference

CHOICE = "HEADHUNT_REFERENCE"
BROAD = 500
"""Outputs of a source head from which its data counts as broad: ImageNet has 1,000 classes, Places 365."""
AFFORDABLE = 2.5e9
"""Multiply-adds an image: more, and 400 images cost a core half a minute. A ResNet-18 at 224 px has 1.8e9."""


def reference(zoo: Zoo) -> Backbone:
    """The reference network. Raises UnknownModel where HEADHUNT_REFERENCE names none."""
    if named := os.environ.get(CHOICE):
        return backbone_of(zoo, zoo.card(named))
    broad = broad_ones(zoo)
    return backbone_of(zoo, max(broad, key=worth)) if broad else starter_backbone(zoo)


def is_ready(zoo: Zoo) -> bool:
    """Whether the reference network is here, or has to be taught first."""
    return bool(os.environ.get(CHOICE)) or bool(broad_ones(zoo)) or place(zoo.home).is_file()


def broad_ones(zoo: Zoo) -> list[ModelCard]:
    return [card for card in zoo.catalogue.read().cards.values() if is_broad(card) and is_here(zoo, card)]


def is_broad(card: ModelCard) -> bool:
    """A backbone of timm that has learned many classes, and that 400 images can be shown to in seconds."""
    return card.origin.startswith("timm:") and card.head >= BROAD and card.macs <= AFFORDABLE


def is_here(zoo: Zoo, card: ModelCard) -> bool:
    return card.weights is not None and zoo.weights.path(card.weights).is_file()


def worth(card: ModelCard) -> tuple[int, float, int, str]:
    """The broadest first (21,000 classes before 1,000), then the most accurate, then the largest; then by name."""
    return (card.head, card.accuracy or 0.0, card.params, card.id)


def starter_backbone(zoo: Zoo) -> Backbone:
    taught = starter_reference(zoo.home)
    digest = hashlib.sha256(f"{taught.network}/{SIZE}/{taught.digest}".encode()).hexdigest()
    return Backbone("starter reference", digest, View(size=SIZE), MEAN, STD, taught.build)
