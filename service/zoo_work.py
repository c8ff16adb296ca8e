"""The jobs of the zoo: models taken in, cells trained. In a child of a worker, where torch is loaded."""

import os
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from headhunt.errors import NameTaken, UnknownModel, WeightsRefused, WeightsUnavailable
from headhunt.vocabulary import ModelCard
from headhunt.wire import CellAsked, CellFilled, ModelAdded, ModelsAdded, WeightsSent
from service.drafts import draft_named, sent_name
from service.job_runs import diary_of
from service.jobs.worker import Work
from service.store import STORE, store_of
from service.stored import dataset_sample, zoo_of
from zoo.cells import Plan, train_cell
from zoo.repository import Zoo
from zoo.sources import Found
from zoo.sources.checkpoint import Checkpoint, from_checkpoint
from zoo.sources.curated import recommended
from zoo.sources.timm_hub import WILD, from_timm
from zoo.training.trainer import Step

RECOMMENDED = "recommended"
EVERY_S = 0.5
"""A training tells so often at most; the end of an epoch always."""


def add(work: Work) -> ModelsAdded:
    """Models of timm, the recommended ones, or a file that was sent. An attempt after another finds some there."""
    if "draft" in work.spec:
        return add_sent(work)
    asked = msgspec.convert(work.spec["asked"], ModelAdded)
    several = asked.source == RECOMMENDED or bool(WILD & set(asked.source))
    with zoo_of(work, changing=True) as zoo:
        return add_named(work, zoo, asked, several)


def add_named(work: Work, zoo: Zoo, asked: ModelAdded, several: bool) -> ModelsAdded:
    added, there = list[str](), list[str]()
    for found in named(asked):
        model = found.card.id
        try:
            zoo.add(found)
            added.append(model)
        except NameTaken:
            if not several and work.step is None:
                raise
            there.append(model)
        if asked.fetch:
            fetched(zoo, zoo.card(model))
        work.tell({"stage": "add", "done": len(added) + len(there), "total": None, "words": model}, step={})
    if not several:
        zoo.measure([*added, *there])
    return ModelsAdded(models=tuple(added), there=tuple(there))


def named(asked: ModelAdded) -> Iterator[Found]:
    return recommended(asked.domain) if asked.source == RECOMMENDED else from_timm(asked.source, asked.domain)


def fetched(zoo: Zoo, card: ModelCard) -> None:
    """Errors name folders and mirrors of this machine, which are not for those who ask."""
    try:
        zoo.state(card)
    except WeightsUnavailable as error:
        words = f"The weights of {card.id} did not come: the server does not reach the hub, or may not fetch them."
        raise WeightsUnavailable(f"{words} Try again, or send them as a file.") from error


def add_sent(work: Work) -> ModelsAdded:
    """A safetensors file. It is gone when it has become a model, or was refused."""
    sent = msgspec.convert(work.spec["asked"]["sent"], WeightsSent)
    with zoo_of(work, changing=True) as zoo:
        return add_file(work, zoo, sent)


def add_file(work: Work, zoo: Zoo, sent: WeightsSent) -> ModelsAdded:
    model, store = f"{sent.domain}/{sent.name or sent.network}", store_of(work.home, os.environ.get(STORE))
    if work.step is not None and model in zoo.catalogue.read().cards:
        return ModelsAdded(models=(model,), there=())
    path = draft_named(work.home, work.spec["draft"], store)
    work.tell({"stage": "add", "done": 0, "total": 1, "words": model}, step={})
    facts = {name: getattr(sent, name) for name in WeightsSent.__struct_fields__}
    try:
        zoo.add(from_checkpoint(Checkpoint(path=path, **facts)))
    except WeightsRefused as error:
        path.unlink(missing_ok=True)
        store.remove([sent_name(path.name)])
        raise type(error)(error.reason) from error
    zoo.measure([model])
    path.unlink(missing_ok=True)
    store.remove([sent_name(path.name)])
    return ModelsAdded(models=(model,), there=())


# --- Training ---------------------------------------------------------------------------------------------------------


def train(work: Work) -> CellFilled:
    """One cell. The training keeps its own checkpoint: a later attempt on this machine goes on where it was."""
    asked = msgspec.convert(work.spec["asked"], CellAsked)
    with zoo_of(work, changing=True) as zoo:
        return fill(work, zoo, asked)


def fill(work: Work, zoo: Zoo, asked: CellAsked) -> CellFilled:
    if work.step is not None and (filled := filled_before(zoo, asked, work.spec["version"])) is not None:
        return filled
    work.tell({"stage": "training", "done": 0, "total": None, "words": "reads the images"}, step={})
    plan = Plan(asked.domain, asked.protocol, asked.network, asked.parent, asked.name)
    with dataset_sample(work) as sample, diary_of(work) as zoo.diary:
        done = train_cell(zoo, sample, plan, Teller(work))
    return CellFilled(card=done.card, outcomes=done.outcomes, refused=(*sample.refused, *done.refused))


def filled_before(zoo: Zoo, asked: CellAsked, version: str) -> CellFilled | None:
    """What an attempt had kept that died before it could say so."""
    network = asked.network or zoo.card(asked.parent or "").network
    try:
        card = zoo.card(f"{asked.domain}/{asked.name or network.rpartition(':')[2]}")
    except UnknownModel:
        return None
    if (card.version, card.protocol, card.parent) != (version, asked.protocol, asked.parent):
        return None
    rows = [row for row in zoo.history.rows() if (row.dataset, row.version) == (asked.domain, version)]
    mine = [row for row in rows if row.network == card.network and row.protocol == asked.protocol]
    return CellFilled(card=card, outcomes=tuple(mine), refused=())


class Teller:
    """Tells the queue how far a training is: at the end of every epoch, and now and then between."""

    def __init__(self, work: Work) -> None:
        self.work, self.told, self.epoch = work, 0.0, (-1, -1)

    def __call__(self, seed: int, step: Step) -> None:
        now, epoch = time.monotonic(), (seed, int(step.epoch))
        if epoch == self.epoch and step.step < step.steps and now - self.told < EVERY_S:
            return
        self.told, self.epoch = now, epoch
        body: dict[str, Any] = {"stage": "training", "done": step.step, "total": step.steps}
        words = f"seed {seed}, epoch {step.epoch:.1f}, loss {step.loss:.3f}"
        self.work.tell({**body, "words": words, "seed": seed, "epoch": step.epoch, "loss": step.loss})
