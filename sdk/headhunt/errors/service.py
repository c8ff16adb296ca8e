"""What a server says, or a client of one."""

from headhunt.errors.base import BadValue, HeadhuntError, printable


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


class TooManyJobs(HeadhuntError):
    """So many jobs of this project wait already that no more are taken."""


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


class BrokenJournal(HeadhuntError):
    """What was told of a run is damaged from some place on."""


class UnknownRecord(HeadhuntError):
    """A newer headhunt tells of a run what this one has not learned."""


class BadQuery(BadValue):
    """A query for runs that is not understood. `place`: at which character, from 0."""

    def __init__(self, place: int, found: str, wanted: str) -> None:
        super().__init__(f"At character {place + 1} of the query: {printable(found, 120)}. What would do: {wanted}.")
        self.place, self.found, self.wanted = place, found, wanted
