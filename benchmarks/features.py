"""How fast JPEG files become features of all stages, and what the pooling costs beside the bare forward pass.

    python -m benchmarks.features [--photos N] [--repeats N] [--json FILE]

The usual way is a DataLoader with timm's transform and a worker a core, then the network in float32 with hooks that
keep the maps, pooled after each batch. Both ways have the same cores. They take turns, so that a slow minute hits both,
and what is compared is the median of the ratios of the turns.
"""

import argparse
import copy
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.images import jpeg, picture
from benchmarks.report import Table, arguments, publish, spread
from discriminator.backbone import Backbone
from discriminator.extraction import Precision, extract
from discriminator.gallery import Gallery
from discriminator.gap import Features, Plan, look, survey
from zoo.images.pixels import View
from zoo.images.samples import open_sample
from zoo.machine import usable_cores
from zoo.networks.building import build_network
from zoo.training.devices import best_layout

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Case:
    """A network, the size it sees, and by how much ours has to be faster than the usual way."""

    network: str
    view: View
    precision: Precision
    asked: float


CASES = (
    Case("resnet18", View(224, 0.875), "auto", 2.0),
    Case("mobilenetv3_small_100", View(224, 0.875), "auto", 2.0),
    Case("vit_tiny_patch16_224", View(224, 0.875), "auto", 2.0),
    Case("resnet18", View(224, 0.875), "fp32", 1.3),
    Case("resnet18", View(64, 0.875), "auto", 1.7),
    Case("resnet18", View(64, 0.875), "fp32", 1.3),
)
ALONE = ("resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224", "convnext_atto", "mixer_s32_224")


class Files(Dataset[Tensor]):
    """JPEG files through timm's transform for evaluation."""

    def __init__(self, folder: Path, view: View) -> None:
        self.paths = sorted(folder.rglob("*.jpg"))
        self.transform = create_transform(
            input_size=view.size, crop_pct=view.crop, interpolation=view.interpolation, mean=MEAN, std=STD
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            found: Tensor = self.transform(image.convert("RGB"))
        return found


def usual(loader: DataLoader[Tensor], network: nn.Module, plan: Plan) -> list[Tensor]:
    """Maps kept by hooks, then the mean over their places. [N, d] for each stage."""
    maps: dict[str, Tensor] = {}
    hooks = [
        network.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: maps.__setitem__(name, out))
        for name, _ in plan.stages
    ]
    parts = []
    with torch.no_grad():
        for images in loader:
            network(images)
            parts.append([maps[name].mean((2, 3) if how.kind == "map" else 1) for name, how in plan.stages])
    for hook in hooks:
        hook.remove()
    return [torch.cat(stage) for stage in zip(*parts, strict=True)]


def ours(folder: Path, backbone: Backbone, precision: Precision) -> Features:
    with open_sample(folder) as sample:
        return extract(backbone, Gallery(sample, sample.entries()), "cpu", precision)


def in_turns(jobs: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each, turn by turn, after one for nothing."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def end_to_end(folder: Path, cases: tuple[Case, ...], repeats: int) -> Table:
    table = Table(
        f"JPEG files to pooled features of every stage, {usable_cores()} cores",
        ("network", "px", "precision", "usual/s", "ours/s", "ratio", "spread", "asked", "cosine"),
    )
    for case in cases:
        table.add(case.network, case.view.size, case.precision, *compared(folder, case, repeats))
    return table


def compared(folder: Path, case: Case, repeats: int) -> tuple[float, float, float, float, str, float]:
    network = build(case.network, case.view.size)
    backbone = Backbone(case.network, case.network, case.view, MEAN, STD, partial(copy.deepcopy, network))
    plan = survey(network, torch.zeros(2, 3, case.view.size, case.view.size))
    files = Files(folder / f"for{case.view.size}", case.view)
    loader = DataLoader(files, 64, num_workers=usable_cores(), persistent_workers=True)
    jobs: dict[str, Callable[[], object]] = {
        "usual": partial(usual, loader, network, plan),
        "ours": partial(ours, folder / f"for{case.view.size}", backbone, case.precision),
    }
    seconds = in_turns(jobs, repeats)
    ratio, wide = spread([a / b for a, b in zip(seconds["usual"], seconds["ours"], strict=True)])
    rates = [len(files) / spread(seconds[name])[0] for name in ("usual", "ours")]
    near = smallest_cosine(
        ours(folder / f"for{case.view.size}", backbone, case.precision), usual(loader, network, plan)
    )
    return rates[0], rates[1], ratio, wide, f">= {case.asked}", near


def smallest_cosine(features: Features, theirs: list[Tensor]) -> float:
    """Over the stages and the images. Tokens that are no places are left out of ours, so those are not compared."""
    pairs = zip(map(torch.from_numpy, features.stages), theirs, strict=True)
    return min(float(torch.cosine_similarity(a.double(), b.double()).min()) for a, b in pairs)


def build(name: str, size: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(name, classes=10, input_size=size).eval()


def beside_bare(names: tuple[str, ...], repeats: int) -> Table:
    """Both in the precision and layout that features are made in."""
    table = Table(
        "The forward pass with pooling beside the bare one, 224 px", ("network", "dtype", "share", "spread", "asked")
    )
    for name in names:
        for dtype in (torch.float32, torch.bfloat16):
            network = build(name, 224)
            layout = best_layout(network)
            network = network.to(dtype).to(memory_format=layout)
            images = torch.randn(32, 3, 224, 224).to(dtype).contiguous(memory_format=layout)
            plan = survey(network, images[:2])
            jobs: dict[str, Callable[[], object]] = {
                "bare": partial(bare, network, images),
                "pooled": partial(look, network, plan, images),
            }
            seconds = in_turns(jobs, repeats)
            share, wide = spread([a / b for a, b in zip(seconds["bare"], seconds["pooled"], strict=True)])
            table.add(name, str(dtype).removeprefix("torch."), share, wide, ">= 0.9")
    return table


def bare(network: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        answer: Tensor = network(images)
    return answer


def photos(folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Photographs of 500 x 375 for 224 px, and four times as many of 96 x 72 for 64 px."""
    rng = np.random.default_rng(seed)
    for size, shape, many in ((224, (500, 375), count), (64, (96, 72), 4 * count)):
        place = folder / f"for{size}"
        place.mkdir()
        for i in range(many):
            (place / f"{i:05}.jpg").write_bytes(jpeg(picture(rng, shape)))
        yield place


def options() -> argparse.Namespace:
    parser = arguments("How fast JPEG files become features of all stages.")
    parser.add_argument(
        "--photos", type=int, default=192, help="photographs of 500 x 375; four times as many small ones"
    )
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    asked = options()
    torch.set_num_threads(usable_cores())
    folder = Path(tempfile.mkdtemp(prefix="headhunt-benchmark-"))
    try:
        list(photos(folder, asked.photos, asked.seed))
        tables = [end_to_end(folder, CASES, asked.repeats), beside_bare(ALONE, asked.repeats)]
    finally:
        shutil.rmtree(folder)
    publish("features", tables, seed=asked.seed, keep=asked.json)


if __name__ == "__main__":
    main()
