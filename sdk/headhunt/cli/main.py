"""The command `headhunt`: reads the command line, imports the one module that does the work, tells errors in a line.

    headhunt zoo list --max-params 5M   ->  parser  ->  "headhunt.cli.shelf:list_models"  ->  imported and called

The parser knows its handlers by name only, so that `headhunt --help` loads no library.
"""

import argparse
import contextlib
import importlib
import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, cast

from headhunt.cli.parser import build_parser
from headhunt.errors import HeadhuntError, Interrupted

FAULT = 2
INTERRUPTED = 130

Handler = Callable[[argparse.Namespace], None]


def run() -> NoReturn:
    """The entry point of the installed command."""
    began = time.monotonic() - age()
    open_streams()
    sys.exit(main(began=began))


def age() -> float:
    """Seconds since this process was started, where the system tells: the interpreter's own start counts, too."""
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def open_streams() -> None:
    """A stream that the caller closed swallows what is said, and no file of ours gets its number (`zoo list >&-`).

    What a terminal's encoding lacks is written as an escape: a name in another script must not end a command.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            stream = os.fdopen(os.open(os.devnull, os.O_RDWR), "w" if number else "r", encoding="utf-8")
            setattr(sys, name, stream)
        if number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(arguments: Sequence[str] | None = None, began: float | None = None) -> int:
    """Run one command; the exit status: 0 done, 2 a mistake that the message explains, 130 interrupted."""
    began = time.monotonic() if began is None else began  # the user's seconds count from here, loading torch included
    try:
        words, program = without_program(sys.argv[1:] if arguments is None else arguments)
        asked = build_parser().parse_args(joined(words))
        asked.began = began
        if program:
            asked.command_line = program
        if check := getattr(asked, "check", None):
            handler_named(check)(asked)
        handler_named(asked.handler)(asked)
        sys.stdout.flush()
    except Interrupted as error:
        fail(str(error))
        return INTERRUPTED
    except HeadhuntError as error:
        return fail(str(error))
    except OSError as error:
        return gone() if isinstance(error, BrokenPipeError) else fail(system_fault(error))
    except MemoryError:
        return fail("The memory of this machine does not suffice. Take smaller images, a smaller batch or sample.")
    except KeyboardInterrupt:
        fail("stopped. Nothing half-written is left behind.")
        return INTERRUPTED
    return 0


def without_program(arguments: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """`study worker STUDY -- python train.py`: what follows is another program's, options and all."""
    if list(arguments[:2]) != ["study", "worker"] or "--" not in arguments:
        return arguments, []
    place = list(arguments).index("--")
    return arguments[:place], list(arguments[place + 1 :])


def joined(arguments: Sequence[str]) -> list[str]:
    """`--sort -accuracy` as `--sort=-accuracy`: what follows is no option, though it looks like one."""
    words: list[str] = []
    for word in arguments:
        if words and words[-1] == "--sort" and word.startswith("-"):
            words[-1] = f"--sort={word}"
        else:
            words.append(word)
    return words


def handler_named(name: str) -> Handler:
    module, function = name.split(":")
    return cast(Handler, getattr(importlib.import_module(module), function))


def fail(message: str) -> int:
    with contextlib.suppress(OSError):  # a full disk or a reader that went away: the exit status still tells
        print("headhunt: " + " ".join(message.split()), file=sys.stderr)
    return FAULT


def system_fault(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}. Check the path, its permissions and the space left on the disk."


def gone() -> int:
    """The reader of our output went away (`headhunt zoo list | head`): that is no fault of anybody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
