"""The parts of a server, made once by `service_of(settings)` and handed to each route by name."""

from dataclasses import dataclass

from headhunt.wire import KeyAsked, Role
from service.access import Access
from service.audit import Audit
from service.database import Database
from service.datasets import Datasets
from service.jobs.queue import Queue
from service.keys import Keys
from service.migrations import migrate
from service.people import People
from service.projects import DEFAULT, Projects
from service.settings import Settings


@dataclass(frozen=True)
class Service:
    settings: Settings
    database: Database
    queue: Queue
    people: People
    projects: Projects
    keys: Keys
    access: Access
    audit: Audit
    datasets: Datasets

    def key(self, project: str, role: Role, name: str = "", days: float | None = None) -> str:
        """A new key of the project of this name, which is made where there is none."""
        made = self.keys.create(self.projects.ensure(project, make=True), KeyAsked(name=name, role=role, days=days))
        return made.secret


def service_of(settings: Settings) -> Service:
    """The parts, without the web. Brings the tables to what is needed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url)
    migrate(database)
    keys, people, projects = Keys(database), People(database), Projects(database)
    return Service(
        settings=settings,
        database=database,
        queue=Queue(database, settings.lease_s),
        people=people,
        projects=projects,
        keys=keys,
        access=Access(keys, people, projects),
        audit=Audit(database),
        datasets=Datasets(database, settings.home),
    )


def first_admin(service: Service) -> str | None:
    """On the first start: an admin, who owns the default project, and the token of a link that lets them in. None:
    there are users, or have been."""
    if service.people.all(limit=1):
        return None
    project = service.projects.ensure(DEFAULT, make=True)
    admin = service.people.add("admin", admin=True)
    service.projects.put_member(project, admin.id, "owner")
    return service.people.link(admin.id)[0]
