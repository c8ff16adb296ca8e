"""The engine of a recommendation that was made in this process: it opens the sample again, and does the work here."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from torch import nn

from headhunt.durations import seconds_of
from headhunt.errors import BadValue
from headhunt.recommendation import Recommendation
from headhunt.samples import sample_at
from headhunt.track.diary import Journals
from headhunt.vocabulary import Ranked, Ranking
from recommender.clock import Deadline
from recommender.finetune import FineTuned, Wish, finetune, learn_from
from recommender.recommend import recommend
from recommender.request import Progress, Request, looked_at, probe_of, rates_of
from recommender.told import about
from zoo.images.preprocess import Preprocess, preprocess_of
from zoo.images.samples import Sample
from zoo.repository import Zoo

if TYPE_CHECKING:
    from headhunt.tuned import TunedStudy
    from tuning.tune import Wish as Search

OVER = 1.1
"""A promise is broken when the answer takes so many times what was promised."""


def suggest(
    zoo: Zoo,
    path: str | Path,
    asked: Mapping[str, Any],
    *,
    began: float,
    progress: Callable[[Progress], None] | None = None,
) -> Recommendation:
    """`asked`: the fields of a Request, the budget as the user wrote it. The time counts from `began`."""
    request = Request(**{**asked, "budget": seconds_of(asked.get("budget"))})
    clock = None if request.budget is None else Deadline(request.budget - (time.monotonic() - began))
    zoo.diary = Journals(zoo.home)
    with sample_at(zoo, path) as sample:
        ranking = recommend(zoo, sample, request, clock=clock, watch=progress)
    took = time.monotonic() - began
    if request.budget is not None and took > OVER * request.budget:
        words = f"the answer took {took:.1f} s instead of {request.budget:g} s: loading the engine takes seconds"
        ranking = msgspec.structs.replace(ranking, warnings=(*ranking.warnings, words))
    return Recommendation(ranking, Local(zoo, path, request))


class Local:
    """Does what a recommendation offers, in this process."""

    def __init__(self, zoo: Zoo, path: str | Path, request: Request) -> None:
        self.zoo, self.path, self.request = zoo, path, request
        self.diary = zoo.diary = Journals(zoo.home)

    def load(self, ranking: Ranking, one: Ranked) -> tuple[nn.Module, Preprocess]:
        classes = len(ranking.classes) or None
        return self.zoo.load(one.model, classes=classes).train(), preprocess_of(one.card)

    def finetune(self, ranking: Ranking, one: Ranked, seconds: str | float) -> FineTuned:
        time_given = seconds_of(seconds, "A training")
        if time_given is None:
            raise BadValue("A training of no time is impossible. Give seconds, as 120, 90s or 5m.")
        with self.unchanged(ranking) as sample:
            wish = self.wish(sample, one, time_given)
            tuned = finetune(self.zoo, sample, one, wish)
            learn_from(self.zoo, sample, ranking, one, tuned)
        return tuned

    def tune(
        self,
        ranking: Ranking,
        ones: Sequence[Ranked],
        wish: "Search",
        watch: Callable[[Progress], None] | None = None,
    ) -> "TunedStudy":
        """Where each model is tried first hangs on its probes, and on what the recommendation expects of it."""
        from headhunt.tuned import TunedStudy  # the tuner is loaded by those who tune
        from tuning.bench import Model
        from tuning.remembering import tune

        with self.unchanged(ranking) as sample:
            models = [
                Model(
                    self.zoo.card(one.model),
                    one.expected_accuracy,
                    one.interval,
                    rates_of(self.zoo, sample, one.card, self.request),
                )
                for one in ones
            ]
            told_in = replace(wish, within=self.diary.newest(about(sample, self.request).identity or ""))
            galleries = looked_at(sample, self.request)
            return TunedStudy(tune(self.zoo, sample, models, told_in, watch or nobody, galleries), self.zoo)

    @contextmanager
    def unchanged(self, ranking: Ranking) -> Iterator[Sample]:
        with sample_at(self.zoo, self.path) as sample:
            if sample.version.id != ranking.version:
                raise BadValue(
                    f"{sample.name} has changed since it was ranked. Ask for a recommendation again, it costs little."
                )
            yield sample

    def wish(self, sample: Sample, one: Ranked, seconds: float) -> Wish:
        """From where the probe ended, if there was one."""
        ended = probe_of(self.zoo, sample, one.card, self.request)
        within = self.diary.newest(about(sample, self.request).identity or "")
        return Wish(seconds, within=within) if ended is None else Wish(seconds, *ended, within=within)


def tune_models(
    zoo: Zoo,
    path: str | Path,
    models: Sequence[str],
    wish: "Search",
    watch: Callable[[Progress], None] | None = None,
) -> "TunedStudy":
    """Models of the zoo by their ids, without a recommendation; probes of an earlier one count."""
    from headhunt.tuned import TunedStudy
    from tuning.bench import Model
    from tuning.remembering import tune

    zoo.diary = Journals(zoo.home)
    cards = [zoo.card(model) for model in models]
    with sample_at(zoo, path) as sample:
        known = [Model(card, rates=rates_of(zoo, sample, card, Request())) for card in cards]
        return TunedStudy(tune(zoo, sample, known, wish, watch or nobody, looked_at(sample, Request())), zoo)


def nobody(_: object) -> None:
    """Nobody watches."""
