"""The store of weights, and files of weights as others write them: good, odd and hostile."""

import json
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from headhunt.errors import (
    BadValue,
    BrokenWeights,
    HeadhuntError,
    MissingFile,
    NonFiniteWeights,
    NotWritten,
    UnsafePickle,
    WeightsUnavailable,
)
from tests.zoo.full_disk import full_disk
from zoo.networks.weight_files import read_file
from zoo.networks.weights import WeightStore, digest_of, read_state


def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "body.weight": torch.randn(4, 3, generator=generator),
        "body.bias": torch.randn(4, generator=generator),
        "norm.num_batches_tracked": torch.tensor(7),
        "head.weight": torch.randn(2, 4, generator=generator).to(torch.bfloat16),
    }


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


# --- The store --------------------------------------------------------------------------------------------------------


def test_what_is_kept_comes_back_under_its_digest(tmp_path: Path) -> None:
    store = WeightStore(tmp_path / "weights")
    digest, size = store.add(state())
    assert store.path(digest).stat().st_size == size
    assert digest_of(store.path(digest)) == digest
    assert equal(store.load(digest), state())


def test_equal_states_are_kept_once_whatever_the_order_of_their_keys(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    first = store.add(state())
    assert store.add(dict(reversed(state().items()))) == first
    assert [path.name for path in tmp_path.iterdir()] == [f"{first[0]}.safetensors"]


def test_tied_and_strided_tensors_are_kept_with_their_values(tmp_path: Path) -> None:
    table = torch.arange(12.0).reshape(3, 4)
    tied = {"a": table, "b": table, "row": table[1], "turned": table.T, "grad": nn.Parameter(table)}
    store = WeightStore(tmp_path)
    kept = store.load(store.add(tied)[0])
    assert equal(kept, {key: value.detach() for key, value in tied.items()})


def test_on_a_full_disk_nothing_is_kept_and_one_line_says_so(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(NotWritten, match="make space"):
        WeightStore(tmp_path).add({"weight": torch.zeros(10_000)})
    assert not list(tmp_path.iterdir())


def test_a_file_changed_on_disk_is_not_loaded(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    digest, size = store.add(state())
    with store.path(digest).open("r+b") as file:
        file.seek(size - 1)
        last = file.read(1)[0]
        file.seek(size - 1)
        file.write(bytes([last ^ 1]))
    with pytest.raises(BrokenWeights, match="no longer what was stored"):
        store.load(digest)


def test_weights_that_are_gone_are_unavailable_and_removing_twice_is_no_error(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    digest, _ = store.add(state())
    store.remove(digest)
    store.remove(digest)
    with pytest.raises(WeightsUnavailable, match="add it again"):
        store.load(digest)


@pytest.mark.parametrize("digest", ["", "../x", "a" * 63, "A" * 64, "a" * 64 + "\n", "a" * 10_000])
def test_what_is_no_digest_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(BadValue, match="64 hexadecimal digits"):
        WeightStore(tmp_path).path(digest)


def test_what_is_not_a_tensor_cannot_be_kept_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="'extra' is a dict"):
        WeightStore(tmp_path).add({"a": torch.ones(2), "extra": {}})  # type: ignore[dict-item]  # the mistake under test
    assert list(tmp_path.iterdir()) == []


def test_a_writer_killed_in_the_middle_leaves_no_broken_weights(tmp_path: Path) -> None:
    writer = (
        "import sys, torch; from pathlib import Path; from zoo.networks.weights import WeightStore\n"
        "store = WeightStore(Path(sys.argv[1])); print('ready', flush=True)\n"
        "for i in range(10**6): store.add({'a': torch.full((200_000,), float(i))})\n"
    )
    child = subprocess.Popen([sys.executable, "-c", writer, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    while len(list(tmp_path.glob("*.safetensors"))) < 5:
        time.sleep(0.01)
        assert child.poll() is None
    child.kill()
    child.communicate()
    store = WeightStore(tmp_path)
    kept = list(tmp_path.glob("*.safetensors"))
    assert len(kept) >= 5
    for path in kept:
        assert store.load(path.stem)["a"].shape == (200_000,)


# --- Files that hold weights, however wrapped -------------------------------------------------------------------------


def wrapped_forms() -> dict[str, object]:
    module = {f"module.{key}": value for key, value in state().items()}
    compiled = {f"_orig_mod.{key}": value for key, value in module.items()}
    lightning = {f"model.{key}": value for key, value in state().items()}
    old = {key: value + 1 for key, value in state().items()}
    return {
        "bare": state(),
        "state_dict": {"state_dict": module, "best_prec1": 92.1, "epoch": 3},
        "model": {"model": state(), "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}, "epoch": 1},
        "model_state_dict": {"model_state_dict": compiled},
        "net": {"net": module, "acc": 90},
        "nested": {"model": {"state_dict": lightning}},
        "params": {"params": state()},
        "ema first": {"state_dict": old, "state_dict_ema": state()},
        "averaged": {"n_averaged": torch.tensor(4), **module},
        "any other key": {"my_network": state()},
    }


@pytest.mark.parametrize("form", wrapped_forms())
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_weights_are_found_however_a_trainer_wrapped_them(tmp_path: Path, form: str, legacy: bool) -> None:
    path = tmp_path / "model.pth"
    torch.save(wrapped_forms()[form], path, _use_new_zipfile_serialization=not legacy)
    assert equal(read_state(path), state())


def test_safetensors_are_read_whatever_the_file_is_called(tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.bin", "weights"):
        save_file({f"module.{key}": value for key, value in state().items()}, tmp_path / name)
        assert equal(read_state(tmp_path / name), state())


def test_a_prefix_that_not_all_keys_share_stays(tmp_path: Path) -> None:
    mixed = {"model.weight": torch.ones(2), "head.weight": torch.ones(3)}
    save_file(mixed, tmp_path / "m.safetensors")
    assert equal(read_state(tmp_path / "m.safetensors"), mixed)


# --- Files that are refused -------------------------------------------------------------------------------------------


class RunsCode:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, ("touch /tmp/headhunt-was-here",)


def header(entries: dict[str, object], data: bytes = b"", declared: int | None = None) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if declared is None else declared) + text + data


def tensor(start: int, end: int, shape: tuple[int, ...]) -> dict[str, object]:
    return {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}


def bad_safetensors() -> dict[str, tuple[bytes, str]]:
    good = header({"a": tensor(0, 16, (4,))}, bytes(16))
    return {
        "cut off in the data": (good[:-3], "not valid safetensors"),
        "cut off in the header": (good[:20], "is cut off: its header needs"),
        "cut off in the length": (good[:5], "cut off within its header"),
        "header of 2^62": (
            header({"a": tensor(0, 16, (4,))}, bytes(16), 2**62),
            "declares a header of 4611686018427387904 bytes",
        ),
        "overlap": (header({"a": tensor(0, 16, (4,)), "b": tensor(8, 24, (4,))}, bytes(24)), "not valid safetensors"),
        "wrong shape": (header({"a": tensor(0, 16, (5,))}, bytes(16)), "not valid safetensors"),
        "shape of 2^62": (header({"a": tensor(0, 16, (2**31, 2**31))}, bytes(16)), "not valid safetensors"),
        "beyond the end": (header({"a": tensor(0, 2**40, (2**38,))}, bytes(16)), "not valid safetensors"),
        "no json": (struct.pack("<Q", 8) + b"{not json" + bytes(8), "not valid safetensors"),
        "unknown dtype": (header({"a": {**tensor(0, 16, (4,)), "dtype": "X9"}}, bytes(16)), "not valid safetensors"),
        "no tensors": (header({}), "has no weights in it"),
    }


@pytest.mark.parametrize("case", bad_safetensors())
def test_broken_safetensors_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    content, says = bad_safetensors()[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(BrokenWeights, match=says) as caught:
        read_state(path)
    assert str(caught.value).startswith("model.safetensors: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_pickle_that_would_run_code_is_refused_and_not_tried_again(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "model.pth"
    torch.save({"state_dict": state(), "evil": RunsCode()}, path, _use_new_zipfile_serialization=not legacy)
    ran: list[object] = []
    sys.addaudithook(lambda event, details: ran.append(details) if event == "os.system" else None)
    with pytest.raises(
        UnsafePickle, match=r"Python objects.*could run code\. Save network\.state_dict\(\) with safetensors\."
    ):
        read_state(path)
    assert ran == []


def test_a_whole_network_in_a_pickle_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(UnsafePickle, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_state(path)


def test_a_plain_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(RunsCode()))
    with pytest.raises(UnsafePickle):
        read_state(path)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.97])
def test_a_torch_file_that_is_cut_off_is_refused(tmp_path: Path, legacy: bool, kept: float) -> None:
    path = tmp_path / "model.pth"
    torch.save({"w": torch.randn(500, 50)}, path, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BrokenWeights, match="torch file") as caught:
        read_state(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_the_name_of_the_tensor(tmp_path: Path, bad: float) -> None:
    poisoned = state()
    poisoned["body.bias"][2] = bad
    save_file(poisoned, tmp_path / "m.safetensors")
    with pytest.raises(NonFiniteWeights, match=r"m\.safetensors: 'body\.bias' holds NaN or infinite values"):
        read_state(tmp_path / "m.safetensors")


def test_a_small_file_that_unfolds_into_a_large_tensor_is_refused_without_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    torch.save({"w": torch.zeros(1).expand(10**12)}, path)
    with pytest.raises(BrokenWeights, match="claims 4000000000000 bytes"):
        read_state(path)


def test_a_tensor_named_again_and_again_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    table = torch.zeros(10_000)
    torch.save({f"w{i}": table for i in range(100)}, path)
    with pytest.raises(BrokenWeights, match="unfolds from"):
        read_state(path)


def test_a_compressed_archive_is_not_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}.")
        archive.writestr("m/data/0", bytes(10_000_000))
    with pytest.raises(BrokenWeights, match="compressed archive"):
        read_state(path)


def plain_mistakes(folder: Path) -> dict[str, tuple[Path, type[HeadhuntError], str]]:
    (folder / "empty.pth").touch()
    (folder / "notes.pth").write_text("These are my notes on the weights.\n")
    (folder / "weights.safetensors").write_text("Entry not found\n" * 20)
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        archive.writestr("cat.jpg", b"meow")
    torch.save([1, 2, 3], folder / "list.pth")
    torch.save({"epoch": 3, "lr": 0.1}, folder / "numbers.pth")
    torch.save({"w": torch.ones(3).to_sparse()}, folder / "sparse.pth")
    os.mkfifo(folder / "pipe")
    return {
        "missing": (folder / "nope.pth", MissingFile, "No such file"),
        "folder": (folder, MissingFile, "is a folder"),
        "pipe": (folder / "pipe", MissingFile, "not a regular file"),
        "nul": (folder / "a\0b", MissingFile, "cannot be read"),
        "long": (folder / ("x" * 10_000), MissingFile, "cannot be read"),
        "empty": (folder / "empty.pth", BrokenWeights, "is empty"),
        "text": (folder / "notes.pth", BrokenWeights, "neither a safetensors nor a torch file"),
        "error page": (folder / "weights.safetensors", BrokenWeights, "declares a header of"),
        "zip of images": (folder / "photos.zip", BrokenWeights, "no torch file"),
        "list": (folder / "list.pth", BrokenWeights, "holds a list, not a state dict"),
        "numbers": (folder / "numbers.pth", BrokenWeights, "no weights in it; it holds 'epoch', 'lr'"),
        "sparse": (folder / "sparse.pth", BrokenWeights, "not a plain dense tensor"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "missing",
        "folder",
        "pipe",
        "nul",
        "long",
        "empty",
        "text",
        "error page",
        "zip of images",
        "list",
        "numbers",
        "sparse",
    ],
)
def test_what_is_no_weights_file_is_said_in_a_line(tmp_path: Path, case: str) -> None:
    path, error, says = plain_mistakes(tmp_path)[case]
    with pytest.raises(error, match=says) as caught:
        read_state(path)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


def test_a_file_beyond_the_limit_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "big.safetensors"
    with path.open("wb") as file:
        file.truncate(2**20)
    with pytest.raises(BrokenWeights, match="1048576 bytes, more than the limit of 1000"):
        read_file(path, max_bytes=1000)


UNFOLDED = {
    "zeros": b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R.",
    "digits": b"\x80\x02" + 20 * b"c_codecs\nencode\n" + b"X\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R"
    + 19 * b"X\x03\x00\x00\x00hex\x86R" + b".",
    "lists": b"\x80\x02(" + b"]" * (5 * 2**20) + b"l.",
}  # fmt: skip


@pytest.mark.parametrize("case", UNFOLDED)
def test_a_pickle_that_unfolds_is_refused_before_it_does(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the pickle was opened")

    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", UNFOLDED[case])
        archive.writestr("archive/version", "3\n")
    monkeypatch.setattr(torch, "load", opened)
    with pytest.raises((UnsafePickle, BrokenWeights), match=r"w\.pt: holds"):
        read_state(path)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2])
def test_values_that_are_no_plain_floats_are_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.save({"weight": torch.ones(4).to(dtype)}, tmp_path / "w.pt")
    with pytest.raises(BrokenWeights, match=f"'weight' is {dtype}"):
        read_state(tmp_path / "w.pt")
