"""Two runs that are compared at a server tell what changed in their data, to the project that holds it alone."""

from pathlib import Path

from headhunt.track.wire import Run, RunsCompared
from service.compared_data import with_data
from service.data.rows import Target
from service.parts import service_of
from service.settings import Settings
from tests.zoo.images import many, zip_of
from tracking.comparing import compared


def run(dataset: str) -> Run:
    return Run(id="a" * 32, experiment="", name="", state="finished", started=1.0, seen=1.0, dataset=dataset)


def test_files_and_classes_that_differ_are_told_to_whoever_holds_both(settings: Settings, tmp_path: Path) -> None:
    service = service_of(settings)
    mine, theirs = (service.projects.ensure(name, make=True) for name in ("mine", "theirs"))
    ids = []
    for count in (4, 6):
        place = zip_of(many(count).items(), tmp_path / f"{count}.zip")
        ids.append(service.datasets.add(Target(mine, f"photos {count}"), place)[0].version)
    between: RunsCompared = compared(run(ids[0]), run(ids[1]))
    found = with_data(service.datasets, mine, between).data
    assert found is not None
    assert (found.before, found.after) == tuple(ids)
    assert len(found.added) - len(found.removed) == sum(after - before for before, after in found.classes.values()) > 0
    assert found.size[0] < found.size[1]
    assert with_data(service.datasets, theirs, between).data is None
    assert with_data(service.datasets, mine, compared(run(ids[0]), run("words"))).data is None
