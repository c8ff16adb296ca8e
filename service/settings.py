"""How a server is set up: one frozen struct, made by `headhunt serve` from its options, handed down as an argument."""

from pathlib import Path

from headhunt.vocabulary import MIB, Struct


class Settings(Struct, frozen=True, omit_defaults=False):
    """database: a URL of SQLAlchemy; None: SQLite in the home. workers: jobs at a time on this machine, 0: none."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8765
    database: str | None = None
    workers: int = 1
    lease_s: float = 10.0
    """A worker that is silent for so long is taken for dead, and its jobs go to others."""
    max_json_bytes: int = MIB

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite+pysqlite:///{self.home / 'service.db'}"
