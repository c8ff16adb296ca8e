"""Who did what: one line for every request that changed something. Lines are only ever added."""

import uuid

import sqlalchemy as sa

from headhunt.errors import printable
from headhunt.wire import AuditLine
from service.database import Database
from service.tables import audit


class Audit:
    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, project: str | None, who: str, request: tuple[str, str, int], request_id: str | None) -> None:
        """`request`: method and route, path, status."""
        action, path, status = request
        row = {
            "id": uuid.uuid4().hex,
            "project": project or None,
            "at": self.database.now,
            "who": printable(who, 160),
            "action": action[:160],
            "path": printable(path, 512),
            "status": status,
            "request_id": request_id,
        }
        with self.database.write() as connection:
            connection.execute(sa.insert(audit).values(row))

    def lines(self, project: str | None, before: tuple[float, str] | None = None, limit: int = 100) -> list[AuditLine]:
        """The newest first; `before`: the time and id of the last line that was seen. project None: of all."""
        wanted = sa.select(audit) if project is None else sa.select(audit).where(audit.c.project == project)
        if before is not None:
            at, name = before
            wanted = wanted.where((audit.c.at < at) | ((audit.c.at == at) & (audit.c.id < name)))
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).all()
        return [AuditLine(**{name: getattr(row, name) for name in AuditLine.__struct_fields__}) for row in rows]
