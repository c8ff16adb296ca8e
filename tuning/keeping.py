"""Where the study of a tuning is kept: in the home of this process, or wherever its caller keeps it."""

from pathlib import Path
from typing import Protocol

import msgspec

from headhunt.spaces import Space
from headhunt.trials import Trial
from tuning import running
from tuning.bench import said_of
from tuning.journal import STUDIES
from tuning.study import About, Study, Wanted, exists, opened
from zoo.files import replace_file

QUESTION = "question.json"


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
        before = said_of(self.folder(name) / QUESTION).get("question")
        if before is None:
            return "" if exists(self.home, name) else None
        return str(before)

    def opened(self, wanted: Wanted, question: str) -> Study:
        study = opened(self.home, wanted)
        replace_file(self.folder(str(wanted.name)) / QUESTION, msgspec.json.encode({"question": question}))
        return study
