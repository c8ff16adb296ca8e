"""Files of runs and models. What a client calls a path is a label: it is looked up among what the run names, and never
touches a disk; bytes lie by their digest (service/run_files.py)."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from headhunt.errors import BadValue, UnknownArtifact, printable
from headhunt.track.journal import Kept
from headhunt.track.wire import RunFile
from service.mlflow.desk import Desk, id_of
from service.mlflow.links import need_active
from service.mlflow.reading import row_of
from service.mlflow.structs import FilesAsked, ModelFiles
from service.mlflow.telling import tell
from service.mlflow.words import ARTIFACTS, paged
from tracking.tables import LONGEST_PATH, run_files, runs

OF_MODELS = re.compile(r"models/m-[0-9a-f]{32}/")
PAGE = 10_000


@dataclass(frozen=True)
class Place:
    """folder: of the run, empty or with a slash at its end. path: below it."""

    run: str
    folder: str
    path: str

    @property
    def whole(self) -> str:
        return self.folder + self.path


def place_of(desk: Desk, address: str) -> Place:
    """`EXPERIMENT/RUN/artifacts/PATH` or `EXPERIMENT/models/MODEL/artifacts/PATH`, as runs and models tell where their
    artifacts lie. Raises UnknownArtifact, BadValue."""
    parts = address.strip("/").split("/")
    if len(parts) >= 4 and parts[1] == "models" and parts[3] == "artifacts":
        model = desk.models.get(desk.project, parts[2])
        return Place(model.run, model.folder, checked("/".join(parts[4:])))
    if len(parts) >= 3 and parts[2] == "artifacts":
        with desk.database.read() as connection:
            row = row_of(connection, desk, parts[1])
        if row is not None and id_of(row.experiment_id, row.experiment) == parts[0]:
            return Place(row.id, "", checked("/".join(parts[3:])))
    raise UnknownArtifact(printable(address, 200), hint="Ask below the artifact_uri of a run or a model.")


def checked(path: str) -> str:
    """Empty for the folder itself."""
    parts = path.split("/") if path else []
    if any(part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts):
        raise BadValue(f"{printable(path, 200)!r} is no path of an artifact. Give names with / between them.")
    if len(path) > LONGEST_PATH - 64:
        raise BadValue(f"A path of an artifact has at most {LONGEST_PATH - 64} characters.")
    return path


def digest_at(desk: Desk, place: Place) -> str:
    """Of the newest file of this path."""
    found = [one for one in desk.tracking.files(desk.project, place.run) if one.path == place.whole]
    if not place.path or not found:
        raise UnknownArtifact(place.path or "/", hint="Artifacts of a run are listed below its artifact_uri.")
    return max(found, key=lambda one: one.created).digest


def note(desk: Desk, place: Place, digest: str, size: int) -> None:
    """The run names a file that has come."""
    kind = "model" if place.folder else "file"
    tell(desk, place.run, lambda _, __: [Kept(time.time(), place.whole, digest, size, kind)])


def remove(desk: Desk, place: Place) -> None:
    """A file, or a folder with all that is in it."""
    with desk.database.write() as connection:
        need_active(connection, desk, place.run)
        below = f"{place.whole}/" if place.path else place.folder
        mine = run_files.c.path.startswith(below, autoescape=True) if below else run_files.c.path != ""
        if place.path:
            mine |= run_files.c.path == place.whole
        connection.execute(sa.delete(run_files).where(run_files.c.run == place.run, mine))


def listed(desk: Desk, place: Place) -> list[dict[str, Any]]:
    """What lies directly in a folder, by name; nothing in a file."""
    files = desk.tracking.files(desk.project, place.run)
    return children(files, f"{place.whole}/" if place.path else place.folder, hidden=not place.folder)


def children(files: Iterable[RunFile], folder: str, hidden: bool) -> list[dict[str, Any]]:
    """hidden: without the files of models, which are listed by the model."""
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        if not file.path.startswith(folder) or (hidden and OF_MODELS.match(file.path)):
            continue
        name, inside, _ = file.path[len(folder) :].partition("/")
        if inside:
            found.setdefault(name, {"path": name, "is_dir": True})
        else:
            found[name] = {"path": name, "is_dir": False, "file_size": file.size}
    return [found[name] for name in sorted(found)]


def of_run(desk: Desk, asked: FilesAsked) -> dict[str, Any]:
    with desk.database.read() as connection:
        row = row_of(connection, desk, asked.id)
    if row is None:
        raise UnknownArtifact(asked.id, hint="There is no such run.")
    root = f"{id_of(row.experiment_id, row.experiment)}/{row.id}/artifacts"
    return shown(desk, root, asked.path, asked.page_token)


def of_model(desk: Desk, asked: ModelFiles) -> dict[str, Any]:
    model = desk.models.get(desk.project, asked.model_id)
    experiment = desk.experiments.get(desk.project, model.experiment)
    root = f"{id_of(experiment.id, experiment.name)}/models/{model.id}/artifacts"
    return shown(desk, root, asked.artifact_directory_path, asked.page_token)


def shown(desk: Desk, root: str, path: str, token: str) -> dict[str, Any]:
    """Paths from the root, as this call has them."""
    place = place_of(desk, f"{root}/{path}" if path else root)
    files = [
        {**one, "path": f"{place.path}/{one['path']}" if place.path else one["path"]} for one in listed(desk, place)
    ]
    return {"root_uri": f"{ARTIFACTS}{root}", **paged(files, "files", PAGE, token)}


def need_file(desk: Desk, address: str) -> Place:
    """Where a file is to be, before it comes. Raises BadValue where the run was deleted."""
    place = place_of(desk, address)
    if not place.path:
        raise BadValue("A file needs a name below the artifacts of its run.")
    with desk.database.read() as connection:
        row = connection.execute(sa.select(runs.c.deleted).where(runs.c.id == place.run)).first()
    if row is None or row.deleted is not None:
        raise BadValue(f"The run {place.run} is deleted. Restore it first.")
    return place
