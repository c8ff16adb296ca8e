"""How much of the bare loop's throughput the trainer keeps: `python -m benchmarks.training [--json FILE]`.

The bare loop is the plain idiom on float tensors that already lie on the device: zero_grad, forward, cross_entropy,
backward, step. The trainer has the same network, batch and optimiser, and does the rest as well: it picks and changes
the images, normalises them, sets the rates, clips the gradient, watches the loss. Both run in turn, repeat after
repeat; the ratio is the median over the repeats, the spread is the lowest and the highest.

    auto    the trainer as it comes: bf16 and channels last where its rules say that they help
    fp32    the trainer in the precision of the bare loop
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import timm
import torch
from torch import nn
from torch.nn import functional

from headhunt.vocabulary import Protocol
from zoo.devices import choose_device
from zoo.networks import build_network
from zoo.pixels import Pixels
from zoo.training import TrainingData, train

SEED = 0
CLASSES = 10
HALF = (0.5, 0.5, 0.5)
NETWORKS = ("test_resnet", "test_vit", "test_convnext", "test_efficientnet", "resnet10t", "resnet20")
PROMISE = 0.85
"""The share of the bare loop's throughput that the trainer keeps, at 32 px on a CPU."""


@dataclass(frozen=True)
class Bench:
    """What is measured: `steps` of `batch` images, `repeats` times, after one round that does not count."""

    device: torch.device
    size: int
    batch: int
    steps: int
    repeats: int


@dataclass(frozen=True)
class Line:
    """One network: images a second in the bare loop, and the trainer's share of it (median, lowest, highest)."""

    network: str
    bare: float
    auto: tuple[float, float, float]
    fp32: tuple[float, float, float]


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters, as in the ResNets for CIFAR (He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.grown, self.stride = outputs - inputs, stride
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        short = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.grown))
        return functional.relu(y + short)


def resnet20(classes: int) -> nn.Module:
    blocks = [Block(i, o, s) for i, o, s in [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)]]
    body = [*blocks, Block(64, 64, 1), Block(64, 64, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *body, nn.Linear(64, classes)
    )


def make(name: str, size: int) -> nn.Module:
    torch.manual_seed(SEED)
    return resnet20(CLASSES) if name == "resnet20" else build_network(name, classes=CLASSES, input_size=size)


def bare_loop(network: nn.Module, images: torch.Tensor, labels: torch.Tensor, bench: Bench) -> None:
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for step in range(bench.steps):
        first = step * bench.batch % len(images)
        optimiser.zero_grad()
        outputs = network(images[first : first + bench.batch])
        loss = functional.cross_entropy(outputs, labels[first : first + bench.batch])
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()


def seconds(job: Callable[[], object], device: torch.device) -> float:
    """Of the job and of all that it left for the device to do."""
    begun = time.perf_counter()
    job()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def measure(name: str, bench: Bench) -> Line:
    draws = torch.Generator().manual_seed(SEED)
    count = 8 * bench.batch
    images = torch.randint(0, 256, (count, 3, bench.size, bench.size), dtype=torch.uint8, generator=draws)
    labels = torch.randint(0, CLASSES, (count,), generator=draws)
    data = TrainingData(Pixels(images, labels, tuple(map(str, range(CLASSES)))), None, HALF, HALF)
    floats, targets = ((images / 255 - 0.5) / 0.5).to(bench.device), labels.to(bench.device)
    networks = {kind: make(name, bench.size).to(bench.device) for kind in ("bare", "auto", "fp32")}

    def tune(precision: str) -> None:
        protocol = Protocol(steps=bench.steps, batch_size=bench.batch, lr=1e-3, precision=precision)  # type: ignore[arg-type]  # one of its words
        train(networks[precision], data, protocol, seed=SEED, device=str(bench.device))

    jobs: dict[str, Callable[[], None]] = {
        "bare": lambda: bare_loop(networks["bare"], floats, targets, bench),
        "auto": lambda: tune("auto"),
        "fp32": lambda: tune("fp32"),
    }
    rounds = [{kind: seconds(job, bench.device) for kind, job in jobs.items()} for _ in range(bench.repeats + 1)][1:]
    bare = statistics.median(bench.steps * bench.batch / times["bare"] for times in rounds)
    return Line(name, bare, spread(rounds, "auto"), spread(rounds, "fp32"))


def spread(rounds: list[dict[str, float]], kind: str) -> tuple[float, float, float]:
    ratios = [times["bare"] / times[kind] for times in rounds]
    return statistics.median(ratios), min(ratios), max(ratios)


def show(line: Line) -> str:
    shares = "   ".join(f"{median:5.2f} ({low:.2f} to {high:.2f})" for median, low, high in (line.auto, line.fp32))
    return f"{line.network:18} {line.bare:10.0f}   {shares}"


def main() -> None:
    parser = argparse.ArgumentParser(description="The trainer's share of the bare loop's throughput.")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--threads", type=int, help="default: torch's choice")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    device = choose_device(asked.device)
    on_gpu = device.type == "cuda"
    bench = Bench(device, size=32, batch=512 if on_gpu else 64, steps=200 if on_gpu else 16, repeats=asked.repeats)
    facts = machine(bench)
    print("   ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"{'network':18} {'bare img/s':>10}   {'auto: share of bare':22}   fp32: share of bare")
    lines = []
    for name in asked.networks:
        lines.append(measure(name, bench))
        print(show(lines[-1]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"machine": facts, "rows": [asdict(line) for line in lines]}, indent=2))


def machine(bench: Bench) -> dict[str, str | int]:
    name = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else platform.machine()
    versions: dict[str, str | int] = {"torch": torch.__version__, "timm": timm.__version__, "device": name}
    sizes = {"size": bench.size, "batch": bench.batch, "steps": bench.steps, "repeats": bench.repeats}
    return versions | {"threads": torch.get_num_threads(), "seed": SEED} | sizes


if __name__ == "__main__":
    main()
