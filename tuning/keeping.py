"""Where the study of a tuning is kept: in the home of this process, or wherever its caller keeps it."""

from pathlib import Path
from typing import Protocol

import msgspec

from headhunt.spaces import Space
from headhunt.trials import Trial
from tuning import running
from tuning.bench import said_of
from tuning.journal import QUESTION, STUDIES
from tuning.study import About, Study, Wanted, begun, opened
from zoo.files import replace_file


class Kept(running.Searched, Protocol):
    """A study that is searched."""

    @property
    def about(self) -> About: ...

    @property
    def space(self) -> Space: ...

    def count(self) -> int: ...

    def trials(self) -> list[Trial]: ...

    def bar(self) -> dict[int, float]: ...

    def looked(self) -> Study:
        """As it is now, to look at."""


class Keeper(Protocol):
    def folder(self, name: str) -> Path:
        """For what is kept beside a study: what costs were measured, what trials said."""

    def past(self) -> Path:
        """The folder for what its searches leave for those after them."""

    def question(self, name: str) -> str | None:
        """What the study of this name tunes for; empty: something else; None: there is none."""

    def opened(self, wanted: Wanted, question: str) -> Kept:
        """A new study, or the one that there is."""


class AtHome:
    def __init__(self, home: Path) -> None:
        self.home = home

    def folder(self, name: str) -> Path:
        return self.home / STUDIES / name

    def past(self) -> Path:
        return self.home / STUDIES

    def question(self, name: str) -> str | None:
        if not begun(self.home, name):
            return None
        return str(said_of(self.folder(name) / QUESTION).get("question", ""))

    def opened(self, wanted: Wanted, question: str) -> Study:
        """What it tunes for is written first: whoever finds a study that has begun, finds that, too."""
        folder = self.folder(str(wanted.name))
        folder.mkdir(parents=True, exist_ok=True)
        if self.question(str(wanted.name)) is None:
            replace_file(folder / QUESTION, msgspec.json.encode({"question": question}))
        return opened(self.home, wanted)
