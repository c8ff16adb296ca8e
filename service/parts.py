"""The parts of a server, made once by `service_of(settings)` and handed to each route by name."""

from contextlib import suppress
from dataclasses import dataclass

from headhunt.errors import NameTaken, UnknownUser
from headhunt.wire import KeyAsked, Role
from service.access import Access
from service.audit import Audit
from service.data.holdings import Holdings
from service.data.parcels import Parcels
from service.database import Database
from service.datasets import Datasets
from service.hosts import Hosts
from service.jobs.queue import Queue
from service.keys import Keys
from service.migrations import migrate
from service.people import People
from service.projects import DEFAULT, Projects
from service.repository import Repository
from service.run_files import RunFiles
from service.run_room import RunRoom
from service.settings import Settings
from service.shared_zoo import SharedZoo
from service.stocking import Stocking
from service.store import Store, store_of
from service.studies.desk import Desk
from service.studies.store import Studies
from service.studies.telling import Runs
from service.studies.turns import Turns
from tracking.store import Tracking

ADMIN = "admin"


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
    door: Database
    """The same database, by connections of its own: whoever comes in waits for nobody who is in."""
    store: Store
    holdings: Holdings
    datasets: Datasets
    repository: Repository
    parcels: Parcels
    shared_zoo: SharedZoo
    stocking: Stocking
    tracking: Tracking
    run_files: RunFiles
    run_room: RunRoom
    studies: Studies
    desk: Desk

    def key(self, project: str, role: Role, name: str = "", days: float | None = None) -> str:
        """A new key of the project of this name, which is made where there is none."""
        made = self.keys.create(self.projects.ensure(project, make=True), KeyAsked(name=name, role=role, days=days))
        return made.secret


def service_of(settings: Settings) -> Service:
    """The parts, without the web. Brings the tables to what is needed."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database_url)
    migrate(database)
    store = store_of(settings.home, settings.store)
    holdings = Holdings(database, store, settings.project_bytes, settings.least_free_bytes)
    datasets = Datasets(database, settings.home, store, holdings)
    shared_zoo = SharedZoo(database, settings.home, store)
    repository = Repository(settings.home, shared_zoo)
    keys, people, projects = Keys(database), People(database), Projects(database)
    door, tracking = Database(settings.database_url), Tracking(database)
    return Service(
        settings=settings,
        database=database,
        queue=Queue(database, settings.lease_s),
        people=people,
        projects=projects,
        keys=keys,
        access=Access(Keys(door), people, Projects(door), Hosts(settings)),
        door=door,
        audit=Audit(database),
        store=store,
        holdings=holdings,
        datasets=datasets,
        parcels=Parcels(database, store, holdings, datasets),
        shared_zoo=shared_zoo,
        repository=repository,
        stocking=Stocking(repository, datasets),
        tracking=tracking,
        run_files=RunFiles(store, holdings, tracking, settings.home),
        run_room=RunRoom(tracking, holdings, settings.home),
        studies=Studies(database),
        desk=Desk(database, Turns(database, settings.home / "turns"), Runs(tracking)),
    )


def first_link(service: Service) -> str | None:
    """The token of a link for the admin of the first start, who owns the default project and is made here. None: the
    admin has a password, or is gone."""
    if service.people.nobody_yet():
        with suppress(NameTaken):  # another server of this database began at the same moment
            admin = service.people.add(ADMIN, admin=True)
            service.projects.put_member(service.projects.ensure(DEFAULT, make=True), admin.id, "owner")
    try:
        admin = service.people.get(ADMIN)
    except UnknownUser:
        return None
    return None if admin.has_password else service.people.link(admin.id)[0]
