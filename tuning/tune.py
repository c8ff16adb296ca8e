"""From a model, or several, to hyper-parameters that suit a sample: the story.

    images, once --space by model, data--> study --trials, each a run--> the best --trained again--> a model of the zoo

The same call again goes on with the same study, whatever ended it: its name is made of the question (images, models,
space, aims, limits, seed), and its trials lie in HOME/studies/NAME. More trials or seconds are no other question.

The best is trained once more, as it was, by what fills a cell of the zoo; there its accuracy comes from the test part,
which nobody has looked at before.
"""

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from headhunt.errors import BadValue, Diverged, HeadhuntError, Interrupted, OutOfTime, TrialFailed
from headhunt.progress import Progress, Watch
from headhunt.spaces import Space, Value, to_json
from headhunt.trials import Trial
from headhunt.vocabulary import ModelCard, Protocol, Struct
from tuning import running
from tuning.aims import signs
from tuning.bench import Bench, Model, Rows, rows_in, said_of
from tuning.defaults import Facts, joint_space
from tuning.finetuning import FineTuning, said
from tuning.goals import Goals, check_varies
from tuning.journal import KEPT, checked as checked_name, held
from tuning.keeping import AtHome, Keeper, Kept as Searched
from tuning.lanes import Fan, Lanes
from tuning.opening import opening
from tuning.part import REFITTED, to_refit
from tuning.recommended import Recommended, recommended
from tuning.redrawing import redrawn
from tuning.study import Study, Wanted
from zoo.cells import Plan, check_classes, train_cell
from zoo.files import replace_file
from zoo.images.samples import Sample
from zoo.naming import free_domain, free_name
from zoo.parts import Parts
from zoo.repository import Zoo
from zoo.telling import About, Entry
from zoo.training.pacing import seconds_a_step

PART, FINISH = "part.json", "finish.lock"
WARM_UP = 20
"""Percent of a training before which nobody is stopped: the rate still rises."""
IN_TIME = 8
"""Trials of the longest kind that should fit into the seconds given."""
FOR_TRIALS = 0.8
FAREWELL, KEEPING = 1.25, 1.5
"""The best is trained once more in the end, which takes about so many times what its trial took; and so many seconds to
measure and keep it."""
OUT_OF_TIME = "The time of the study was up."


@dataclass(frozen=True)
class Wish:
    """What is asked. trials, seconds: when to end, what comes first. space: the user's own, over the default.

    elsewhere: asked for the space and its models, gives points to try first, as the best of studies of like images.
    part: chooses, of the sample divided for the first model's view, the rows of `train` that trials learn from, or None
    for all; the best few are then trained on all. tuning/remembering.py fills in both.
    """

    trials: int | None = 40
    seconds: float | None = None
    space: Mapping[str, Any] = field(default_factory=dict)
    goals: Goals = field(default_factory=Goals)
    algo: str = "auto"
    seed: int = 0
    name: str | None = None
    curtail: bool = True
    elsewhere: Callable[[Space, Sequence[str]], Sequence[Mapping[str, Value]]] = lambda *_: ()
    part: Callable[[Parts], Rows | None] | None = None
    share: float | None = None
    """Of the images to learn from, what the user wants trials to learn from; 1: all; None: by rule."""
    within: str | None = None
    """The run that the study's is a part of."""
    keeper: Keeper | None = None
    """Where the study is kept; None: in the zoo's home."""
    fan: Fan | None = None
    """Who does trials beside each other; None: one after the other, here."""


@dataclass(frozen=True)
class Tuned:
    """A study that ended, or was interrupted: then there is no card yet."""

    study: Study
    name: str
    goals: Goals
    recommended: Recommended
    best: Trial
    card: ModelCard | None
    models: tuple[str, ...]
    learned: tuple[int, int] | None = None
    """Where trials learned from a part of the images: from how many, of how many."""


class Kept(Struct, frozen=True):
    """Which trial became which model, and which was the best when it did."""

    trial: int
    card: str
    best: int


