"""Reports of runs, and the mails that carry them."""

from headhunt.errors.base import BadValue, HeadhuntError


class BadTemplate(BadValue):
    """A template that is wrong, reaches for what is not its own, or takes too long or too much memory."""


class BadCondition(BadValue):
    """A condition in words that are not understood."""


class BadAddress(BadValue):
    """No address of a mailbox."""


class ReportFailed(HeadhuntError):
    """The report could not be drawn."""


class MailFailed(HeadhuntError):
    """The mail server did not take it: says why, without the password."""


class NoMailServer(HeadhuntError):
    """This server was not told which mail server to send by."""


class TooManyMails(HeadhuntError):
    """So many mails of this project went out within an hour that no more are taken."""
