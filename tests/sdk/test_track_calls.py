"""What a training tells is written down as it was told; what cannot be is kept in another way, and marked."""

import math
import signal
from pathlib import Path

import msgspec
import pytest

from headhunt.track.journal import Began, Ended, Kept, Known, Marked, Noted, Points, Said
from tests.sdk.servers import until
from tests.sdk.trainings import home, marks_of, of_kind, records, run_here, the_place, told, trained, training

__all__ = ["home"]


def test_a_run_without_a_server_lies_whole_in_the_home(home: Path) -> None:
    code = """
    with headhunt.init(project="flowers", name="warm", intent="lower?", tags=["baseline"], dataset="v1") as run:
        headhunt.config(epochs=20, optimiser={"lr": 1e-3, "name": "adamw"}, deep=None, flag=True)
        for epoch in range(3):
            headhunt.log(loss=1.0 / (epoch + 1), epoch=epoch)
        run.summary["best"] = 0.9
        print("hello")
    """
    place, found = run_here(home, code)
    began = of_kind(found, Began)[0].facts
    assert (began["experiment"], began["name"], began["intent"], began["dataset"]) == (
        "flowers",
        "warm",
        "lower?",
        "v1",
    )
    params = {"epochs": 20, "optimiser.lr": 1e-3, "optimiser.name": "adamw", "deep": None, "flag": True}
    assert [(one.kind, one.values) for one in of_kind(found, Noted)] == [
        ("tag", {"baseline": ""}),
        ("param", params),
        ("summary", {"best": 0.9}),
    ]
    assert told(found, "loss") == [(0, 1.0), (1, 0.5), (2, 1.0 / 3)]
    assert [one.text for one in of_kind(found, Said)] == ["hello\n"]
    assert [one.state for one in of_kind(found, Ended)] == ["finished"]
    facts = {name: value for one in of_kind(found, Known) for name, value in one.facts.items()}
    assert facts["code"]["command"][1] == "-c"
    assert "msgspec" in facts["environment"]["packages"]
    assert place.begun().asked.experiment == "flowers"


def test_leaving_the_process_ends_the_run(home: Path) -> None:
    _, found = run_here(home, "headhunt.init(); headhunt.log(loss=1.0)")
    assert [one.state for one in of_kind(found, Ended)] == ["finished"]


def test_an_error_in_the_with_block_is_kept_with_its_traceback(home: Path) -> None:
    trained("with headhunt.init():\n    raise ValueError('too hot')", home, status=1)
    ended = of_kind(records(the_place(home)), Ended)
    assert [one.state for one in ended] == ["failed"]
    assert ended[0].error.startswith("Traceback")
    assert ended[0].error.endswith("ValueError: too hot\n")


def test_an_error_that_nobody_caught_is_kept_and_the_users_hook_is_called(home: Path) -> None:
    code = """
    sys.excepthook = lambda *words: print("mine", words[1])
    headhunt.init(console=False)
    {}["gone"]
    """
    done = trained(code, home, status=1)
    ended = of_kind(records(the_place(home)), Ended)
    assert [(one.state, "KeyError: 'gone'" in one.error) for one in ended] == [("failed", True)]
    assert done.stdout == "mine 'gone'\n"


def test_leaving_a_with_block_by_sys_exit_is_no_failure_unless_it_says_so(home: Path) -> None:
    trained("with headhunt.init(name='fine'):\n    sys.exit(0)", home)
    trained("with headhunt.init(name='bad'):\n    sys.exit(3)", home.with_name("home2"), status=3)
    assert of_kind(records(the_place(home)), Ended)[0].state == "finished"
    assert of_kind(records(the_place(home.with_name("home2"))), Ended)[0].state == "failed"


HIDDEN = "sys.excepthook = lambda *_: None; "


