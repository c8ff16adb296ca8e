"""What Prometheus reads at /metrics: requests as they pass, the queue and the disk as they are at that moment."""

import shutil

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.database import Database
from service.settings import Settings
from service.tables import jobs, workers

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
"""All others are counted as one: who sends requests must not decide how many numbers there are."""
STATES = ("queued", "running", "done", "failed", "cancelled")
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
FRESH_S = 30.0
"""A worker that has not been seen for longer is gone."""


class Measures:
    """The numbers of one process. Each application has its own registry."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.registry = CollectorRegistry()
        words = ["method", "route", "status"]
        self.requests = Counter("headhunt_requests", "Requests answered.", words, registry=self.registry)
        self.seconds = Histogram(
            "headhunt_request_seconds", "Until an answer begins.", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self.jobs = Gauge("headhunt_jobs", "Jobs in the database.", ["state"], registry=self.registry)
        self.waiting = Gauge("headhunt_oldest_queued_seconds", "Age of the oldest waiting job.", registry=self.registry)
        self.workers = Gauge("headhunt_workers", "Workers that were seen lately.", registry=self.registry)
        self.free = Gauge("headhunt_disk_free_bytes", "Free where the home lies.", registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        now = self.database.now
        with self.database.read() as connection:
            found = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)).all()
            counts: dict[str, int] = {row[0]: row[1] for row in found}
            queued = sa.select(now - sa.func.min(jobs.c.created)).where(jobs.c.state == "queued")
            age = connection.execute(queued).scalar()
            fresh = sa.select(sa.func.count()).select_from(workers).where(workers.c.seen > now - FRESH_S)
            seen = connection.execute(fresh).scalar_one()
        for state in STATES:
            self.jobs.labels(state).set(counts.get(state, 0))
        self.waiting.set(age or 0.0)
        self.workers.set(seen)
        self.free.set(shutil.disk_usage(self.settings.home).free)
        return generate_latest(self.registry)