def tune(zoo: Zoo, sample: Sample, models: Sequence[Model], wish: Wish, watch: Watch = lambda _: None) -> Tuned:
    """Search, then train and keep the best. models: the likeliest first."""
    check_classes(sample)
    return Tuning(zoo, sample, tuple(models), wish, watch).go()


class Tuning:
    """One call."""

    def __init__(self, zoo: Zoo, sample: Sample, models: tuple[Model, ...], wish: Wish, watch: Watch) -> None:
        self.zoo, self.sample, self.wish, self.watch = zoo, sample, wish, watch
        self.end = None if wish.seconds is None else time.monotonic() + wish.seconds
        known_space = joint_space({one.card.id: Facts("batchnorm", 1, 32) for one in models[:1]}, wish.space)
        check_varies(wish.goals, len(models), known_space)
        self.question = question(sample, models, wish)
        self.name = checked_name(wish.name or f"{plain(sample.name)}-{self.question[:8]}")
        self.keeper = wish.keeper or AtHome(zoo.home)
        self.folder = self.keeper.folder(self.name)
        self.check_question()
        self.bench = Bench(zoo, sample, models, self.folder, wish.seed)
        self.longest = 0.0
        """Seconds of the longest trial that ended."""

    def go(self) -> Tuned:
        self.tell("reading the images", 0)
        models = self.bench.meeting(self.wish.goals, "input_size" in self.wish.space)
        self.bench.models = {one.card.id: one for one in models}
        rows = self.rows()
        study = self.opened(models)
        with self.zoo.diary.begin(self.about(study)) as told:
            self.bench.rows = rows
            whole = self.search(study, told)
            found = study.looked()
            self.check_ended(found, whole)
            best, card = self.finished(found, told) if whole else (found.best(), None)
            advice = self.advice(found, best)
            told.note("summary", summary(best, advice, card))
        return Tuned(
            found, self.name, self.wish.goals, advice, best, card, tuple(self.bench.models), self.learned(rows)
        )

    # --- the search

    def opened(self, models: Sequence[Model]) -> Searched:
        """A new study, or the one of this question."""
        wish, goals = self.wish, self.wish.goals
        wanted = Wanted(
            name=self.name,
            algo=wish.algo,
            direction=goals.direction,
            seed=wish.seed,
            trials=wish.trials,
            curtail=wish.curtail,
            warm_up=WARM_UP,
            aims=goals.several,
            limits=goals.kept_limits,
        )
        if self.keeper.question(self.name) is None:
            most = min(self.most_epochs(one) for one in models)
            facts = {one.card.id: self.bench.facts(one.card.id, most) for one in models}
            space = joint_space(facts, wish.space)
            known = [(one, facts[one.card.id]) for one in models]
            points = opening(space, known, wish.trials, wish.seed, wish.elsewhere(space, list(facts)))
            wanted = msgspec.structs.replace(wanted, space=dict(space), start=points)
        return self.keeper.opened(wanted, self.question)

    def most_epochs(self, model: Model) -> float:
        """So many that some trials fit into the time."""
        if self.end is None:
            return math.inf
        data = self.bench.data(model.card.id)
        step = seconds_a_step(self.bench.network(model.card.id), data, Protocol(batch_size=32, lr=1e-3))
        epoch = step * math.ceil(len(data.train.images) / 32)
        return max(1.0, FOR_TRIALS * (self.end - time.monotonic()) / IN_TIME / epoch)

    def search(self, study: Searched, told: Entry) -> bool:
        """False: Ctrl-C."""
        objective = FineTuning(self.bench, self.wish.goals, self.name, told)
        self.longest = max([one.seconds or 0.0 for one in study.trials() if one.value is not None], default=0.0)

        def one(params: Mapping[str, Value]) -> dict[str, Any]:
            self.tell(words_of(params), study.count() - 1)
            began = time.monotonic()
            found = objective(params)
            self.longest = max(self.longest, time.monotonic() - began)
            return found

        limits = running.Limits(trials=self.wish.trials)
        if self.wish.fan is None:
            run = running.run_with_others if self.wish.keeper is None else running.run
            whole = run(study, one, limits, self.enough)
        else:
            whole = Lanes(study, objective, limits, self.enough, Seen(self, study)).run(self.wish.fan)
        self.tell("the trials ended", study.count())
        return whole

    def check_ended(self, study: Study, whole: bool) -> None:
        """Without a trial that ended there is nothing to tell, and the reason is not the study's."""
        if any(one.value is not None for one in study.trials()):
            return
        if not whole:
            raise Interrupted("The search was interrupted before any trial ended. The same call again goes on.")
        if self.enough():
            raise OutOfTime(
                f"No trial ended within {self.wish.seconds:g} s. Give more, or fewer epochs: space={{'epochs': 3}}."
            )

    def enough(self) -> str:
        """The end comes as much earlier as the training of the best will take; of the best few, after a part."""
        learned = self.learned(self.bench.rows)
        left = FAREWELL if learned is None else (REFITTED + FAREWELL) * learned[1] / learned[0]
        late = self.end is not None and time.monotonic() + left * self.longest + KEEPING >= self.end
        return OUT_OF_TIME if late else ""

    def rows(self) -> Rows | None:
        """Chosen once, and kept: all trials of a study learn from the same images."""
        if self.wish.part is None:
            return None
        path = self.folder / PART
        if path.exists() and self.keeper.question(self.name) is not None:
            return rows_in(path)
        self.tell("choosing the images to search on", 0)
        rows = self.wish.part(self.all_images())
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, msgspec.json.encode(None if rows is None else rows.tolist()))
        return rows

    def all_images(self) -> Parts:
        return self.bench.parts(self.bench.view(next(iter(self.bench.models))))

    def learned(self, rows: Rows | None) -> tuple[int, int] | None:
        return None if rows is None else (len(rows), len(self.all_images().train.images))

    # --- what comes of it

    def finished(self, study: Study, told: Entry) -> tuple[Trial, ModelCard | None]:
        """Ctrl-C ends it as it ends the trials. One process at a time, so that others of the study find its model."""
        best = study.best()
        try:
            with held(self.folder / FINISH):
                best = self.on_all(study, study.best(), told)
                return best, self.kept(study, best, told)
        except (KeyboardInterrupt, Interrupted):
            return best, None

    def on_all(self, study: Study, best: Trial, told: Entry) -> Trial:
        """Where trials learned from a part: of the best few, the one that is best when it learns from all."""
        if self.bench.rows is None:
            return best
        self.bench.rows = None
        before = said_of(self.folder / KEPT)
        if before.get("best") == best.number:
            return next(one for one in study.trials() if one.number == before.get("trial"))
        sign = signs(study.about.aims, study.about.direction)[0]
        done = [one for one in study.trials() if one.value is not None and one.within]
        few = [done[i] for i in to_refit([sign * (one.value or 0.0) for one in done])]
        objective, aim = FineTuning(self.bench, self.wish.goals, self.name, told), self.wish.goals.aims[0]
        again = {one.number: math.inf for one in few}
        for one in few:
            self.tell(f"training trial {one.number} on all images", study.count())
            with suppress(Diverged, TrialFailed):  # what went well on the part need not go well on all
                again[one.number] = sign * objective.whole(one.params)[aim]
        return min(few, key=lambda one: again[one.number])

    def advice(self, study: Study, best: Trial) -> Recommended:
        """From what each trial said of each validation image."""
        goals = self.wish.goals
        done = [one for one in study.trials() if one.value is not None and one.within]
        rows = {one.number: found for one in done if (found := said(self.folder, one.number)) is not None}
        if goals.several or study.best().number not in rows or len({one.shape for one in rows.values()}) != 1:
            return recommended(study, best=best)
        losses, right = (np.stack([found[i] for found in rows.values()]).astype(float) for i in (0, 1))
        seen = redrawn(losses, right, self.wish.seed, by_accuracy=goals.aims[0] == "accuracy")
        chances = dict(zip(rows, seen.chances.tolist(), strict=True))
        return recommended(study, chances, seen, best)

    def kept(self, study: Study, best: Trial, told: Entry) -> ModelCard:
        """The model that the best trial became; trained now, unless it was before."""
        before = said_of(self.folder / KEPT)
        if before.get("trial") == best.number and (card := self.card_of(str(before.get("card")))):
            return card
        self.tell("training the best once more", study.count())
        card = self.trained(best, told)
        replace_file(
            self.folder / KEPT, msgspec.json.encode(Kept(trial=best.number, card=card.id, best=study.best().number))
        )
        return card

    def card_of(self, model: str) -> ModelCard | None:
        with suppress(HeadhuntError):
            return self.zoo.card(model)
        return None

    def trained(self, trial: Trial, told: Entry) -> ModelCard:
        asked = FineTuning(self.bench, self.wish.goals, self.name, told).asked(trial.params)
        domain = free_domain(self.zoo, self.sample)
        name = free_name(self.zoo, domain, self.bench.models[asked.model].card)
        plan = Plan(domain, asked.protocol, parent=asked.model, name=name, within=told.id)
        parts = self.bench.parts(self.bench.view(asked.model, asked.size))
        return train_cell(self.zoo, self.sample, plan, parts=parts).card

    # --- words

    def about(self, study: Searched) -> About:
        return About(
            experiment="tune",
            name=f"study {self.name}",
            identity=f"study\0{self.name}\0{self.question}",
            dataset=self.sample.version.id,
            parent=self.wish.within,
            params={
                "models": list(self.bench.models),
                "trials": self.wish.trials,
                "seconds": self.wish.seconds,
                "algo": study.about.algo,
                "aims": list(self.wish.goals.aims),
                **{f"limits.{name}": worst for name, worst in self.wish.goals.limits.items()},
                "space": to_json(study.space).decode(),
            },
            tags=("study",),
        )

    def tell(self, words: str, done: int) -> None:
        self.watch(Progress("trials", done, self.wish.trials or 0, words))

    def check_question(self) -> None:
        if self.keeper.question(self.name) not in (None, self.question):
            raise BadValue(
                f"The study {self.name!r} searched something else: other images, models, space, aims or limits."
                " Take another name, or none."
            )


