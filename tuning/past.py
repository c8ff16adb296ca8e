"""What a tuning takes from those before it, and leaves for those after it.

    HOME/studies/past.jsonl --near images, same family--> settings to try first --> the search --> one more line there

A setting is kept under the plain names of its hyper-parameters, for each family of networks apart, so that it serves
other models and other choices of models. Images are placed by the network that looks at all data, on those that the
recommendation looked at where their features are there. Where that network has yet to be taught, nothing is taken and
nothing is left: a search does not wait for it. Nothing that goes wrong here costs a user the search.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discriminator.domains import Discriminator, gallery_of
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.errors import HeadhuntError, Interrupted
from headhunt.spaces import Fixed, Space, Value, active, allowed, fixed
from headhunt.trials import Trial
from tuning.bench import Model
from tuning.defaults import MODEL, Family, bare, family_of
from tuning.goals import QUALITIES, Goals
from tuning.journal import STUDIES
from tuning.neighbours import Params, PastStudy, Setting, past_study, remember, remembered, starts
from zoo.images.samples import Sample
from zoo.repository import Zoo

NEIGHBOURS = 4
"""Of each one start: as many as the benchmark had."""
OPTIMISER, ADAMW = "optimiser", "adamw"
"""What the trainer takes where nothing is said."""
LEAST = 5
"""Trials with a value, from which on a study is worth remembering: fewer say little, and would stand in for a longer
one of the same images."""
BROKEN = (HeadhuntError, OSError, RuntimeError)


class Past:
    """Of one sample and the models to tune on it. galleries: what a recommendation may have looked at.
    folder: of past.jsonl."""

    def __init__(
        self,
        zoo: Zoo,
        sample: Sample,
        models: Sequence[Model],
        goals: Goals,
        galleries: Sequence[Gallery] = (),
        folder: Path | None = None,
    ) -> None:
        self.zoo, self.sample, self.models, self.goals = zoo, sample, models, goals
        self.galleries = galleries
        self.folder = zoo.home / STUDIES if folder is None else folder
        self.discriminator = Discriminator(zoo, FeatureStore(zoo.home))

    def starts(self, space: Space, models: Sequence[str]) -> list[Params]:
        """Settings to try first, of the likeliest model of each family; none where nothing is known, and never of the
        same images. models: those in the space, or the only one."""
        try:
            first: dict[Family, str] = {}
            for model in models:
                first.setdefault(self.families[model], model)
            return dealt([self.of_family(model, family, space) for family, model in first.items()])
        except Interrupted:
            raise
        except BROKEN:
            return []

    def of_family(self, model: str, family: Family, space: Space) -> list[Params]:
        known = remembered(self.folder, self.discriminator.eyes, family) if self.discriminator.is_ready() else []
        others = [named(one, model, space) for one in known if one.images != self.sample.version.id]
        if not others:
            return []
        found = starts(self.place, others, NEIGHBOURS, space)
        return [one for one in found if one.keys() - {MODEL}]

    def keep(self, trials: Sequence[Trial], models: Sequence[str]) -> None:
        """What came of a search, for those to come; one line for each family that was searched. models: as above."""
        try:
            for family in dict.fromkeys(self.families.values()) if self.discriminator.is_ready() else ():
                settings = list(self.settings(trials, family, models[0]))
                if len(settings) >= LEAST:
                    self.add(settings, family)
        except Interrupted:
            raise
        except BROKEN:
            return

    def add(self, settings: Sequence[Setting], family: Family) -> None:
        """The same call again adds nothing."""
        study = past_study(self.sample.version.id, self.discriminator.eyes, self.place, settings)
        told = PastStudy(study.images, study.eyes, study.embedding, study.settings, family)
        if told not in remembered(self.folder, told.eyes, family):
            remember(self.folder, told)

    def settings(self, trials: Iterable[Trial], family: Family, only: str) -> Iterable[Setting]:
        """only: the model, where the space names none."""
        quality = next(name for name in self.goals.aims if name in QUALITIES)
        sign = 1.0 if QUALITIES[quality] == "minimize" else -1.0
        for one in trials:
            value = one.values.get(quality) if one.values else one.value
            if value is not None and self.families.get(str(one.params.get(MODEL, only))) == family:
                plain = {bare(name): said for name, said in one.params.items() if name != MODEL}
                yield Setting(plain, sign * value)

    # --- what it hangs on

    @cached_property
    def families(self) -> dict[str, Family]:
        classes = len(self.sample.classes)
        return {one.card.id: family_of(self.zoo.load(one.card.id, classes=classes)) for one in self.models}

    @cached_property
    def place(self) -> NDArray[np.float32]:
        """Where the images lie: of those that were looked at before, if their features are there."""
        backbone, store = self.discriminator.backbone, self.discriminator.store
        known = next((one for one in self.galleries if store.known(backbone, one)), None)
        return self.discriminator.place(known or gallery_of(self.sample))


def named(study: PastStudy, model: str, space: Space) -> PastStudy:
    """The same with the names that this space has for the model: `lr` becomes `lr.layernorm`."""
    settings = [Setting(in_space(one.params, model, space), one.loss) for one in study.settings]
    return PastStudy(study.images, study.eyes, study.embedding, settings, study.about)


def in_space(params: Mapping[str, Value], model: str, space: Space) -> Params:
    """Nothing, where it was found for another optimiser: its rates would mislead."""
    wanted: Params = {OPTIMISER: ADAMW, **params, MODEL: model}
    if not allowed(space.get(OPTIMISER, fixed(ADAMW)), wanted[OPTIMISER]):
        return {}
    found: Params = {}
    for name, parameter in space.items():
        value = parameter.value if isinstance(parameter, Fixed) else wanted.get(bare(name))
        if active(space, name, found) and allowed(parameter, value):
            found[name] = value
    return found


def dealt(by_family: Sequence[Sequence[Params]]) -> list[Params]:
    """Of each family its first, then of each its second, and so on."""
    turns = chain.from_iterable(zip_longest(*by_family))
    return [one for one in turns if one is not None][:NEIGHBOURS]
