"""Which of these models should this sample start from? The story, top to bottom:

    sample --choose--> a few hundred images of all classes
       --domain-->     what they resemble, and who has already seen them      discriminator/domains.py, contamination.py
       --history-->    who did well elsewhere, near data counting more        prior.py, candidates.py
       --features-->   how well each network separates the classes as it is   signals.py
       --training-->   who learns fastest, in rungs                           halving.py
       --ranking-->    expected accuracies, intervals, ties, reasons          ranking.py, report.py

Each stage adds signals to candidates, the most promising first, and stops when its share of the time is up. The answer
is made of what is there: after the time, after Ctrl-C, after a network that could not be read.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from discriminator.backbone import backbone_of
from discriminator.domains import Discriminator, Resemblance
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.errors import (
    HeadhuntError,
    Interrupted,
    NeedTwoClasses,
    NoCandidate,
    NoModelMeets,
    OutOfTime,
    UnknownName,
    WeightsRefused,
    WeightsUnavailable,
    one_line,
)
from headhunt.vocabulary import ModelCard, Ranking
from recommender.budget import FOR_ANSWER, FOR_FEATURES, default_budget, feature_cost
from recommender.candidates import promising, within_limits
from recommender.choosing import choose, decoding_seconds, part_within, within_time
from recommender.clock import Clock, Deadline, Until
from recommender.contamination import Seen as SeenBefore, copies, have_seen, overlap
from recommender.contender import Contender, ProbeResult, probing_data
from recommender.dissimilarity import Views, compared
from recommender.fan import Fan, Here, Part
from recommender.fan_tasks import may_travel, pictures_part, weights_part
from recommender.halving import beaten, halving
from recommender.kin import network_effects, with_networks
from recommender.knowledge import Known, apart_from_sample, known_to
from recommender.looking import Looking, LookThrough
from recommender.outcomes import outcomes_of
from recommender.prior import Prior, history_prior
from recommender.probe_book import ProbeBook
from recommender.ranking import Judged, judge
from recommender.report import Found, Seen, places, ranking_of
from recommender.request import Leaders, Progress, Request, Watch, plan_for
from recommender.signals import card_signals, ladder, probe_signals, share_of_largest
from recommender.threads import fitting_threads
from recommender.told import Tries, about, summary_of
from zoo.images.samples import Sample
from zoo.judging import view_of
from zoo.repository import Zoo
from zoo.training.trainer import TrainingData

MOST_PROBED = 12
FOR_DOMAIN = 0.4
"""The share of the time that getting to know new domains may take; what was learned stays."""
FOR_COPIES = 0.1
"""The share of the time left that near domains may be searched for copies of the sample's images."""
PATIENCE = 10.0
"""Seconds that a hub may take to say that it is not there, and a little more."""
FOR_COMPARING = 1.0
"""Seconds for each of the best that have to be there, before what they see is compared."""
LEADERS = 5
"""So many of the best are told while it goes on."""
LEADING_S = 1.0
"""Between two looks at who leads: one takes 5 ms of one core, with four candidates as with two hundred."""
HOPELESS = 0.03
"""Whoever beats the leader with less than this probability is not probed."""


def recommend(
    zoo: Zoo,
    sample: Sample,
    request: Request,
    *,
    clock: Clock | None = None,
    known: Known | None = None,
    watch: Watch | None = None,
    scratch: Path | None = None,
    fan: Fan | None = None,
) -> Ranking:
    """The whole story. `clock` counts from the user's call where that was earlier. `scratch`: where features and probes
    are kept, the zoo's home if None. `fan`: who looks through networks and tries them, this process if None. Raises
    before anything is spent: NoModels, NoModelMeets, NeedTwoClasses, NoValidImages ... Ctrl-C ends it early, with what
    is there.
    """
    hunt = Hunt(zoo, sample, request, known or known_to(zoo), scratch or zoo.home)
    hunt.fan = fan or hunt.fan
    with zoo.diary.begin(about(sample, request)) as told, fitting_threads():
        hunt.tries = Tries(zoo.diary, told, sample.version.id)
        ranking = hunt.run(clock, watch or (lambda _: None))
        told.note("summary", summary_of(ranking))
    return ranking


