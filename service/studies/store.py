"""Studies as rows: made, found, changed, removed; and who may see them.

A private study is there for its owner and the owners of the project; for all others it does not exist.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from headhunt.errors import BadValue, KeyReused, NameTaken, UnknownStudy
from headhunt.spaces import Fixed, Parameter, Space, from_json
from headhunt.studies.wire import ENDED, BestTrial, StudyAsked, StudyShown
from service.access import Caller
from service.database import Database
from service.tables import api_keys, jobs, studies

if TYPE_CHECKING:
    from tuning.hosted import Plan

MOST_TRIALS, MOST_SECONDS = 1_000_000, 1e9
LEASES = (1.0, 86_400.0)
MOST_STUDIES = 10_000
MOST_STARTS = 1_000
LARGEST_SPACE, LARGEST_PLAN = 64 << 10, 256 << 10
AN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Maker:
    """Who makes a study. id: of the user, or of the key that no user made. key: of idempotency."""

    project: str
    name: str
    id: str
    key: str | None = None


class Studies:
    def __init__(self, database: Database) -> None:
        self.database = database

    def make(self, maker: Maker, asked: StudyAsked) -> tuple[StudyShown, bool]:
        """The study, and whether it is new: the same name and plan are the same study. Raises NameTaken, KeyReused."""
        return self.keep(maker, asked, plan_of(asked))

    def keep(self, maker: Maker, asked: StudyAsked, plan: "Plan") -> tuple[StudyShown, bool]:
        """The same, where the plan was made elsewhere."""
        try:
            return self._make(maker, asked, plan)
        except sa.exc.IntegrityError:  # somebody made it at this moment
            return self._make(maker, asked, plan)

    def _make(self, maker: Maker, asked: StudyAsked, plan: "Plan") -> tuple[StudyShown, bool]:
        mine = studies.c.project == maker.project
        with self.database.write() as connection:
            if maker.key is not None:
                row = connection.execute(sa.select(studies).where(mine, studies.c.key == maker.key)).first()
                if row is not None:
                    if row.private and maker.id != row.owner_id:
                        raise KeyReused("This Idempotency-Key was sent with another study. Give each its own.")
                    return checked_same(row, asked, plan, KeyReused, "The Idempotency-Key is that of"), False
            row = connection.execute(sa.select(studies).where(mine, studies.c.name == asked.name)).first()
            if row is not None:
                if row.private and not maker.id == row.owner_id:
                    raise NameTaken(f"There is a study {asked.name!r} already. Take another name.")
                return checked_same(row, asked, plan, NameTaken, "There is"), False
            count = connection.execute(sa.select(sa.func.count()).select_from(studies).where(mine)).scalar_one()
            if count >= MOST_STUDIES:
                raise BadValue(f"A project has {MOST_STUDIES:,} studies at most. Delete some.")
            made = uuid.uuid4().hex
            connection.execute(sa.insert(studies).values(self._row(made, maker, asked, plan)))
            return shown(connection.execute(sa.select(studies).where(studies.c.id == made)).one()), True

    def _row(self, made: str, maker: Maker, asked: StudyAsked, plan: "Plan") -> dict[str, Any]:
        return {
            "id": made,
            "project": maker.project,
            "name": asked.name,
            "owner": maker.name[:160],
            "owner_id": maker.id,
            "private": asked.private,
            "state": "running",
            "why": "",
            "plan": msgspec.json.encode(plan).decode(),
            "trials": asked.trials,
            "seconds": asked.seconds,
            "lease_s": asked.lease_s,
            "created": self.database.now,
            "lines": 0,
            "spent": 0.0,
            "counts": "{}",
            "best": None,
            "key": maker.key,
        }

    def get(self, caller: Caller, named: str) -> Row[Any]:
        """By id or name, where this caller may see it. Raises UnknownStudy."""
        same = (studies.c.id == named) | (studies.c.name == named)
        with self.database.read() as connection:
            wanted = sa.select(studies).where(studies.c.project == caller.project, same, seen_by(caller))
            row = connection.execute(wanted.order_by(studies.c.id != named).limit(1)).first()
        if row is None:
            raise UnknownStudy(named, hint="'headhunt study list' shows those that you may see.")
        return row

    def named(self, project: str, name: str) -> Row[Any] | None:
        """Whoever asks."""
        mine = (studies.c.project == project) & (studies.c.name == name)
        with self.database.read() as connection:
            return connection.execute(sa.select(studies).where(mine)).first()

    def all(self, caller: Caller, after: tuple[float, str] | None, limit: int) -> list[StudyShown]:
        """The newest first."""
        wanted = sa.select(studies).where(studies.c.project == caller.project, seen_by(caller))
        if after is not None:
            at, last = after
            wanted = wanted.where((studies.c.created < at) | ((studies.c.created == at) & (studies.c.id > last)))
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(studies.c.created.desc(), studies.c.id).limit(limit)).all()
        return [self.shown(row) for row in rows]

    def shown(self, row: Row[Any]) -> StudyShown:
        """Of a tuning, with what became of its job: one that was killed, or took too much, says nothing of its
        study."""
        found = shown(row)
        if not found.job or found.state in ENDED:
            return found
        with self.database.read() as connection:
            state = connection.execute(sa.select(jobs.c.state).where(jobs.c.id == found.job)).scalar()
        if state in ("queued", "running"):
            return found
        why = f"Its job {found.job} is {state or 'gone'}, and nobody runs its trials. 'resume' lets it go on."
        return msgspec.structs.replace(found, state="failed", why=why)

    def remove(self, study: str) -> None:
        """With its trials and its keys. Its runs stay with the tracker."""
        with self.database.write() as connection:
            gone = sa.update(api_keys).where(api_keys.c.study == study, api_keys.c.revoked.is_(None))
            connection.execute(gone.values(revoked=self.database.now))
            connection.execute(sa.delete(studies).where(studies.c.id == study))


def seen_by(caller: Caller) -> sa.ColumnElement[bool]:
    if caller.study is not None:
        return studies.c.id == caller.study
    if caller.may("owner"):
        return sa.true()
    return studies.c.private.is_(False) | (studies.c.owner_id == (caller.owner or ""))


def change(connection: Connection, study: str, values: Mapping[str, Any]) -> None:
    connection.execute(sa.update(studies).where(studies.c.id == study).values(dict(values)))


def shown(row: Row[Any]) -> StudyShown:
    plan = msgspec.json.decode(row.plan)
    about, counts = plan["about"], msgspec.json.decode(row.counts)
    space: dict[str, Parameter] = from_json(about["space"])
    return StudyShown(
        id=row.id,
        name=row.name,
        state=row.state,
        owner=row.owner,
        private=row.private,
        created=row.created,
        space=space,
        algo=about["algo"],
        direction=about["direction"],
        seed=about["seed"],
        trials=row.trials,
        seconds=row.seconds,
        curtail=about["curtail"],
        warm_up=about["warm_up"],
        start=plan["start"],
        lease_s=row.lease_s,
        counts=counts,
        count=sum(counts.values()),
        spent=row.spent,
        best=None if row.best is None else msgspec.json.decode(row.best, type=BestTrial),
        why=row.why,
        run="" if row.private or plan.get("job") else row.id,
        aims=about.get("aims", {}),
        limits=about.get("limits", {}),
        job=plan.get("job", ""),
    )


# --- What is asked for ------------------------------------------------------------------------------------------------


def plan_of(asked: StudyAsked) -> "Plan":
    """Raises BadValue, BadSpace."""
    from tuning.hosted import sound
    from tuning.study import Wanted

    check(asked)
    wanted = Wanted(
        space=dict(asked.space),
        name=asked.name,
        algo=asked.algo,
        direction=asked.direction,
        seed=asked.seed,
        trials=asked.trials,
        curtail=asked.curtail,
        warm_up=asked.warm_up,
        start=[dict(one) for one in asked.start],
    )
    plan = sound(wanted)
    check_size(plan)
    return plan


def check_size(plan: "Plan") -> None:
    """Optuna writes the whole range of a parameter with each trial, and whoever lists studies gets all of each."""
    whole = len(msgspec.json.encode(plan))
    if (size := len(plan.about.space.encode())) > LARGEST_SPACE or whole > LARGEST_PLAN:
        raise BadValue(
            f"The space takes {size:,} bytes, and {whole:,} with the points to start from. A server keeps"
            f" {LARGEST_SPACE:,} and {LARGEST_PLAN:,}. Give choices short names, or fewer points."
        )


def check_name(name: str) -> None:
    if AN_ID.fullmatch(name):
        raise BadValue(f"A study is named {name!r}, which would look like an id. Take another name.")


def check(asked: StudyAsked) -> None:
    check_name(asked.name)
    check_spending(asked.trials, asked.seconds)
    if not 0 <= asked.warm_up <= 10**9:
        raise BadValue(f"warm_up is {asked.warm_up}. Give a whole number from 0 to 1,000,000,000.")
    if not LEASES[0] <= asked.lease_s <= LEASES[1]:
        raise BadValue(f"A lease of {asked.lease_s:g} s cannot be. Give 1 to 86,400 seconds.")
    if len(asked.start) > MOST_STARTS:
        raise BadValue(f"{len(asked.start):,} points to start from are too many. Give {MOST_STARTS:,} at most.")


def check_spending(trials: int | None, seconds: float | None) -> None:
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise BadValue(f"trials is {trials}. Give a whole number from 1 to {MOST_TRIALS:,}, or none for no end.")
    if seconds is not None and not 0 < seconds <= MOST_SECONDS:
        raise BadValue(f"seconds is {seconds:g}. Give a number above 0, or none for no end.")


def checked_same(
    row: Row[Any], asked: StudyAsked, plan: "Plan", kind: type[KeyReused | NameTaken], what: str
) -> StudyShown:
    """The study that is there, if that is the one that is asked for."""
    there = shown(row)
    about = plan.about
    if (
        there.name != asked.name
        or free(there.space) != free(from_json(about.space))
        or there.direction != about.direction
        or there.private != asked.private
    ):
        raise kind(
            f"{what} a study {row.name!r} already, with another space, direction or privacy."
            " Take that plan, or another name."
        )
    return there


def free(space: Space) -> dict[str, Parameter]:
    return dict(sorted(space.items(), key=lambda one: (isinstance(one[1], Fixed), one[0])))
