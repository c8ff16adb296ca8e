"""Every request has a name, the client's own where it gave a plain one: its answer, its log lines and its job carry it.

It is given where it is first asked for, so that whatever goes wrong, routing and guards included, has it.
"""

import re
import secrets
import time
from typing import Any

from service.logs import REQUEST

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def name_of(scope: Any) -> str:
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"x-request-id"), "")
        state["request_id"] = given if PLAIN.fullmatch(given) else secrets.token_hex(8)
        state["began"] = time.perf_counter()
        REQUEST.set(state["request_id"])
    name: str = state["request_id"]
    return name
