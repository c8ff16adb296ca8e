"""Fetching a file from the hub with patience that has an end: what is silent for eight seconds counts as unreachable.

The child process that talks to the hub is in zoo/sources/download.py. The parent reads its report and looks at the
cache: as long as the file grows, a slow line is given all the time it needs.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from huggingface_hub import constants

from headhunt.errors import WeightsUnavailable

PATIENCE_S = 8.0
"""From the start until the first byte, then from each to the next."""
TRUE = ("1", "ON", "YES", "TRUE")
XET_PATIENCE_S = 60.0
"""The chunked transfer writes its pieces late, so silence says less."""
POLL_S = 0.1
CHILD = Path(__file__).with_name("download.py")
WAY_OUT = (
    "Check the connection, name a mirror in HF_ENDPOINT, or set HF_HUB_OFFLINE=1 with HF_HOME at a cache that has them."
)

Report = dict[str, Any]


def from_hub(repo: str, files: Sequence[str]) -> Path:
    """The path, in the hub's cache, of the first of these files that the repository has."""
    report = watched([sys.executable, "-P", str(CHILD), repo, *files], growing_files(repo))
    if "path" in report:
        return Path(report["path"])
    raise unavailable(repo, files, report)


def from_url(url: str, target: Path) -> Path:
    """A file from a plain address, for the few weights that are not on the hub; kept where torch keeps its own."""
    if target.is_file():
        return target
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in TRUE:
        raise WeightsUnavailable(
            f"HF_HUB_OFFLINE is set and {target} is not there. Unset it, or put the file of {url} there."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    report = watched(
        [sys.executable, "-P", str(CHILD), url, str(target)], (target.parent, f"{target.name}.incomplete*")
    )
    if "path" in report:
        return Path(report["path"])
    raise WeightsUnavailable(f"{url} did not come: {report['text'].rstrip('.')}. Put the file at {target} by hand.")


def watched(command: Sequence[str], growing: tuple[Path, str]) -> Report:
    """Run the child; end it when neither it nor the file it writes has moved for long."""
    silent = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=silent, stdin=silent, text=True)  # noqa: S603 - ours
    lines: queue.Queue[str] = queue.Queue()
    assert child.stdout is not None  # noqa: S101 - asked for above
    reader = threading.Thread(target=pump, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        return last_report(lines, growing)
    finally:
        child.kill()
        child.wait()
        reader.join()
        child.stdout.close()


def pump(stream: IO[str], lines: "queue.Queue[str]") -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def last_report(lines: "queue.Queue[str]", growing: tuple[Path, str]) -> Report:
    patience, most, moved = PATIENCE_S, 0, time.monotonic()
    while time.monotonic() - moved < patience:
        size = sum(file_size(path) for path in growing[0].glob(growing[1]))
        if size > most:
            most, moved = size, time.monotonic()
        try:
            line = lines.get(timeout=POLL_S)
        except queue.Empty:
            continue
        report: Report = json.loads(line) if line else {"kinds": [], "text": "the hub's client stopped without a word"}
        if "kinds" in report or "path" in report:
            return report
        if "started" in report:
            moved = time.monotonic()
        patience = XET_PATIENCE_S if report.get("xet") else PATIENCE_S
    return {
        "kinds": ["Silence"],
        "text": f"no answer for {patience:.0f} seconds" + (f" after {most} bytes" if most else ""),
    }


def growing_files(repo: str) -> tuple[Path, str]:
    """Where the client writes what it has not finished: a folder and a pattern within."""
    return hub_cache() / f"models--{repo.replace('/', '--')}" / "blobs", "*.incomplete"


def hub_cache() -> Path:
    """The hub's cache as the child sees it: the environment as it is now."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]).expanduser() / "hub"
    return Path(constants.HF_HUB_CACHE)


def file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def unavailable(repo: str, files: Sequence[str], report: Report) -> WeightsUnavailable:
    """Say from where, and what would do, in the order from the particular to the general."""
    kinds, where = report["kinds"], os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    named = " or ".join(files)
    if "LocalEntryNotFoundError" in kinds:
        return WeightsUnavailable(
            f"HF_HUB_OFFLINE is set and {repo} is not in the cache {hub_cache()}."
            " Unset it, or point HF_HOME to a cache that has it."
        )
    if "GatedRepoError" in kinds:
        return WeightsUnavailable(f"{repo} at {where} is gated. Accept its terms there and set HF_TOKEN.")
    if "RepositoryNotFoundError" in kinds:
        return WeightsUnavailable(
            f"{where} has no repository {repo}, or it is private. Check HF_ENDPOINT, or set HF_TOKEN."
        )
    if "EntryNotFoundError" in kinds:
        return WeightsUnavailable(
            f"{repo} at {where} has no {named}. Add another model, or check the mirror in HF_ENDPOINT."
        )
    return WeightsUnavailable(
        f"The weights of {repo} did not come from {where}: {report['text'].rstrip('.')}. {WAY_OUT}"
    )
