"""Searches whose study is kept at a server, or whose plan was made elsewhere."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, Interrupted
from headhunt.habits import algo_name, in_our_words
from headhunt.home import home_folder
from headhunt.remote.credentials import Chosen, chosen, server_of
from headhunt.remote.transport import Server
from headhunt.spaces import checked
from headhunt.studies.remote import PATIENCE_S, RemoteStudy
from headhunt.studies.wire import LEASE_S, MoreTrials, StudyAsked, StudyShown
from headhunt.wire import Me

if TYPE_CHECKING:
    from headhunt.studies.shelves import StudyHere
    from headhunt.tuning import Best
    from tuning.running import Limits
    from tuning.study import Study, Wanted

KEY_OF_A_SERVER = re.compile(r"hh_[0-9a-f]{16}_\S+")
Objective = Callable[[dict[str, Any]], object]


@in_our_words
def simple_fmin(
    objective: Objective,
    key: str,
    *,
    study: str | None = None,
    server: str | None = None,
    timeout: str | float | None = None,
    trial_timeout: str | float | None = None,
    workers: int = 1,
    home: str | Path | None = None,
) -> "Best":
    """The best parameters of a study that was set up elsewhere: space, algorithm and budget are the study's.

    key: of the study, as its page or `headhunt study key` tells it; without a server, the name of a study of this home.
    study: its name, where the key is one of the whole project. server: as everywhere.
    timeout, trial_timeout, workers: of this worker, as in `headhunt.fmin`.

    Any number of workers on any machines may call this at once; each gets trials until the study has enough.
    """
    from headhunt.tuning import checked_limits

    if not isinstance(key, str) or not key:
        raise BadValue(f"The key is given as {key!r}. Give the key of a study, as its page tells it.")
    there = home_folder() if home is None else Path(home).expanduser()
    limits = checked_limits(objective, None, timeout, trial_timeout, workers)
    url = server_of(server, there)
    if url is None and study is None and KEY_OF_A_SERVER.fullmatch(key):
        raise BadValue(
            f"The key {key[:11]}... is one of a server, and none is asked. Give server='http://host:8765', set"
            " HEADHUNT_SERVER, or sign in with 'headhunt login'."
        )
    if url is None:
        from headhunt.studies.shelves import run_here

        return run_here(there, study or key, objective, limits)
    with Server(url, key, patience=PATIENCE_S) as one:
        me = one.greet()
        return run_there(one, joined(one, me, study), objective, limits)


@in_our_words
def create_study(
    name: str,
    space: Mapping[str, Any],
    *,
    algo: str = "auto",
    trials: int | None = 100,
    timeout: str | float | None = None,
    direction: str = "minimize",
    seed: int | None = None,
    start: Sequence[Mapping[str, Any]] | Mapping[str, Any] = (),
    curtail: bool = True,
    warm_up: int = 1,
    private: bool = False,
    lease: float = LEASE_S,
    server: str | None = None,
    key: str | None = None,
    home: str | Path | None = None,
) -> "StudyHere":
    """A study for workers to join: at the server that is asked, else in the home of this machine.

    timeout: seconds of all trials together. private: only you and the owners of the project see it. lease: seconds
    after which a worker that is silent is taken for dead. All else as in `headhunt.fmin`.
    `study.key()` is a key for workers, which may do nothing else: `headhunt.simple_fmin(objective, key=...)`.
    """
    from headhunt.studies.shelves import StudyHere, shelf_of
    from headhunt.tuning import as_dict, as_points, whole

    if not isinstance(name, str):
        raise BadValue(f"A study is named {name!r}. Give a text.")
    if isinstance(lease, bool) or not isinstance(lease, int | float):
        raise BadValue(f"The lease is {lease!r}. Give seconds, as in lease=60.")
    asked = StudyAsked(
        name=name,
        space=dict(checked(as_dict("space", space))),
        algo=algo_name(algo),
        direction=direction,
        seed=whole("seed", seed, 2**32 - 1, least=0),
        trials=whole("trials", trials, 1_000_000),
        seconds=seconds_of(timeout, "A timeout"),
        curtail=curtail,
        warm_up=whole("warm_up", warm_up, 10**9, least=0) or 0,
        start=as_points(start),
        private=private,
        lease_s=float(lease),
    )
    there = home_folder() if home is None else Path(home).expanduser()
    shelf = shelf_of(chosen(server, key, there), there)
    return StudyHere(shelf, shelf.make(asked).name)


# --- At a server ------------------------------------------------------------------------------------------------------


def fmin_there(found: Chosen, wanted: "Wanted", objective: Objective, limits: "Limits") -> "Best":
    """`headhunt.fmin` of a study with a name, where a server is asked."""
    if wanted.aims or wanted.limits:
        raise BadValue("A server keeps studies of one aim, without limits. Leave these out, or take server='local'.")
    with Server(found.url, found.key, patience=PATIENCE_S) as server:
        me = server.greet()
        if wanted.space is None or me.study is not None:
            shown = joined(server, me, wanted.name)
        else:
            shown = server.ask("POST", "/studies", StudyShown, body=asked_of(wanted))
        if me.study is None and limits.trials is not None and shown.trials is not None and limits.trials > shown.trials:
            shown = raised(server, shown, limits.trials)
        return run_there(server, shown, objective, limits)


def asked_of(wanted: "Wanted") -> StudyAsked:
    return StudyAsked(
        name=wanted.name or "",
        space=dict(checked(wanted.space or {})),
        algo=wanted.algo,
        direction=wanted.direction,
        seed=wanted.seed,
        trials=wanted.trials,
        curtail=wanted.curtail,
        warm_up=wanted.warm_up,
        start=list(wanted.start),
    )


def raised(server: Server, shown: StudyShown, trials: int) -> StudyShown:
    """As in this process: whoever calls again with more trials gets more. What somebody paused or stopped stays so."""
    if shown.state in ("paused", "stopped"):
        return shown
    return server.ask("POST", f"/studies/{shown.id}/resume", StudyShown, body=MoreTrials(trials=trials))


def joined(server: Server, me: Me, named: str | None) -> StudyShown:
    """The study that the key is for, or the one that was named."""
    name = me.study or named
    if name is None:
        raise BadValue("This key is one of a whole project. Name the study, as study='first', or take the study's key.")
    shown = server.ask("GET", f"/studies/{quote(name, safe='')}", StudyShown)
    if named is not None and named not in (shown.name, shown.id):
        raise BadValue(f"This key is for the study {shown.name!r}, and {named!r} was named. Leave out the name.")
    return shown


def run_there(server: Server, shown: StudyShown, objective: Objective, limits: "Limits") -> "Best":
    from headhunt.tuning import Best
    from tuning import running

    study = RemoteStudy(server, shown, limits.seconds)
    whole_run = running.run(study, objective, limits)
    copy = copy_of(study)
    if not whole_run and not any(trial.value is not None for trial in copy.trials()):
        raise Interrupted("The search was interrupted before any trial ended with a number.")
    return Best(copy, interrupted=not whole_run)


def copy_of(study: RemoteStudy) -> "Study":
    """All that the server knows of it."""
    from headhunt.spaces import to_json
    from tuning.copies import copied
    from tuning.study import About

    shown = study.refreshed()
    about = About(
        space=to_json(shown.space).decode(),
        algo=shown.algo,
        direction=shown.direction,
        seed=shown.seed,
        warm_up=shown.warm_up,
        curtail=shown.curtail,
        start=shown.start[0] if shown.start else {},
    )
    return copied(about, shown.space, study.trials())
