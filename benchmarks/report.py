"""What every benchmark prints and keeps: a table, and with `--json FILE` the same numbers with versions and machine."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import torch

PACKAGES = ("headhunt", "torch", "torchvision", "timm", "simplejpeg", "pillow", "numpy")
Cell = str | int | float | None


class Table:
    """Rows under a title. `add` takes the cells in the order of the columns."""

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self.title = title
        self.columns = tuple(columns)
        self.rows: list[dict[str, Cell]] = []

    def add(self, *cells: Cell) -> None:
        self.rows.append(dict(zip(self.columns, cells, strict=True)))

    def __str__(self) -> str:
        lines = [self.columns, *(tuple(_shown(cell) for cell in row.values()) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        return "\n".join([self.title, *("  ".join(_aligned(line, widths)).rstrip() for line in lines)])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The first column to the left, numbers to the right."""
    first, *others = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}" if abs(cell) < 1 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with what all benchmarks take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the numbers here")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def spread(values: Sequence[float]) -> tuple[float, float]:
    """(median, half of the distance between the quartiles)."""
    ordered = sorted(values)
    return median(ordered), (ordered[(3 * len(ordered)) // 4] - ordered[len(ordered) // 4]) / 2


def machine() -> dict[str, Cell]:
    return {
        "cpus": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "torch_threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def publish(benchmark: str, tables: Sequence[Table], *, seed: int, keep: Path | None = None) -> None:
    """Print the tables, the versions and the machine; keep them as JSON if asked."""
    packages, host = versions(), machine()
    for table in tables:
        print(table, end="\n\n")
    print(", ".join(f"{name} {value}" for name, value in {**packages, **host, "seed": seed}.items()))
    if keep is not None:
        rows = [{"table": table.title, **row} for table in tables for row in table.rows]
        facts = {"benchmark": benchmark, "versions": packages, "machine": host, "seed": seed, "rows": rows}
        keep.write_text(json.dumps(facts, indent=1) + "\n")
