"""What is written into the book of probes survives kills and damage. This file is its own victim:
`python test_probe_book.py HOME` probes, and says so after each one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch

from recommender import probe_book
from recommender.clock import Deadline
from recommender.contender import ProbeResult
from recommender.halving import halving
from recommender.probe_book import ProbeBook
from recommender.probe_plan import ProbePlan
from tests.recommender.contenders import contender, tiny
from tests.zoo.cards import card

PLAN = ProbePlan(rungs=(4, 8), rates=(5e-3,), batch_size=16, keep=0.5, device="cpu")
TRIAL = PLAN.trial(5e-3, 0)


def result(model: str = "a/b", **facts: object) -> ProbeResult:
    plain = ProbeResult(
        model=model,
        lr=5e-3,
        steps=4,
        val_loss=1.0,
        val_accuracy=0.5,
        train_loss=1.1,
        slope=-0.1,
        seconds=1.0,
        expected=0.9,
    )
    return msgspec.structs.replace(plain, **facts)


def some(count: int):
    def built(number: int):
        def build():
            torch.manual_seed(number)
            return tiny()

        return build

    return [contender(f"stripes/n{number}", built(number)) for number in range(count)]


def race(home: Path, told=None) -> tuple[ProbeResult, ...]:
    torch.set_num_threads(1)
    *_, last = halving(some(4), PLAN, Deadline(600), ProbeBook(home, "stripes"), told)
    return last


def timeless(results: tuple[ProbeResult, ...]) -> list[tuple[object, ...]]:
    return [(one.model, one.steps, one.val_loss, one.losses, one.expected) for one in results]


def test_what_is_kept_is_found_again_with_its_weights(tmp_path):
    book, network = ProbeBook(tmp_path, "s"), tiny()
    key = book.key(card(), TRIAL)
    assert book.result(key) is None
    assert book.state(key) is None
    book.keep(key, result(), network)
    again = ProbeBook(tmp_path, "s")
    assert again.result(key) == result()
    kept = again.state(key)
    assert kept is not None
    assert all(torch.equal(kept[name], value) for name, value in network.state_dict().items())


def test_other_weights_images_steps_and_seeds_are_other_probes(tmp_path):
    book = ProbeBook(tmp_path, "s")
    keys = {
        book.key(card(), TRIAL),
        book.key(card(weights="0" * 64), TRIAL),
        book.key(card("other/model"), TRIAL),
        book.key(card(), PLAN.trial(5e-3, 1)),
        book.key(card(), PLAN.trial(1e-3, 0)),
        book.key(card(), msgspec.structs.replace(TRIAL, seed=1)),
        ProbeBook(tmp_path, "t").key(card(), TRIAL),
    }
    assert len(keys) == 7
    assert book.key(card(weights="0" * 64), TRIAL) == book.key(card("renamed/model", weights="0" * 64), TRIAL)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"result": 1}', b"null"])
def test_a_damaged_record_is_none(tmp_path, damage):
    book = ProbeBook(tmp_path, "s")
    key = book.key(card(), TRIAL)
    book.keep(key, result(), None)
    (record,) = book.folder.glob("*.json")
    record.write_bytes(damage)
    assert book.result(key) is None
    book.keep(key, result(), None)
    assert book.result(key) == result()


def test_damaged_weights_are_none_and_the_result_stays(tmp_path):
    book = ProbeBook(tmp_path, "s")
    key = book.key(card(), TRIAL)
    book.keep(key, result(), tiny())
    (file,) = book.folder.rglob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert book.state(key) is None
    assert book.result(key) == result()


def test_only_the_weights_named_are_kept(tmp_path):
    book = ProbeBook(tmp_path, "s")
    keys = [book.key(card(f"a/m{i}"), TRIAL) for i in range(4)]
    for number, key in enumerate(keys):
        torch.manual_seed(number)
        book.keep(key, result(), tiny())
    book.forget_weights(but=keys[:2])
    assert [book.state(key) is not None for key in keys] == [True, True, False, False]
    assert all(book.result(key) for key in keys)


def test_young_weights_of_another_process_stay(tmp_path):
    """It may be about to go on from them."""
    mine, other = ProbeBook(tmp_path, "s"), ProbeBook(tmp_path, "s")
    keys = [mine.key(card(f"a/m{i}"), TRIAL) for i in range(2)]
    for number, (book, key) in enumerate(zip((mine, other), keys, strict=True)):
        torch.manual_seed(number)
        book.keep(key, result(), tiny())
    mine.forget_weights(but=[])
    assert [mine.state(key) is not None for key in keys] == [False, True]
    for path in mine.folder.rglob("*.safetensors"):
        os.utime(path, (0, 0))
    mine.forget_weights(but=[])
    assert mine.state(keys[1]) is None


def test_over_all_samples_the_oldest_weights_go_when_there_are_too_many(tmp_path, monkeypatch):
    books = [ProbeBook(tmp_path, name) for name in ("old", "new")]
    for age, book in enumerate(books):
        torch.manual_seed(age)
        book.keep("k", result(), tiny())
        (file,) = book.folder.rglob("*.safetensors")
        os.utime(file, (1000 + age, 1000 + age))
    monkeypatch.setattr(probe_book, "MOST_BYTES", file.stat().st_size)
    books[1].forget_weights(but=["k"])
    assert [book.state("k") is not None for book in books] == [False, True]


def kill_after(probes: int, home: Path) -> None:
    victim = subprocess.Popen([sys.executable, __file__, str(home)], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    with victim.stdout as told:
        for count, _ in enumerate(told, 1):
            if count == probes:
                os.kill(victim.pid, signal.SIGKILL)
                break
    assert victim.wait(timeout=240) == -signal.SIGKILL


def test_after_a_kill_what_was_finished_is_not_made_again_and_the_end_is_the_same(tmp_path):
    kill_after(3, tmp_path / "killed")
    finished = len(list((tmp_path / "killed").rglob("*.json")))
    assert 3 <= finished < 6
    made_at = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").rglob("*.json")}
    there = race(tmp_path / "killed")
    assert all(path.stat().st_mtime_ns == when for path, when in made_at.items())
    assert timeless(there) == timeless(race(tmp_path / "undisturbed"))


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2])]
    race(Path(sys.argv[1]), lambda one, done, planned: print(one.model, flush=True))
