"""A run as reports find it: in several scripts, with curves that fall, rise and break."""

import math

import msgspec

from headhunt.track.things import confusion
from headhunt.track.wire import RunFile
from tracking.reports.facts import Latest, Line, RunReport, best_of, goal_of

KOREAN = "낮은 학습률이 도움이 되는가?"
ARABIC = "هل يساعد معدل التعلم المنخفض"
SCRIPTS = {
    "korean": KOREAN,
    "arabic": ARABIC,
    "hindi": "क्या कम दर मदद करती है",
    "thai": "การเรียนรู้ช้าลงช่วยได้ไหม น้ำ",
    "chinese": "学习率太高",
    "japanese": "学習率テスト",
    "greek": "μάθηση",
    "russian": "скорость",
    "hebrew": "קצב למידה",
    "emoji": "🌸🚀",
}


def line(name: str, values: list[float | str]) -> Line:
    return Line(name, tuple(range(len(values))), tuple(values))


def latest(one: Line) -> Latest:
    goal = goal_of(one.name)
    best = best_of(one.points(), goal) if goal else None
    value, step = (best[1], best[0]) if best else (None, None)
    return Latest(one.name, one.values[-1], one.steps[-1], goal, value, step, len(one.steps))


def judged(names: list[str], path: str = "evaluation/confusion.json", at: float = 1.0) -> RunFile:
    """Of every class 40 are right, and one is taken for each class after it."""
    count = len(names)
    matrix = [[40 if to == of else int(to > of) for to in range(count)] for of in range(count)]
    return RunFile(path, "0" * 64, 1, "confusion", 9, at, confusion(matrix, names).facts)


def a_report(**changes: object) -> RunReport:
    falls: list[float | str] = [2.0 * math.exp(-i / 9) + 0.1 for i in range(40)]
    rises: list[float | str] = [0.95 - 0.8 * math.exp(-i / 7) for i in range(40)]
    holes: list[float | str] = ["nan" if i in (7, 8) else 1.0 + math.sin(i) for i in range(40)]
    curves = (line("loss", falls), line("val_loss", falls), line("val_accuracy", rises), line("grad_norm", holes))
    plain = RunReport(
        run="5f0c2a7e9b1d4c3f8a6e0d2b4c6f8a1e",
        name="resnet18 warm",
        state="running",
        made=1_790_009_000.0,
        started=1_790_000_000.0,
        experiment="flowers",
        intent=" ".join(SCRIPTS.values()),
        took=9000.0,
        left=5400.0,
        done=0.6,
        code="commit 3f9a1c2",
        params={"lr": 0.001, "classes": ["장미", "튤립"], "network": "resnet18"},
        metrics=tuple(latest(one) for one in curves),
        curves=curves,
        advice=(("Try a lower learning rate", "The loss swings."),),
        marks=("2 values of grad_norm were no numbers.",),
    )
    return msgspec.structs.replace(plain, **changes)