@pytest.mark.parametrize(
    ("code", "status", "state", "known"),
    [
        ("sys.exit(3)", 3, "failed", "sys.exit(3)"),
        ("exit(2)", 2, "failed", "sys.exit(2)"),
        ("sys.exit('no such data')", 1, "failed", "no such data"),
        ("sys.exit('')", 1, "failed", "sys.exit('')"),
        ("import argparse; argparse.ArgumentParser().parse_args(['--no'])", 2, "failed", "sys.exit(2)"),
        ("sys.exit(0)", 0, "finished", None),
        ("sys.exit()", 0, "finished", None),
        ("raise SystemExit", 0, "finished", None),
        ("try: sys.exit(1)\nexcept SystemExit: pass", 0, "finished", None),
        ("try: sys.exit(1)\nfinally: sys.exit(0)", 0, "finished", None),
        ("t = threading.Thread(target=sys.exit, args=(1,)); t.start(); t.join()", 0, "finished", None),
        ("try: sys.exit(0)\nfinally: {}['gone']", 1, "failed", "KeyError: 'gone'"),
        (f"{HIDDEN}{{}}['gone']", 1, "failed", "KeyError: 'gone'"),
        (f"{HIDDEN}sys.exit(4)", 4, "failed", "sys.exit(4)"),
        ("t = threading.Thread(target=headhunt.init); t.start(); t.join(); sys.exit(5)", 5, "failed", "sys.exit(5)"),
    ],
)
def test_how_the_program_is_left_is_how_its_run_ended(
    home: Path, code: str, status: int, state: str, known: str | None
) -> None:
    begin = "" if "target=headhunt.init" in code else "headhunt.init()\n"
    trained(begin + code, home, status=status)
    ended = of_kind(records(the_place(home)), Ended)
    assert [one.state for one in ended] == [state]
    assert (known is None and ended[0].error is None) or known in ended[0].error


def test_a_program_that_is_left_from_a_module_it_runs_is_failed_all_the_same(home: Path) -> None:
    home.with_name("trains.py").write_text("import headhunt, sys\nheadhunt.init()\nsys.exit(7)\n")
    trained("os.execv(sys.executable, [sys.executable, '-m', 'trains'])", home, status=7)
    assert [(one.state, "sys.exit(7)" in one.error) for one in of_kind(records(the_place(home)), Ended)] == [
        ("failed", True)
    ]


def test_a_termination_is_a_failure_and_still_ends_the_process_by_its_signal(home: Path) -> None:
    process = training("headhunt.init(console=False); print('up', flush=True)\nwhile True: time.sleep(0.01)", home)
    assert process.stdout.readline() == "up\n"
    process.terminate()
    process.communicate(timeout=240)
    assert process.returncode == -signal.SIGTERM
    ended = of_kind(records(the_place(home)), Ended)
    assert [(one.state, "SIGTERM" in one.error) for one in ended] == [("failed", True)]


def test_a_users_own_handler_of_a_termination_stays(home: Path) -> None:
    code = """
    signal.signal(signal.SIGTERM, lambda *_: print("mine"))
    headhunt.init()
    os.kill(os.getpid(), signal.SIGTERM)
    """
    assert trained(code, home).stdout == "mine\n"


def test_a_killed_training_has_lost_nothing_that_log_returned_from_and_is_lost(home: Path) -> None:
    code = """
    headhunt.init(console=False)
    for step in range(10**9):
        headhunt.log(loss=float(step), accuracy=0.5, rate=0.1)
        os.write(1, b"%d\\n" % step)
    """
    process = training(code, home)
    lines = [process.stdout.readline() for _ in range(3000)]
    process.kill()
    returned = int((lines + process.stdout.read().splitlines(keepends=True))[-1] or lines[-1])
    process.communicate()
    place = the_place(home)
    until(lambda: of_kind(records(place), Ended))
    steps = [step for step, _ in told(records(place), "loss")]
    assert steps == list(range(len(steps)))
    assert len(steps) > returned
    assert [one.state for one in of_kind(records(place), Ended)] == ["lost"]


