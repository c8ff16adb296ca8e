"""What a training asks besides telling: reports. What is needed for it is read when it is asked."""

from collections.abc import Mapping
from typing import Any

from headhunt.errors import BadValue

LEAST_EVERY_S = 60


def check_report(asked: Mapping[str, Any]) -> None:
    """What the server would refuse later, when nobody looks, is refused here. Raises BadValue and its like."""
    from headhunt.durations import seconds_of
    from tracking.reports.addresses import addresses
    from tracking.reports.conditions import condition_of

    addresses(asked["to"])
    every = seconds_of(asked["every"], "An interval")
    if every is not None and every < LEAST_EVERY_S:
        raise BadValue(f"A report every {every:g} s is too often. Give {LEAST_EVERY_S} s or more, as 5m.")
    if asked["when"] is not None:
        condition_of(asked["when"])
