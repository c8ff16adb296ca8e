"""Weights, the repository, trainings, and recommendations that come to nothing."""

from headhunt.errors.base import HeadhuntError, Refused


class WeightsRefused(Refused):
    """A weights file that cannot be used."""


class UnsafePickle(WeightsRefused): ...


class BrokenWeights(WeightsRefused): ...


class NonFiniteWeights(WeightsRefused): ...


class WeightsMismatch(WeightsRefused): ...


class WeightsUnavailable(HeadhuntError):
    """The weights are not here and could not be fetched: says from where, and what would do."""


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


class NoCandidate(HeadhuntError):
    """Nobody is left to recommend."""


class NoModels(NoCandidate): ...


class NoModelMeets(NoCandidate):
    """The limits leave nobody: says the nearest miss."""
