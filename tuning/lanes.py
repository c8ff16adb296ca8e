"""The loop of a study whose trials are done beside each other, by a fan (recommender/fan.py): by processes of this
machine, or the nodes of a cluster. Asking and telling stay here, one at a time.

    study --asked--> errand --fan--> what came of it, in whatever order --told--> study

What cannot be sent is done here; what was lost on the way is sent or done again. A trial that is told late is told as
it was: the order in which trials end is all that differs from run to run.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from headhunt.errors import HeadhuntError, Interrupted, OutOfTime, TrialFailed, TrialStopped
from headhunt.trials import running as trial_running
from tuning import running
from tuning.finetuning import FineTuning
from tuning.keeping import Kept
from tuning.outcomes import Outcome, reason_of
from tuning.sending import Parcel, Part, Tried, Try, images_of, may_travel

NEVER = 1e9


class Clock(Protocol):
    def left(self) -> float: ...


class Fan(Protocol):
    """Somebody who does errands, several at a time."""

    warnings: list[str]

    def run(self, errands: Iterable[Any], clock: Clock) -> Iterator[tuple[Any, Any]]: ...


class Lanes:
    """One call of `run`. watch: is told of each trial."""

    def __init__(
        self, study: Kept, objective: FineTuning, limits: running.Limits, enough: running.Enough, watch: "Watch"
    ) -> None:
        self.study, self.objective, self.watch = study, objective, watch
        self.loop = running.Loop(study, objective, limits, enough)
        self.asked: dict[int, running.Handed] = {}

    def left(self) -> float:
        """As a clock: nothing is waited for when the search is over, or somebody stopped it."""
        return 0.0 if self.loop.over() or self.stopped() else NEVER

    def stopped(self) -> str:
        some = next(iter(self.asked.values()), None)
        return "" if some is None else self.study.ended(some) or ""

    def run(self, fan: Fan) -> bool:
        """False: Ctrl-C ended it."""
        try:
            while not self.loop.over():
                if self.study.waits():
                    self.loop.halt.wait(running.PAUSED_NAP)
                    continue
                if not self.some(fan):
                    break
        except (KeyboardInterrupt, Interrupted):
            for one in list(self.asked.values()):
                self.study.free(one)
            return False
        finally:
            self.study.close()
        return True

    def some(self, fan: Fan) -> int:
        """Until the study gives no trial at this moment. How many there were."""
        count = 0
        for errand, outcome in fan.run(self.errands(), self):
            self.settle(errand, outcome)
            count += 1
        return count

    def errands(self) -> Iterator["Errand"]:
        while not self.loop.over():
            asked = self.study.ask(self.loop.limits.trials)
            if asked is None:
                return
            self.asked[asked.number] = asked
            self.watch.began(asked.params)
            yield Errand(self, asked)

    def settle(self, errand: "Errand", outcome: Any) -> None:
        asked, study = errand.given, self.study
        try:
            found = outcome.get()
        except OutOfTime:
            study.tell_stopped(asked, self.stopped() or self.loop.enough() or running.OUT_OF_TIME)
        except TrialStopped as error:
            study.tell_stopped(asked, str(error))
        except HeadhuntError as error:
            errand.told_failed(error)
            study.tell_failed(asked, reason_of(error))
        else:
            study.tell(asked, found)
        del self.asked[asked.number]
        self.watch.ended(errand.seconds)


class Watch(Protocol):
    def began(self, params: dict[str, Any]) -> None: ...
    def ended(self, seconds: float) -> None: ...


class Errand:
    """One trial, which can be done here or be sent."""

    def __init__(self, lanes: Lanes, given: Any) -> None:
        self.lanes, self.given, self.seconds, self.sent = lanes, given, 0.0, False
        self.objective = lanes.objective

    def here(self) -> Outcome:
        self.sent = False
        ear = running.Ear(self.lanes.loop, self.given)
        try:
            with trial_running(ear):
                return self.lanes.loop.called(dict(self.given.params))
        except TrialStopped as stopped:
            raise TrialStopped(ear.reason or str(stopped)) from stopped
        except (HeadhuntError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise TrialFailed(reason_of(error)) from error

    def packed(self) -> Parcel | None:
        bench, objective = self.objective.bench, self.objective
        asked = objective.asked(self.given.params)
        card = bench.zoo.card(asked.model)
        if not may_travel(card):
            return None
        objective.costs_of(asked)
        view, weights = bench.view(asked.model, asked.size), str(card.weights)
        data = bench.data(asked.model, asked.size)
        assert data.val is not None  # noqa: S101 - a sample is divided into train and val
        learned, judged = data.train, data.val
        aim, about = objective.goals.aims[0], self.lanes.study.about
        sign = -1.0 if about.direction == "maximize" else 1.0
        task = Try(card, asked.protocol, bench.seed, view.size, aim, sign, self.lanes.study.bar())
        key = f"{bench.sample.version.id} {view} {bench.rows is None}"
        parts = (
            Part(f"train {key}", lambda: images_of(learned)),
            Part(f"val {key}", lambda: images_of(judged)),
            Part(weights, lambda: bench.zoo.weights.blob(weights)),
        )
        self.sent = True
        return Parcel(task, parts)

    def unpacked(self, answer: Tried) -> Outcome:
        """Told as if it had been done here. Raises TrialStopped."""
        objective, number = self.objective, self.given.number
        asked, self.seconds = objective.asked(self.given.params), answer.seconds
        for step, value in answer.readings.items():
            self.lanes.study.report(self.given, step, value)
        with self.entry(answer.seconds) as entry:
            for step, values in answer.told:
                entry.numbers(step, values)
            if (scores := answer.scores) is not None:
                costs = objective.costs_of(asked)
                entry.note("summary", {"val_accuracy": scores.accuracy, "val_loss": scores.loss, **costs})
                objective.keep(number, scores)
                return self.lanes.study.read(objective.told_of(scores, costs))
            entry.note("summary", {"stopped": answer.stopped})
        raise TrialStopped(answer.stopped)

    def entry(self, ago: float) -> Any:
        objective, params = self.objective, self.given.params
        about = objective.about(params, objective.asked(params), self.given.number)
        return objective.bench.zoo.diary.begin(replace(about, ago=ago))

    def told_failed(self, error: HeadhuntError) -> None:
        """Where it was done here, its run says so already."""
        if self.sent:
            with suppress(HeadhuntError), self.entry(0.0):
                raise error
