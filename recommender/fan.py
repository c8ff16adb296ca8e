"""Where the pieces of one request are done: here, one after the other; in processes beside this one; on a cluster.

    errands --Fan--> each with what came of it, as they are done
      here()       as always, with all that this process has: its disk, its decoded images, its clock
      packed()     a Parcel for somebody who has none of these: a small task, and the large parts that tasks share
      unpacked()   what came back, as if it had been done here

Errands are asked for one by one, when somebody is free, so an errand that no longer fits into the time is never made.
The clock stays here: a task is told the seconds that are left. Whatever happens elsewhere, nothing is lost by it: what
was lost on the way is done here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from headhunt.errors import HeadhuntError, Interrupted, OutOfTime, WorkLost
from recommender.clock import Clock

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
LOOK_S = 0.2
"""So long nobody looks at the clock while others work."""
ON_THE_WAY = 0.3
"""Seconds that a task and its result travel: taken off what a task is told is left."""
TRIES = 3
"""A task that so many processes died of is not begun again."""


class Task(Protocol):
    """A frozen struct that can be sent, and does its work with nothing but its parts."""

    def do(self, parts: tuple[Any, ...]) -> Any: ...


@dataclass(frozen=True)
class Part:
    """Something large that can be sent. Tasks that name the same `key` share it: it is made and sent once.

    key: None for what one task alone needs.
    """

    key: str | None
    make: Callable[[], object]


@dataclass(frozen=True)
class Parcel:
    task: Task
    parts: tuple[Part, ...]
    device: str | None = None
    """Where the task computes; None: the best there is."""


class Errand(Protocol[R_co]):
    """One piece of work, which can be done here or be sent."""

    def here(self) -> R_co: ...

    def packed(self) -> Parcel | None:
        """None: it is best done here, such as what is known already."""

    def unpacked(self, answer: Any) -> R_co: ...


E = TypeVar("E", bound=Errand[Any])


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """What came of an errand: a value, or an error of ours."""

    get: Callable[[], R]


class Fan(Protocol):
    """Somebody who does errands."""

    warnings: list[str]
    """What the user should know of how it went."""

    @property
    def width(self) -> int:
        """How many errands are done at a time."""

    def run(self, errands: Iterable[E], clock: Clock) -> Iterator[tuple[E, Outcome[Any]]]:
        """Each with its outcome, as they are done; when the time is up, OutOfTime for those that are not."""


class Here:
    """In this process, one after the other."""

    width = 1

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def run(self, errands: Iterable[E], clock: Clock) -> Iterator[tuple[E, Outcome[Any]]]:  # noqa: ARG002 - a Fan
        for errand in errands:
            yield errand, outcome_of(errand.here)


class FieldLost(HeadhuntError):
    """Nobody is left elsewhere who could work."""


class Field(Protocol):
    """Processes somewhere that carry out tasks. Raises FieldLost when there is no way on."""

    @property
    def width(self) -> int: ...

    def begin(self, number: int, parcel: Parcel) -> None:
        """Send a task, and those of its parts that are not there yet."""

    def done(self, patience: float) -> Iterator[tuple[int, Any]]:
        """Answers by the number of their task, as soon as there are some; a HeadhuntError where it ended in one."""

    def drop(self, numbers: Iterable[int]) -> None:
        """Their answers are of no use any longer."""

    def close(self) -> None: ...


class Away:
    """On a field, as long as there is one; then here."""

    def __init__(self, field: Field) -> None:
        self.field: Field | None = field
        self.warnings: list[str] = []
        self._count = 0

    def __enter__(self) -> "Away":
        return self

    def __exit__(self, *fault: object) -> None:
        if self.field is not None:
            self.field.close()

    @property
    def width(self) -> int:
        try:
            return max(1, self.field.width) if self.field else 1
        except FieldLost as lost:
            self._lose(lost)
            return 1

    def run(self, errands: Iterable[E], clock: Clock) -> Iterator[tuple[E, Outcome[Any]]]:
        waiting, running = iter(errands), dict[int, E]()
        try:
            while True:
                while len(running) < self.width and (errand := next(waiting, None)) is not None:
                    if (outcome := self._begin(errand, running)) is not None:
                        yield errand, outcome
                if not running:
                    return
                yield from self._arrived(running, clock)
        finally:
            if self.field is not None and running:
                self.field.drop(running)

    def _begin(self, errand: E, running: dict[int, E]) -> Outcome[Any] | None:
        """Send it; an outcome where it was done here."""
        try:
            parcel = errand.packed() if self.field else None
            if self.field is None or parcel is None:
                return outcome_of(errand.here)
            self._count += 1
            self.field.begin(self._count, parcel)
        except FieldLost as lost:
            self._lose(lost)
            return outcome_of(errand.here)
        except Interrupted:
            raise
        except HeadhuntError as error:
            return failed(error)
        running[self._count] = errand
        return None

    def _arrived(self, running: dict[int, E], clock: Clock) -> Iterator[tuple[E, Outcome[Any]]]:
        try:
            answers = list(self.field.done(LOOK_S)) if self.field else []
        except FieldLost as lost:
            self._lose(lost)
            answers = []
        for number, answer in answers:
            errand = running.pop(number)
            yield errand, failed(answer) if isinstance(answer, HeadhuntError) else unpacked(errand, answer)
        late = clock.left() <= 0
        for number in list(running) if late or self.field is None else ():
            errand = running[number]
            if self.field is not None:
                self.field.drop([number])
            del running[number]
            yield errand, failed(OutOfTime("the time was up before it came back")) if late else outcome_of(errand.here)

    def _lose(self, lost: FieldLost) -> None:
        self.warnings.append(f"{lost}; what was left was done on the server's own machine")
        if self.field is not None:
            self.field.close()
        self.field = None


def outcome_of(work: Callable[[], R]) -> Outcome[R]:
    """Do it now, and keep an error of ours for whoever asks; being interrupted is no outcome."""
    try:
        value = work()
    except Interrupted:
        raise
    except HeadhuntError as error:
        return failed(error)
    return Outcome(lambda: value)


def unpacked(errand: Errand[R], answer: Any) -> Outcome[R]:
    return outcome_of(lambda: errand.unpacked(answer))


def failed(error: HeadhuntError) -> Outcome[Any]:
    def get() -> Any:
        raise error

    return Outcome(get)


def carried_out(task: Task, parts: tuple[Any, ...]) -> Any:
    """In the process that does it: what came of it, or the error, which is ours in any case."""
    try:
        return task.do(parts)
    except HeadhuntError as error:
        return error
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        return WorkLost(f"a task failed inside: {type(error).__name__}: {error}")
