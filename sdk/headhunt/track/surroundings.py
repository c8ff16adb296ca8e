"""Where a run runs: its code, its machine, its packages. Asked for once, beside the training, and never waited for."""

import io
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib import metadata
from typing import Any

LARGEST_DIFF = 1 << 20
MOST_PACKAGES = 2000
PATIENCE_S = 20.0
SECRET = ("key", "token", "password", "passwd", "secret", "credential")
SIGNED = re.compile(r"(?<=://)[^/\s@]*@")
"""Who signs in, and by what, in an address."""


def code(command: Sequence[str], folder: str) -> dict[str, Any]:
    """What git says of the folder in which the training was started; the command line, without what looks secret."""
    facts: dict[str, Any] = {"command": without_secrets(command), "folder": folder}
    top = git(folder, "rev-parse", "--show-toplevel") if folder else None
    if top is None:
        return facts
    facts["commit"] = (git(folder, "rev-parse", "HEAD") or "").strip() or None
    facts["branch"] = (git(folder, "rev-parse", "--abbrev-ref", "HEAD") or "").strip() or None
    origin = git(folder, "config", "--get", "remote.origin.url")
    facts["origin"] = without_password(origin.strip()) if origin else None
    changed = git(folder, "status", "--porcelain", "--untracked-files=normal") or ""
    facts["dirty"] = bool(changed.strip())
    if facts["dirty"]:
        diff = git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv") or ""
        facts["diff"], facts["diff_cut"] = diff[:LARGEST_DIFF], len(diff) > LARGEST_DIFF
        facts["untracked"] = [line[3:] for line in changed.splitlines() if line.startswith("??")][:200]
    return facts


def git(folder: str, *words: str) -> str | None:
    """Nothing is written, nobody is asked for a password, and no program of the repository's is run."""
    found = shutil.which("git")
    if found is None:
        return None
    plain = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    order = [found, "-c", "core.fsmonitor=false", "-C", folder, *words]
    return said(order, plain, most=2 * LARGEST_DIFF)


def said(order: Sequence[str], environment: dict[str, str] | None = None, most: int = 1 << 20) -> str | None:
    """The output of a program, up to so much of it; None where it fails, or takes too long."""
    try:
        done = subprocess.Popen(  # noqa: S603
            order, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    timer = threading.Timer(PATIENCE_S, done.kill)
    timer.start()
    try:
        with done.stdout or io.BytesIO() as out:
            data = out.read(most)
        return data.decode("utf-8", "replace") if done.wait() == 0 or len(data) == most else None
    finally:
        timer.cancel()


def without_secrets(command: Sequence[str]) -> list[str]:
    """`--api-key hh_x`, `--token=x`, `wandb.api_key=x` and `postgres://me:x@host` tell only that there was one."""
    shown, hide = list[str](), False
    for word in command:
        name, equals, _ = word.partition("=")
        option, secret = name.startswith("-"), any(part in name.lower() for part in SECRET)
        named = secret and bool(equals) and (option or name.replace(".", "_").strip("+~").isidentifier())
        shown.append("***" if hide else f"{name}=***" if named else SIGNED.sub("***@", word)[:4000])
        hide = option and secret and not equals
    return shown


def without_password(url: str) -> str:
    scheme, between, rest = url.partition("://")
    return f"{scheme}{between}{rest.rpartition('@')[2]}" if between else url


def environment() -> dict[str, Any]:
    packages: dict[str, str] = {}
    for one in metadata.distributions():
        name = one.metadata["Name"] if one.metadata else None
        if name and len(packages) < MOST_PACKAGES:
            packages[name] = one.version
    return {
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "cores": os.cpu_count(),
        "memory": memory(),
        "gpus": gpus(),
        "packages": dict(sorted(packages.items())),
    }


def memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def gpus() -> list[dict[str, Any]]:
    found = shutil.which("nvidia-smi")
    if found is None:
        return []
    text = said([found, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]) or ""
    rows = [line.split(", ") for line in text.splitlines() if line.count(", ") == 2]
    return [{"name": name, "memory_mib": memory_mib, "driver": driver} for name, memory_mib, driver in rows]
