"""Other trackers, asked in their own way for what benchmarks/tracking.py asks of ours."""

import importlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.service_place import free_port

PATIENCE_S = 90.0
BATCH = 1000
"""Numbers that MLflow takes at once."""


class Other:
    """A tracker that may be missing: then every answer is None, and `missing` says why."""

    name = "other"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.missing = ""

    def __enter__(self) -> Any:
        try:
            self.open()
        except (ImportError, OSError, RuntimeError) as error:
            self.missing = " ".join(str(error).split())[:200] or type(error).__name__
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def open(self) -> None: ...
    def close(self) -> None: ...

    def told(self, steps: int) -> float | None:
        """Seconds until that many steps of three numbers each are in its database."""
        return self._tried(lambda: self._told(steps))

    def drawn(self, count: int, repeats: int) -> float | None:
        """Milliseconds for a curve of so many points, as much of it as its pages show."""
        return self._tried(lambda: self._drawn(count, repeats))

    def listed(self, runs: int, repeats: int) -> float | None:
        """Milliseconds for a list of so many runs, filtered and sorted."""
        return self._tried(lambda: self._listed(runs, repeats))

    def _tried(self, work: Callable[[], float | None]) -> float | None:
        return None if self.missing else work()

    def _told(self, steps: int) -> float | None: ...
    def _drawn(self, count: int, repeats: int) -> float | None: ...
    def _listed(self, runs: int, repeats: int) -> float | None: ...


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    taken = []
    for turn in range(repeats + 1):
        began = time.perf_counter()
        work()
        if turn or repeats == 1:
            taken.append(time.perf_counter() - began)
    return 1000 * median(taken)


class MLflow(Other):
    """Its own client over HTTP to its own server, which keeps all in SQLite."""

    name = "mlflow"

    def __init__(self, python: str | None, folder: Path) -> None:
        super().__init__(folder)
        self.python = python
        self._process: Any = None

    def open(self) -> None:
        if self.python is None:
            raise RuntimeError("no interpreter with its server was named, as --mlflow /path/to/python")
        self.folder.mkdir()
        port = free_port()
        words = [self.python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        words += ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db", "--artifacts-destination", "files"]
        nowhere = subprocess.DEVNULL
        self._process = subprocess.Popen(words, cwd=self.folder, start_new_session=True, stdout=nowhere, stderr=nowhere)
        module = importlib.import_module("mlflow")
        self.url = f"http://127.0.0.1:{port}"
        self._wait()
        self.entities = importlib.import_module("mlflow.entities")
        self.client: Any = module.MlflowClient(tracking_uri=self.url)
        self.experiment = self.client.create_experiment("speed")

    def _wait(self) -> None:
        httpx: Any = importlib.import_module("httpx")
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise RuntimeError("its server did not become ready")

    def close(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, 15)
            self._process.wait(30)

    def _told(self, steps: int) -> float:
        run = self.client.create_run(self.experiment).info.run_id
        began = time.perf_counter()
        self._log(run, [(name, step) for step in range(steps) for name in ("loss", "accuracy", "lr")])
        return time.perf_counter() - began

    def _log(self, run: str, places: list[tuple[str, int]]) -> None:
        made = [self.entities.Metric(name, step * 0.5, 1_790_000_000_000 + step, step) for name, step in places]
        for first in range(0, len(made), BATCH):
            self.client.log_batch(run, metrics=made[first : first + BATCH])

    def _drawn(self, count: int, repeats: int) -> float:
        """By the route that its own pages use, which thins out as well."""
        httpx: Any = importlib.import_module("httpx")
        run = self.client.create_run(self.experiment).info.run_id
        self._log(run, [("loss", step) for step in range(count)])
        asked = {"run_ids": run, "metric_key": "loss", "max_results": 2000}
        where = f"{self.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"
        with httpx.Client(timeout=120) as client:
            return milliseconds(lambda: client.get(where, params=asked).raise_for_status(), repeats)

    def _listed(self, runs: int, repeats: int) -> float:
        where = self.client.create_experiment("list")
        for number in range(runs):
            run = self.client.create_run(where).info.run_id
            params = [self.entities.Param(f"p{place}", str(place * 0.5)) for place in range(8)]
            metrics = [self.entities.Metric(name, number % 100 / 100, 1, 1) for name in ("acc", "loss", "val_loss")]
            self.client.log_batch(run, metrics=metrics, params=params)
        words, order = "metrics.acc >= 0 and params.p1 != 'x'", ["metrics.acc DESC"]
        return milliseconds(lambda: self.client.search_runs([where], words, max_results=1000, order_by=order), repeats)


class Trackio(Other):
    """Its store, in this process: what its client sends comes to these calls. It has no filters."""

    name = "trackio"

    def open(self) -> None:
        os.environ["TRACKIO_DIR"] = str(self.folder)
        self.store: Any = importlib.import_module("trackio.sqlite_storage").SQLiteStorage

    def _told(self, steps: int) -> float:
        began = time.perf_counter()
        self._log("speed", [{"loss": 0.5 * step, "accuracy": 0.1, "lr": 0.01} for step in range(steps)])
        return time.perf_counter() - began

    def _log(self, run: str, told: list[dict[str, float]]) -> None:
        for first in range(0, len(told), BATCH):
            some = told[first : first + BATCH]
            self.store.bulk_log("speed", run, some, steps=list(range(first, first + len(some))))

    def _drawn(self, count: int, repeats: int) -> float:
        self._log("curve", [{"loss": 0.5 * step} for step in range(count)])
        return milliseconds(lambda: self.store.get_logs("speed", "curve", max_points=2000), repeats)

    def _listed(self, runs: int, repeats: int) -> None:  # noqa: ARG002
        return None
