"""Who asks, and the stores that are asked."""

from dataclasses import dataclass

from headhunt.errors import BadValue, NameTaken, UnknownExperiment
from service.access import Caller
from service.database import Database
from service.mlflow.words import DEFAULT, DEFAULT_ID
from tracking.experiments import Experiments, Named
from tracking.logged import LoggedModels
from tracking.store import Tracking


@dataclass(frozen=True)
class Desk:
    """project: of the key. who: as the audit names whoever asks."""

    tracking: Tracking
    experiments: Experiments
    models: LoggedModels
    project: str
    who: str

    @property
    def database(self) -> Database:
        return self.tracking.database  # type: ignore[return-value]

    def experiment(self, told: str, active: bool = False) -> Named:
        """By its id as MLflow has it; 0 is there from the beginning. Raises UnknownExperiment, or BadValue where it was
        laid aside and must not be."""
        if told == DEFAULT_ID:
            self.tracking.ensure_experiment(self.project, DEFAULT)
            return self.experiments.named(self.project, DEFAULT)
        if not told.isdecimal() or len(told) > 10:
            raise UnknownExperiment(told[:80])
        found = self.experiments.get(self.project, int(told))
        if active and found.deleted is not None:
            raise BadValue(f"The experiment {found.name!r} is deleted. Restore it first.")
        return found

    def named(self, name: str) -> Named:
        return self.experiment(DEFAULT_ID) if name == "Default" else self.experiments.named(self.project, name)

    def changeable(self, told: str) -> Named:
        found = self.experiment(told)
        if found.name == DEFAULT:
            raise BadValue("The experiment Default stays as it is. Make one of your own.")
        return found


def desk_of(database: Database, caller: Caller) -> Desk:
    return Desk(Tracking(database), Experiments(database), LoggedModels(database), caller.project, caller.who)


def id_of(experiment: int, name: str) -> str:
    """As MLflow has it."""
    return DEFAULT_ID if name == DEFAULT else str(experiment)


def check_name(name: str) -> str:
    """Default is there already."""
    if name in (DEFAULT, "Default") or not name.strip():
        raise NameTaken(f"An experiment named {name!r} is there already. Choose another name.")
    return name
