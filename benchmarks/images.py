"""How fast images come in: hashed from a folder, read from archives, decoded to what a network sees.

    python -m benchmarks.images [--files N] [--photos N] [--repeats N] [--store FOLDER] [--data FOLDER] [--json FILE]

Everything is measured against what it replaces or against its limit, in turns, so that a slow minute hits both. Rates
are per second of processor time, which another program on the machine disturbs least; wall time stands beside them.
"""

import argparse
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform

from benchmarks.report import Table, arguments, publish, spread
from headhunt.vocabulary import SampleLimits
from zoo.images.blobs import Blobs, write_whole
from zoo.images.decoding import decode
from zoo.images.pixels import View, allocate, fit
from zoo.images.samples import open_sample

COLUMNS = ("what", "a CPU-second", "spread", "a second", "ratio", "asked")
VIEW = View(224, 0.875)
LIMITS = SampleLimits()
MEMORY = Path("/dev/shm")
Job = Callable[[], object]


def picture(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Shapes of every size and a little noise, so that a JPEG of it weighs what a photograph's does."""
    total: npt.NDArray[np.float32] = np.zeros((size[1], size[0], 3), np.float32)
    for cells in (3, 6, 12, 24, 48, 96):
        coarse = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        layer = torch.nn.functional.interpolate(
            torch.from_numpy(coarse).permute(2, 0, 1)[None], size=(size[1], size[0]), mode="bicubic"
        )
        total += layer[0].permute(1, 2, 0).numpy() / cells**0.8
    total = (total - total.min()) / (total.max() - total.min()) * 255 + rng.normal(0, 3, total.shape)
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def measure(jobs: dict[str, Job], count: int, repeats: int) -> dict[str, tuple[float, float, float]]:
    """Name -> (items a CPU-second, its spread, items a second of wall time), all in turns, after one for nothing."""
    cpu: dict[str, list[float]] = {name: [] for name in jobs}
    wall: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            job()
            if turn:
                cpu[name].append(count / (time.process_time() - began_cpu))
                wall[name].append(count / (time.perf_counter() - began))
    return {name: (*spread(cpu[name]), spread(wall[name])[0]) for name in jobs}


def bare_hashing(folder: Path) -> None:
    """The limit of hashing: open, read, digest, and nothing else."""
    for inner in os.scandir(folder):
        for item in os.scandir(inner.path):
            handle = os.open(item.path, os.O_RDONLY)
            data = os.read(handle, 16_384)
            os.close(handle)
            hashlib.sha256(data).digest()


def hashing(folder: Path, count: int, repeats: int) -> Table:
    found = measure(
        {
            "folder to version id": lambda: open_sample(folder).close(),
            "read and sha256 alone": lambda: bare_hashing(folder),
        },
        count,
        repeats,
    )
    table = Table(f"{count:,} small files hashed", COLUMNS)
    limit = found["read and sha256 alone"][0]
    for name, (rate, wide, wall) in found.items():
        table.add(name, rate, wide, wall, rate / limit, ">= 20,000" if name.startswith("folder") else None)
    return table


def bare_storing(contents: Sequence[bytes], home: Path) -> None:
    """The limit of storing: write to a temporary name and rename, and nothing else."""
    for i in range(256):
        (home / f"{i:02x}").mkdir()
    for i, data in enumerate(contents):
        write_whole(f"{home}/{i % 256:02x}/{i:064x}", data)


def archives(folder: Path, work: Path, homes: Path, repeats: int) -> Table:
    """Each time into an empty store."""
    files = [(str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*.jpg"))]
    with zipfile.ZipFile(work / "x.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, path in files:
            packed.write(path, name)
    with tarfile.open(work / "x.tar.gz", "w:gz", compresslevel=6) as tar:
        for name, path in files:
            tar.add(path, name)

    def store(archive: Path) -> None:
        blobs = Blobs(Path(tempfile.mkdtemp(dir=homes)) / "blobs")
        with open_sample(archive, blobs=blobs) as sample:
            sample.store(blobs)

    contents = [path.read_bytes() for _, path in files]
    jobs: dict[str, Job] = {name: partial(store, work / name) for name in ("x.zip", "x.tar.gz")}
    jobs["write and rename alone"] = lambda: bare_storing(contents, Path(tempfile.mkdtemp(dir=homes)))
    found = measure(jobs, len(files), repeats)
    table = Table(f"{len(files):,} members read, checked, hashed and stored in {homes.parent}", COLUMNS)
    limit = found["write and rename alone"][0]
    for name, (rate, wide, wall) in found.items():
        table.add(
            name.removeprefix("x."), rate, wide, wall, rate / limit, ">= 4,000" if name.startswith("x.") else None
        )
    return table


def by_timm(photos: Sequence[bytes], steps: Sequence[Callable[[Image.Image], Image.Image]]) -> list[Image.Image]:
    done = []
    for data in photos:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        for step in steps:
            image = step(image)
        done.append(image)
    return done


def by_headhunt(photos: Sequence[bytes], out: torch.Tensor) -> None:
    for i, data in enumerate(photos):
        fit(decode(data, LIMITS), VIEW, out[i])


def decoding(photos: Sequence[bytes], repeats: int, name: str) -> Table:
    """Both in one thread, from bytes to uint8 before the mean is taken off."""
    steps = create_transform(input_size=VIEW.size, crop_pct=VIEW.crop, interpolation=VIEW.interpolation).transforms[:2]
    out = allocate(len(photos), VIEW.size)
    jobs: dict[str, Job] = {
        "headhunt": lambda: by_headhunt(photos, out),
        "timm, Pillow": lambda: by_timm(photos, steps),
    }
    found = measure(jobs, len(photos), repeats)
    theirs = np.stack([np.asarray(image) for image in by_timm(photos, steps)])
    apart = np.abs(out.permute(0, 2, 3, 1).numpy().astype(int) - theirs)
    far = f"{int((apart > 1).sum())} of {apart.size:,} values more than one level apart"
    table = Table(f"{name} to 224 px in one thread; {far}", COLUMNS)
    base = found["timm, Pillow"][0]
    for label, (rate, wide, wall) in found.items():
        table.add(label, rate, wide, wall, rate / base, ">= 3 x" if label == "headhunt" else None)
    return table


def options() -> argparse.Namespace:
    parser = arguments("How fast images come in.")
    parser.add_argument("--files", type=int, default=8000, help="small files to hash and store")
    parser.add_argument("--photos", type=int, default=64, help="photographs to decode")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        default=MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir()),
        help="store images below this folder (by default in memory: a disk's own rate varies by ten)",
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="decode the JPEGs of this folder as well")
    return parser.parse_args()


def main() -> None:
    asked = options()
    torch.set_num_threads(1)
    rng = np.random.default_rng(asked.seed)
    work = Path(tempfile.mkdtemp(prefix="headhunt-benchmark-"))
    homes = Path(tempfile.mkdtemp(prefix="headhunt-benchmark-", dir=asked.store))
    try:
        base = [jpeg(picture(rng, (size, size))) for size in (32, 48, 64) for _ in range(20)]
        for i in range(asked.files):
            place = work / "small" / f"class{i % 10}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i:06}.jpg").write_bytes(base[i % len(base)] + i.to_bytes(4, "big"))
        photos = [jpeg(picture(rng, (500, 375))) for _ in range(asked.photos)]
        tables = [
            hashing(work / "small", asked.files, asked.repeats),
            archives(work / "small", work, homes, max(3, asked.repeats // 2)),
            decoding(photos, asked.repeats, "JPEG 500x375"),
        ]
        if asked.data:
            own = [path.read_bytes() for path in sorted(asked.data.rglob("*.jp*g"))[: asked.photos]]
            tables.append(decoding(own, asked.repeats, f"JPEGs of {asked.data.name}"))
    finally:
        shutil.rmtree(work)
        shutil.rmtree(homes)
    publish("images", tables, seed=asked.seed, keep=asked.json)


if __name__ == "__main__":
    main()
