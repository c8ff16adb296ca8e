"""Versions of data at a server. There a version is a run of the experiment `data`, which names its files:

    PUT  /runs/RUN                      named like the version; its tag data.version is the version's id
    PUT  /runs/RUN/files/DIGEST         each file once, if no version of this project that goes by the name has it yet
    POST /runs/RUN/journal              which files there are, the manifest among them as version.json

So versions need no tables or routes of their own, count against what the project may keep, and stay as long as the run
does. What comes back is checked: the manifest against its id, each file against its digest.
"""

import hashlib
import secrets
import time
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from headhunt.errors import BadValue, BlobBroken, UnknownVersion, printable
from headhunt.progress import Progress, Watch
from headhunt.remote.transport import Server
from headhunt.track.journal import Began, Ended, Kept, Noted, framed
from headhunt.track.wire import JournalKept, Run, RunBegun, RunFile
from headhunt.vocabulary import MIB
from headhunt.wire import Page
from tracking.versions import PREFIX, Added, DataFile, DataVersion, Shelf, check_version

EXPERIMENT, TAG, MANIFEST, WRITER = "data", "data.version", "version.json", "data"
PIECE = 8 * MIB
BINARY = {"Content-Type": "application/octet-stream"}


def versions_at(server: Server, name: str | None = None) -> list[Added]:
    """What the server keeps, oldest first."""
    return sorted((added_of(run) for run in runs_at(server, name)), key=lambda one: one.created)


def runs_at(server: Server, name: str | None = None, version: str | None = None) -> list[Run]:
    found: list[Run] = []
    after: str | None = None
    while True:
        asked = {"experiment": EXPERIMENT, "limit": "1000", **({"after": after} if after else {})}
        page = server.ask("GET", f"/runs?{urlencode(asked)}", Page[Run])
        found += [run for run in page.items if is_version(run) and name in (None, run.name)]
        after = page.next
        if after is None:
            return [run for run in found if version in (None, run.tags[TAG])]


def is_version(run: Run) -> bool:
    """What was sent whole: the end of its journal is written last."""
    return TAG in run.tags and run.state == "finished"


def added_of(run: Run) -> Added:
    return Added(
        name=run.name,
        version=run.tags[TAG],
        created=run.started,
        files=whole(run.summary.get("files")),
        size=whole(run.summary.get("size")),
        note=run.intent,
        images=run.tags.get("data.images"),
    )


