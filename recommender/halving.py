"""Which of these models learns the sample best? Short trainings, in rungs; after each, fewer go on, and for longer.

    rung 0   every contender, some steps      rates: the first of each network tries all, the others take its best
    rung 1   the best share of them, more steps, from where they stood
    ...      until the plan's rungs are done, the time is up, or the order of those left is settled

This is successive halving (Jamieson and Talwalkar, 2016), with one change: who stays is decided by where the curve of
losses is going (recommender/curves.py), not by where it stands. Two contenders are compared image by image and batch by
batch, since all have the same: the differences vary far less than the losses do.

Nothing is begun that will not end in time, as far as the pace of that network is known; what turns out slower is
stopped and counts as it stands. Every finished probe is in the book, and a halving begun again finds it there.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import numpy as np

from headhunt.errors import (
    BadValue,
    HeadhuntError,
    Interrupted,
    NotWritten,
    OutOfTime,
    TrainingFailed,
    UnknownName,
    WeightsRefused,
    WeightsUnavailable,
    WorkLost,
)
from recommender.clock import Clock
from recommender.contender import Contender, ProbeResult, level
from recommender.curves import Curve, extrapolate
from recommender.fan import ON_THE_WAY, Fan, Here, Parcel, Part
from recommender.fan_tasks import Tried, Try
from recommender.lanes import Job, Lanes
from recommender.pace import Pace, work
from recommender.probe_book import ProbeBook
from recommender.probe_plan import ProbePlan
from recommender.probes import Probe, Probed, probe
from zoo.networks.weights import State

SETTLED = 1.64
"""Standard deviations between two contenders that settle their order: 19 times in 20 the leader stays ahead."""
WEIGHTS_KEPT = 4
"""After the last rung, of the best so many the weights stay on the disk, so that their training can go on."""

CANNOT = (WeightsRefused, WeightsUnavailable, UnknownName, BadValue, TrainingFailed)
"""Why a contender cannot be tried."""
Wave = list[tuple[str, float | None]]
"""Probes that may run at the same time: a model and its rate; None: the best that is known by then."""
OnProgress = Callable[[ProbeResult, int, int], None]
"""Called after every probe: what it came to, how many of this rung are done, how many there are."""
OnTrained = Callable[[ProbeResult], None]
"""Called after every probe that was trained, and not found in the book; by whichever thread trained it."""
OnFailure = Callable[[str, HeadhuntError], None]
"""Called for every contender that could not be tried, with the reason."""


def halving(
    contenders: Sequence[Contender],
    plan: ProbePlan,
    clock: Clock,
    book: ProbeBook,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    on_failure: OnFailure | None = None,
    fan: Fan | None = None,
    on_trained: OnTrained | None = None,
) -> Iterator[tuple[ProbeResult, ...]]:
    """After every rung the newest result of each contender that was tried, the most promising first.

    Contenders are tried in the order given, which matters when time is short: bring the likeliest first. `pace` brings
    what is known of costs, and takes up what is measured. `fan`: who tries them, this process if None. `on_trained`:
    see OnTrained. After Ctrl-C what is there is yielded once more, then Interrupted is raised.
    """
    race = _Race(contenders, plan, book, Probe(clock, pace or Pace(), plan.device), fan or Here())
    race.on_trained = on_trained or race.on_trained
    for rung in range(len(plan.rungs)):
        try:
            race.run(rung, on_progress)
        except (Interrupted, KeyboardInterrupt) as stopped:
            yield race.standing()
            raise Interrupted(str(stopped) or "Stopped. Probes that were finished are kept: begin again.") from stopped
        if on_failure:
            for name, error in race.failed.items():
                on_failure(name, error)
        yield race.standing()
        if race.settled(rung + 1) or clock.left() <= 0:
            break
    race.tidy(WEIGHTS_KEPT)


def weights_of(result: ProbeResult, contender: Contender, plan: ProbePlan, book: ProbeBook) -> State | None:
    """Where the probe of a contender ended, for a training that goes on from there; None where it was not kept."""
    return book.state(book.key(contender.card, plan.trial(result.lr, result.rungs - 1)))


class _Race:
    """The state of a halving: the newest result of each contender, who is still in, which rate suits which network."""

    def __init__(self, contenders: Sequence[Contender], plan: ProbePlan, book: ProbeBook, how: Probe, fan: Fan) -> None:
        self.plan, self.book, self.how, self.fan = plan, book, how, fan
        self.contenders = {contender.card.id: contender for contender in contenders}
        self.staying = list(self.contenders)
        self.results: dict[str, ProbeResult] = {}
        self.rates: dict[str, float] = {}
        """By network: the best of those tried."""
        self.lanes = Lanes(plan.device)
        self.failed: dict[str, HeadhuntError] = {}
        self.on_trained: OnTrained = lambda _: None
        self.saving = 0.0
        """Seconds that a parameter takes to be written down."""

    # --- running ---

    def run(self, rung: int, on_progress: OnProgress | None) -> None:
        """One rung of all who stay. Whoever is not reached keeps the result it has."""
        self.staying = self._who_stays(rung)
        waves = self._first_waves() if rung == 0 else self._one_wave()
        done, total = 0, sum(map(len, waves))
        for number, wave in enumerate(waves):
            chosen = [(name, lr or self._rate(name)) for name, lr in wave]
            attempts = [_Attempt(self, place, name, lr, rung) for place, (name, lr) in enumerate(chosen)]
            arrived: dict[int, ProbeResult] = {}
            try:
                for attempt, result in self._each(attempts, alone=rung == 0 and number == 0):
                    done += 1
                    if result:
                        arrived[attempt.place] = result
                        if on_progress:
                            on_progress(result, done, total)
            finally:  # in their own order, whoever came first
                for place in sorted(arrived):
                    self._take(arrived[place])
        self._expect()
        self.tidy(max(WEIGHTS_KEPT, self._places(rung + 1)))

    def _one_wave(self) -> list[Wave]:
        """Everybody who stays, at the rate it has."""
        return [[(name, self.results[name].lr) for name in self.staying]]

    def _first_waves(self) -> list[Wave]:
        """The first of each network with all rates, then all others with the best of these.

        Where the whole rung does not fit into the time, there is one rate, and the order is that of the contenders.
        """
        scouts = {self.contenders[name].card.network: name for name in reversed(self.staying)}
        if self._all_fit(len(scouts)):
            first: Wave = [(name, lr) for name in self.staying if name in scouts.values() for lr in self.plan.rates]
            return [first, [(name, None) for name in self.staying if name not in scouts.values()]]
        return [[(name, self.plan.rates[0]) for name in self.staying]]

    def _all_fit(self, scouts: int) -> bool:
        """Judged by the first contender's size of data; costs by network."""
        if not self.staying or len(self.plan.rates) == 1:
            return bool(self.staying)
        images = self._work(self.contenders[self.staying[0]], 0)
        costs = [self.how.pace.seconds(self.contenders[name].card, images) for name in self.staying]
        total = sum(costs) * (1 + scouts * (len(self.plan.rates) - 1) / len(costs))
        return total / self.fan.width <= self.how.clock.left()

    def _each(self, attempts: "Sequence[_Attempt]", alone: bool) -> "Iterator[_Arrival]":
        """Here, the first of all is run alone, to see what it takes."""
        if not isinstance(self.fan, Here):
            yield from self._sent(attempts)
            return
        jobs: list[Job[_Arrival]] = [attempt.arrival for attempt in attempts]
        if alone and jobs:
            yield self.lanes.widen(jobs[0])
            jobs = jobs[1:]
        yield from self.lanes.run(jobs)

    def _sent(self, attempts: "Sequence[_Attempt]") -> "Iterator[_Arrival]":
        """Where the fan has it done. Whoever was not reached in time keeps the result it has."""
        failed: dict[int, tuple[str, HeadhuntError]] = {}
        try:
            for attempt, outcome in self.fan.run(attempts, self.how.clock):
                result = None
                try:
                    result = outcome.get()
                except OutOfTime:
                    pass
                except (*CANNOT, WorkLost) as error:
                    failed[attempt.place] = attempt.name, error
                yield attempt, result
        finally:
            for place in sorted(failed):
                self.failed.setdefault(*failed[place])

    def _probe(self, name: str, lr: float, rung: int) -> ProbeResult | None:
        """From the book, else by training. None: there is no time for it."""
        contender, trial = self.contenders[name], self.plan.trial(lr, rung)
        key = self.book.key(contender.card, trial)
        known = self.book.result(key)
        if known or not self._fits(contender, rung):
            return known
        how = Probe(self.how.clock, self.how.pace, self.how.device, self.lanes.stopped)
        try:
            start = self._start(name, lr, rung)
            if rung and start is None:
                return None
            probed = probe(contender, trial, how, start)
        except CANNOT as error:
            self.failed.setdefault(name, error)  # one that cannot be tried is no reason to lose the others
            return None
        self._keep(key, contender, probed.result, _state(probed))
        return probed.result

    def _packed(self, name: str, lr: float, rung: int) -> Parcel | None:
        """For somebody elsewhere; None where the book knows it, where there is no time, or where it cannot be sent."""
        contender, trial = self.contenders[name], self.plan.trial(lr, rung)
        known = self.book.result(self.book.key(contender.card, trial))
        if known or contender.parts is None or not self._fits(contender, rung):
            return None
        start = self._start(name, lr, rung)
        if rung and start is None:
            return None
        pictures, weights = contender.parts()
        left = self.how.clock.left() - ON_THE_WAY
        task = Try(contender.card, trial, left, self.how.pace, self.how.device, self.plan.seed)
        parts = (pictures, Part(None, lambda: None) if start else weights, Part(None, lambda: start))
        return Parcel(task, parts, self.how.device)

    def _unpacked(self, name: str, lr: float, rung: int, tried: Tried) -> ProbeResult:
        contender = self.contenders[name]
        if tried.pace is not None:
            self.how.pace.learn(contender.card, 1, tried.pace)
        self._keep(self.book.key(contender.card, self.plan.trial(lr, rung)), contender, tried.result, tried.state)
        return tried.result

    def _keep(self, key: str, contender: Contender, result: ProbeResult, state: State | None) -> None:
        """In the book, and how long that took. A disk that is full costs the next request its time, this one none."""
        self.on_trained(result)
        if "cut" in result.marks:
            return
        began = time.perf_counter()
        with suppress(NotWritten):
            self.book.keep_state(key, result, state)
        self.saving = (time.perf_counter() - began) / max(1, contender.card.params)

    def _start(self, name: str, lr: float, rung: int) -> tuple[ProbeResult, State] | None:
        """Where the rung before ended; made again where its weights are gone."""
        if rung == 0:
            return None
        contender = self.contenders[name]
        key = self.book.key(contender.card, self.plan.trial(lr, rung - 1))
        state = self.book.state(key)
        result = self.book.result(key)
        if result and state:
            return result, state
        if result and "diverged" in result.marks:
            return None
        if not self._fits(contender, rung - 1):
            return None
        again = probe(contender, self.plan.trial(lr, rung - 1), self.how, self._start(name, lr, rung - 1))
        if again.network is None or "cut" in again.result.marks:
            return None
        self._keep(key, contender, again.result, _state(again))
        return again.result, again.network.state_dict()

    def _fits(self, contender: Contender, rung: int) -> bool:
        images = self._work(contender, rung)  # its first question may decode them, so the clock is asked afterwards
        left = self.how.clock.left()
        needed = self.how.pace.seconds(contender.card, images) + self.saving * contender.card.params
        return left > 0 and needed <= left

    def _work(self, contender: Contender, rung: int) -> float:
        return work(contender.data(), self.plan.rungs[rung], self.plan.batch_size, rung == 0)

    # --- judging ---

    def _take(self, result: ProbeResult) -> None:
        """A later rung replaces an earlier one; of several rates at one rung the better one stays."""
        held = self.results.get(result.model)
        if held is None or result.rungs > held.rungs or result.level < held.level:
            self.results[result.model] = result
            if result.rungs == 1:
                self.rates[self.contenders[result.model].card.network] = result.lr

    def _rate(self, name: str) -> float:
        return self.rates.get(self.contenders[name].card.network, self.plan.rates[0])

    def _expect(self) -> None:
        """Read all curves together, and write down where each is going."""
        results = list(self.results.values())
        curves = [_curve(result) for result in results]
        for result, there in zip(results, extrapolate(curves, self.plan.horizon), strict=True):
            self.results[result.model] = msgspec.structs.replace(result, expected=there.loss, spread=there.spread)

    def standing(self) -> tuple[ProbeResult, ...]:
        return tuple(sorted(self.results.values(), key=lambda result: (result.expected, result.model)))

    def _places(self, rung: int) -> int:
        return max(self.plan.fewest, math.ceil(len(self.contenders) * self.plan.keep**rung))

    def _who_stays(self, rung: int) -> list[str]:
        """The most promising, less those that are beaten by the leader for certain, and those that came to nothing."""
        if rung == 0:
            return list(self.contenders)
        order = [result for result in self.standing() if not {"diverged", "cut"} & set(result.marks)]
        return [result.model for result in order[: self._places(rung)] if not beaten(result, order[0])]

    def settled(self, rung: int) -> bool:
        """Whether nobody who would go on to this rung can still overtake the leader."""
        return len(self._who_stays(rung)) < 2

    def tidy(self, best: int) -> None:
        """Keep the weights of the best alone."""
        first = self.standing()[:best]
        trials = [(self.contenders[one.model].card, self.plan.trial(one.lr, one.rungs - 1)) for one in first]
        self.book.forget_weights(but=[self.book.key(card, trial) for card, trial in trials])


