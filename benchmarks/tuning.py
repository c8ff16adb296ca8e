"""How much compute do the ways to search faster save, and what do they lose, against Optuna as it comes?

    python -m benchmarks.tuning [--seeds 10] [--trials 24] [--quick] [--truth FILE] [--json FILE]

Searches are replayed over a table of real trainings (benchmarks/truths/tuning.csv, made by benchmarks.tuning_truth):
one small network on six image sets, 64 settings of six hyper-parameters each, trained on all images, on the
representative part and, for four of the sets, on a random part. A search can only find what is in the table. Optuna as
it comes is TPE with the median pruner. Each method is replayed with each seed on each target, and compared with
Optuna's of the same seed and target. Warm starts know the other five targets, from one search each.

    compute        of Optuna's default, at equally many trials where no other number is named
    given up       of the loss on the whole, in per cent of what Optuna's default found; below 0: better
    within 1 %     the share of runs that gave up at most that
    same compute   given up, when as much is spent as Optuna's default spent
    trials to 10 % until the best so far is within 10 % of the best of the table

Medians over seeds and targets, quartiles in brackets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler
from tqdm import tqdm

from benchmarks.report import Table, arguments, publish
from benchmarks.tuning_replay import Found, Params, Plan, Search, Truth, truths_of
from benchmarks.tuning_truth import SPACE, TRUTH, Place, read_places, read_rows
from recommender.probe_plan import ProbePlan
from tuning.curtailing import BestFifth
from tuning.neighbours import PastStudy, Setting, nearest, past_study, starts

DEFAULT = "Optuna's default: TPE, median"
NEIGHBOURS = 4
NEAR = 1.1


@dataclass(frozen=True)
class Case:
    """One target with one seed, and what is known of the others."""

    truth: Truth
    seed: int
    trials: int
    embedding: NDArray[np.float64]
    past: tuple[PastStudy, ...]


@dataclass(frozen=True)
class Line:
    """What came of one method on one case, beside Optuna's default."""

    compute: float
    given_up: float
    same_compute: float
    trials: int


Method = Callable[[Case], Plan]


def tpe(seed: int) -> TPESampler:
    return TPESampler(seed=seed)


def random(seed: int) -> RandomSampler:
    return RandomSampler(seed=seed)


def plain(case: Case, rule: Callable[[], BasePruner] = NopPruner, part: str = "whole") -> Plan:
    return Plan(tpe, rule, case.trials, part)


def warm(case: Case, neighbours: int = NEIGHBOURS) -> list[Params]:
    return starts(case.embedding, case.past, neighbours, SPACE)


def strangers(case: Case, neighbours: int = NEIGHBOURS) -> list[Params]:
    """The same from neighbours drawn by chance: what is nearness worth? There are five: four are nearly all."""
    chance = np.random.default_rng([case.seed, 1])
    drawn = [replace_place(study, chance.normal(size=len(case.embedding))) for study in case.past]
    return starts(case.embedding, drawn, neighbours, SPACE)


def nearest_alone(case: Case) -> list[Params]:
    """As many starts, all from the nearest neighbour: its best."""
    return [one.params for one in nearest(case.embedding, case.past, 1)[0].settings[:NEIGHBOURS]]


def replace_place(study: PastStudy, place: NDArray[np.float64]) -> PastStudy:
    return PastStudy(study.images, study.eyes, place.tolist(), study.settings, study.about)


def probed(_case: Case) -> list[Params]:
    """The settings of a recommendation's probes, at its rates; here their cost counts in full."""
    plan = ProbePlan()
    fixed: Params = {"weight_decay": plan.weight_decay, "batch": plan.batch_size, "layer_decay": plan.layer_decay}
    return [{**fixed, "lr": rate, "smoothing": 0.0, "augment": "shift"} for rate in plan.rates]


