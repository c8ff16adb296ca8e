"""A job as a server tells it."""

import msgspec

from headhunt import wire

ENDED = ("done", "failed", "cancelled")


class Job(wire.Job, frozen=True, omit_defaults=False):
    """As it is read: msgspec takes raw JSON only where it is no choice; where there is no result, it is `null`."""

    result: msgspec.Raw