def whole(value: object) -> int:
    """What anybody may have said of a run."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def pushed(server: Server, shelf: Shelf, added: Added, watch: Watch) -> bool:
    """Whether it had to be sent; a server that has this version under this name is left as it is."""
    version = shelf.version(added.version)
    if runs_at(server, added.name, version.id):
        return False
    known = {file.digest for run in runs_at(server, added.name) for file in files_of(server, run.id)}
    run = secrets.token_hex(16)
    begun = RunBegun(experiment=EXPERIMENT, name=added.name, intent=added.note, started=added.created)
    server.ask("PUT", f"/runs/{run}", Run, body=begun)
    send(server, shelf, run, [file for file in once_each(version) if file.digest not in known], watch)
    manifest = msgspec.json.encode(version)
    put(server, run, hashlib.sha256(manifest).hexdigest(), manifest)
    tell(server, run, journal_of(added, version, manifest))
    return True


def once_each(version: DataVersion) -> list[DataFile]:
    return list({file.digest: file for file in version.files}.values())


def send(server: Server, shelf: Shelf, run: str, files: list[DataFile], watch: Watch) -> None:
    for count, file in enumerate(files):
        watch(Progress("sending", count, len(files), printable(file.path, 60)))
        put(server, run, file.digest, shelf.place(file.digest).read_bytes())


def put(server: Server, run: str, digest: str, data: bytes) -> None:
    server.ask("PUT", f"/runs/{run}/files/{digest}", type(None), body=data, headers=BINARY)


def journal_of(added: Added, version: DataVersion, manifest: bytes) -> bytes:
    now = time.time()
    tags = {TAG: version.id, **({"data.images": added.images} if added.images else {})}
    digest = hashlib.sha256(manifest).hexdigest()
    records = [
        Began(now, {"dataset": version.id}),
        Noted(now, "tag", tags),
        Noted(now, "summary", {"files": added.files, "size": added.size}),
        *(Kept(now, f"files/{file.digest}", file.digest, file.size) for file in once_each(version)),
        Kept(now, MANIFEST, digest, len(manifest)),
        Ended(now, "finished"),
    ]
    return b"".join(framed(record) for record in records)


def tell(server: Server, run: str, journal: bytes) -> None:
    kept = 0
    while kept < len(journal):
        asked = urlencode({"writer": WRITER, "offset": kept})
        body = journal[kept : kept + PIECE]
        now = server.ask("POST", f"/runs/{run}/journal?{asked}", JournalKept, body=body, headers=BINARY).kept
        if now <= kept:
            raise BlobBroken(f"{server.url} does not take the list of files from {kept} on. Push again.")
        kept = now


def files_of(server: Server, run: str) -> list[RunFile]:
    found: list[RunFile] = []
    after: str | None = None
    while True:
        asked = {"limit": "1000", **({"after": after} if after else {})}
        page = server.ask("GET", f"/runs/{run}/files?{urlencode(asked)}", Page[RunFile])
        found += page.items
        after = page.next
        if after is None:
            return found


def pulled(server: Server, shelf: Shelf, text: str, watch: Watch) -> Added:
    """The version of this id, beginning of one, or name (its newest), and every file that is lacking here."""
    run = chosen_of(runs_at(server), text, server.url)
    manifest = next((file for file in files_of(server, run.id) if file.path == MANIFEST), None)
    if manifest is None:
        raise BlobBroken(f"{server.url} has no list of the files of {run.tags[TAG]}. Push it again.")
    try:
        version = check_version(msgspec.json.decode(got(server, run.id, manifest.digest), type=DataVersion))
    except msgspec.DecodeError as error:
        raise BlobBroken(f"The list of the files of {run.tags[TAG]} cannot be read. Push it again.") from error
    if version.id != run.tags[TAG]:
        raise BlobBroken(f"{server.url} gives {version.id} for {printable(run.tags[TAG], 80)}. Push it again.")
    lacking = [file for file in once_each(version) if not shelf.has(file.digest)]
    for count, file in enumerate(lacking):
        watch(Progress("fetching", count, len(lacking), printable(file.path, 60)))
        fetch(server, shelf, run.id, file)
    shelf.keep_manifest(version)
    added = added_of(run)
    if added not in shelf.log():
        shelf.tell(added)
    return added


def chosen_of(runs: list[Run], text: str, url: str) -> Run:
    """As at home: a name before the beginning of an id, which has to be of one version alone."""
    named = [run for run in runs if text and text in (run.name, run.tags[TAG])]
    begun = [run for run in runs if run.tags[TAG].startswith(text)] if PREFIX.fullmatch(text) else []
    versions = sorted({run.tags[TAG] for run in begun})
    if not named and len(versions) > 1:
        raise BadValue(f"{text} begins {len(versions)} versions. Give more of the id: {', '.join(versions[:3])}.")
    fitting = named or begun
    if not fitting:
        raise UnknownVersion(text, {run.name for run in runs}, f"'headhunt data list --server {url}' shows all.")
    return max(fitting, key=lambda one: one.started)


def got(server: Server, run: str, digest: str) -> bytes:
    def once() -> bytes:
        with server.opened("GET", f"/runs/{run}/files/{digest}") as response:
            return response.read()

    data = server.steadily(once)
    if hashlib.sha256(data).hexdigest() != digest:
        raise BlobBroken(f"What {server.url} sent for {digest} is something else. Pull again.")
    return data


def fetch(server: Server, shelf: Shelf, run: str, file: DataFile) -> None:
    place: Path = shelf.place(file.digest)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.draft")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_bytes(got(server, run, file.digest))
        shelf.keep(draft, file)
    finally:
        draft.unlink(missing_ok=True)