class Seen:
    """Of trials beside each other."""

    def __init__(self, tuning: Tuning, study: Searched) -> None:
        self.tuning, self.study = tuning, study

    def began(self, params: Mapping[str, Value]) -> None:
        self.tuning.tell(words_of(params), self.study.count() - 1)

    def ended(self, seconds: float) -> None:
        self.tuning.longest = max(self.tuning.longest, seconds)


def words_of(params: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} {short(value)}" for name, value in params.items())


def question(sample: Sample, models: Sequence[Model], wish: Wish) -> str:
    """What makes a study another one."""
    asked = (
        sample.version.id,
        sorted((one.card.id, one.card.weights or "") for one in models),
        {name: repr(one) for name, one in sorted(wish.space.items())},
        wish.goals.aims,
        sorted(wish.goals.limits.items()),
        wish.algo,
        wish.seed,
        wish.curtail,
        wish.part is not None,
        wish.share,
    )
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


def summary(best: Trial, advice: Recommended, card: ModelCard | None) -> dict[str, Any]:
    return {
        "best": {"trial": best.number, "value": best.value, **best.params},
        "expected_accuracy": advice.accuracy,
        "trials": advice.trials,
        "card": card and card.id,
        "test_accuracy": card and card.accuracy,
    }


def plain(name: str) -> str:
    """A name for a folder."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in name).strip("-_")
    return kept[:60] or "sample"


def short(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