BAD = """
class Tensor:
    shape = ()
    def item(self): return 2.5
class Broken:
    def __float__(self): raise RuntimeError("no")
    def __repr__(self): raise RuntimeError("no")
class Enum_(int): pass
run = headhunt.init(console=False)
headhunt.log(nan=float("nan"), inf=float("inf"), low=float("-inf"))
headhunt.log(tensor=Tensor(), flag=True, child=Enum_(3), huge=10**400)
headhunt.log(none=None, words="abc", odd=object(), broken=Broken())
headhunt.log({7: 1.0, ("a", 1): 2.0, "": 3.0, "\\ud800": 4.0, "x" * 1000: 5.0, "nul\\0": 6.0})
headhunt.log({"nested": {"train": {"loss": 0.5}}})
headhunt.log(text="y" * 10_000_000)
headhunt.log({f"key{n}": float(n) for n in range(100_000)})
headhunt.log(17)
headhunt.log("only words")
headhunt.log([{"loss": 3.0}, {"loss": 2.0}])
headhunt.log({"loss": 1.0}, step="three")
headhunt.log({"loss": 0.9}, step=2.0)
headhunt.log({"loss": 0.8}, step=2**80)
headhunt.log({"a": 1.0, "b": object()}, step=3)
headhunt.log({})
headhunt.log(loss={}, other=[])
headhunt.config(17); headhunt.config({"big": 2**70, "long": "z" * 100_000, "set": {1}, "code": headhunt})
run.save("/nowhere/at/all"); run.save(17)
run.confusion([1, 2], [1])
run.tag(17)
headhunt.summary(best=object())
run.finish()
headhunt.log(late=1.0)
run.log({"late": 2.0})
run.finish("failed")
"""


def test_nothing_that_is_told_wrongly_raises_and_all_of_it_is_kept_or_marked(home: Path) -> None:
    done = trained(BAD, home)
    place, found = the_place(home), records(the_place(home))
    values = {name: value for one in of_kind(found, Points) for name, value in one.values.items()}
    assert math.isnan(values["nan"])
    assert (values["inf"], values["low"], values["huge"]) == (math.inf, -math.inf, math.inf)
    assert (values["tensor"], values["flag"], values["child"], values["nested.train.loss"]) == (2.5, 1.0, 3.0, 0.5)
    assert (values["7"], values["('a', 1)"], values["unnamed"], values["\\ud800"], values["nul"]) == (1, 2, 3, 4, 6)
    assert values["x" * 250] == 5.0
    assert all(values[f"key{n}"] == n for n in range(100_000))
    assert [value for _, value in told(found, "loss")] == [3.0, 2.0, 1.0, 0.9, 0.8]
    assert [value for _, value in told(found, "late")] == [1.0, 2.0]
    files = {one.path: one for one in of_kind(found, Kept)}
    assert place.file(files["text/text.txt"].digest).read_bytes() == b"y" * 10_000_000
    assert place.file(files["text/words.txt"].digest).read_bytes() == b"abc"
    marks = marks_of(found)
    for part in (
        "'none' was given a NoneType",
        "'broken' was given a Broken",
        "log() was given a int",
        "step was given",
    ):
        assert part in marks
    for part in ("more than 16,384 bytes", "after the run had finished", "/nowhere/at/all", "confusion()"):
        assert part in marks
    assert [one.state for one in of_kind(found, Ended)] == ["finished"]
    assert "'none' was given a NoneType" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mark_is_said_once_and_counted(home: Path) -> None:
    code = "run = headhunt.init(console=False)\nfor n in range(1000): headhunt.log(loss=None)"
    done = trained(code, home)
    marks = of_kind(records(the_place(home)), Marked)
    assert sum(one.count for one in marks) == 1000
    assert len(marks) < 10
    assert done.stderr.count("'loss' was given") == 1


