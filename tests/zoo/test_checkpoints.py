import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from headhunt.errors import CheckpointMismatch, MissingFile
from headhunt.vocabulary import Protocol
from tests.zoo.full_disk import full_disk
from zoo.training.checkpoints import SECONDS_BETWEEN, Keeper, identity

CPU = torch.device("cpu")


def keeper(path: Path) -> Keeper:
    return Keeper(path, {"network": "n", "data": "d"})


def test_what_was_written_is_read(tmp_path):
    keeper(tmp_path / "c.pt").write({"step": 3, "weights": torch.arange(4)})
    state = keeper(tmp_path / "c.pt").read(CPU)
    assert state["step"] == 3
    assert torch.equal(state["weights"], torch.arange(4))
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_where_nothing_was_written_there_is_nothing_to_read(tmp_path):
    assert keeper(tmp_path / "c.pt").read(CPU) is None


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    mine = keeper(tmp_path / "c.pt")
    mine.write({"step": 1})

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(MissingFile, match="No space left"):
        mine.write({"step": 2})
    assert mine.read(CPU)["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_a_disk_that_is_full_leaves_the_old_checkpoint(tmp_path):
    mine = keeper(tmp_path / "c.pt")
    mine.write({"step": 1})
    with full_disk(), pytest.raises(MissingFile, match=r"cannot be written.*Make space"):
        mine.write({"step": 2, "weights": torch.zeros(10_000)})
    assert mine.read(CPU)["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_what_a_killed_training_was_writing_is_cleared_by_the_next_one(tmp_path):
    (tmp_path / ".c.pt.99-aa.draft").write_bytes(b"half a checkpoint")
    keeper(tmp_path / "c.pt")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_noticed_before_the_training(tmp_path):
    with pytest.raises(MissingFile, match="no folder"):
        keeper(tmp_path / "nowhere" / "c.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"weights", pickle.dumps({"headhunt": 1})])
def test_a_broken_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(CheckpointMismatch, match=r"c\.pt cannot be read.*Remove it"):
        keeper(tmp_path / "c.pt").read(CPU)


@pytest.mark.parametrize(
    "content", [torch.zeros(2), {"state_dict": {}}, {"headhunt": 1}, {"headhunt": 99, "identity": {}}]
)
def test_a_torch_file_of_another_kind_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "c.pt")
    with pytest.raises(CheckpointMismatch, match="headhunt's"):
        keeper(tmp_path / "c.pt").read(CPU)


class Bomb:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (os.mkdir, (str(self.trace),))


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    trace = tmp_path / "trace"
    torch.save({"headhunt": 1, "identity": {}, "step": Bomb(trace)}, tmp_path / "c.pt")
    with pytest.raises(CheckpointMismatch):
        keeper(tmp_path / "c.pt").read(CPU)
    assert not trace.exists()


def test_a_checkpoint_cut_anywhere_is_refused(tmp_path):
    mine = keeper(tmp_path / "c.pt")
    mine.write({"step": 1, "weights": torch.arange(1000)})
    whole = mine.path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        mine.path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(CheckpointMismatch):
            mine.read(CPU)


def test_a_refusal_says_which_part_is_another(tmp_path):
    keeper(tmp_path / "c.pt").write({"step": 1})
    with pytest.raises(CheckpointMismatch, match="its data differs"):
        Keeper(tmp_path / "c.pt", {"network": "n", "data": "other"}).read(CPU)


def test_each_part_of_a_training_is_in_its_identity():
    images, labels = torch.zeros(10, 3, 4, 4, dtype=torch.uint8), torch.arange(10)
    network = nn.Linear(2, 2)
    base = identity(network, (images, labels), Protocol(), 0)
    changed = images.clone()
    changed[7, 0, 0, 0] = 1
    frozen = nn.Linear(2, 2)
    frozen.bias.requires_grad_(False)
    others = {
        "data": [
            identity(network, (changed, labels), Protocol(), 0),
            identity(network, (images, -labels), Protocol(), 0),
        ],
        "network": [identity(n, (images, labels), Protocol(), 0) for n in (nn.Linear(2, 3), frozen)],
        "protocol": [identity(network, (images, labels), Protocol(lr=0.1), 0)],
        "seed or normalisation": [identity(network, (images, labels), Protocol(), 1)],
    }
    for part, variants in others.items():
        for variant in variants:
            assert [key for key in base if base[key] != variant[key]] == [part]


def test_the_other_seeds_of_a_protocol_do_not_matter():
    one = identity(nn.Linear(2, 2), (), Protocol(seeds=(0,)), 0)
    assert one == identity(nn.Linear(2, 2), (), Protocol(seeds=(0, 1, 2)), 0)


def test_writing_takes_a_small_share_of_the_time(tmp_path):
    mine = keeper(tmp_path / "c.pt")
    assert mine.due(epoch_ended=True)
    assert not mine.due(epoch_ended=False)
    mine.cost = 1.0
    assert not mine.due(epoch_ended=True)
    mine.written -= SECONDS_BETWEEN
    assert mine.due(epoch_ended=True)
    assert mine.due(epoch_ended=False)


def test_a_checkpoint_is_a_torch_file_that_opens_safely(tmp_path):
    mine = keeper(tmp_path / "c.pt")
    mine.write({"step": 1})
    assert zipfile.is_zipfile(io.BytesIO(mine.path.read_bytes()))
    assert torch.load(mine.path, weights_only=True)["step"] == 1
