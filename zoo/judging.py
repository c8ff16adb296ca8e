"""What a model's own head says of a sample: over all images, and for each class."""

import time
from dataclasses import replace

import torch

from headhunt.errors import BadValue, first_few
from headhunt.vocabulary import Evaluation, ModelCard
from zoo.images.pixels import Pixels, View, load_pixels
from zoo.images.samples import Sample
from zoo.repository import Zoo
from zoo.training.evaluation import evaluate


def judge(zoo: Zoo, model: str, sample: Sample, split: str | None = None) -> Evaluation:
    """The accuracy of a model on one split; without one named, on `test` where there is one, else on everything."""
    began = time.perf_counter()
    card = zoo.card(model)
    part = split or ("test" if "test" in sample.splits else None)
    if all(entry.label is None for entry in sample.entries(part)):
        raise BadValue(
            f"{sample.name} has no labels, so nothing can be counted. Make a folder for each class, or labels.csv."
        )
    pixels = load_pixels(sample, view_of(card), part)
    scores = evaluate(zoo.load(model), in_order_of_head(pixels, card), card.mean, card.std)
    return Evaluation(
        model=card.id,
        sample=sample.name,
        split=part or "all",
        accuracy=scores.accuracy,
        n=scores.n,
        seconds=time.perf_counter() - began,
        per_class=scores.per_class,
        refused=(*sample.refused, *pixels.refused),
    )


def view_of(card: ModelCard) -> View:
    """How the card's network wants to see an image."""
    return View(size=card.input_size, crop=card.crop, interpolation=card.interpolation)


def in_order_of_head(pixels: Pixels, card: ModelCard) -> Pixels:
    """Labels as the head counts its classes: by name where the card knows them, else by their sorted order."""
    if not card.classes and len(pixels.classes) == card.head:
        return pixels
    if not card.classes:
        raise BadValue(
            f"The head of {card.id} has {card.head} outputs, the sample {len(pixels.classes)} classes, and the card"
            " does not name its outputs. Add the model again with --classes."
        )
    place = {name: i for i, name in enumerate(card.classes)}
    strange = [repr(name) for name in pixels.classes if name not in place]
    if strange:
        raise BadValue(
            f"The head of {card.id} does not know {first_few(strange)};"
            f" it knows {first_few([repr(name) for name in card.classes])}."
            " Rename the sample's classes, or train a model on it: headhunt zoo train."
        )
    order = torch.tensor([place[name] for name in pixels.classes])
    labels = torch.where(pixels.labels >= 0, order[pixels.labels.clamp(min=0)], -1)
    return replace(pixels, labels=labels, classes=card.classes)
