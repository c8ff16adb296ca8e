"""Small trainings of which it is known what was wrong: each is done at every rate, twice as long as it is judged."""

import io
import itertools
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

EPOCHS = 24
"""What the advice sees; the training goes on for as many, and that tells whether it was right."""
RATES = {"sgd": (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0), "adam": (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)}
PICTURES = ("sign_digits", "mednist", "cifar10")
SIDE = 16
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """All but the rate. situation: full, few (examples), wrong (labels) or falling (a cosine schedule)."""

    data: str
    network: str
    optimiser: str
    situation: str
    seed: int


@dataclass(frozen=True)
class Task:
    """inputs (n, d) float32 and labels (n,) of the three parts; the baselines of the data."""

    train: tuple[Tensor, Tensor]
    val: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    classes: int
    baselines: dict[str, float]


@dataclass(frozen=True)
class Training:
    setting: Setting
    rate: float
    curves: dict[str, Curve]
    """By metric, one value an epoch, 2 * EPOCHS of them; test_loss and test_accuracy are the truth's, never shown."""
    task: Task


def settings(sources: tuple[str, ...], seeds: int) -> Iterator[Setting]:
    parts = (sources, ("linear", "mlp", "deep"), RATES, ("full", "few", "wrong", "falling"), range(seeds))
    for chosen in itertools.product(*parts):
        yield Setting(*chosen)


def inputs_of(name: str) -> tuple[Curve, NDArray[np.int64]]:
    """digits and cells come with scikit-learn; pictures from HEADHUNT_DATA, as SIDE x SIDE greys."""
    if name == "digits":
        return load_digits(return_X_y=True)  # type: ignore[no-any-return]
    if name == "cells":
        return load_breast_cancer(return_X_y=True)  # type: ignore[no-any-return]
    rows: list[tuple[NDArray[np.uint8], str]] = []
    with zipfile.ZipFile(Path(os.environ["HEADHUNT_DATA"]) / "images" / f"{name}.zip") as archive:
        for member in archive.namelist():
            if "/train/" in member and not member.endswith("/"):
                grey = Image.open(io.BytesIO(archive.read(member))).convert("L").resize((SIDE, SIDE))
                rows.append((np.asarray(grey), member.split("/")[-2]))
    names = sorted({label for _, label in rows})
    return np.stack([one.ravel() for one, _ in rows]).astype(float), np.array([names.index(label) for _, label in rows])


def task_of(name: str, situation: str, seed: int) -> Task:
    inputs, labels = inputs_of(name)
    chosen = np.random.default_rng(seed).permutation(len(labels))[:2000]
    train, val, test = np.split(chosen, [int(len(chosen) * 0.5), int(len(chosen) * 0.7)])
    train = train[:40] if situation == "few" else train
    x = ((inputs - inputs[train].mean(0)) / (inputs[train].std(0) + 1e-3)).clip(-10, 10).astype(np.float32)
    given = labels.copy()
    if situation == "wrong":
        mistaken = np.random.default_rng(seed + 1).random(len(labels)) < 0.3
        given[mistaken] = np.random.default_rng(seed + 2).integers(0, labels.max() + 1, int(mistaken.sum()))
    linear = LogisticRegression(C=0.01, max_iter=300).fit(x[train], given[train]).score(x[test], given[test])
    majority = float(np.bincount(given[train]).max() / len(train))
    cut = [(torch.from_numpy(x[part]), torch.from_numpy(given[part])) for part in (train, val, test)]
    return Task(cut[0], cut[1], cut[2], int(labels.max()) + 1, {"majority": majority, "linear": float(linear)})


def network_of(kind: str, inputs: int, classes: int) -> nn.Module:
    widths = {"linear": [], "mlp": [64], "deep": [64, 64, 64, 64]}[kind]
    ends = [inputs, *widths]
    body: list[nn.Module] = []
    for before, after in itertools.pairwise(ends):
        body += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*body, nn.Linear(ends[-1], classes))


def trained(setting: Setting, rate: float, task: Task) -> Training:
    torch.manual_seed(setting.seed)
    network = network_of(setting.network, task.train[0].shape[1], task.classes)
    optimiser = optimiser_of(setting.optimiser, network, rate)
    rows: dict[str, list[float]] = {}
    for epoch in range(2 * EPOCHS):
        if setting.situation == "falling":
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * min(1.0, epoch / EPOCHS)))
            rows.setdefault("lr", []).append(optimiser.param_groups[0]["lr"])
        rows.setdefault("train_loss", []).append(one_epoch(network, optimiser, task))
        for part in ("train", "val", "test"):
            loss, accuracy = judged(network, *getattr(task, part))
            rows.setdefault(f"{part}_accuracy", []).append(accuracy)
            if part != "train":
                rows.setdefault(f"{part}_loss", []).append(loss)
    return Training(replace(setting), rate, {name: np.array(row) for name, row in rows.items()}, task)


def optimiser_of(kind: str, network: nn.Module, rate: float) -> torch.optim.Optimizer:
    if kind == "sgd":
        return torch.optim.SGD(network.parameters(), rate, momentum=0.9)
    return torch.optim.Adam(network.parameters(), rate)


def one_epoch(network: nn.Module, optimiser: torch.optim.Optimizer, task: Task) -> float:
    inputs, labels = task.train
    losses = []
    for batch in torch.randperm(len(labels)).split(32):  # type: ignore[no-untyped-call]
        loss = nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


@torch.no_grad()
def judged(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    said = network(inputs)
    return float(nn.functional.cross_entropy(said, labels)), float((said.argmax(1) == labels).float().mean())
