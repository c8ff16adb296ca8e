"""How a server is set up: one frozen struct, made by `headhunt serve` from its options, handed down as an argument."""

from pathlib import Path

from headhunt.vocabulary import GIB, MIB, Struct


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
    patience_s: float = 15.0
    """So long a client may be silent in the middle of a request."""
    url: str | None = None
    """Where users reach it, when that is not http://host:port: behind a proxy, as https://hunt.example.org."""
    ray: str | None = None
    """host:port of a Ray cluster that this machine is a node of; None: jobs stay in their own process."""
    project_bytes: int = 100 * GIB
    """What the uploads of one project may take, unless the project has a limit of its own."""
    least_free_bytes: int = GIB
    """Nothing is taken in that would leave less of the disk."""
    store: str | None = None
    """Where datasets and the zoo lie when several machines share them, as s3://bucket/prefix; None: in the home."""
    mails: bool = False
    """HEADHUNT_SMTP names a mail server (service/mailing.py), and workers send reports by it."""

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite+pysqlite:///{self.home / 'service.db'}"

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.url or f"http://{host}:{self.port}").rstrip("/")

    def link(self, token: str) -> str:
        """What lets somebody in once. The token stands behind the #, which browsers do not send and servers not log."""
        return f"{self.address}/sign-in#{token}"
