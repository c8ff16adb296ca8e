"""Where runs are looked up: in the home of this machine, or at a server. Both are asked the same."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Protocol
from urllib.parse import urlencode

from headhunt.cli.opening import warn
from headhunt.errors import BadValue, UnknownRun
from headhunt.home import home_folder
from headhunt.remote.address import in_the_clear
from headhunt.remote.credentials import chosen
from headhunt.remote.transport import Server
from headhunt.track.wire import Curve, CurvePart, Metric, Run, RunFile, RunsCompared
from headhunt.wire import Page

MOST_POINTS = 100_000
AT_ONCE, MOST_ALIKE = 1000, 100
SEE = "See 'headhunt runs list'."


class Shelf(Protocol):
    """resume: the run is running again. curves: as whole as they are told."""

    def find(self, query: str | None, sort: Sequence[str], experiment: str | None, limit: int) -> list[Run]: ...
    def get(self, run: str) -> Run: ...
    def metrics(self, run: str) -> list[Metric]: ...
    def files(self, run: str) -> list[RunFile]: ...
    def curves(self, run: str, names: Sequence[str]) -> list[Curve]: ...
    def compare(self, run: str, other: str) -> RunsCompared: ...
    def remove(self, run: str) -> None: ...
    def resume(self, run: str) -> Run: ...


@contextmanager
def shelf(server: str | None) -> Iterator[Shelf]:
    """server: as everywhere: a URL, local, or None for where one signed in."""
    found = chosen(server, None, home_folder())
    if found is None:
        with local() as one:
            yield one
        return
    warn(*filter(None, [in_the_clear(found.url)]))
    with Server(found.url, found.key) as asked:
        yield Remote(asked)


@contextmanager
def local() -> Iterator[Shelf]:
    from service.here import runs_here  # the service's half of the package, of which a server's user needs nothing
    from service.settings import Settings
    from service.store import DATABASE, STORE

    home = home_folder().absolute()
    settings = Settings(home=home, database=os.environ.get(DATABASE), store=os.environ.get(STORE))
    with runs_here(settings) as here:
        yield Local(here)


class Local:
    """here: service.here.Here."""

    def __init__(self, here: "object") -> None:
        from service.here import Here

        assert isinstance(here, Here)  # noqa: S101 - for the type's sake
        self.here, self.tracking, self.project = here, here.tracking, here.project

    def find(self, query: str | None, sort: Sequence[str], experiment: str | None, limit: int) -> list[Run]:
        from tracking.query import parse, parse_order

        orders = [parse_order(f"{one[1:]} desc" if one.startswith("-") else one) for one in sort]
        asked = parse(query) if query else None
        return self.tracking.find(self.project, asked, orders, None, limit, experiment=experiment)

    def get(self, run: str) -> Run:
        return self.tracking.get(self.project, run)

    def metrics(self, run: str) -> list[Metric]:
        return self.tracking.metrics(self.project, run)

    def files(self, run: str) -> list[RunFile]:
        return self.tracking.files(self.project, run)

    def curves(self, run: str, names: Sequence[str]) -> list[Curve]:
        return self.tracking.whole_curves(self.project, run, names)

    def compare(self, run: str, other: str) -> RunsCompared:
        from tracking.comparing import compared

        return compared(self.get(run), self.get(other))

    def remove(self, run: str) -> None:
        from service.gathering import forget

        self.tracking.remove(self.project, run)
        forget(self.here.home, run)

    def resume(self, run: str) -> Run:
        return self.tracking.resume(self.project, run)


class Remote:
    def __init__(self, server: Server) -> None:
        self.server = server

    def find(self, query: str | None, sort: Sequence[str], experiment: str | None, limit: int) -> list[Run]:
        asked = [("sort", one) for one in sort]
        asked += [(name, value) for name, value in (("query", query), ("experiment", experiment)) if value is not None]
        found: list[Run] = []
        after: str | None = None
        while len(found) < limit:
            more = [*asked, ("limit", str(min(limit - len(found), AT_ONCE))), *([("after", after)] if after else [])]
            page = self.server.ask("GET", f"/runs?{urlencode(more)}", Page[Run])
            found += page.items
            after = page.next
            if after is None:
                break
        return found

    def get(self, run: str) -> Run:
        return self.server.ask("GET", f"/runs/{run}", Run)

    def metrics(self, run: str) -> list[Metric]:
        return list(self.server.ask("GET", f"/runs/{run}/metrics", Page[Metric]).items)

    def files(self, run: str) -> list[RunFile]:
        found: list[RunFile] = []
        after: str | None = None
        while True:
            asked = urlencode([("limit", str(AT_ONCE)), *([("after", after)] if after else [])])
            page = self.server.ask("GET", f"/runs/{run}/files?{asked}", Page[RunFile])
            found += page.items
            after = page.next
            if after is None:
                return found

    def curves(self, run: str, names: Sequence[str]) -> list[Curve]:
        return [self._curve(run, name) for name in names]

    def _curve(self, run: str, name: str) -> Curve:
        """All of its points, in parts; by step."""
        points: list[tuple[int, float | str, float]] = []
        place: int | None = 0
        while place is not None:
            asked = urlencode([("metric", name), ("first", str(place)), ("points", str(MOST_POINTS))])
            part = self.server.ask("GET", f"/runs/{run}/points?{asked}", CurvePart)
            points += zip(part.steps, part.values, part.times, strict=True)
            place = part.next
        points.sort(key=itemgetter(0))  # stable: those of a step stay as they came
        steps, values, times = zip(*points, strict=True) if points else ((), (), ())
        return Curve(name, steps, values, times, len(points), True)

    def compare(self, run: str, other: str) -> RunsCompared:
        return self.server.ask("GET", f"/runs/{run}/compare/{other}", RunsCompared)

    def remove(self, run: str) -> None:
        self.server.ask("DELETE", f"/runs/{run}", type(None))

    def resume(self, run: str) -> Run:
        return self.server.ask("POST", f"/runs/{run}/resume", Run)


def named(shelf: Shelf, text: str) -> str:
    """The id of a run that is given by it, by its beginning, or by the run's name. Raises UnknownRun, BadValue."""
    if len(text) == 32 and set(text) <= set("0123456789abcdef"):
        return text
    quoted = text.replace("'", "''")
    begins = f" or id like '{text}%'" if set(text) <= set("0123456789abcdef") else ""
    found = [one.id for one in shelf.find(f"name = '{quoted}'{begins}", (), None, MOST_ALIKE)] if text else []
    if not found:
        raise UnknownRun(text, {one.name for one in shelf.find(None, (), None, AT_ONCE) if one.name}, hint=SEE)
    if len(found) > 1:
        shown = ", ".join(one[:8] for one in found[:5])
        many = f"{MOST_ALIKE} runs or more" if len(found) == MOST_ALIKE else f"{len(found)} runs"
        raise BadValue(f"{text!r} fits {many}: {shown}. Give more of the id.")
    return found[0]
