"""Searches for good hyper-parameters."""

from headhunt.errors.base import BadValue, HeadhuntError, UnknownName


class BadSpace(BadValue):
    """A space of parameters in which nothing can be searched: says which parameter, and what to change."""


class UnknownStudy(UnknownName):
    noun = "study"


class UnknownTrial(UnknownName):
    noun = "trial"


class TrialTaken(HeadhuntError):
    """Whoever tells of a trial is not the one who runs it, or no longer: it was given to somebody else."""


class NoTrial(HeadhuntError):
    """`headhunt.report` was called where no trial runs."""


class NoBest(HeadhuntError):
    """No trial of the study ended with a number."""


class TrialStopped(HeadhuntError):
    """Raised by `headhunt.report` to end a trial early; let it pass, the study knows what to do with it."""


class TrialFailed(HeadhuntError):
    """A trial came to nothing: says why. It marks that trial, and never ends the study."""
