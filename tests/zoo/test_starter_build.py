"""Building the starter zoo: what comes out fits its card, a broken-off build goes on, and nothing is left running."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load

from headhunt.errors import BadValue, TrainingFailed, UnknownDomain
from headhunt.vocabulary import Protocol
from tests.sharing import demonstrated
from zoo.images.pixels import View, load_pixels
from zoo.images.samples import open_sample
from zoo.networks.building import build_network
from zoo.repository import Zoo
from zoo.sources import Found
from zoo.starter.build import Progress, StarterPlan, build_starter, starter_ids
from zoo.starter.cell import fill
from zoo.starter.domains import Counts, starter_domain
from zoo.starter.networks import StarterNetwork, starter_networks
from zoo.starter.packing import pack
from zoo.training.evaluation import evaluate

FEW = Counts(train=8, test=4)


def small_plan(*domains: str, steps: int = 3, networks: tuple[str, ...] = ("test_vit",)) -> StarterPlan:
    protocol = Protocol(steps=steps, batch_size=16, precision="fp32", input_size=32)
    return StarterPlan(domains, tuple(StarterNetwork(name, "", protocol) for name in networks), FEW)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Found], list[Progress]]:
    folder, told = tmp_path_factory.mktemp("starter"), list[Progress]()
    plan = small_plan("digits", "cells")
    return folder, list(build_starter(folder, plan=plan, process_count=1, on_progress=told.append)), told


def test_every_cell_of_the_plan_is_found(built: tuple[Path, list[Found], list[Progress]]) -> None:
    assert [found.card.id for found in built[1]] == ["digits/test_vit", "cells/test_vit"]


def test_a_network_built_from_the_card_loads_the_state_and_repeats_its_accuracy(
    built: tuple[Path, list[Found], list[Progress]],
) -> None:
    folder, found, _ = built
    for one in found:
        card = one.card
        network = build_network(card.network, classes=card.head, input_size=card.input_size)
        assert one.state is not None
        network.load_state_dict(one.state)
        with open_sample(pack(card.domain, folder, FEW)) as sample:
            pixels = load_pixels(sample, View(size=card.input_size), "test", card.classes)
        assert evaluate(network, pixels, card.mean, card.std).accuracy == pytest.approx(card.accuracy)


def test_the_card_says_what_it_was_trained_on_and_how(built: tuple[Path, list[Found], list[Progress]]) -> None:
    folder, found, _ = built
    for one in found:
        card = one.card
        with open_sample(pack(card.domain, folder, FEW)) as sample:
            assert card.version == sample.version.id
            assert card.classes == sample.classes
        assert (card.origin, card.license) == ("starter", starter_domain(card.domain).license)
        assert card.protocol is not None
        assert (card.protocol.steps, card.seed, card.head) == (3, 0, len(card.classes))
        assert card.params == sum(parameter.numel() for parameter in parameters_of(one))
        assert card.macs > 0
        assert card.measured is not None


def parameters_of(found: Found) -> list[torch.Tensor]:
    assert found.state is not None
    return [tensor for tensor in found.state.values() if tensor.is_floating_point()]


def test_the_progress_counts_every_step_and_model(built: tuple[Path, list[Found], list[Progress]]) -> None:
    told = built[2]
    assert told[-1] == Progress(steps=6, all_steps=6, models=2, all_models=2)
    assert [progress.steps for progress in told] == sorted(progress.steps for progress in told)


def test_another_process_trains_the_same_weights(
    built: tuple[Path, list[Found], list[Progress]], tmp_path: Path
) -> None:
    first = built[1][1]
    (cell,) = small_plan("cells").cells(tmp_path)
    with one_thread():
        card, state = fill(cell, lambda _: None)
    assert msgspec.structs.replace(card, measured=None) == msgspec.structs.replace(first.card, measured=None)
    assert first.state is not None
    for name, tensor in load(state).items():
        torch.testing.assert_close(tensor, first.state[name], rtol=0, atol=0)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """As a worker computes: the number of threads changes the order of sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_what_is_there_is_not_built_again(tmp_path: Path) -> None:
    plan = small_plan("digits")
    assert list(build_starter(tmp_path, plan=plan, skip={"digits/test_vit"})) == []
    assert not list(tmp_path.iterdir())


