"""Everything that headhunt raises on purpose.

HeadhuntError
 +-- UnknownName           UnknownModel UnknownDomain UnknownNetwork UnknownWeights UnknownVersion UnknownSplit
 |                         UnknownJob UnknownDataset UnknownProject UnknownUser UnknownKey UnknownUpload
 +-- BadValue              BadSpec, NameTaken, MissingFile, UnknownField
 +-- SampleRefused         the whole sample: BadName LinkNotAllowed OverlappingEntries CompressionRatio ...
 +-- ImageRefused          one member: TooManyPixels Truncated BadHeader NotAnImage ...
 +-- WeightsRefused        UnsafePickle BrokenWeights NonFiniteWeights WeightsMismatch
 +-- WeightsUnavailable    the hub did not answer, or does not have them
 +-- CatalogueBroken       the files of the repository cannot be read
 +-- BlobBroken            a stored image is gone or damaged
 +-- HomeLocked, NotWritten   another process writes; a file could not be written, and the old one is kept
 |                         InsufficientStorage: the disk is full
 +-- BadTable              a table of outcomes that cannot be read
 +-- TrainingFailed        Diverged, CheckpointMismatch
 +-- NoCandidate           NoModels, NoModelMeets: nobody is left to recommend
 +-- Interrupted           the user stopped it; what was done is kept
 +-- OutOfTime             the seconds given did not suffice for one part of the work
 +-- WorkLost              a part of the work was sent to another process or machine, and did not come back
 +-- ServiceUnavailable    a part of the server does not answer at this moment
 +-- NotSignedIn, NotAllowed   no key or a wrong one; a key that may not do this; CrossSite, a NotAllowed; TooManyTries
 +-- TooLarge, TooSlow, UnsupportedType   an upload that is not taken; EmptyUpload, a BadValue; ChecksumMismatch
 |                         SafetensorsOnly, an UnsupportedType; TooDeep, a BadValue
 +-- BlobsMissing, UploadIncomplete   something has to be sent first
 +-- Misdirected           the request names another server
 +-- InUse, HasEnded, NotReady   it cannot be done now: somebody works with it; it is over; it has not ended yet
 +-- OverQuota             a TooLarge: the project has no room left for it
 +-- KeyReused             one Idempotency-Key came with two different questions
 +-- ServerUnreachable     no answer from the server that was named

Each class has a stable `code`, its own name in snake case, which is what programs should look at. The message says
what happened, the value, and what would do, in one line.
"""

import difflib
import re
from collections.abc import Iterable, Sequence


class HeadhuntError(Exception):
    """The root: catch this to catch all of headhunt's own errors."""

    code = "headhunt_error"

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __reduce__(self) -> tuple[object, ...]:
        """Whole again in another process: classes build their message from several arguments, and keep it alone."""
        return restored, (type(self), self.args, self.__dict__)


