"""Projects and their members. A project is private to its members, or public: then everybody may read it."""

import re
import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from headhunt.errors import BadValue, InUse, NameTaken, NotAllowed, UnknownProject, UnknownUser, printable
from headhunt.wire import Member, Project, ProjectChange, Role
from service.database import Database
from service.tables import jobs, members, project_blobs, projects, users
from tracking.tables import experiments, project_files, runs

DEFAULT = "default"
AN_ID = re.compile(r"[0-9a-f]{32}")


class Projects:
    """The projects of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, named: str | None, user: str | None) -> Project | None:
        """By id or name, with the role that this user has there. No name: the default one, or the user's only one."""
        with self.database.read() as connection:
            if named is not None:
                same = (projects.c.id == named) | (projects.c.name == named)
                row = connection.execute(self._shown(user).where(same)).first()
            else:
                mine = connection.execute(self._shown(user).where(members.c.role.is_not(None))).all()
                row = next((one for one in mine if one.name == DEFAULT or len(mine) == 1), None)
            return None if row is None else project_of(row)

    def all(self, user: str | None, after: str = "", limit: int = 100) -> list[Project]:
        """Those that this user is a member of, and those that are public."""
        seen = members.c.role.is_not(None) | projects.c.public
        wanted = self._shown(user).where(seen, projects.c.name > after).order_by(projects.c.name).limit(limit)
        with self.database.read() as connection:
            return [project_of(row) for row in connection.execute(wanted)]

    def one(self, project: str, user: str | None = None) -> Project:
        """By id, with what it takes. Raises UnknownProject."""
        with self.database.read() as connection:
            row = connection.execute(self._shown(user).where(projects.c.id == project)).first()
            if row is None:
                raise UnknownProject(project)
            kept = ((project_blobs, "size"), (runs, "bytes"), (project_files, "size"))
            sums = (sa.select(sa.func.sum(t.c[size])).where(t.c.project == project) for t, size in kept)
            taken = sum(int(connection.execute(one).scalar() or 0) for one in sums)
        return project_of(row, int(taken))

    def ids(self) -> list[str]:
        """Of all, by name."""
        with self.database.read() as connection:
            return list(connection.execute(sa.select(projects.c.id).order_by(projects.c.name)).scalars())

    def limit(self, project: str, max_bytes: int | None) -> None:
        """What its uploads may take; None: what the server allows each. What is there already stays."""
        with self.database.write() as connection:
            connection.execute(sa.update(projects).where(projects.c.id == project).values(max_bytes=max_bytes))

    def ensure(self, name: str, make: bool = False) -> str:
        """The id of the project of this name. Raises UnknownProject."""
        wanted = sa.select(projects.c.id).where(projects.c.name == name)
        with self.database.read() as connection:
            if (there := connection.execute(wanted).scalar()) is not None:
                return str(there)
        with self.database.write() as connection:
            found = connection.execute(sa.select(projects.c.id).where(projects.c.name == name)).scalar()
            if found is not None:
                return str(found)
            if not make:
                raise UnknownProject(name, connection.execute(sa.select(projects.c.name)).scalars().all())
            return self._make(connection, name, public=False)

    def add(self, name: str, public: bool, user: str) -> Project:
        """A new one, which this user owns."""
        check_free(name)
        try:
            with self.database.write() as connection:
                made = self._make(connection, name, public)
                row = {"project": made, "user": user, "role": "owner", "created": self.database.now}
                connection.execute(sa.insert(members).values(row))
        except sa.exc.IntegrityError as error:
            raise NameTaken(f"There is a project {name!r} already. Give another name.") from error
        return self.one(made, user)

    def change(self, project: str, change: ProjectChange) -> None:
        if change.name is not None:
            check_name(change.name)
            check_free(change.name)
            self._check_own(project, "renamed")
        values = {k: v for k, v in (("name", change.name), ("public", change.public)) if v is not None}
        if not values:
            return
        try:
            with self.database.write() as connection:
                connection.execute(sa.update(projects).where(projects.c.id == project).values(values))
        except sa.exc.IntegrityError as error:
            raise NameTaken(f"There is a project {change.name!r} already. Give another name.") from error

    def remove(self, project: str) -> None:
        """With its datasets, runs, keys and jobs; files that nobody else has are collected later. Raises InUse."""
        self._check_own(project, "removed")
        mine = jobs.c.project == project
        with self.database.write() as connection:
            if connection.execute(sa.select(jobs.c.id).where(mine, jobs.c.state.in_(("queued", "running")))).first():
                raise InUse("Jobs of this project wait or run. Cancel them first.")
            connection.execute(sa.delete(jobs).where(mine))
            for table in (experiments, project_files):  # with all runs
                connection.execute(sa.delete(table).where(table.c.project == project))
            connection.execute(sa.delete(projects).where(projects.c.id == project))

    # --- members ---

    def members(self, project: str, after: str = "", limit: int = 100) -> list[Member]:
        wanted = (
            sa.select(members, users.c.name)
            .join(users, users.c.id == members.c.user)
            .where(members.c.project == project, users.c.name > after)
        )
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(users.c.name).limit(limit)).all()
        return [Member(user=row.user, name=row.name, role=row.role, since=row.created) for row in rows]

    def put_member(self, project: str, named: str, role: Role) -> Member:
        """A user, by id or name, becomes a member, or has another role from now on."""
        with self.database.write() as connection:
            user = user_named(connection, named)
            self._keep_an_owner(connection, project, user.id, role)
            mine = (members.c.project == project) & (members.c.user == user.id)
            if not connection.execute(sa.update(members).where(mine).values(role=role)).rowcount:
                row = {"project": project, "user": user.id, "role": role, "created": self.database.now}
                connection.execute(sa.insert(members).values(row))
            since = connection.execute(sa.select(members.c.created).where(mine)).scalar_one()
        return Member(user=user.id, name=user.name, role=role, since=since)

    def remove_member(self, project: str, named: str) -> None:
        with self.database.write() as connection:
            user = user_named(connection, named)
            self._keep_an_owner(connection, project, user.id, None)
            mine = (members.c.project == project) & (members.c.user == user.id)
            if not connection.execute(sa.delete(members).where(mine)).rowcount:
                raise UnknownUser(named)

    def _check_own(self, project: str, done: str) -> None:
        """Whose owners look after the zoo is told by its name."""
        with self.database.read() as connection:
            name = connection.execute(sa.select(projects.c.name).where(projects.c.id == project)).scalar()
        if name == DEFAULT:
            raise NotAllowed(f"The project {DEFAULT!r} cannot be {done}: its owners look after the zoo.")

    def _keep_an_owner(self, connection: Connection, project: str, user: str, role: Role | None) -> None:
        """Locks the project's row, so that two owners cannot leave at the same moment."""
        connection.execute(sa.select(projects.c.id).where(projects.c.id == project).with_for_update())
        owners = (members.c.project == project) & (members.c.role == "owner")
        held = connection.execute(sa.select(members.c.user).where(owners)).scalars().all()
        if role != "owner" and list(held) == [user]:
            raise NotAllowed("This is the project's only owner. Make another one first.")

    def _make(self, connection: Connection, name: str, public: bool) -> str:
        check_name(name)
        made = secrets.token_hex(16)
        row = {"id": made, "name": name, "public": public, "created": self.database.now}
        connection.execute(sa.insert(projects).values(row))
        return made

    def _shown(self, user: str | None) -> sa.Select[Any]:
        mine = (members.c.project == projects.c.id) & (members.c.user == (user or ""))
        return sa.select(projects, members.c.role).outerjoin(members, mine)


def user_named(connection: Connection, named: str) -> Row[Any]:
    mine = ((users.c.id == named) | (users.c.name == named)) & users.c.disabled.is_(None)
    row: Row[Any] | None = connection.execute(sa.select(users).where(mine)).first()
    if row is None:
        raise UnknownUser(named)
    return row


def project_of(row: Row[Any], taken: int = 0) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        public=row.public,
        created=row.created,
        role=row.role,
        bytes=taken,
        max_bytes=row.max_bytes,
    )


def check_free(name: str) -> None:
    if name == DEFAULT:
        raise NameTaken(f"The name {DEFAULT!r} is the server's own. Give another one.")


def check_name(name: str) -> None:
    if AN_ID.fullmatch(name) or not 1 <= len(name) <= 64 or not all(c.isalnum() or c in "-_." for c in name):
        raise BadValue(
            f"{printable(name, 80)!r} is no name of a project. Use 1 to 64 letters, digits, '-', '_', '.', and no id."
        )
