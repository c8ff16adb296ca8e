"""How the program itself was left: Python tells nobody of a `sys.exit(3)`, so it is found out at its end.

The first frame of the main thread is kept. Where its last instruction is no return, the program was left by what was
raised: an error, if that is the one that Python noted last, or the newest status that `sys.exit`, `exit` or `quit` was
called with. So a `sys.exit(1)` that somebody caught before the program came to its end is no failure.

The status of a bare `raise SystemExit(1)` cannot be known: the object is gone before anybody is asked.
"""

import sys
import threading
from types import FrameType
from typing import Any, NoReturn

_first: list[FrameType] = []
_codes: list[Any] = []
"""What the program asked to be left with, the newest last."""


def watch() -> None:
    """Once in a process."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    if frame is not None:
        _first.append(frame)
    before = sys.exit

    def exit(status: Any = None, /) -> NoReturn:
        """Exit the interpreter by raising SystemExit(status)."""
        asked(status)
        before(status)

    sys.exit = exit
    quitter = sys.modules.get("_sitebuiltins")
    if quitter is not None:
        watch_quitter(quitter.Quitter)


def watch_quitter(kind: Any) -> None:
    """What `exit` and `quit` are without `sys`."""
    before = kind.__call__

    def call(self: Any, code: Any = None) -> Any:
        asked(code)
        return before(self, code)

    kind.__call__ = call


def asked(code: Any) -> None:
    """In another thread it ends that thread alone."""
    if threading.current_thread() is threading.main_thread():
        _codes[:] = [code]


def why() -> str | None:
    """None: as it should be. Else what is known, for an end that is no success."""
    if not _first or came_to_its_end(_first[0]) or at_a_prompt():
        return None
    error = getattr(sys, "last_value", None)
    trace = getattr(error, "__traceback__", None)
    if trace is not None and trace.tb_frame is _first[0]:
        import traceback

        return "".join(traceback.format_exception(error))
    code = _codes[0] if _codes else None
    return None if succeeded(code) else left_with(code)


def came_to_its_end(frame: FrameType) -> bool:
    import opcode

    return opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


def at_a_prompt() -> bool:
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def succeeded(code: Any) -> bool:
    return code is None or (isinstance(code, int) and int(code) & 0xFF == 0)


def left_with(code: Any) -> str:
    words = "" if isinstance(code, int) else str(code).strip()
    return words or f"The program was left by sys.exit({code!r})."