def restored(kind: type[HeadhuntError], args: tuple[object, ...], facts: dict[str, object]) -> HeadhuntError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class UnknownName(HeadhuntError):
    """No such thing: says which name, and what comes near."""

    noun = "thing"

    def __init__(self, name: str, known: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(did_you_mean(self.noun, name, known, hint))
        self.name = name


def did_you_mean(noun: str, name: str, known: Iterable[str], hint: str = "") -> str:
    """One line: what is unknown, the names that come near, and what would do."""
    shown = name if len(name) <= 80 else name[:77] + "..."
    near = difflib.get_close_matches(name[:200], list(known), n=3, cutoff=0.6)
    guess = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return f"No {noun} named {shown!r}.{guess}{' ' + hint if hint else ''}"


class UnknownModel(UnknownName):
    noun = "model"


class UnknownDomain(UnknownName):
    noun = "domain"


class UnknownNetwork(UnknownName):
    noun = "network"


class UnknownWeights(UnknownName):
    noun = "pretrained weights"


class UnknownVersion(UnknownName):
    noun = "version of a sample"


class UnknownSplit(UnknownName):
    noun = "split"


class UnknownJob(UnknownName):
    noun = "job"


class UnknownDataset(UnknownName):
    noun = "dataset"


class UnknownProject(UnknownName):
    noun = "project"


class UnknownUser(UnknownName):
    noun = "user"


class UnknownKey(UnknownName):
    noun = "key"


class UnknownUpload(UnknownName):
    noun = "upload"


class BadValue(HeadhuntError):
    """A value that cannot be used: says which, and what would do."""


class BadSpec(BadValue):
    """A model, network or source written in a form that is not understood."""


class UnknownField(BadValue):
    """A field or parameter that nobody knows: it is refused, never passed over."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(did_you_mean("field", name, known, f"{known_ones(known)}"))


def known_ones(known: Iterable[str]) -> str:
    return f"There are: {', '.join(sorted(known))}." if known else "There are none here."


class NameTaken(BadValue):
    """Something of this name is there already."""


class MissingFile(BadValue):
    """No such file or folder, or it cannot be read."""


# --- A sample, refused as a whole ------------------------------------------------------------------------------------


class Refused(HeadhuntError):
    """Something that came in was refused. `member` names the part that is to blame, where there is one."""

    def __init__(self, reason: str, member: str | None = None) -> None:
        shown = None if member is None else printable(member)
        super().__init__(f"{shown}: {reason}" if shown else reason)
        self.member = shown
        self.reason = reason


def printable(name: str, limit: int = 512) -> str:
    """A member's name, safe to print: control and direction characters escaped, cut at `limit`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def one_line(error: BaseException, limit: int = 200) -> str:
    """What an error of a library says, safe to print, on one line and not too long, without its full stop."""
    return printable(" ".join(str(error).split()) or type(error).__name__, limit).rstrip(".")


def first_few(names: Sequence[str], shown: int = 5) -> str:
    """The first names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


class SampleRefused(Refused):
    """The sample as a whole cannot be used."""


class EmptySample(SampleRefused): ...


class NotAnArchive(SampleRefused): ...


class BadName(SampleRefused): ...


class LinkNotAllowed(SampleRefused): ...


class SpecialFile(SampleRefused): ...


class OverlappingEntries(SampleRefused): ...


class CompressionRatio(SampleRefused): ...


class SizeMismatch(SampleRefused): ...


class TooManyFiles(SampleRefused): ...


class Encrypted(SampleRefused): ...


class UnsupportedMethod(SampleRefused): ...


class DuplicateName(SampleRefused): ...


class HeaderTooLarge(SampleRefused): ...


class DeclaredTotalTooLarge(SampleRefused): ...


class ArchiveTooLarge(SampleRefused): ...


class InconsistentArchive(SampleRefused): ...


class BrokenArchive(SampleRefused): ...


class NoImages(SampleRefused): ...


class NoValidImages(SampleRefused): ...


class TooManyBroken(SampleRefused): ...


class TooManyClasses(SampleRefused): ...


class NeedTwoClasses(SampleRefused): ...


class BadLabels(SampleRefused): ...


# --- One image, left out ---------------------------------------------------------------------------------------------


class ImageRefused(Refused):
    """One member is left out and reported."""


class NotAnImage(ImageRefused): ...


class NestedArchive(ImageRefused): ...


class EmptyFile(ImageRefused): ...


class FileTooLarge(ImageRefused): ...


class BadHeader(ImageRefused): ...


class TooManyPixels(ImageRefused): ...


class Truncated(ImageRefused): ...


class MetadataTooLarge(ImageRefused): ...


class UnsupportedMode(ImageRefused): ...


class AspectRatio(ImageRefused): ...


class BrokenImage(ImageRefused): ...


# --- Weights ---------------------------------------------------------------------------------------------------------


class WeightsRefused(Refused):
    """A weights file that cannot be used."""


class UnsafePickle(WeightsRefused): ...


class BrokenWeights(WeightsRefused): ...


class NonFiniteWeights(WeightsRefused): ...


class WeightsMismatch(WeightsRefused): ...


class WeightsUnavailable(HeadhuntError):
    """The weights are not here and could not be fetched: says from where, and what would do."""


# --- The repository and training -------------------------------------------------------------------------------------


class CatalogueBroken(HeadhuntError):
    """The repository's own files cannot be read."""


class HomeLocked(HeadhuntError):
    """Another process is writing, and did not end in time."""


class NotWritten(HeadhuntError):
    """A file of the repository could not be written. What was there before is kept."""


class InsufficientStorage(NotWritten):
    """The disk is full, or nearly."""


class BlobBroken(HeadhuntError):
    """A stored image is gone, or is no longer what its name says."""


class BadTable(HeadhuntError):
    """A table of outcomes that cannot be read: says which row or column."""


class TrainingFailed(HeadhuntError):
    """A training ended without a model."""


class Diverged(TrainingFailed): ...


class CheckpointMismatch(TrainingFailed): ...


class Interrupted(HeadhuntError):
    """The user stopped it. What was done is kept, and the message says how to go on."""


class OutOfTime(HeadhuntError):
    """The seconds that were given did not suffice for one part of the work."""


class WorkLost(HeadhuntError):
    """A part of the work was sent to another process or machine, and did not come back."""


class ServiceUnavailable(HeadhuntError):
    """A part of the server does not answer at this moment. What was committed is kept; try again."""


class NotSignedIn(HeadhuntError):
    """No key came with the request, or one that does not hold (any longer)."""


class NotAllowed(HeadhuntError):
    """The key holds, but may not do this."""


class CrossSite(NotAllowed):
    """A request with a session's cookie that does not come from our own page."""


class Misdirected(HeadhuntError):
    """The request names another server."""


class TooManyTries(HeadhuntError):
    """Too many wrong names, passwords or keys came from there. `wait_s`: when it may be tried again."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many failed attempts. Try again in {wait_s} s.")
        self.wait_s = wait_s


class ChecksumMismatch(HeadhuntError):
    """What came is not what was announced: it changed on the way. Send it again."""


class InUse(HeadhuntError):
    """Somebody works with it at this moment."""


class HasEnded(HeadhuntError):
    """It is over, and can no longer be changed."""


class KeyReused(HeadhuntError):
    """One key of idempotency came with two different questions."""


class NotReady(HeadhuntError):
    """It has come to nothing yet: wait for it."""


class ServerUnreachable(HeadhuntError):
    """The server that was named gives no answer."""


class BlobsMissing(HeadhuntError):
    """A dataset was described of which the server does not have all files."""


class UploadIncomplete(HeadhuntError):
    """Parts of an upload are missing."""


class EmptyUpload(BadValue):
    """Nothing came."""


class TooLarge(HeadhuntError):
    """More came than is taken."""


class TooSlow(HeadhuntError):
    """It did not come within the time that a server waits."""


class OverQuota(TooLarge):
    """The project may not keep so much."""


class UnsupportedType(HeadhuntError):
    """It came as a kind of content that is not taken."""


class SafetensorsOnly(UnsupportedType):
    """Weights that are sent to a server come as safetensors, and as nothing else."""


class TooDeep(BadValue):
    """JSON within JSON within JSON: nested beyond all sense."""


class NoCandidate(HeadhuntError):
    """Nobody is left to recommend."""


class NoModels(NoCandidate): ...


class NoModelMeets(NoCandidate):
    """The limits leave nobody: says the nearest miss."""
