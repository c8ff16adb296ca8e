"""What a metric's name says of where it comes from."""

import re

HELD_OUT = re.compile(r"(^|[/_. -])(val(id(ation)?)?|test|eval)([/_. -]|$)", re.IGNORECASE)
MACHINE = ("system/", "system.", "sys/")


def is_held_out(name: str) -> bool:
    return HELD_OUT.search(name) is not None


def is_of_the_machine(name: str) -> bool:
    """Its load: processor, memory, disk."""
    return name.startswith(MACHINE)
