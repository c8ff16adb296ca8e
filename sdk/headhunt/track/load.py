"""The load of the machine and of the training, as metrics below `system/`: percents, bytes, bytes a second.

From /proc; where there is none, what the standard library tells. GPUs by `nvidia-smi`, where it is there.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from headhunt.track.places import ticking
from headhunt.track.surroundings import said

SMI = "--query-gpu=utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"
SMI_NAMES = ("gpu", "memory", "memory_total", "temperature", "power")
MIB = 1 << 20
SLOW_S, RARELY_S = 2.0, 60.0
DISKS = ("sd", "nvme", "vd", "xvd", "mmcblk", "hd")


class Load:
    """Rates are since the look before."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid, self.folder = pid, folder
        self._smi = shutil.which("nvidia-smi")
        self._smi_at = 0.0
        self._before: dict[str, float] = {}
        self._at = ticking()
        self.look()

    def look(self) -> dict[str, float]:
        now, counts = ticking(), self._counts()
        passed, before = now - self._at, self._before
        self._at, self._before = now, counts
        found = {**self._memory(), **self._gpus()}
        if passed > 0 and before:
            grown = {name: counts[name] - before[name] for name in counts if name in before}
            found |= rates(grown, passed)
        return found

    def _counts(self) -> dict[str, float]:
        """What only grows."""
        counts: dict[str, float] = {}
        for read in (cpu_ticks, disk_bytes, network_bytes, lambda: process_ticks(self.pid)):
            try:
                counts |= read()
            except (OSError, ValueError, IndexError):
                continue
        return counts

    def _memory(self) -> dict[str, float]:
        found: dict[str, float] = {}
        with suppress(OSError, ValueError, KeyError):
            facts = kilobytes(Path("/proc/meminfo"))
            found["memory"] = facts["MemTotal"] - facts["MemAvailable"]
            found["memory_percent"] = 100 * found["memory"] / facts["MemTotal"]
        with suppress(OSError, ValueError, KeyError):
            found["process/memory"] = kilobytes(Path(f"/proc/{self.pid}/status"))["VmRSS"]
        with suppress(OSError, ZeroDivisionError):
            disk = shutil.disk_usage(self.folder)
            found["disk_percent"] = 100 * disk.used / disk.total
        return found

    def _gpus(self) -> dict[str, float]:
        if self._smi is None or ticking() < self._smi_at:
            return {}
        began = ticking()
        text = said([self._smi, SMI, "--format=csv,noheader,nounits"]) or ""
        if ticking() - began > SLOW_S:
            self._smi_at = ticking() + RARELY_S
        return gpu_facts(text)


def gpu_facts(text: str) -> dict[str, float]:
    """What a driver does not tell stands there as `[N/A]`."""
    found = {}
    for number, line in enumerate(text.splitlines()):
        for name, word in zip(SMI_NAMES, line.split(", "), strict=False):
            try:
                found[f"gpu{number}/{name}"] = float(word) * (MIB if name.startswith("memory") else 1)
            except ValueError:
                continue
    return found


def rates(grown: dict[str, float], passed: float) -> dict[str, float]:
    found = {name: grown[name] / passed for name in grown if "/" in name and not name.startswith("cpu/")}
    if grown.get("cpu/all"):
        found["cpu_percent"] = 100 * grown["cpu/busy"] / grown["cpu/all"]
    if "process/ticks" in found:
        found["process/cpu_percent"] = 100 * found.pop("process/ticks") / os.sysconf("SC_CLK_TCK")
    return found


def cpu_ticks() -> dict[str, float]:
    words = [float(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return {"cpu/all": sum(words), "cpu/busy": sum(words) - words[3] - words[4]}


def process_ticks(pid: int) -> dict[str, float]:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {"process/ticks": float(words[11]) + float(words[12])}


def disk_bytes() -> dict[str, float]:
    """Whole disks: what is in /sys/block and is a device."""
    read = written = 0.0
    for line in Path("/proc/diskstats").read_text().splitlines():
        words = line.split()
        if words[2].startswith(DISKS) and Path(f"/sys/block/{words[2]}").exists():
            read, written = read + 512 * float(words[5]), written + 512 * float(words[9])
    return {"disk/read": read, "disk/written": written}


def network_bytes() -> dict[str, float]:
    received = sent = 0.0
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, rest = line.partition(":")
        if name.strip() != "lo":
            words = rest.split()
            received, sent = received + float(words[0]), sent + float(words[8])
    return {"network/received": received, "network/sent": sent}


def kilobytes(path: Path) -> dict[str, float]:
    found = {}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.strip().endswith("kB"):
            found[name] = 1024 * float(rest.split()[0])
    return found
