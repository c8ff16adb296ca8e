"""The calls of a training: `headhunt.init`, `config`, `log`, `finish`, `summary`, `watch_report`.

    init        begins a run, or goes on with one, or joins that of the process which started this one
    the others  speak of the newest run of this process; where there is none, one is begun, and marked

What `init` is given wrongly is told at once, as an error: nothing was trained yet. From then on nothing raises.
"""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headhunt.errors import BadValue, HeadhuntError, NameTaken, NotWritten, UnknownRun, one_line
from headhunt.home import home_folder
from headhunt.track import endings
from headhunt.track.asking import check_report
from headhunt.track.companion import Companion
from headhunt.track.journal import Began, Points, frames_in
from headhunt.track.marks import warn
from headhunt.track.places import ENVIRONMENT, ID, Begun, Place, Sent, new_clock, place_of, process_born
from headhunt.track.ranks import first_here, rank_here, run_of_ranks
from headhunt.track.run import LiveRun
from headhunt.track.values import clean_text, kind_of
from headhunt.track.wire import RunBegun
from headhunt.track.writer import Writer, writer_name

LONGEST, MOST_TAGS = 250, 1_000
LONGEST_TEXTS = {"intent": 60_000, "dataset": 4_000, "model": 4_000}
"""What is longer is cut, and kept whole as a file."""
_companions: dict[tuple[Path, str | None, str | None], Companion] = {}


class Asked(msgspec.Struct, frozen=True):
    """What `init` was asked, besides what the run is."""

    home: Path
    server: str | None
    key: str | None
    console: bool
    measure: bool
    anew: bool = False
    """Nobody has told of this run before, except another rank a moment ago."""


def init(
    project: str | None = None,
    name: str | None = None,
    *,
    intent: str = "",
    dataset: Any = None,
    tags: Iterable[str] | None = (),
    model: str | None = None,
    parent: "str | LiveRun | None" = None,
    group: str | None = None,
    config: Any = None,
    id: str | None = None,
    resume: bool | None = None,
    home: str | Path | None = None,
    server: str | None = None,
    key: str | None = None,
    console: bool = True,
    measure: bool = True,
) -> LiveRun:
    """A run begins; everything is told of it until `finish()`, or the end of the process.

    project: runs of one name belong together. name, intent: for people. dataset: a version's id, a name of `headhunt
        data`, a folder, or what has an `id` or a `version`; the run names the version that it is now.
    parent: the run that this one is a part of. group: runs beside each other.
    id: 32 hex digits of one's own; one that is here already is gone on with. resume: True, it must be here already;
        False, it must not.
    server, key: who is told, besides this machine; by default HEADHUNT_SERVER, or where `headhunt login` was last.
        "local": nobody.
    console: also keep what is printed. measure: also keep the load of the machine.

    In a process that was started by one that has a run, this joins that run, unless `parent` or `id` says otherwise.
    Raises BadValue, NotSignedIn, UnknownRun, NameTaken, NotWritten.
    """
    wanted = id if id is not None else run_of_ranks()
    joined = joinable(wanted) if parent is None else None
    if joined is not None:
        return joined
    there = home_folder() if home is None else Path(home).expanduser()
    asked = Asked(there, *server_asked(server, key, there), console, measure, anew=id is None)
    words = {"intent": intent or "", "dataset": data_named(dataset), "model": model}
    texts = {what: text_of(what, given) for what, given in words.items() if given is not None}
    begun = RunBegun(
        experiment=worded("project", project) or "default",
        name=worded("name", name),
        parent=parent.id if isinstance(parent, LiveRun) else checked_id(parent),
        group=worded("group", group) or None,
        tags=checked_tags(tags),
        started=time.time(),
        **{what: shown(what, text) for what, text in texts.items()},
    )
    run = started(checked_id(wanted) or os.urandom(16).hex(), begun, asked, resume)
    for what, text in texts.items():
        if len(text) > LONGEST_TEXTS[what]:
            run.keep_whole(what, text)
    if config is not None:
        run.config(config)
    return run


