"""The catalogue: one consistent state for every reader, no change lost, no crash seen."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headhunt.errors import (
    BadValue,
    CatalogueBroken,
    HeadhuntError,
    HomeLocked,
    NameTaken,
    NotWritten,
    UnknownDomain,
    UnknownModel,
)
from headhunt.vocabulary import Domain, Measured, Protocol
from tests.zoo.cards import card, filled
from zoo.catalogue.store import Catalogue

# --- One process -----------------------------------------------------------------------------------------------------


def test_a_home_that_is_not_there_is_an_empty_catalogue(tmp_path: Path) -> None:
    shelf = Catalogue(tmp_path / "none").read()
    assert not shelf.cards
    assert not shelf.domains
    assert not (tmp_path / "none").exists()


def test_a_whole_card_comes_back_as_it_was(tmp_path: Path) -> None:
    full = card(
        measured=Measured(latency_ms=1.5, peak_bytes=10, device="cpu"),
        head=2,
        classes=("été", "<b>"),
        weights="a" * 64,
        weights_bytes=9,
        accuracy=0.75,
        license="mit",
        protocol=Protocol(epochs=1.5, seeds=(1, 2)),
        parent="digits/x",
    )
    with Catalogue(tmp_path).change() as draft:
        draft.add_domain(Domain(name="digits", description="drawn by hand", classes=("a", "b"), images=3))
        draft.add_card(full)
    shelf = Catalogue(tmp_path).read()
    assert shelf.card("digits/resnet10t") == full
    assert shelf.domain("digits").description == "drawn by hand"


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    before = catalogue.path.read_bytes()
    with pytest.raises(UnknownModel), catalogue.change() as draft:
        draft.remove_card(draft.remove_card("digits/a").id)
    assert catalogue.path.read_bytes() == before
    assert "digits/a" in catalogue.read().cards


def test_a_reader_sees_the_change_of_another_opening(tmp_path: Path) -> None:
    reader = filled(tmp_path, "digits/a")
    assert set(reader.read().cards) == {"digits/a"}
    for i in range(30):
        with Catalogue(tmp_path).change() as draft:
            draft.replace_card(card("digits/a", params=i))
        assert reader.read().card("digits/a").params == i


def test_the_file_is_decoded_once_while_it_rests(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    time.sleep(0.15)
    assert catalogue.read() is catalogue.read()


def test_a_state_that_was_read_never_changes(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    shelf = catalogue.read()
    with pytest.raises(TypeError):
        shelf.cards["digits/b"] = card("digits/b")  # type: ignore[index]  # that it cannot be done is what is tested
    with catalogue.change() as draft:
        draft.remove_card("digits/a")
    assert "digits/a" in shelf.cards


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    before = catalogue.path.stat().st_ino
    with catalogue.change():
        pass
    assert catalogue.path.stat().st_ino == before


def test_the_file_can_be_read_by_a_person_a_card_a_line(tmp_path: Path) -> None:
    lines = filled(tmp_path, "digits/b", "digits/a").path.read_text().splitlines()
    assert [line[:16] for line in lines if '"id"' in line] == ['{"id":"digits/a"', '{"id":"digits/b"']


# --- Names and mistakes ----------------------------------------------------------------------------------------------


def test_a_taken_id_is_refused_and_says_what_would_do(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    with (
        pytest.raises(NameTaken, match=r"'digits/a' already.*--name.*zoo remove digits/a"),
        catalogue.change() as draft,
    ):
        draft.add_card(card("digits/a"))
    with pytest.raises(NameTaken):
        catalogue.read().check_free("digits/a")
    catalogue.read().check_free("digits/b")


def test_a_card_needs_its_domain(tmp_path: Path) -> None:
    with pytest.raises(UnknownDomain, match="'digits'"), Catalogue(tmp_path).change() as draft:
        draft.add_card(card())


def test_unknown_names_are_answered_with_near_ones(tmp_path: Path) -> None:
    shelf = filled(tmp_path, "cifar10/resnet20", "cifar10/resnet32").read()
    with pytest.raises(UnknownModel, match="Did you mean 'cifar10/resnet20'"):
        shelf.card("cifar10/resnett20")
    with pytest.raises(UnknownDomain, match="Did you mean 'cifar10'"):
        shelf.domain("cifar-10")


def test_a_domain_with_models_stays(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    with pytest.raises(BadValue, match=r"digits/a.*zoo remove 'digits/\*'"), catalogue.change() as draft:
        draft.remove_domain("digits")
    with catalogue.change() as draft:
        draft.remove_card("digits/a")
        draft.remove_domain("digits")
    assert not catalogue.read().domains


def test_a_domain_that_is_only_a_name_gets_its_images_once(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "photos/a")
    with catalogue.change() as draft:
        draft.add_domain(Domain(name="photos", version="v1"))
    with pytest.raises(NameTaken, match="photos"), catalogue.change() as draft:
        draft.add_domain(Domain(name="photos", version="v2"))
    with catalogue.change() as draft:
        assert draft.ensure_domain(Domain(name="photos", version="v3")).version == "v1"


BAD_IDS = [
    "", "resnet18", "a/", "/a", "a/b/c", "../etc", "a/..", "a/../b", "/etc/passwd", "a\\b/c", "a/b\0", "a/b\n", "a/ b",
    "a b/c", "a/\u202ecba", "a/<script>", "a/{{7*7}}", "-a/b", "a/-b", "a/.b", "a/e\u0301", "a/" + "b" * 199,
    "local-dir:/etc", "a/=cmd()", "a/\ud800",
]  # fmt: skip


@pytest.mark.parametrize("model", BAD_IDS)
def test_a_hostile_id_is_refused_in_one_printable_line(tmp_path: Path, model: str) -> None:
    with pytest.raises(BadValue, match="cannot be the") as caught:
        Catalogue(tmp_path).read().check_free(model)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    with pytest.raises(HeadhuntError):
        Catalogue(tmp_path).read().card(model)


def test_names_in_any_script_are_taken(tmp_path: Path) -> None:
    assert "손글씨/모델-1" in filled(tmp_path, "손글씨/모델-1", "фото/a.b_c+d@e").read().cards


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"domain": "letters"}, "domain 'letters'"),
        ({"std": (0.0, 1.0, 1.0)}, "std"),
        ({"std": (float("nan"),) * 3}, "std"),
        ({"mean": (float("inf"), 0.0, 0.0)}, "mean"),
        ({"mean": (0.5,)}, "mean and std"),
        ({"params": -1}, "below 0"),
        ({"accuracy": 91.0}, "accuracy 91.0"),
        ({"accuracy": float("nan")}, "accuracy nan"),
        ({"head": 3, "classes": ("a",)}, "1 names of classes"),
        ({"weights": "../../x"}, "weights"),
        ({"input_size": 0}, "input size 0"),
    ],
)
def test_a_card_that_cannot_be_true_is_refused(tmp_path: Path, facts: dict[str, object], words: str) -> None:
    catalogue = filled(tmp_path, "digits/other")
    with pytest.raises(BadValue, match=words), catalogue.change() as draft:
        draft.add_card(card(**facts))
    assert set(catalogue.read().cards) == {"digits/other"}


def test_a_value_that_would_not_come_back_is_never_written(tmp_path: Path) -> None:
    catalogue = filled(tmp_path, "digits/a")
    before = catalogue.path.read_bytes()
    for facts in ({"crop": float("nan")}, {"license": "\ud800"}):
        with pytest.raises(BadValue, match="Nothing was written"), catalogue.change() as draft:
            draft.replace_card(card("digits/a", **facts))
    assert catalogue.path.read_bytes() == before


# --- Broken files ----------------------------------------------------------------------------------------------------


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def twice(data: bytes) -> bytes:
    line = next(line for line in data.splitlines() if b'"id"' in line)
    return data.replace(line, line + b",\n" + line)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "is no catalogue"),
        (lambda data: b"", "is no catalogue"),
        (lambda data: b"[" * 100_000, "is no catalogue"),
        (lambda data: b"\xff\xfe", "is no catalogue"),
        (lambda data: b"null", "is no catalogue"),
        (lambda data: data.replace(b'"params":5', b'"params":"5"'), "is no catalogue"),
        (lambda data: data.replace(b'"params":5', b'"parameters":5'), "unknown field"),
        (lambda data: data.replace(b'"domain":"digits"', b'"domain":"gone"'), "not there"),
        (twice, "one name"),
        (lambda data: data.replace(b'"format":2', b'"format":3,"new":[]'), "newer headhunt.*pip install --upgrade"),
    ],
)
def test_a_broken_file_is_named_and_not_touched(tmp_path: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    catalogue = filled(tmp_path, "digits/a")
    broken = damage(catalogue.path.read_bytes())
    catalogue.path.write_bytes(broken)
    with pytest.raises(CatalogueBroken, match=words) as caught:
        catalogue.read()
    assert str(catalogue.path) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(CatalogueBroken), catalogue.change():
        pass
    assert catalogue.path.read_bytes() == broken


def test_a_home_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(CatalogueBroken, match="Not a directory"):
        Catalogue(tmp_path / "home").read()
    with pytest.raises(NotWritten), Catalogue(tmp_path / "home").change():
        pass


# --- Several processes -----------------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.store import Catalogue
home, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for i in range(count):
    with Catalogue(home).change() as draft:
        draft.ensure_domain(Domain(name="d"))
        for half in "ab":
            draft.add_card(ModelCard(id=f"d/{who}-{i}{half}", network="n", domain="d", origin="train", input_size=32,
                                     mean=(0.5,), std=(0.5,), channels=1, params=1, macs=1))
    print(i, flush=True)
"""