class Hunt:
    """One request: what was found so far, and the stages that add to it."""

    def __init__(self, zoo: Zoo, sample: Sample, request: Request, known: Known, scratch: Path) -> None:
        self.zoo, self.sample, self.request, self.scratch = zoo, sample, request, scratch
        self.spent: dict[str, float] = {}
        with self.timed("sample"):
            cards, self.warnings = within_limits(zoo, request.limits)
            self.cards = [card for card in cards if request.among is None or card.id in request.among]
            if not self.cards:
                raise NoModelMeets(f"None of the {len(request.among or ())} models named meets the limits.")
            entries, words = choose(sample, request.labels, request.seed)
            views = {view_of(card) for card in self.cards}
            decoding = decoding_seconds(sample, entries)
            self.budget = request.budget or default_budget(
                self.cards, len(entries), len(views) * decoding * len(entries)
            )
            part = part_within(self.budget, decoding * len(entries), len(views))
            entries, more = within_time(sample, entries, request.labels, request.seed, part)
            self.warnings += words + more
            self.gallery = Gallery(sample, entries, sample.classes)
        self.clock: Clock = Deadline(self.budget)
        self.watch: Watch = lambda _: None
        self.fan: Fan = Here()
        self.tries = Tries()
        self.labelled = request.labels and len(sample.classes) > 1
        self.store = FeatureStore(scratch)
        self.looking = Looking(zoo, self.gallery, self.store, decoding, request.seed, request.device)
        self.known, self.signals = known, [dict[str, float]() for _ in self.cards]
        self.holding: dict[str, float] = {}
        """Domains that hold images of the sample, and which share of them."""
        self.learn_apart_from(overlap(zoo, sample.version))
        self.probes: dict[str, ProbeResult] = {}
        self.views: dict[str, Views] = {}
        self.resembles: Resemblance | None = None
        self.prior: Prior | None = None
        self.leaders: Leaders = ()
        self.led = -math.inf
        """When it was last told who leads."""
        self.settled = self.interrupted = self.offline = False

    def run(self, clock: Clock | None, watch: Watch) -> Ranking:
        self.clock, self.watch = clock or self.clock, watch
        stages = [("domain", self.look), ("history", self.remember)]
        if self.labelled:
            stages += [("features", self.examine), ("training", self.train)]
        for name, stage in stages:
            try:
                with self.timed(name):
                    stage()
            except (Interrupted, KeyboardInterrupt):
                self.interrupted = True
                self.warnings.append(f"stopped by hand in stage '{name}'; this is the answer from what was there")
                break
            except (HeadhuntError, OSError) as error:
                if name == "domain":  # the images themselves cannot be used
                    raise
                self.warnings.append(f"stage '{name}' ended early: {one_line(error)}")
        with self.timed("ranking"):
            judged = self.judged()
        self.warnings += self.fan.warnings
        return ranking_of(self.found(), judged)

    # --- the stages ---

    def learn_apart_from(self, seen: SeenBefore) -> None:
        """Leave out the models, lessons and outcomes of domains that hold these images."""
        self.holding = {**self.holding, **seen.shares}
        self.seen = have_seen(self.zoo, SeenBefore(self.holding))
        known = apart_from_sample(self.known, self.zoo, self.sample, self.holding)
        self.lessons, self.outcomes = with_networks(known.lessons), known.outcomes
        networks = network_effects(known.lessons)
        for card, signals in zip(self.cards, self.signals, strict=True):
            signals |= card_signals(card, networks)

    def look(self) -> None:
        """What the sample resembles, and which models have already seen it."""
        self.tell("domain", 0, 1, "looking at the images")
        until = self.clock.left() * (1 - FOR_DOMAIN)
        discriminator = Discriminator(self.zoo, self.store, may_go_on=lambda: self.clock.left() > until)
        self.check_classes(discriminator)
        try:
            if discriminator.seconds() > max(0.0, FOR_DOMAIN * self.clock.left()):
                raise OutOfTime(
                    "the time was too short for learning what the zoo's domains look like; given longer, it is kept"
                )
            self.resembles = discriminator.resembles(self.gallery)
        except OutOfTime as error:
            self.warnings.append(str(error))
            return
        except Interrupted:
            raise
        except HeadhuntError as error:
            self.warnings.append(f"what the sample resembles could not be told: {error}")
            return
        for card, signals in zip(self.cards, self.signals, strict=True):
            signals["near"] = self.resembles.nearness.get(card.domain, 0.0)
        most = int(FOR_COPIES * self.clock.left() / self.looking.decoding) - len(self.gallery.entries)
        self.learn_apart_from(copies(self.zoo, self.gallery, self.resembles.nearness, most))

    def check_classes(self, discriminator: Discriminator) -> None:
        """Decode, as the reference network wants to see them: that all images are broken, or all of a class, is told
        before anything else is spent."""
        with suppress(UnknownName, WeightsUnavailable, WeightsRefused):
            backbone = discriminator.backbone if discriminator.is_ready() else None
            if backbone and self.store.known(backbone, self.gallery):
                self.store.features(backbone, self.gallery)
            elif backbone:
                self.looking.hold(backbone.view)
        labels = self.gallery.labels
        if self.labelled and len(np.unique(labels[labels >= 0])) < 2:
            raise NeedTwoClasses(
                f"{self.sample.name} has images of one class only that can be read. Mend or replace the others."
            )

    def remember(self) -> None:
        """What history says of each candidate, near data counting more."""
        outcomes = outcomes_of(self.outcomes)
        near = self.resembles.nearness if self.resembles else None
        self.prior = history_prior(outcomes, [card.id for card in self.cards], near)
        if any(card.id in outcomes.models for card in self.cards):
            for signals, effect in zip(self.signals, self.prior.effect.tolist(), strict=True):
                signals["history"] = effect
        self.lead()
        self.tell("history", 1, 1)

    def examine(self) -> None:
        """Features of one candidate after the other, as time allows, and how well they separate the classes."""
        until = self.clock.left() * (1 - FOR_FEATURES)
        order = self.order()
        said: dict[int, str] = {}
        try:
            for errand, outcome in self.fan.run(self.looks(order, until), Until(self.clock, until)):
                card = self.cards[errand.i]
                with self.forgiving(card, partial(said.__setitem__, errand.place)):
                    self.signals[errand.i] |= outcome.get()
                    self.cards[errand.i] = self.zoo.card(card.id)  # its weights may have come just now
                    self.lead(LEADING_S)
        finally:
            self.warnings += [said[place] for place in sorted(said)]
        self.lead()
        self.tell("features", len(order), len(order))

    def looks(self, order: Sequence[int], until: float) -> Iterator[LookThrough]:
        """One errand after the other, as long as they fit into the time."""
        for place, i in enumerate(order):
            card, fits = self.cards[i], False
            self.tell("features", place, len(order), card.id)
            with self.forgiving(card, self.warnings.append):
                fits = self.fits(card, self.clock.left() - until)
            if fits:
                yield LookThrough(self.looking, card.id, place, i)

    def train(self) -> None:
        """Short trainings of the best, until their order is settled or the time is up."""
        plan = plan_for(self.request)
        book = ProbeBook(self.scratch, self.gallery.key)
        finalists = self.finalists()
        with suppress(HeadhuntError):  # evidence that nothing rests on: images too few, or features not finite
            self.compare([self.cards[i] for i in finalists])
        contenders = [self.contender(self.cards[i]) for i in finalists]
        clock = Until(self.clock, FOR_ANSWER)
        told = self.tell_probe
        place = {card.id: i for i, card in enumerate(self.cards)}
        results: tuple[ProbeResult, ...] = ()
        pace = self.looking.pace.for_training([self.cards[i] for i in finalists])
        for results in (
            halving(contenders, plan, clock, book, told, pace, self.tell_failure, self.fan, self.tries.trained)
            if contenders
            else ()
        ):
            for result in results:
                self.probes[result.model] = result
                self.signals[place[result.model]] |= probe_signals(result)
            self.lead()
            self.tell("training", len(results), len(results), "who leads now")
        self.settled = len(results) > 1 and all(beaten(other, results[0]) for other in results[1:])

    def compare(self, cards: Sequence[ModelCard]) -> None:
        """At which depth each of the best tells the classes apart, and who of them sees these images alike."""
        if len(cards) < 2 or self.clock.left() < FOR_COMPARING * len(cards):
            return
        seen = [self.store.features(backbone_of(self.zoo, card), self.gallery) for card in cards]
        self.tell("training", 0, len(cards), "comparing what the best see")
        with threadpool_limits(1, "blas"):
            self.views.update(compared([card.id for card in cards], seen, self.gallery.labels))

    def tell_failure(self, model: str, error: HeadhuntError) -> None:
        self.tries.cannot(model, error)
        self.warnings.append(f"{model} could not be tried: {error}")

    def tell_probe(self, result: ProbeResult, done: int, total: int) -> None:
        self.tell("training", done, total, f"{result.model}: held-out loss {result.val_loss:.3f}")

    # --- what they need ---

    def tell(self, stage: str, done: int, total: int, words: str = "") -> None:
        self.watch(Progress(stage, done, total, words, self.leaders))

    def lead(self, every: float = 0.0) -> None:
        """Who stands first as things are, looked up no sooner than so many seconds after the last time."""
        if (now := time.perf_counter()) - self.led >= every:
            judged, found, self.led = self.judged(), self.found(), now
            first = places(found, judged)[:LEADERS]
            self.leaders = tuple(
                (self.cards[i].id, round(float(judged.accuracy[i]), 4) if self.labelled else None) for i in first
            )

    def order(self) -> list[int]:
        """Candidates by what a closer look at them may bring."""
        judged = self.judged()
        spread = np.maximum(judged.within, 0.3)
        if self.prior is not None:
            spread = np.hypot(spread, self.prior.spread)
        return promising(self.cards, judged.mean, spread, np.random.default_rng(self.request.seed))

    def finalists(self) -> list[int]:
        """The best by what is known, those who cannot win left out; at least two."""
        judged = self.judged()
        order = [int(i) for i in np.argsort(-judged.mean, kind="stable") if "stages" in self.signals[int(i)]]
        clean = [i for i in order if self.request.allow_seen or self.cards[i].id not in self.seen]
        if not clean:
            return []
        hopeful = [i for i in clean if judged.better(i, clean[0]) >= HOPELESS]
        return max(hopeful[:MOST_PROBED], clean[:2], key=len)

    def contender(self, card: ModelCard) -> Contender:
        @cache
        def data() -> TrainingData:
            return probing_data(self.gallery.pixels(view_of(card)), card.mean, card.std, self.request.seed)

        def parts() -> tuple[Part, Part]:
            return pictures_part(self.gallery, view_of(card)), weights_part(self.zoo, card)

        network = partial(self.zoo.load, card.id, classes=len(self.sample.classes))
        return Contender(card, data, network, parts if may_travel(card) else None)

    def fits(self, card: ModelCard, left: float) -> bool:
        """Whether looking through it will take no longer than that. Scoring alone, where features are on the disk."""
        if card.weights is None and (self.offline or left < PATIENCE):
            return False
        if card.weights is not None and self.store.known(backbone_of(self.zoo, card), self.gallery):
            return self.looking.scoring <= left
        images = len(self.gallery.asked)
        decoding = 0.0 if self.gallery.holds(view_of(card)) else self.looking.decoding * images
        return feature_cost(card, images, self.looking.pace) + decoding + self.looking.scoring <= left

    def judged(self) -> Judged:
        chance = share_of_largest(self.gallery.labels) if self.labelled else 0.5
        return judge(self.lessons, self.signals, ladder(self.signals), chance)

    def found(self) -> Found:
        return Found(
            sample=self.sample,
            budget=self.budget,
            spent=self.spent,
            warnings=tuple(dict.fromkeys((*self.sample.warnings, *self.warnings))),
            refused=(*self.sample.refused, *self.gallery.refused),
            images=len(self.gallery.entries),
            majority=share_of_largest(self.gallery.labels) if self.labelled else None,
            resembles=self.resembles,
            settled=self.settled and not self.interrupted,
            allow_seen=self.request.allow_seen,
            candidates=tuple(
                Seen(card, signals, self.probes.get(card.id), self.seen.get(card.id, 0.0), self.views.get(card.id))
                for card, signals in zip(self.cards, self.signals, strict=True)
            ),
        )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[stage] = self.spent.get(stage, 0.0) + time.perf_counter() - began

    @contextmanager
    def forgiving(self, card: ModelCard, say: Callable[[str], None]) -> Iterator[None]:
        """One model that cannot be read or run is no reason to give no answer."""
        try:
            yield
        except (Interrupted, NoCandidate):
            raise
        except WeightsUnavailable as error:
            self.offline = True
            say(f"{card.id} and others whose weights are not here were not looked at: {error}")
        except HeadhuntError as error:
            say(f"{card.id} was not looked at: {error}")
