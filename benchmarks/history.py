"""What a table of outcomes alone is worth: `python -m benchmarks.history FILE.csv [--distances D.csv] [--json FILE]`.

FILE has the columns model, dataset and accuracy (or test_accuracy); D has dataset_a, dataset_b, distance. Each dataset
in turn is the target: every method sees the outcomes on the others, and the distances if given, and ranks the models
that were tried on the target.

    truth           the best accuracy of a model on the target; the mean over seeds where the table names some

    random          all models tied: the regrets are exact expectations
    loo-rank        mean rank on the other datasets
    loo-accuracy    mean accuracy there
    portfolio       the greedy set of least mean regret there, drawn on until all models are in it
    similarity-loo  loo-rank with weights exp(-distance / middle distance)
    nearest         the accuracy on the nearest dataset
    headhunt        `recommender.prior.history_prior`, as the recommendation uses it
    ceiling         the truth drawn again with its own seed noise, where the table has seeds

The first tables take all rows as they stand. Where rows are flagged (runs that diverged, tests that never took place,
models that had seen the target before), another table judges the same rankings by a truth without those rows. The plain
methods see rows as they stand; headhunt sees the flags, too, which are found on each dataset by itself. Regrets are in
points; seconds are those of one target.
"""

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.report import Table, arguments, machine, versions
from headhunt.errors import BadTable, HeadhuntError, MissingFile
from headhunt.vocabulary import Outcome
from recommender.baselines import loo_accuracy, loo_ranks, portfolio_score
from recommender.measures import Array, noise_ceiling, regret, weighted_tau
from recommender.nearness import Distances, distance, middle, nearness_from
from recommender.outcomes import Outcomes, outcomes_of
from recommender.prior import history_prior
from zoo.history.importing import read_table

KS = (1, 3, 5)
Measures = dict[str, float]
Seeds = dict[str, list[float]]
"""The accuracy of each model, a number a seed."""


@dataclass(frozen=True)
class Known:
    """What a method may see of the target: its name, its models, its distances. `rows` and `plain` are of the others.

    `rows` bear their flags; `plain` is the table as it stands.
    """

    target: str
    models: tuple[str, ...]
    rows: tuple[Outcome, ...]
    plain: Outcomes
    distances: Distances


Method = Callable[[Known], Array]


# --- The methods -----------------------------------------------------------------------------------------------------


def methods(distances: Distances) -> dict[str, Method]:
    """Each gives a score for every model of `Known.models`."""
    plain: dict[str, Method] = {
        "random": lambda known: np.zeros(len(known.models)),
        "loo-rank": lambda known: chosen(known, loo_ranks(known.plain)),
        "loo-accuracy": lambda known: chosen(known, loo_accuracy(known.plain)),
        "portfolio": lambda known: chosen(known, portfolio_score(known.plain, known.models)),
    }
    if distances:
        plain["similarity-loo"] = lambda known: chosen(known, loo_ranks(known.plain, similarity(known)))
        plain["nearest"] = lambda known: chosen(known, loo_accuracy(known.plain, only_nearest(known)))
    return plain | {"headhunt": headhunt}


def headhunt(known: Known) -> Array:
    outcomes = outcomes_of(known.rows)
    near = nearness_from(known.distances, known.target, outcomes) if known.distances else None
    score = np.empty(len(known.models))
    score[history_prior(outcomes, known.models, near).order] = -np.arange(len(score))
    return score


def chosen(known: Known, score: Array) -> Array:
    """The scores of the models that are asked for; nan for those that nothing is known of."""
    place = {model: i for i, model in enumerate(known.plain.models)}
    return np.append(score, np.nan)[[place.get(model, len(score)) for model in known.models]]


def similarity(known: Known) -> Array:
    names = known.plain.datasets
    h = middle(np.array([[distance(known.distances, a, b) for b in names] for a in names]))
    return np.asarray(np.exp(-away(known) / h)) if h > 0 else np.ones(len(names))


def only_nearest(known: Known) -> Array:
    there = away(known)
    return np.asarray((there == there.min()) * 1.0)


def away(known: Known) -> Array:
    return np.array([distance(known.distances, known.target, name) for name in known.plain.datasets])


# --- The table -------------------------------------------------------------------------------------------------------


def truths(rows: Sequence[Outcome]) -> dict[str, Seeds]:
    """By dataset and model: the best accuracy of each seed. Rows without a seed are one seed's."""
    best: dict[tuple[str, str, int | None], float] = {}
    for row in rows:
        key = row.dataset, row.model, row.seed
        best[key] = max(best.get(key, 0.0), row.accuracy)
    found: dict[str, Seeds] = defaultdict(lambda: defaultdict(list))
    for (dataset, model, _), accuracy in best.items():
        found[dataset][model].append(accuracy)
    return {dataset: dict(found[dataset]) for dataset in sorted(found)}


def plain_table(truth: Mapping[str, Seeds]) -> Outcomes:
    """The truths of some datasets as a table."""
    models = tuple(sorted({model for seeds in truth.values() for model in seeds}))
    accuracy = [[fmean(truth[d][m]) if m in truth[d] else np.nan for d in truth] for m in models]
    return Outcomes(models, tuple(truth), np.array(accuracy).reshape(len(models), len(truth)))