def started(run_id: str, asked_for: RunBegun, asked: Asked, resume: bool | None) -> LiveRun:
    place = place_of(asked.home, run_id)
    before = place.begun()
    rank = rank_here()
    if rank:
        resume = None  # the first rank has said so
    if resume and before is None:
        raise UnknownRun(run_id, hint="resume=True goes on with a run that lies here; leave it out to begin one.")
    if resume is False and before is not None:
        raise NameTaken(f"The run {run_id} is here already. Give another id, or leave out resume=False.")
    begun = Begun(
        id=run_id,
        asked=asked_for if before is None else before.asked,
        clock=new_clock() if before is None else before.clock_here(),
        host=os.uname().nodename,
        pid=os.getpid(),
        born=process_born(os.getpid()),
        cwd=folder_here(),
    )
    writer = Writer(
        place.folder,
        begun.clock,
        writer_name(),
        first_step=0 if before is None or rank or asked.anew else next_step(place),
    )
    try:
        place.begin(begun, first=not rank)
        if asked.server is not None and not place.meant_for(asked.server):
            place.note(Sent(server=asked.server))
    except OSError as error:
        raise NotWritten(f"{place.folder} cannot be written: {one_line(error)}. Give home=, or make room.") from error
    carrier = companion_of(asked)
    run = LiveRun(place, begun, writer, owner=not rank, carrier=carrier)
    if not rank:
        writer.put(Began(writer.now(), facts_of(begun)))
        if begun.asked.tags:
            run.tag(*begun.asked.tags)
    endings.entered(run)
    if asked.console:
        run.listen()
    if first_here():
        carrier.tell(run)
    return run


def folder_here() -> str:
    """Empty where the folder that the training was started in is gone."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def facts_of(begun: Begun) -> dict[str, Any]:
    told = msgspec.to_builtins(begun.asked)
    asked = {name: value for name, value in told.items() if name not in ("tags", "started") and value}
    return {**asked, "pid": begun.pid, "host": begun.host, "rank": rank_here()}


def next_step(place: Place) -> int:
    """After the last one that any writer here told of."""
    last = -1
    for path in place.journals().values():
        for _, record in frames_in(path.read_bytes()):
            if isinstance(record, Points) and not all(name.startswith("system/") for name in record.values):
                last = max(last, record.step)
    return last + 1


def companion_of(asked: Asked) -> Companion:
    key = (asked.home, asked.server, asked.key)
    if key not in _companions or _companions[key].forked():
        _companions[key] = Companion(*key, asked.measure)
    return _companions[key]


def joinable(wanted: str | None) -> LiveRun | None:
    """The run of the process that started this one."""
    folder = os.environ.get(ENVIRONMENT)
    if not folder or (wanted is not None and Path(folder).name != wanted):
        return None
    mine = next((run for run in reversed(endings.RUNS) if str(run.folder) == folder), None)
    if mine is not None:
        return None if mine.owner else mine
    place = Place(Path(folder))
    begun = place.begun()
    if begun is None:
        return None
    run = LiveRun(
        place,
        begun,
        Writer(place.folder, begun.clock_here(), writer_name()),
        owner=False,
        carrier=carrier_joined(place),
    )
    endings.entered(run)
    return run


def carrier_joined(place: Place) -> Companion | None:
    """Nobody is started now: it is for what is told when the process that began the run is gone."""
    home = place.folder.parent.parent
    server, key = server_asked(None, None, home)
    if server is None or not place.meant_for(server):
        return None
    return companion_of(Asked(home, server, key, console=False, measure=False))


def server_asked(server: str | None, key: str | None, home: Path) -> tuple[str | None, str | None]:
    """A server that was named has to do; one that the surroundings name must not keep anybody from training."""
    from headhunt.remote.credentials import chosen

    try:
        found = chosen(server, key, home)
    except HeadhuntError as error:
        if server is not None or key is not None:
            raise
        warn(f"{error} The run is kept here; 'headhunt sync' brings it to a server.")
        return None, None
    return (None, None) if found is None else (found.url, found.key)


def worded(what: str, text: str | None) -> str:
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > LONGEST or not text.isprintable():
        raise BadValue(f"The {what} of the run is {str(text)[:80]!r}. Give up to {LONGEST} printable characters.")
    return text.strip()


def text_of(what: str, given: Any) -> str:
    """Of whatever was given."""
    try:
        return clean_text(os.fsdecode(given) if isinstance(given, bytes) else str(given)).replace("\0", "")
    except Exception as error:
        raise BadValue(f"The {what} of the run is a {kind_of(given)} that gives no text. Give a text.") from error


def shown(what: str, text: str) -> str:
    return text if len(text) <= LONGEST_TEXTS[what] else text[: LONGEST_TEXTS[what] - 3] + "..."


def data_named(given: Any) -> Any:
    """What is to be found out about by the courier: an id, or the user's own words."""
    if given is None or isinstance(given, str | os.PathLike):
        return None if given is None else os.fspath(given)
    found = getattr(given, "id", None) or getattr(given, "version", None)
    return given if found is None else getattr(found, "id", found)


