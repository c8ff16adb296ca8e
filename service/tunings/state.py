"""The study of a tuning is paused, resumed or stopped like any other; its job follows.

pause     the trial that runs goes on; then the job goes back into the queue, and takes nobody's place
resume    the job is taken up at once; of one that had ended, another job goes on with the study
stop      the trial that runs ends at its next reading, and the best so far is kept
cancel    of the job: the study is stopped, and what ran is given back, for whoever tunes the same again
"""

from contextlib import suppress
from typing import Any

import msgspec
import sqlalchemy as sa

from headhunt.errors import HasEnded, InUse, NotAllowed, UnknownJob
from headhunt.studies.wire import ENDED, MoreTrials
from headhunt.wire import Job
from service.access import Caller
from service.jobs.queue import Order
from service.parts import Service
from service.studies.small import job_of
from service.studies.store import change
from service.tables import studies, study_trials
from service.tunings.asking import ATTEMPTS, KIND

Row = Any


def goes_on(service: Service, caller: Caller, row: Row, more: MoreTrials | None) -> None:
    """A study was resumed. Raises NotAllowed, HasEnded, InUse, before anything is changed."""
    job = job_of(row)
    if not job:
        return
    try:
        found = service.queue.get(job, row.project)
    except UnknownJob as error:
        raise HasEnded(f"The job of the study {row.name!r} is gone. Ask for the tuning again: it goes on.") from error
    if found.state in ("queued", "running"):
        if more is not None and more != MoreTrials():
            raise InUse(
                f"The job {job} of the study {row.name!r} has not ended: it has the trials and seconds that it was"
                " asked with. Resume without more, and with more when it has ended."
            )
        return
    if not caller.may("owner"):
        raise NotAllowed(f"The tuning of {row.name!r} has ended, and its model is in the zoo. Owners tune further.")
    job = again(service, caller, found, more or MoreTrials()).id
    plan = {**msgspec.json.decode(row.plan), "job": job}
    with service.database.write() as connection:
        change(connection, row.id, {"plan": msgspec.json.encode(plan).decode()})


def again(service: Service, caller: Caller, before: Job, more: MoreTrials) -> Job:
    """One job comes after another, however often that is asked for."""
    spec = service.queue.spec(before.id)
    asked = {name: one for name in ("trials", "seconds") if (one := getattr(more, name)) is not None}
    spec = {**spec, "asked": {**spec["asked"], **asked}}
    key = f"after {before.id}"
    return service.queue.put(
        Order(caller.project, KIND, spec, "any", key, attempts=ATTEMPTS, dataset=before.dataset, by=caller.who)
    )


def check_removable(service: Service, row: Row) -> None:
    """A job that goes on would make its study anew. Raises InUse."""
    with suppress(UnknownJob):
        if (job := job_of(row)) and service.queue.get(job, row.project).state in ("queued", "running"):
            raise InUse(
                f"The tuning of the study {row.name!r} has not ended. End it first, as by 'headhunt study stop"
                f" {row.name}', which keeps its best, or cancel the job {job}."
            )


def woken(service: Service, row: Row) -> None:
    if job := job_of(row):
        service.queue.wake(job)


def cancelled(service: Service, job: Job, project: str) -> None:
    """A job was cancelled: of a tuning the study is stopped, and can be taken up again."""
    if job.kind != KIND:
        return
    mine = (studies.c.project == project) & studies.c.plan.contains(f'"job":"{job.id}"', autoescape=True)
    with service.database.read() as connection:
        row = connection.execute(sa.select(studies).where(mine)).first()
        if row is None:
            return
        held = (study_trials.c.study == row.id) & study_trials.c.ended.is_(None)
        trials = connection.execute(sa.select(study_trials).where(held)).all()
    for one in trials:  # first: a trial that is stopped would count as one that was tried
        service.desk.give_back(row.id, one.number, one.token)
    if row.state not in ENDED:
        service.desk.set_state(row.id, "stopped")
