"""A recommendation, or a tuning, is asked for once, however often the call is made.

The Idempotency-Key is made of the images and of all that is asked, so a call that was killed, and is made again, finds
the job that it had begun. When is a *new* job wanted?

    it waits or runs                          the same job
    it is done, and nobody here had its answer, and that is less than an hour ago      the same job
    it failed, was cancelled, was answered, or is older                                a new one

The next key is made of the last one and the id of the job that was passed over: the chain is the same for everybody
who asks the same, and goes on where a job was deleted.
"""

import hashlib
import secrets
import time
from pathlib import Path

import msgspec

from headhunt.errors import NotWritten
from headhunt.remote.jobs import Job
from headhunt.remote.transport import Server
from headhunt.studies.tuned import TuningAsked
from headhunt.wire import RecommendationAsked
from zoo.files import replace_file

FRESH_S = 3600.0
"""The answer to a call that was killed is kept for it so long; later the zoo has changed."""
LONGEST_CHAIN = 500
REMEMBERED = 500
ROUTE, TUNINGS = "/recommendations", "/tunings"


def asked(server: Server, wanted: RecommendationAsked | TuningAsked, version: str, home: Path) -> Job:
    """The job of this request, new or found again."""
    had = answered(home)
    key = first_key(wanted, version)
    for _ in range(LONGEST_CHAIN):
        job = put(server, wanted, key)
        if not passed_over(job, had, server.clock or time.time()):
            return job
        key = hashed(f"{key} {job.id}")
    return put(server, wanted, secrets.token_hex(32))


def put(server: Server, wanted: RecommendationAsked | TuningAsked, key: str) -> Job:
    route = TUNINGS if isinstance(wanted, TuningAsked) else ROUTE
    return server.ask("POST", route, Job, body=wanted, headers={"Idempotency-Key": key})


def passed_over(job: Job, had: tuple[str, ...], now: float) -> bool:
    if job.state == "done":
        return job.id in had or (job.ended is not None and now - job.ended > FRESH_S)
    return job.state in ("failed", "cancelled")


def first_key(wanted: RecommendationAsked | TuningAsked, version: str) -> str:
    """Of the whole question, since a server takes one key for one question only; a dataset keeps its id from version to
    version, so the version counts, too."""
    same = msgspec.structs.replace(wanted, limits=dict(sorted(wanted.limits.items())))
    what = "tune" if isinstance(wanted, TuningAsked) else "suggest"
    return hashed(f"{what} 1 {version} {msgspec.json.encode(same).decode()}")


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- Whose answer was had ---------------------------------------------------------------------------------------------


def answered(home: Path) -> tuple[str, ...]:
    """The ids of jobs whose answers came here, the newest last."""
    try:
        return msgspec.json.decode((home / "answered.json").read_bytes(), type=tuple[str, ...])
    except (OSError, msgspec.DecodeError):
        return ()


def remember(job: str, home: Path) -> None:
    """A home that cannot be written loses no answer: the job is found again for an hour."""
    kept = (*(one for one in answered(home) if one != job), job)[-REMEMBERED:]
    try:
        replace_file(home / "answered.json", msgspec.json.encode(kept))
    except NotWritten:
        return
