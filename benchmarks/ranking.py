"""Which way of ranking pre-trained models is right, and what does it cost?

    python -m benchmarks.ranking --zoo DIR --targets a.zip b.zip --images 400 --seeds 3 --out DIR [--json FILE]

Fine-tunes every model on every target with every seed, once (DIR/truth.csv); takes every signal of every model, once
(DIR/signals.csv); then lets every method rank, target by target, and compares with the truth. Stopped, it goes on where
it was. A target is an archive NAME/{train,test}/CLASS/IMAGE. A model that was trained on the target is left out, and
nothing of the target but its training images reaches a method. `--keep FILE` writes what this run teaches the ranking
model, which is how recommender/experience.csv was made.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.ranking_cases import Measured, case_of, lessons_of
from benchmarks.ranking_methods import Case, Said, methods
from benchmarks.ranking_signals import signals_of
from benchmarks.ranking_truth import Task, fine_tune_all, name_of, strangers
from benchmarks.report import Cell, Table, arguments, machine, publish, versions
from recommender.experience import as_csv
from recommender.measures import coverage, mean_absolute_error, noise_ceiling, regret, weighted_tau
from zoo.images.samples import open_sample
from zoo.machine import usable_cores
from zoo.repository import Zoo

FACTS = ("wtau", "regret@1", "regret@3", "regret@5")
CEILING, FULL = "noise ceiling", "fine-tune all, one seed"


@dataclass(frozen=True)
class Judgement:
    """One method on one target."""

    facts: dict[str, float]
    seconds: float
    share: float
    """Of the cost of fine-tuning all."""
    calibration: dict[str, float] | None = None


def main(given: list[str] | None = None) -> int:
    asked = parser().parse_args(given)
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    tasks = tasks_of(asked)
    measured = measure(asked, tasks)
    if asked.keep:
        lessons = [one for archive in asked.targets for one in lessons_of(measured, archive, {name_of(archive)})]
        asked.keep.write_text(as_csv(lessons))
    found = judge_all(measured, asked.workers)
    publish("ranking", tables(found, measured), seed=asked.seed)
    if asked.json:
        asked.json.write_text(json.dumps(as_json(found), indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    made = arguments((__doc__ or "").partition("\n")[0])
    made.add_argument("--zoo", type=Path, required=True, metavar="DIR", help="a home with models")
    made.add_argument("--targets", type=Path, nargs="+", required=True, metavar="ARCHIVE")
    made.add_argument("--images", type=int, default=400, metavar="N", help="of each target's training part")
    made.add_argument("--seeds", type=int, default=3, metavar="N")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="truths and signals are kept here")
    made.add_argument("--models", default="*", metavar="PATTERN", help="only models of the zoo with such an id")
    made.add_argument("--keep", type=Path, metavar="FILE", help="write what the ranking model may learn from this")
    made.add_argument("--workers", type=int, default=usable_cores(), metavar="N")
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return made


def tasks_of(asked: argparse.Namespace) -> list[Task]:
    """Seed by seed, so that a run that is stopped has whole seeds."""
    zoo = Zoo(asked.zoo)
    wanted = {card.id for card in zoo.matching([asked.models])}
    models = {}
    for archive in asked.targets:
        with open_sample(archive) as sample:
            models[archive] = [card.id for card in strangers(zoo, sample, name_of(archive)) if card.id in wanted]
    return [
        Task(asked.zoo, archive, model, asked.images, seed, asked.device)
        for seed in range(asked.seed, asked.seed + asked.seeds)
        for archive in asked.targets
        for model in models[archive]
    ]


def measure(asked: argparse.Namespace, tasks: Sequence[Task]) -> Measured:
    """On a GPU one process has all of it; on a CPU every core takes a training."""
    workers = asked.workers if asked.device == "cpu" else 1
    rows = fine_tune_all(tasks, asked.out / "truth.csv", workers)
    once = list({task.key[:2]: task for task in tasks}.values())
    signals = signals_of(once, asked.out / "signals.csv", workers)
    targets = [name_of(archive) for archive in asked.targets]
    return Measured(
        home=asked.zoo,
        archives=asked.targets,
        images=asked.images,
        rows={target: [row for row in rows if row.target == target] for target in targets},
        signals={target: {(one.model, one.name): one for one in signals if one.target == target} for target in targets},
    )


# --- Judging --------------------------------------------------------------------------------------------------------


def judge_all(measured: Measured, workers: int) -> dict[str, dict[str, Judgement]]:
    """By method, then by target."""
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        jobs = [pool.submit(judge_target, measured, archive) for archive in measured.archives]
        by_target = {
            name_of(a): job.result()
            for a, job in tqdm(list(zip(measured.archives, jobs, strict=True)), "targets", disable=None)
        }
    names = dict.fromkeys(name for found in by_target.values() for name in found)
    return {name: {target: found[name] for target, found in by_target.items() if name in found} for name in names}


def judge_target(measured: Measured, archive: Path) -> dict[str, Judgement]:
    case = case_of(measured, archive, Zoo(measured.home).catalogue.read().cards)
    truth = case.runs().mean(axis=1)
    found = {name: judgement(method(case), truth, case) for name, method in methods().items()}
    return found | bounds(case)


def judgement(said: Said, truth: np.ndarray[tuple[int], np.dtype[np.float64]], case: Case) -> Judgement:
    calibration = None
    if said.interval is not None:
        low, high = said.interval
        calibration = {
            "error": mean_absolute_error(said.score, truth),
            "coverage": coverage(truth, low, high),
        }
    return Judgement(measures(said.score, truth), said.seconds, said.seconds / case.fine_tuning_seconds, calibration)


def measures(
    score: np.ndarray[tuple[int], np.dtype[np.float64]], truth: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> dict[str, float]:
    return {"wtau": weighted_tau(score, truth)} | {f"regret@{k}": regret(score, truth, k) for k in (1, 3, 5)}


def bounds(case: Case) -> dict[str, Judgement]:
    """What the truth itself would get: one seed for the others, and drawn again with its own noise."""
    runs, rng = case.runs(), np.random.default_rng(0)
    if runs.shape[1] < 2:
        return {}
    folds = [measures(runs[:, i], np.delete(runs, i, axis=1).mean(axis=1)) for i in range(runs.shape[1])]
    full = {fact: fmean(fold[fact] for fold in folds) for fact in FACTS}
    drawn = {"wtau": noise_ceiling(runs, weighted_tau, rng)}
    for k in (1, 3, 5):
        drawn[f"regret@{k}"] = noise_ceiling(runs, lambda score, truth, k=k: regret(score, truth, k), rng)  # type: ignore[misc]
    seconds = case.fine_tuning_seconds
    return {FULL: Judgement(full, seconds, 1.0), CEILING: Judgement(drawn, 0.0, 0.0)}


# --- Tables ---------------------------------------------------------------------------------------------------------


def tables(found: Mapping[str, Mapping[str, Judgement]], measured: Measured) -> list[Table]:
    targets = [name_of(archive) for archive in measured.archives]
    seeds = len({row.seed for rows in measured.rows.values() for row in rows})
    models = {target: len({row.model for row in measured.rows[target]}) for target in targets}
    sizes = f"{min(models.values())} to {max(models.values())} models, {measured.images} images, {seeds} seeds"
    title = f"{measured.home.name}: mean over {len(targets)} targets, {sizes}"
    whole = Table(title, ["method", "wtau", "regret@1", "regret@3", "regret@5", "seconds", "% of fine-tuning all"])
    for name, judged in found.items():
        means: list[Cell] = [round(fmean(one.facts[fact] for one in judged.values()), 3) for fact in FACTS]
        seconds = fmean(one.seconds for one in judged.values())
        whole.add(name, *means, round(seconds, 2), round(100 * fmean(one.share for one in judged.values()), 2))
    each = [by_target(f"{fact} of each target", fact, found, targets) for fact in ("wtau", "regret@1")]
    return [whole, *each, calibration_table(found["headhunt"])]


def by_target(title: str, fact: str, found: Mapping[str, Mapping[str, Judgement]], targets: Sequence[str]) -> Table:
    table = Table(title, ["method", *targets])
    for name, judged in found.items():
        table.add(name, *(round(judged[target].facts[fact], 2) if target in judged else None for target in targets))
    return table


def calibration_table(judged: Mapping[str, Judgement]) -> Table:
    table = Table(
        "headhunt: predicted accuracies against true ones", ["target", "mean error, points", "80 % intervals hold, %"]
    )
    for target, one in judged.items():
        known = one.calibration or {}
        table.add(target, round(known.get("error", np.nan), 2), round(100 * known.get("coverage", np.nan), 1))
    means = {
        fact: fmean((one.calibration or {}).get(fact, np.nan) for one in judged.values())
        for fact in ("error", "coverage")
    }
    table.add("mean", round(means["error"], 2), round(100 * means["coverage"], 1))
    return table


def as_json(found: Mapping[str, Mapping[str, Judgement]]) -> dict[str, object]:
    return {
        "benchmark": "ranking",
        "versions": versions(),
        "machine": machine(),
        "methods": {
            name: {fact: fmean(one.facts[fact] for one in judged.values()) for fact in FACTS}
            | {
                "seconds": fmean(one.seconds for one in judged.values()),
                "share": fmean(one.share for one in judged.values()),
                "per_target": {
                    target: one.facts | {"seconds": one.seconds, "share": one.share} | (one.calibration or {})
                    for target, one in judged.items()
                },
            }
            for name, judged in found.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