def test_a_consumer_that_stops_leaves_no_worker_behind(tmp_path: Path) -> None:
    building = build_starter(tmp_path, plan=small_plan("digits", "cells", "scenes", steps=4), process_count=1)
    next(building)
    building.close()
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_is_an_error_of_ours(tmp_path: Path) -> None:
    building = build_starter(
        tmp_path, plan=small_plan("digits", steps=100_000), process_count=1, on_progress=kill_workers
    )
    with pytest.raises(TrainingFailed, match=r"digits/test_vit.*goes on from here"):
        list(building)


def kill_workers(progress: Progress) -> None:
    if progress.steps:
        for child in multiprocessing.active_children():
            child.kill()


SCRIPT = """
import sys
from pathlib import Path
from headhunt.vocabulary import Protocol
from zoo.starter.build import StarterPlan, build_starter
from zoo.starter.domains import Counts
from zoo.starter.networks import StarterNetwork

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    quick = StarterNetwork("test_vit", "", Protocol(steps=3, batch_size=16))
    endless = StarterNetwork("test_resnet", "", Protocol(steps=1_000_000, batch_size=16))
    plan = StarterPlan(("digits",), (quick, endless), Counts(train=8, test=4))
    for found in build_starter(folder, plan=plan, process_count=1):
        print(found.card.id, flush=True)
"""


def begin(folder: Path) -> "subprocess.Popen[str]":
    """A build in a process of its own that has finished one model and trains another without end."""
    script = folder / "build_it.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "digits/test_vit"
    return process


def descendants(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(child) for child in listed.read_text().split()] if listed.exists() else []
    return children + [below for child in children for below in descendants(child)]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_gone(pids: list[int], patience_s: float = 60) -> bool:
    until = time.monotonic() + patience_s
    while any(running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(running(pid) for pid in pids)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads the tree of processes in /proc")
def test_ctrl_c_ends_the_workers_without_a_word_from_them(tmp_path: Path) -> None:
    process = begin(tmp_path)
    workers = descendants(process.pid)
    assert workers
    for pid in [process.pid, *workers]:  # a terminal tells them all
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    _, said = process.communicate(timeout=240)
    assert all_gone(workers)
    assert said.count("Traceback") == 1
    assert said.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads the tree of processes in /proc")
def test_a_build_that_is_killed_takes_its_workers_along_and_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    process = begin(tmp_path)
    workers = descendants(process.pid)
    assert workers
    process.kill()
    process.communicate(timeout=240)
    assert all_gone(workers)
    plan = small_plan("digits", networks=("test_vit", "test_resnet"))
    rest = list(build_starter(tmp_path, plan=plan, skip={"digits/test_vit"}, process_count=1))
    assert [found.card.id for found in rest] == ["digits/test_resnet"]


def test_nobody_builds_with_no_workers(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="0 workers"):
        list(build_starter(tmp_path, plan=small_plan("digits"), process_count=0))


def test_an_unknown_domain_is_refused_before_a_worker_is_hired(tmp_path: Path) -> None:
    with pytest.raises(UnknownDomain, match="Did you mean 'digits'"):
        list(build_starter(tmp_path, plan=small_plan("digit")))


def test_the_whole_plan_is_eight_domains_by_four_networks_of_different_kinds() -> None:
    ids = starter_ids()
    assert len(ids) == len(set(ids)) == 32
    assert "digits/test_resnet" in ids
    assert len({network.kind for network in starter_networks()}) == 4


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_model_of_the_whole_zoo_has_learned_its_domain() -> None:
    cards = Zoo(demonstrated() / "home").catalogue.read().cards
    assert set(cards) == set(starter_ids())
    for card in cards.values():
        assert card.accuracy is not None
        assert card.accuracy > 3 / card.head, card.id
        if card.network == "test_resnet":
            assert card.accuracy > 0.75, card.id
