"""What the scores cost: LogME against the usual loop over classes, and every score of the table at a usual size.

    python -m benchmarks.scores [--images N] [--classes C] [--widths D ...] [--repeats N] [--json FILE]

One thread, in turns, seconds of processor time: another program on the machine disturbs these least. The usual loop is
written here anew, after the paper: one singular value decomposition, then MacKay's updates for one class after the
other.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.report import Table, arguments, publish, spread
from recommender.dissimilarity import agreement_map, label_agreement
from recommender.scores.given import given
from recommender.scores.linear import ridge_path, ridge_path_stages
from recommender.scores.logme import logme_of
from recommender.scores.neighbours import knn_stages
from recommender.scores.table import scores

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Job = Callable[[], object]
COSTS = (400, 512, 10)  # images, features, classes
STAGES = (64, 128, 256, 512, 512)
SETTLED = 1e-6
ROUNDS = 1000


def usual_logme(features: Floats, targets: Floats) -> Floats:
    """[n, d], [n, C] -> the evidence of each class, per image."""
    left, sigma, _ = np.linalg.svd(features, full_matrices=False)
    return np.array([_one_class(left, sigma**2, column, *features.shape) for column in targets.T])


def _one_class(left: Floats, s: Floats, t: Floats, n: int, d: int) -> float:
    x2 = (left.T @ t) ** 2
    rest = max(float(t @ t - x2.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(ROUNDS):
        ratio = alpha / beta
        gamma = (s / (s + ratio)).sum()
        weight = (s * x2 / (s + ratio) ** 2).sum()
        error = (x2 / (1 + s / ratio) ** 2).sum() + rest
        alpha, beta = gamma / weight, (n - gamma) / error
        if abs(alpha / beta - ratio) <= SETTLED * ratio:
            break
    determinant = np.log(alpha + beta * s).sum() + (d - len(s)) * np.log(alpha)
    constant = n * np.log(beta) + d * np.log(alpha) - n * np.log(2 * np.pi)
    return float(constant - beta * error - alpha * weight - determinant) / 2 / n


def in_turns(jobs: Mapping[str, Job], repeats: int) -> dict[str, list[float]]:
    """Name -> seconds of processor time, after one turn for nothing."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            began = time.process_time()
            job()
            if turn:
                taken[name].append(time.process_time() - began)
    return taken


def sample(rng: np.random.Generator, n: int, d: int, classes: int) -> tuple[Floats, Labels]:
    """Classes with centres, in features whose axes are of very different size, as those of networks are."""
    labels = (np.arange(n) % classes).astype(np.int64)
    turned = rng.normal(size=(n, d)) + 0.6 * rng.normal(size=(classes, d))[labels]
    mixing = rng.normal(size=(d, d)) * np.geomspace(1, 0.01, d)[:, None] / np.sqrt(d)
    return np.maximum(turned @ mixing + 0.1, 0.0), labels


def logme_table(asked: argparse.Namespace, rng: np.random.Generator) -> Table:
    title = f"LogME of {asked.images:,} images and {asked.classes} classes, seconds of one thread"
    table = Table(title, ("width", "usual loop", "spread", "ours", "spread of ours", "ratio", "largest difference"))
    for width in asked.widths:
        features, labels = sample(rng, asked.images, width, asked.classes)
        targets = np.eye(asked.classes)[labels]
        usual, ours = partial(usual_logme, features, targets), partial(logme_of, features, targets)
        difference = float(np.abs(usual() - ours()).max())
        taken = in_turns({"usual": usual, "ours": ours}, asked.repeats)
        slow, quick = spread(taken["usual"]), spread(taken["ours"])
        table.add(str(width), *slow, *quick, slow[0] / quick[0], difference)
    return table


def cost_table(rng: np.random.Generator, repeats: int) -> Table:
    """Every score from the bare arrays on; they share the eigendecomposition when they share what they are given."""
    n, d, classes = COSTS
    features, labels = sample(rng, n, d, classes)
    outputs = rng.normal(size=(n, 1000))
    stages = [sample(rng, n, width, classes)[0] for width in STAGES]
    jobs: dict[str, Job] = {
        name: partial(lambda score: score(given(features, labels, outputs), np.random.default_rng(0)), score)
        for name, score in scores().items()
    }
    jobs["all of them, sharing"] = partial(_all, features, labels, outputs)
    jobs["ridge_path"] = lambda: ridge_path(features, labels, np.random.default_rng(0))
    jobs["ridge_path_stages, 5 stages"] = lambda: ridge_path_stages(stages, labels, np.random.default_rng(0))
    jobs["knn_stages, 5 stages"] = lambda: knn_stages(stages, labels, 5, np.random.default_rng(0))
    jobs["label_agreement, 5 stages"] = lambda: label_agreement(stages, labels)
    jobs["agreement_map, 20 candidates"] = lambda: agreement_map([features] * 20, labels)
    title = f"{n} images, {d} features, {classes} classes, milliseconds of one thread"
    table = Table(title, ("what", "ms", "spread"))
    for name, seconds in in_turns(jobs, repeats).items():
        middle, half = spread(seconds)
        table.add(name, 1e3 * middle, 1e3 * half)
    return table


def _all(features: Floats, labels: Labels, outputs: Floats) -> None:
    data = given(features, labels, outputs)
    for score in scores().values():
        score(data, np.random.default_rng(0))


def options() -> argparse.Namespace:
    parser = arguments("What the scores cost.")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--widths", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def main() -> None:
    asked = options()
    rng = np.random.default_rng(asked.seed)
    with threadpool_limits(1):
        tables = [cost_table(rng, max(5, asked.repeats)), logme_table(asked, rng)]
    publish("scores", tables, seed=asked.seed, keep=asked.json)


if __name__ == "__main__":
    main()