def checked_tags(tags: Iterable[str] | None) -> tuple[str, ...]:
    if not isinstance(tags, Iterable | None):
        raise BadValue(f"The tags of the run are a {kind_of(tags)}. Give a list of texts.")
    found = (tags,) if isinstance(tags, str) else tuple(tags or ())
    if len(found) > MOST_TAGS:
        raise BadValue(f"A run can begin with {MOST_TAGS:,} tags at most, and {len(found):,} were given.")
    return tuple(worded("tag", tag) for tag in found)


def checked_id(run_id: str | None) -> str | None:
    if run_id is not None and not (isinstance(run_id, str) and ID.fullmatch(run_id)):
        raise BadValue(f"{str(run_id)[:80]!r} is no id of a run. Give 32 digits and letters a to f, or leave it out.")
    return run_id


# --- Of the newest run ------------------------------------------------------------------------------------------------


def current() -> LiveRun:
    """The newest run of this process; a joined one; a new one where nobody began any."""
    if endings.RUNS:
        return endings.RUNS[-1]
    joined = joinable(None)
    if joined is not None:
        return joined
    if endings.LAST:
        return endings.LAST[0]
    run = init()
    run.mark("Something was told before headhunt.init(): a run was begun for it.")
    return run


def log(values: Any = None, /, step: Any = None, **named: Any) -> None:
    """Numbers of a step, by name, of the newest run; also pictures, lists, tables, texts, files. Never raises."""
    try:
        run = endings.RUNS[-1] if endings.RUNS else current()
    except Exception as error:
        return warn(f"What log() was given is lost: {one_line(error)}.")
    return run.log(values, step, **named)


def config(values: Any = None, /, **params: Any) -> None:
    """What the training was asked to do, by name."""
    try:
        run = current()
    except Exception as error:
        return warn(f"What config() was given is lost: {one_line(error)}.")
    return run.config(values, **params)


def summary(values: Any = None, /, **named: Any) -> dict[str, Any]:
    """What the run comes to; without values: what was said of that so far."""
    run = current()
    run.summary.update(values or {}, **named)
    return run.summary


def finish(state: str = "finished") -> None:
    """The newest run has ended. Without one nothing happens."""
    if endings.RUNS:
        endings.RUNS[-1].finish(state)


def watch_report(
    to: str | Sequence[str] = (), every: str | float | None = None, *, when: str | None = None, end: bool = True
) -> None:
    """Let the server mail a report of the newest run: to whom, how often ("30m"), and when ("val_loss has not improved
    for 5 epochs"). It is asked by the courier, as soon as it answers."""
    run = current()
    try:
        asked = {"to": [to] if isinstance(to, str) else list(to), "every": every, "when": when, "end": end}
        check_report(asked)
        run.ask("schedule", {name: value for name, value in asked.items() if value is not None})
    except Exception as error:
        run.mark(f"watch_report() asks for nothing, as it cannot be done: {one_line(error)}.")