def read_distances(path: Path, datasets: Sequence[str]) -> dict[tuple[str, str], float]:
    """The distances between datasets of the table; others are passed over."""
    found = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                a, b, value = row["dataset_a"], row["dataset_b"], float(row["distance"])
                if not 0 <= value < np.inf:
                    raise BadTable(f"Line {line} of {path}: {value} is no distance. Give a number from 0 up.")
                if a in datasets and b in datasets and a != b:
                    found[a, b] = value
    except OSError as error:
        raise MissingFile(f"{path} cannot be read: {error.strerror}. Give a csv of distances.") from None
    except (KeyError, TypeError, ValueError):
        raise BadTable(f"{path} is no table of distances. Give a csv with dataset_a,dataset_b,distance.") from None
    if not found:
        raise BadTable(f"{path} has no distance between two of these datasets: {', '.join(sorted(datasets))}.")
    return found


# --- The comparison --------------------------------------------------------------------------------------------------


def rankings(rows: Sequence[Outcome], distances: Distances) -> dict[str, dict[str, tuple[dict[str, float], float]]]:
    """By method and target: the score of each model, and the seconds that it took."""
    truth = truths(rows)
    found: dict[str, dict[str, tuple[dict[str, float], float]]] = defaultdict(dict)
    for target in truth:
        others = {dataset: seeds for dataset, seeds in truth.items() if dataset != target}
        seen = tuple(row for row in rows if row.dataset != target)
        known = Known(target, tuple(sorted(truth[target])), seen, plain_table(others), distances)
        for name, method in methods(distances).items():
            begun = time.perf_counter()
            score = method(known)
            seconds = time.perf_counter() - begun
            found[name][target] = dict(zip(known.models, score.tolist(), strict=True)), seconds
    return found


def judged(
    found: Mapping[str, Mapping[str, tuple[dict[str, float], float]]], truth: Mapping[str, Seeds]
) -> dict[str, dict[str, object]]:
    """By method: the measures on average, and by target. Targets with fewer than two models have no order."""
    judgements: dict[str, dict[str, object]] = {}
    targets = [target for target in truth if len(truth[target]) > 1]
    for name, by_target in found.items():
        each = {}
        for target in targets:
            score, seconds = by_target[target]
            models = list(truth[target])
            true = np.array([fmean(truth[target][model]) for model in models])
            each[target] = measured(np.array([score[model] for model in models]), true) | {"seconds": seconds}
        mean = {fact: fmean(one[fact] for one in each.values()) for fact in next(iter(each.values()))}
        judgements[name] = {**mean, "per_target": each}
    return judgements


def measured(score: Array, truth: Array) -> Measures:
    return {"wtau": weighted_tau(score, truth)} | {f"regret@{k}": regret(score, truth, k) for k in KS}


def ceiling(truth: Mapping[str, Seeds], seed: int) -> Measures | None:
    """The measures that the truth itself would get, drawn again; None where no model has two seeds."""
    each = []
    for seeds in truth.values():
        runs = np.full((len(seeds), max(map(len, seeds.values()))), np.nan)
        for row, values in zip(runs, seeds.values(), strict=True):
            row[: len(values)] = values
        ways = {"wtau": weighted_tau} | {f"regret@{k}": partial(regret, k=k) for k in KS}
        each.append({name: noise_ceiling(runs, way, np.random.default_rng(seed)) for name, way in ways.items()})
    whole = [one for one in each if not np.isnan(one["wtau"])]
    return {name: fmean(one[name] for one in whole) for name in whole[0]} if whole else None


def tables(title: str, judgements: Mapping[str, dict[str, object]], top: Measures | None) -> list[Table]:
    """On average, and the weighted tau and regret@1 of each target."""
    columns = ("wtau", *(f"regret@{k}" for k in KS), "seconds")
    mean = Table(f"{title}: mean over targets", ("method", *columns))
    for name, judgement in judgements.items():
        mean.add(name, *(judgement[column] for column in columns))  # type: ignore[arg-type]  # these are numbers
    if top is not None:
        mean.add("ceiling", *(top.get(column) for column in columns))
    return [mean, *(by_target(f"{title}: {fact}", fact, judgements) for fact in ("wtau", "regret@1", "regret@3"))]


def by_target(title: str, fact: str, judgements: Mapping[str, dict[str, object]]) -> Table:
    table = Table(title, ("target", *judgements))
    each: list[Mapping[str, Measures]] = [judgement["per_target"] for judgement in judgements.values()]  # type: ignore[misc]
    for target in each[0]:
        table.add(target, *(one[target][fact] for one in each))
    return table


def run(options: argparse.Namespace) -> None:
    rows = read_table(options.table, {}, {}).rows
    truth = truths(rows)
    if sum(len(seeds) > 1 for seeds in truth.values()) < 1 or len(truth) < 2:
        raise BadTable(
            f"{options.table} has nothing to rank: give at least two datasets, and two models on one of them."
        )
    distances = read_distances(options.distances, list(truth)) if options.distances else {}
    found = rankings(rows, distances)
    sound = {d: seeds for d, seeds in truths([row for row in rows if not row.flags]).items() if len(seeds) > 1}
    tops = ceiling(truth, options.seed), ceiling(sound, options.seed)
    whole = judged(found, truth)
    shown = tables("as it stands", whole, tops[0])
    facts: dict[str, object] = {
        "benchmark": "history",
        "table": options.table.name,
        "methods": whole,
        "ceiling": tops[0],
    }
    if sound and any(row.flags for row in rows):
        part = judged(found, sound)
        shown += tables("without flagged rows", part, tops[1])[:1]
        facts |= {"without_flagged_rows": {"methods": part, "ceiling": tops[1]}}
    for table in shown:
        print(table, end="\n\n")
    if options.json is not None:
        facts |= {"versions": versions(), "machine": machine(), "seed": options.seed}
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("table", type=Path, metavar="FILE.csv")
    parser.add_argument("--distances", type=Path, metavar="D.csv")
    try:
        run(parser.parse_args())
    except HeadhuntError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
