"""The server of benchmarks/chaos.py: `headhunt serve`, with a worker whose jobs are quick."""

import sys
from pathlib import Path

from service.serve import serve
from service.settings import Settings

LEASE_S = 2.0
SLOTS = 2


def settings_of(home: Path, port: int, database: str | None) -> Settings:
    return Settings(home=home, port=port, database=database, workers=SLOTS, lease_s=LEASE_S)


if __name__ == "__main__":
    home, port, *database = sys.argv[1:]
    serve(settings_of(Path(home), int(port), database[0] if database else None), worker="benchmarks.chaos_worker")
