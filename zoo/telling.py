"""Whoever keeps a diary of trainings: the one seam through which they tell of themselves.

    diary.begin(About(...)) -> Entry     one training, or what holds several; left with an error, it has failed
      numbers, note, confusion           what it tells; none of them raises, and none waits

The stages know no more than this. Without a diary, `SILENT` hears it all and keeps nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol


@dataclass(frozen=True)
class About:
    """What begins. experiment: what belongs together. dataset: a version's id. model: the card that it starts from.

    identity: the same training begun again, after a kill, goes on with what it had told; None: it is always a new one.
    resumed: it goes on for certain; else only where it had not finished.
    ago: seconds since it began, where it is told of afterwards.
    """

    experiment: str
    name: str
    identity: str | None = None
    resumed: bool = False
    dataset: str | None = None
    model: str | None = None
    parent: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    ago: float = 0.0


class Entry(Protocol):
    """id: what others name as their parent; None where nothing is kept."""

    @property
    def id(self) -> str | None: ...

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """A point of each curve. What was told of a step before it was killed is not told again."""

    def note(self, kind: str, values: Mapping[str, Any]) -> None:
        """kind: param, tag, summary. Also when it has ended."""

    def confusion(self, truth: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> None: ...

    def __enter__(self) -> "Entry": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Diary(Protocol):
    """listens: False where nothing is kept, so that nobody needs to ask a GPU for what nobody hears."""

    @property
    def listens(self) -> bool: ...

    def begin(self, about: About) -> Entry: ...


class Silence:
    """A diary, and its entries, of which nothing stays."""

    listens = False
    id: str | None = None

    def begin(self, about: About) -> "Silence":  # noqa: ARG002 - a Diary
        return self

    def numbers(self, step: int, values: Mapping[str, float]) -> None: ...

    def note(self, kind: str, values: Mapping[str, Any]) -> None: ...

    def confusion(self, truth: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> None: ...

    def __enter__(self) -> "Silence":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


SILENT: Diary = Silence()
