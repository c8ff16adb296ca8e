"""How much of the bare loop's throughput the trainer keeps: `python -m benchmarks.training [--json FILE]`.

The bare loop is the plain idiom on float tensors that already lie on the device: zero_grad, forward, cross_entropy,
backward, step. The trainer has the same network, batch and optimiser, and does the rest as well: it picks and changes
the images, normalises them, sets the rates, clips the gradient, watches the loss. Both run in turn, repeat after
repeat; the ratio is the median over the repeats, the spread is the lowest and the highest.

    auto    the trainer as it comes: bf16 and channels last where its rules say that they help
    fp32    the trainer in the precision of the bare loop
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from benchmarks.report import Table, arguments, publish
from headhunt.vocabulary import Protocol
from zoo.images.pixels import Pixels
from zoo.networks.building import build_network
from zoo.training.devices import choose_device
from zoo.training.trainer import TrainingData, train

CLASSES = 10
HALF = (0.5, 0.5, 0.5)
NETWORKS = (
    "test_resnet",
    "test_vit",
    "test_convnext",
    "test_efficientnet",
    "resnet10t",
    "examples.cifar_resnet:resnet20",
)


@dataclass(frozen=True)
class Bench:
    """What is measured: `steps` of `batch` images, `repeats` times, after one round that does not count."""

    device: torch.device
    size: int
    batch: int
    steps: int
    repeats: int
    seed: int = 0


def make(name: str, bench: Bench) -> nn.Module:
    torch.manual_seed(bench.seed)
    return build_network(name, classes=CLASSES, input_size=bench.size)


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


def measure(name: str, bench: Bench) -> list[str | float]:
    """A row: images a second of the bare loop, then median, lowest and highest share of it, as it comes and in fp32."""
    images, labels = drawn(8 * bench.batch, bench)
    data = TrainingData(Pixels(images, labels, tuple(map(str, range(CLASSES)))), None, HALF, HALF)
    floats, targets = ((images / 255 - 0.5) / 0.5).to(bench.device), labels.to(bench.device)
    networks = {kind: make(name, bench).to(bench.device) for kind in ("bare", "auto", "fp32")}

    def tune(precision: Literal["auto", "fp32"]) -> None:
        protocol = Protocol(steps=bench.steps, batch_size=bench.batch, lr=1e-3, precision=precision)
        train(networks[precision], data, protocol, seed=bench.seed, device=str(bench.device))

    jobs: dict[str, Callable[[], None]] = {
        "bare": lambda: bare_loop(networks["bare"], floats, targets, bench),
        "auto": lambda: tune("auto"),
        "fp32": lambda: tune("fp32"),
    }
    rounds = [{kind: seconds(job, bench.device) for kind, job in jobs.items()} for _ in range(bench.repeats + 1)][1:]
    bare = statistics.median(bench.steps * bench.batch / times["bare"] for times in rounds)
    return [name.rpartition(":")[2], bare, *shares(rounds, "auto"), *shares(rounds, "fp32")]


def drawn(count: int, bench: Bench) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(bench.seed)
    images = torch.randint(0, 256, (count, 3, bench.size, bench.size), dtype=torch.uint8, generator=draws)
    return images, torch.randint(0, CLASSES, (count,), generator=draws)


def shares(rounds: list[dict[str, float]], kind: str) -> tuple[float, float, float]:
    ratios = [times["bare"] / times[kind] for times in rounds]
    return statistics.median(ratios), min(ratios), max(ratios)


def main() -> None:
    parser = arguments("The trainer's share of the bare loop's throughput.")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--threads", type=int, help="default: torch's choice")
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    device = choose_device(asked.device)
    on_gpu = device.type == "cuda"
    bench = Bench(
        device,
        size=32,
        batch=512 if on_gpu else 64,
        steps=200 if on_gpu else 16,
        repeats=asked.repeats,
        seed=asked.seed,
    )
    title = f"The trainer's share of the bare loop, on {device}: {bench.size} px, batches of {bench.batch}"
    table = Table(title, ("network", "bare img/s", "auto", "low", "high", "fp32", "fp32 low", "fp32 high"))
    for name in tqdm(asked.networks, disable=None):
        table.add(*measure(name, bench))
    publish("training", [table], seed=asked.seed, keep=asked.json)


if __name__ == "__main__":
    main()