_Arrival = tuple["_Attempt", ProbeResult | None]


@dataclass(frozen=True)
class _Attempt:
    """One probe of a wave, as an errand."""

    race: _Race
    place: int
    name: str
    lr: float
    rung: int

    def here(self) -> ProbeResult | None:
        return self.race._probe(self.name, self.lr, self.rung)

    def packed(self) -> Parcel | None:
        return self.race._packed(self.name, self.lr, self.rung)

    def unpacked(self, answer: Tried) -> ProbeResult | None:
        return self.race._unpacked(self.name, self.lr, self.rung, answer)

    def arrival(self) -> _Arrival:
        return self, self.here()


def _state(probed: Probed) -> State | None:
    return None if probed.network is None else probed.network.state_dict()


def beaten(other: ProbeResult, leader: ProbeResult) -> bool:
    """Whether the leader's expected level lies below the other's by more than chance would have it.

    Variances add up: of the images held out and of the steps, by their paired differences, and of where the two curves
    are going. Two that trained for different lengths have no steps in common: images alone tell.
    """
    parts = [_variance(other.losses, leader.losses), _variance(other.step_losses, leader.step_losses)]
    told = [part for part in parts if part is not None]
    if not told:
        return False
    variance = other.spread**2 + leader.spread**2 + sum(told) / len(told) ** 2
    return other.expected - leader.expected > SETTLED * math.sqrt(variance)


def _variance(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Of the mean of the paired differences; None where there are no pairs."""
    if not len(one) == len(other) > 1:
        return None
    return float(np.subtract(one, other).var(ddof=1)) / len(one)


def _curve(result: ProbeResult) -> Curve:
    return Curve([float(point.step) for point in result.curve], [level(point) for point in result.curve])
