"""All trials of a study as a table, or as JSON."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from headhunt.studies.wire import StudyShown, TrialShown

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would take a text that begins so for a formula."""
FIRST, LAST = ("number", "state", "value", "seconds"), ("reason", "worker", "run")


def as_json(study: StudyShown, trials: Sequence[TrialShown]) -> bytes:
    return msgspec.json.format(msgspec.json.encode({"study": study, "trials": list(trials)}), indent=2) + b"\n"


def as_csv(study: StudyShown, trials: Sequence[TrialShown]) -> bytes:
    """A row for each trial, a column for each parameter, aim and limit; empty where a trial has none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names, aims, limits = list(study.space), list(study.aims), list(study.limits)
    heads = [*(f"values.{name}" for name in aims), *(f"measured.{name}" for name in limits)]
    writer.writerow([*FIRST, *map(harmless, heads), *(harmless(f"params.{name}") for name in names), *LAST])
    for one in trials:
        facts: list[Any] = [one.number, one.state, one.value, one.seconds]
        facts += [*(one.values.get(name) for name in aims), *(one.measured.get(name) for name in limits)]
        params = [one.params.get(name) for name in names]
        writer.writerow([harmless(cell) for cell in (*facts, *params, one.reason, one.worker, one.run)])
    return out.getvalue().encode()


def harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(DANGEROUS) else cell
