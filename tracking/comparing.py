"""Two runs, and where they differ."""

from collections.abc import Mapping
from typing import Any

from headhunt.track.wire import Changed, Run, RunsCompared

ABOUT = ("name", "intent", "state", "experiment", "dataset", "model", "parent", "group")
LONGEST = 2000
"""Characters of a text that is shown: a diff of code may be long."""


def compared(before: Run, after: Run) -> RunsCompared:
    return RunsCompared(
        before=before.id,
        after=after.id,
        about=changes({name: getattr(before, name) for name in ABOUT}, {name: getattr(after, name) for name in ABOUT}),
        params=changes(before.params, after.params),
        tags=changes(before.tags, after.tags),
        summary=changes(before.summary, after.summary),
        metrics=changes(before.metrics, after.metrics),
        code=changes(facts(before, "code"), facts(after, "code")),
        environment=changes(facts(before, "environment"), facts(after, "environment")),
    )


def facts(run: Run, name: str) -> dict[str, Any]:
    """Of the surroundings; what lies within them stands as a.b."""
    found = run.facts.get(name)
    return dict(flat(found)) if isinstance(found, dict) else {}


def flat(facts: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    made: list[tuple[str, Any]] = []
    for name, value in facts.items():
        made += flat(value, f"{before}{name}.") if isinstance(value, dict) else [(f"{before}{name}", value)]
    return made


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Changed, ...]:
    names = sorted(before.keys() | after.keys())
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return tuple(Changed(name, shown(one), shown(other)) for name, one, other in pairs if one != other)


def shown(value: Any) -> Any:
    return f"{value[:LONGEST]}..." if isinstance(value, str) and len(value) > LONGEST else value