def writer(home: Path, who: str, count: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, str(home), who, str(count)], stdout=subprocess.PIPE)


def check_pairs(catalogue: Catalogue) -> int:
    """Every change adds two cards: a state that shows one of them is a torn one."""
    names = set(catalogue.read().cards)
    assert {name[:-1] for name in names if name[-1] == "a"} == {name[:-1] for name in names if name[-1] == "b"}
    return len(names)


def test_four_writers_lose_nothing_while_a_reader_sees_only_whole_states(tmp_path: Path) -> None:
    writers = [writer(tmp_path, f"w{i}", 50) for i in range(4)]
    catalogue, seen, states = Catalogue(tmp_path), 0, set()
    while any(process.poll() is None for process in writers):
        now = check_pairs(catalogue)
        assert now >= seen
        seen = now
        states.add(now)
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    assert check_pairs(catalogue) == 4 * 50 * 2
    assert len(states) > 3


def test_a_writer_killed_at_any_moment_leaves_the_old_state_or_the_new(tmp_path: Path) -> None:
    rng, catalogue, finished = random.Random(0), Catalogue(tmp_path), 0
    for kill in range(12):
        process = writer(tmp_path, f"k{kill}", 100_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        said = 1 + len(process.communicate()[0].split())
        finished += said
        total = check_pairs(catalogue) // 2
        assert finished <= total <= finished + 1
        finished = total
        with catalogue.change(patience=5) as draft:
            draft.ensure_domain(Domain(name=f"after{kill}"))
        assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".draft")] == []


def test_a_change_waits_for_the_one_before_it_and_then_gives_up(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    with (
        catalogue.change(),
        pytest.raises(HomeLocked, match=r"catalogue\.lock"),
        Catalogue(tmp_path).change(patience=0.05),
    ):
        pass
