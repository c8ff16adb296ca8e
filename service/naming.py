"""Every request has a name, the client's own where it gave a plain one: its answer, its log lines and its job carry it.

It is given where it is first asked for, so that whatever goes wrong, routing and guards included, has it.
"""

import random
import re
import time
from typing import Any

from service.logs import REQUEST

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def name_of(scope: Any) -> str:
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"x-request-id"), "")
        state["request_id"] = given if PLAIN.fullmatch(given) else new_name()
        state["began"] = time.perf_counter()
        REQUEST.set(state["request_id"])
    name: str = state["request_id"]
    return name


def new_name() -> str:
    """Nothing rests on its being secret, and asking the system for randomness takes longer than all else here."""
    return f"{random.getrandbits(64):016x}"
