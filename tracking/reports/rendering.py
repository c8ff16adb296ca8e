"""All drawing, in a child process that has so much time and memory and no more: `drawn(report, wanted, template)`.

The child knows neither secrets nor addresses: its environment is the way to our code, its input the facts of one
report. A template of a user's that never ends, or fills the memory, ends with it.
"""

import base64
import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Literal

import msgspec

import headhunt.errors
from headhunt.errors import BadTemplate, HeadhuntError, ReportFailed
from headhunt.vocabulary import MIB, Struct
from tracking.reports.facts import RunReport

Wanted = Literal["check", "html", "pdf", "mail"]
"""check: only whether the template can be filled; html: one file, with the pictures inside."""
SECONDS, MEMORY = 20, 1024 * MIB
TEMPLATE_SECONDS, TEMPLATE_MEMORY = 3, 512 * MIB
LONGEST_TEMPLATE = 200_000
ANSWER = 64 * MIB
CARRIED, CARRIED_BY_MAIL = 600_000, 45_000
"""Bytes of fonts in a page: some mail programs cut off pages of more than 100 KB."""


class Asked(Struct, frozen=True):
    report: RunReport
    wanted: Wanted
    template: str | None = None


class Drawn(Struct, frozen=True, omit_defaults=False):
    """What was asked for; pictures by their name in the page (cid:NAME)."""

    html: str = ""
    text: str = ""
    pictures: dict[str, bytes] = msgspec.field(default_factory=dict)
    pdf: bytes = b""
    fault: tuple[str, str] | None = None
    """Code and words of an error of ours."""


def drawn(report: RunReport, wanted: Wanted, template: str | None = None) -> Drawn:
    """Raises BadTemplate, ReportFailed."""
    if template is not None and len(template) > LONGEST_TEMPLATE:
        raise BadTemplate(f"The template has {len(template):,} characters, and may have {LONGEST_TEMPLATE:,}.")
    asked = msgspec.msgpack.encode(Asked(report, wanted, template))
    surroundings = {"PYTHONPATH": os.pathsep.join(one for one in sys.path if one), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tracking.reports.rendering"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
            words, input=asked, env=surroundings, capture_output=True, timeout=3 * SECONDS, check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise failed(template) from error
    try:
        answer = msgspec.msgpack.decode(done.stdout[-ANSWER:], type=Drawn)
    except msgspec.DecodeError as error:
        raise failed(template, done.stderr.decode("utf-8", "replace")) from error
    if answer.fault is not None:
        code, told = answer.fault
        raise {"bad_template": BadTemplate}.get(code, ReportFailed)(told)
    return answer


def failed(template: str | None, said: str = "") -> HeadhuntError:
    if template is not None:
        return BadTemplate(
            f"The template takes more than {TEMPLATE_SECONDS} s or {TEMPLATE_MEMORY // MIB} MiB. Make it simpler."
        )
    last = (said.strip().splitlines() or ["it ended without a word"])[-1]
    return ReportFailed(f"The report could not be drawn ({headhunt.errors.printable(last, 200)}).")


# --- In the child -----------------------------------------------------------------------------------------------------


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Asked)
        try:
            answer = answer_to(asked)
        except HeadhuntError as error:
            answer = Drawn(fault=(error.code, str(error)))
        except MemoryError:
            kind = "bad_template" if asked.template is not None else "report_failed"
            answer = Drawn(fault=(kind, "The report takes more memory than it may."))
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def answer_to(asked: Asked) -> Drawn:
    """The user's template first, within its own bounds: whatever ends the child there was the template."""
    from tracking.reports.page import page, plain  # here: what is drawn by is loaded in the child alone

    if asked.template is not None:
        with bounds(TEMPLATE_SECONDS, TEMPLATE_MEMORY):
            page(asked.report, [{"source": "", "title": "", "words": ""}], asked.template)
    if asked.wanted == "check":
        return Drawn()
    bound(SECONDS, MEMORY)
    from tracking.reports.charts import charts_of, picture
    from tracking.reports.paper import paper, texts_of
    from tracking.reports.scripts import Fonts

    fonts, charts = Fonts(), charts_of(asked.report.curves)
    for text in (*(word for chart in charts for word in chart.words), *texts_of(asked.report)):
        fonts.take(text)
    images = [picture(chart, fonts) for chart in charts]
    pdf = paper(asked.report, list(zip(charts, images, strict=True)), fonts) if asked.wanted != "html" else b""
    if asked.wanted == "pdf":
        return Drawn(pdf=pdf)
    names = [f"chart{index}" for index in range(1, len(charts) + 1)]
    inside = asked.wanted == "html"
    sources = [data_of(image) if inside else f"cid:{name}" for name, image in zip(names, images, strict=True)]
    told = [
        {"source": source, "title": chart.title, "words": f"Chart of {', '.join(line.name for line in chart.lines)}"}
        for source, chart in zip(sources, charts, strict=True)
    ]
    pictures = {} if inside else dict(zip(names, images, strict=True))
    faces = fonts.carried(CARRIED if inside else CARRIED_BY_MAIL)
    return Drawn(page(asked.report, told, asked.template, faces), plain(asked.report), pictures, pdf)


def data_of(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


class bounds:
    """Within it so much time of the processor and memory. The system's limits: a loop without output ends, too."""

    def __init__(self, seconds: int, memory: int) -> None:
        self.seconds, self.memory = seconds, memory
        self._before: Sequence[tuple[int, tuple[int, int]]] = ()

    def __enter__(self) -> None:
        self._before = bound(self.seconds, self.memory)

    def __exit__(self, *fault: object) -> None:
        import resource

        for kind, limit in self._before:
            resource.setrlimit(kind, limit)


def bound(seconds: int, memory: int) -> list[tuple[int, tuple[int, int]]]:
    """The soft limits of this process; what they were before."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + 1 + seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CORE: 0,
    }
    before = [(kind, resource.getrlimit(kind)) for kind in wanted]
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    return before


if __name__ == "__main__":
    main()
