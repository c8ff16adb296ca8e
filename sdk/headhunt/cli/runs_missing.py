"""Why no run was found: most often a name in the query is misspelt, which is no mistake of the language."""

from headhunt.cli.run_shelves import Shelf

NONE = "There is no such run."


def why_none(shelf: Shelf, query: str | None, experiment: str | None) -> str:
    """What of the question no run of the shelf has."""
    if not shelf.find(None, (), None, 1):
        return "There are no runs yet: headhunt.init() in a training begins one."
    if experiment is not None and not shelf.find(None, (), experiment, 1):
        return f"{NONE} No run is of the experiment {experiment!r}."
    unknown = [key for key in keys_of(query) if not shelf.find(key, (), experiment, 1)]
    return f"{NONE} No run has {' nor '.join(unknown)}.".replace('"', "") if unknown else NONE


def keys_of(query: str | None) -> list[str]:
    """What a run may have or not, each as a query of its own."""
    from tracking.keys import Key  # the tracker's half of the package, as in run_shelves
    from tracking.query import parse

    names = parse(query).names() if query else ()
    return [str(Key(kind, name)) for kind, name in sorted(names) if kind not in ("attribute", "dataset")]