def together(case: Case, rule: Callable[[], BasePruner] = BestFifth) -> Plan:
    """Half the trials."""
    return Plan(tpe, rule, case.trials // 2, "part", starts=[*warm(case), *probed(case)[:1]])


def cold(case: Case, plan: Plan) -> Plan:
    return replace(plan, trials=case.trials // 2)


def half(case: Case, plan: Plan) -> Plan:
    return replace(plan, trials=case.trials // 2, starts=warm(case))


def as_shipped(case: Case) -> Plan:
    """What a tuning of twelve trials begins with: the recommendation's first point, then three of past studies."""
    return replace(cold(case, plain(case, part="part")), starts=[*probed(case)[:1], *warm(case, 3)])


METHODS: dict[str, Method] = {
    DEFAULT: partial(plain, rule=MedianPruner),
    "full search: TPE": plain,
    "random": lambda case: Plan(random, NopPruner, case.trials),
    "random, median": lambda case: Plan(random, MedianPruner, case.trials),
    "(a) representative part": partial(plain, part="part"),
    "    random part": partial(plain, part="random"),
    "(b) best fifth": partial(plain, rule=BestFifth),
    "(c) warm start": lambda case: replace(plain(case), starts=warm(case)),
    "    random neighbours": lambda case: replace(plain(case), starts=strangers(case)),
    "(c) from two neighbours": lambda case: replace(plain(case), starts=warm(case, 2)),
    "    two random neighbours": lambda case: replace(plain(case), starts=strangers(case, 2)),
    "    the nearest's best four": lambda case: replace(plain(case), starts=nearest_alone(case)),
    "(c) after the first probe": lambda case: replace(plain(case), starts=[*probed(case)[:1], *warm(case)]),
    "(d) probes first": lambda case: replace(plain(case), starts=probed(case)),
    "Optuna's default, half the trials": lambda case: cold(case, plain(case, rule=MedianPruner)),
    "(a), half the trials": lambda case: cold(case, plain(case, part="part")),
    "(c), half the trials": lambda case: half(case, plain(case)),
    "(b) (c), half the trials": lambda case: half(case, plain(case, rule=BestFifth)),
    "(a) (c), half the trials": lambda case: half(case, plain(case, part="part")),
    "(a), first probe, (c) from three, half": as_shipped,
    "(a) (c) (d), half the trials": partial(together, rule=NopPruner),
    "all together, half the trials": together,
}


def main(given: Sequence[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--truth", type=Path, default=TRUTH, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="two seeds, eight trials: whether it runs")
    asked = parser.parse_args(given)
    seeds, trials = (2, 8) if asked.quick else (asked.seeds, asked.trials)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    truths = truths_of(read_rows(asked.truth))
    if not truths:
        parser.error(f"{asked.truth} holds no trainings. Make them with python -m benchmarks.tuning_truth.")
    places = {place.target: place for place in read_places(asked.truth)}
    cases = [case for seed in range(asked.seed, asked.seed + seeds) for case in cases_of(truths, places, seed, trials)]
    lines = judged(cases, METHODS)
    title = f"{len(truths)} targets, {seeds} seeds, {trials} trials"
    publish("tuning", [summary(title, lines)], seed=asked.seed, keep=asked.json)
    return 0


def cases_of(truths: Sequence[Truth], places: dict[str, Place], seed: int, trials: int) -> list[Case]:
    """Each target knows the past studies of all others."""
    past = {truth.name: past_of(truth, places[truth.name], seed, trials) for truth in truths}
    return [
        Case(
            truth,
            seed,
            trials,
            np.array(places[truth.name].embedding),
            tuple(study for name, study in past.items() if name != truth.name),
        )
        for truth in truths
    ]


def past_of(truth: Truth, place: Place, seed: int, trials: int) -> PastStudy:
    found = Search(truth, Plan(tpe, BestFifth, trials), seed + 1000).run()
    tried = [Setting(dict(truth.points[point]), loss) for point, loss in found.seen]
    return past_study(truth.name, "benchmark", np.array(place.embedding), tried)


def judged(cases: Sequence[Case], methods: dict[str, Method]) -> dict[str, list[Line]]:
    lines: dict[str, list[Line]] = {name: [] for name in methods}
    for case in tqdm(cases, "cases", disable=None):
        default = run(case, methods[DEFAULT](case))
        for name, method in methods.items():
            plan = method(case)
            if plan.part in case.truth.curves:
                lines[name].append(line_of(case, plan, default))
    return lines


def run(case: Case, plan: Plan) -> Found:
    return Search(case.truth, plan, case.seed).run()


def line_of(case: Case, plan: Plan, default: Found) -> Line:
    found = run(case, plan)
    longer = run(case, replace(plan, trials=len(case.truth.points), budget=default.cost))
    return Line(
        compute=found.cost / default.cost,
        given_up=100 * (found.loss / default.loss - 1),
        same_compute=100 * (longer.loss / default.loss - 1),
        trials=found.trials_to(case.truth, NEAR * case.truth.best),
    )


def summary(title: str, lines: dict[str, list[Line]]) -> Table:
    table = Table(title, ("method", "compute", "given up, %", "within 1 %", "same compute, %", "trials to 10 %"))
    for name, own in ((name, own) for name, own in lines.items() if own):
        table.add(
            name,
            quartiles([one.compute for one in own]),
            quartiles([one.given_up for one in own]),
            f"{sum(one.given_up <= 1 for one in own)}/{len(own)}",
            quartiles([one.same_compute for one in own]),
            quartiles([float(one.trials) for one in own], "{:.0f}"),
        )
    return table


def quartiles(values: Sequence[float], form: str = "{:.2f}") -> str:
    low, high = np.quantile(values, (0.25, 0.75), method="nearest")
    return f"{form.format(median(values))} [{form.format(low)}, {form.format(high)}]"


if __name__ == "__main__":
    raise SystemExit(main())