def test_pictures_histograms_tables_and_arrays_are_kept_as_what_they_are(home: Path) -> None:
    code = """
    import numpy as np
    from PIL import Image
    run = headhunt.init()
    headhunt.log(grey=np.zeros((5, 7), dtype="uint8"), colour=np.random.rand(6, 8, 3), first=np.ones((3, 9, 5)))
    headhunt.log(pil=Image.new("RGB", (3, 2)), many=[1, 2, 3.5, float("nan")], array=np.arange(10.0), one=np.float32(2))
    headhunt.log(table=[{"a": 1, "b": "x"}, {"a": 2, "c": None}], raw=b"123")
    run.confusion(["cat", "dog", "cat"], ["cat", "cat", "cat"])
    run.confusion(matrix=[[5, 1], [2, 8]], classes=["cat", "dog"], name="final")
    """
    place, found = run_here(home, code)
    files = {one.path: one for one in of_kind(found, Kept)}
    assert {path: (one.facts["width"], one.facts["height"]) for path, one in files.items() if one.kind == "image"} == {
        "images/grey.png": (7, 5),
        "images/colour.png": (8, 6),
        "images/first.png": (5, 9),
        "images/pil.png": (3, 2),
    }
    from PIL import Image

    for path, one in files.items():
        if one.kind == "image":
            with Image.open(place.file(one.digest)) as image:
                image.load()
                assert image.size == (one.facts["width"], one.facts["height"]), path
    many = files["histograms/many.json"].facts
    assert (sum(many["counts"]), many["no_numbers"], many["low"], many["high"]) == (3, 1, 1.0, 3.5)
    table = msgspec.json.decode(place.file(files["tables/table.json"].digest).read_bytes())
    assert table == {"columns": ["a", "b", "c"], "rows": [[1, "x", None], [2, None, None]]}
    confusion = files["evaluation/confusion.json"].facts
    assert (confusion["classes"], confusion["matrix"]) == (["cat", "dog"], [[2, 0], [1, 0]])
    per_class = {one["class"]: one for one in files["evaluation/final.json"].facts["per_class"]}
    assert per_class["dog"] == {"class": "dog", "count": 10, "precision": 8 / 9, "recall": 0.8, "f1": 16 / 19}
    assert told(found, "one") == [(1, 2.0)]


def test_files_are_kept_as_they_were_when_they_were_saved(home: Path) -> None:
    code = """
    run = headhunt.init()
    os.makedirs("folder/deep", exist_ok=True)
    open("model.safetensors", "w").write("one"); open("folder/deep/a.txt", "w").write("a")
    run.save("model.safetensors"); run.save("folder")
    open("model.safetensors", "w").write("two")
    """
    place, found = run_here(home, code)
    files = {one.path: one for one in of_kind(found, Kept)}
    assert {path: one.kind for path, one in files.items()} == {
        "model.safetensors": "model",
        "folder/deep/a.txt": "file",
    }
    assert place.file(files["model.safetensors"].digest).read_text() == "one"


def test_steps_may_be_repeated_or_come_in_any_order_and_the_next_one_follows_the_greatest(home: Path) -> None:
    code = """
    headhunt.init()
    headhunt.log({"loss": 1.0}, step=5); headhunt.log({"loss": 2.0}, step=3); headhunt.log({"loss": 3.0}, step=3)
    headhunt.log(loss=4.0); headhunt.log({"loss": 5.0}, step=-2)
    """
    _, found = run_here(home, code)
    assert told(found, "loss") == [(5, 1.0), (3, 2.0), (3, 3.0), (6, 4.0), (-2, 5.0)]


def test_a_summary_is_told_however_it_is_filled(home: Path) -> None:
    code = """
    run = headhunt.init()
    run.summary["a"] = 1; run.summary |= {"b": 2}; run.summary.setdefault("c", 3); run.summary.setdefault("a", 4)
    """
    _, found = run_here(home, code)
    noted = [one.values for one in found if isinstance(one, Noted) and one.kind == "summary"]
    assert noted == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_a_step_that_is_too_large_takes_nothing_that_follows_with_it(home: Path) -> None:
    code = """
    headhunt.init()
    headhunt.log({"loss": 1.0}, step=2**63); headhunt.log(loss=2.0)
    headhunt.log({"loss": 3.0}, step=2**63 - 1); headhunt.log(loss=4.0); headhunt.log({"loss": 5.0, "text": "x"})
    """
    _, found = run_here(home, code)
    assert told(found, "loss") == [(0, 1.0), (1, 2.0), (2**63 - 1, 3.0), (2**63 - 1, 4.0), (2**63 - 1, 5.0)]


def test_a_run_that_is_gone_on_with_counts_on_after_its_last_step(home: Path) -> None:
    trained("headhunt.init(id='a' * 32, name='first'); headhunt.log(loss=1.0); headhunt.log(loss=2.0)", home)
    trained("headhunt.init(id='a' * 32, resume=True); headhunt.log(loss=3.0)", home)
    found = records(the_place(home))
    assert told(found, "loss") == [(0, 1.0), (1, 2.0), (2, 3.0)]
    ends = [type(one).__name__ for one in found if isinstance(one, Began | Ended)]
    assert ends == ["Began", "Ended", "Began", "Ended"]
    assert the_place(home).begun().asked.name == "first"
