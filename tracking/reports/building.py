"""The facts of a run, gathered into a report."""

import importlib.util
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from headhunt.track.wire import Curve, Metric, Run
from tracking.reports.evaluation import evaluations_of
from tracking.reports.facts import Latest, Line, RunReport, best_of, goal_of
from tracking.reports.naming import is_of_the_machine
from tracking.store import Tracking

MOST_METRICS, MOST_CURVES, POINTS = 30, 24, 600
MOST_TAGS, MOST_EVALUATIONS = 30, 60
MACHINES_TAGS = ("mlflow.", "_")
LONGEST_ERROR, LONGEST_TEXT, MOST_PARAMS = 3000, 4000, 200
EPOCHS = ("epochs", "num_epochs", "max_epochs", "num_train_epochs", "n_epochs")
STEPS = ("steps", "max_steps", "total_steps", "num_steps", "iterations", "max_iters")


class Told(NamedTuple):
    """What is said of the run beside its own facts. now: seconds since 1970 by the clock of whoever keeps the runs."""

    now: float
    why: str = ""
    link: str | None = None


def report_of(tracking: Tracking, project: str, run: str, told: Told) -> RunReport:
    """Raises UnknownRun."""
    one, metrics = tracking.get(project, run), shown_first(tracking.metrics(project, run))
    curves = tracking.curves(project, run, [metric.name for metric in metrics[:MOST_CURVES]], POINTS)
    judged = evaluations_of(tracking.newest_files(project, run, "confusion", MOST_EVALUATIONS))
    return msgspec.structs.replace(built(one, metrics, curves, told), evaluations=judged)


def built(run: Run, metrics: Sequence[Metric], curves: Sequence[Curve], told: Told) -> RunReport:
    drawn = {curve.name: curve for curve in curves}
    done = share_done(run, drawn)
    took = max(0.0, (run.ended if run.ended is not None else told.now) - run.started)
    return RunReport(
        run=run.id,
        name=run.name,
        state=run.state,
        made=told.now,
        started=run.started,
        experiment=run.experiment,
        intent=run.intent[:LONGEST_TEXT],
        took=took,
        left=time_left(drawn, done) if run.state == "running" else None,
        done=done,
        error=None if run.error is None else run.error[-LONGEST_ERROR:],
        why=told.why,
        link=told.link,
        code=code_of(run.facts.get("code")),
        environment=environment_of(run.facts.get("environment")),
        params=dict(list(run.params.items())[:MOST_PARAMS]),
        tags=tags_of(run.tags),
        summary=dict(run.summary),
        metrics=tuple(latest(metric, drawn.get(metric.name)) for metric in metrics[:MOST_METRICS]),
        curves=tuple(Line(curve.name, curve.steps, curve.values) for curve in curves),
        advice=tuple(advice_on(drawn, run.params)),
        marks=run.marks[:20],
    )


def tags_of(tags: Mapping[str, str]) -> dict[str, str]:
    """Those of people: MLflow's clients and headhunt note their own matters in tags as well."""
    ours = [(name, value) for name, value in tags.items() if not name.startswith(MACHINES_TAGS)]
    return dict(ours[:MOST_TAGS])


def shown_first(metrics: Sequence[Metric]) -> list[Metric]:
    """Losses, then what rises, then all others by name; the load of the machine is no matter of a report."""
    order = {"low": 0, "high": 1, None: 2}
    there = [one for one in metrics if not is_of_the_machine(one.name) and one.name not in ("epoch", "step")]
    kept = [one for one in metrics if one.name == "epoch"]
    return [*sorted(there, key=lambda one: (order[goal_of(one.name)], one.name))[: MOST_METRICS - 1], *kept]


def latest(metric: Metric, curve: Curve | None) -> Latest:
    """The extremes stay in a curve that is thinned out, so the best of it is the best."""
    goal = goal_of(metric.name)
    points = [] if curve is None else [(s, float(v)) for s, v in zip(curve.steps, curve.values, strict=True)]
    best = best_of(points, goal) if goal else None
    step, value = best or (None, None)
    return Latest(metric.name, metric.last, metric.last_step, goal, value, step, metric.count)


# --- how long it will take --------------------------------------------------------------------------------------------


def share_done(run: Run, curves: Mapping[str, Curve]) -> float | None:
    """By the epochs or steps that the parameters announce; None where they do not."""
    if run.state == "finished":
        return 1.0
    newest = newest_step(curves)
    if newest is None:
        return None
    if (epochs := announced(run.params, EPOCHS)) is not None:
        epoch = curves.get("epoch")
        if epoch is not None and epoch.values:
            return share(float(epoch.values[-1]) + 1, epochs)
        return share(newest + 1, epochs) if newest < epochs else None
    steps = announced(run.params, STEPS)
    return None if steps is None else share(newest + 1, steps)


def share(done: float, whole: float) -> float | None:
    return done / whole if 0 < done <= whole else None


def announced(params: Mapping[str, Any], names: Sequence[str]) -> float | None:
    found = [value for name in names if isinstance(value := params.get(name), int | float) and value > 0]
    return None if not found or isinstance(found[0], bool) else float(found[0])


def newest_step(curves: Mapping[str, Curve]) -> int | None:
    return max((curve.steps[-1] for curve in curves.values() if curve.steps), default=None)


def time_left(curves: Mapping[str, Curve], done: float | None) -> float | None:
    """At the pace of its second half: the first one compiles, warms up and fills caches."""
    times = [(s, t) for curve in curves.values() for s, t in zip(curve.steps, curve.times, strict=True)]
    if done is None or len(times) < 2:
        return None
    last, now = max(times)
    half, then = min((one for one in times if one[0] >= last / 2), default=(last, now))
    if last <= half or now <= then:
        return None
    whole = (last + 1) / done
    return max(0.0, (now - then) / (last - half) * (whole - last - 1))


# --- where it came from -----------------------------------------------------------------------------------------------


def code_of(facts: Any) -> str:
    if not isinstance(facts, dict):
        return ""
    commit, command = facts.get("commit"), facts.get("command")
    said = [f"commit {str(commit)[:12]}{', with changes' if facts.get('dirty') else ''}"] if commit else []
    if command:
        said.append(shlex.join(map(str, command)) if isinstance(command, list) else str(command))
    return " · ".join(said)[:500]


def environment_of(facts: Any) -> str:
    """The short ones of its facts: packages are a list of their own."""
    if not isinstance(facts, dict):
        return ""
    known = {**facts, "memory": f"{facts['memory'] / 2**30:.1f} GiB"} if isinstance(facts.get("memory"), int) else facts
    said = [f"{name} {value}" for name, value in known.items() if isinstance(value, str | int | float) and value]
    return " · ".join(said)[:300]


def advice_on(curves: Mapping[str, Curve], params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What tracking.advice says, where it is there."""
    if importlib.util.find_spec("tracking.advice") is None:
        return []
    advise = importlib.import_module("tracking.advice").advise
    given = {one.name: (one.steps, tuple(map(float, one.values))) for one in curves.values()}
    return [(one.headline, " ".join((one.reason, *tries_of(one)))) for one in advise(given, params)]


def tries_of(one: Any) -> tuple[str, ...]:
    tries = getattr(one, "tries", ())
    return (f"Try: {'; '.join(tries)}.",) if tries else ()
