"""Two runs, and where they differ."""

from collections.abc import Mapping
from difflib import unified_diff
from itertools import islice
from typing import Any

from headhunt.track.wire import Changed, Run, RunsCompared

ABOUT = ("name", "intent", "state", "experiment", "dataset", "model", "parent", "group")
LONGEST = 2000
"""Characters of a text that is shown: a diff of code may be long."""
MOST_LINES, SHOWN_LINES = 2000, 200
"""Of a diff: compared, told."""


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
        patch=patch(uncommitted(before), uncommitted(after)),
    )


def uncommitted(run: Run) -> str:
    """The changes to its code that no commit holds."""
    code = run.facts.get("code")
    return str(code.get("diff") or "") if isinstance(code, dict) else ""


def patch(before: str, after: str) -> tuple[str, ...]:
    """What one of the two diffs says, and the other does not; its frame (places, names of files) told with it."""
    if before == after:
        return ()
    lines = unified_diff(before.splitlines()[:MOST_LINES], after.splitlines()[:MOST_LINES], lineterm="", n=1)
    return tuple(line[:LONGEST] for line in islice(lines, 2, 2 + SHOWN_LINES))


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
