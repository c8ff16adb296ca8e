"""A user's own checkpoint becomes a card: what is read from the file, and what is said when it does not fit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from examples.cifar_resnet import resnet20
from headhunt.errors import BadSpec, BrokenWeights, HeadhuntError, MissingFile, UnknownNetwork, WeightsMismatch
from zoo.networks.building import build_network, network_names
from zoo.networks.matching import load_strictly
from zoo.networks.nearest import TABLE, nearest_architecture, read_table, survey
from zoo.sources.checkpoint import Checkpoint, from_checkpoint

OWN = "examples.cifar_resnet:resnet20"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(2)
    path = tmp_path / "mine.th"
    torch.save({"state_dict": {f"module.{k}": v for k, v in resnet20(7).state_dict().items()}, "best": 0.9}, path)
    return Checkpoint(path, OWN, "shapes", input_size=32)


def test_a_checkpoint_of_ones_own_network_becomes_a_card_with_the_head_it_has(checkpoint: Checkpoint) -> None:
    found = from_checkpoint(checkpoint)
    card = found.card
    assert (card.id, card.network, card.origin, card.head) == ("shapes/resnet20", OWN, "file:mine.th", 7)
    assert card.params == sum(p.numel() for p in resnet20(7).parameters())
    assert found.state is not None
    network = build_network(card.network, classes=card.head, input_size=card.input_size)
    network.load_state_dict(found.state)


def test_a_checkpoint_of_timms_architecture_needs_no_more_than_its_name(tmp_path: Path) -> None:
    save_file(timm.create_model("test_vit", num_classes=4).state_dict(), tmp_path / "v.safetensors")
    card = from_checkpoint(Checkpoint(tmp_path / "v.safetensors", "test_vit", "d", name="best")).card
    assert (card.id, card.head, card.input_size, card.mean) == ("d/best", 4, 160, (0.5, 0.5, 0.5))


def test_a_checkpoint_without_a_head_is_a_card_without_one(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / "b.safetensors")
    assert from_checkpoint(Checkpoint(tmp_path / "b.safetensors", "test_resnet", "d")).card.head == 0


def test_half_precision_comes_in_as_what_the_network_computes_in(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in timm.create_model("test_resnet", num_classes=3).state_dict().items()}
    save_file(state, tmp_path / "h.safetensors")
    found = from_checkpoint(Checkpoint(tmp_path / "h.safetensors", "test_resnet", "d"))
    assert found.state is not None
    assert found.state["fc.weight"].dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool])
def test_whole_numbers_are_no_weights_of_a_float_network(dtype: torch.dtype) -> None:
    state = {key: value.to(dtype) for key, value in resnet20().state_dict().items()}
    with pytest.raises(WeightsMismatch, match=f"holds {dtype} where .* has torch.float32"):
        load_strictly(resnet20(), state, OWN, "w.pth")


def test_a_head_of_a_single_number_does_not_fit(tmp_path: Path) -> None:
    state = {**build_network("test_vit", classes=3).state_dict(), "head.weight": torch.tensor(1.0)}
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(WeightsMismatch, match=r"does not fit test_vit: .*'head.weight'"):
        from_checkpoint(Checkpoint(path=tmp_path / "w.pt", network="test_vit", domain="d", input_size=160))


def test_counters_that_old_checkpoints_lack_are_no_difference() -> None:
    network = resnet20()
    old = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    load_strictly(resnet20(), old, OWN, "old.pth")


def test_a_prefix_that_is_the_networks_own_is_put_back() -> None:
    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = torch.nn.Linear(2, 2)

    network = Wrapped()
    load_strictly(network, {"weight": torch.ones(2, 2), "bias": torch.ones(2)}, "own", "f")
    assert torch.equal(network.model.weight, torch.ones(2, 2))


def test_a_wrong_architecture_is_answered_with_the_keys_and_the_nearest_of_timm(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet", num_classes=5).state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(WeightsMismatch) as caught:
        from_checkpoint(Checkpoint(tmp_path / "w.safetensors", "test_vit", "d"))
    said = str(caught.value)
    assert said.startswith("w.safetensors: does not fit test_vit: ")
    assert " keys missing ('cls_token', " in said
    assert " keys unexpected (" in said
    assert said.endswith("try --network test_resnet.")
    assert "\n" not in said
    assert len(said) < 600


def test_another_shape_is_told_with_both(tmp_path: Path) -> None:
    state = resnet20(10).state_dict()
    state["conv1.weight"] = torch.zeros(16, 1, 3, 3)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(
        WeightsMismatch, match=r"1 key of another shape \('conv1.weight' is \(16, 1, 3, 3\) and should be \(16, 3"
    ):
        from_checkpoint(Checkpoint(tmp_path / "w.safetensors", OWN, "d", input_size=32))


Change = Callable[[Checkpoint], Checkpoint]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (
            lambda c: replace(c, input_size=None),
            BadSpec,
            r"size of the input of .* is not known\. .*--input",
        ),
        (lambda c: replace(c, input_size=-3), BadSpec, "An input of -3 px is impossible"),
        (lambda c: replace(c, input_size=10**6), BadSpec, "An input of 1000000 px is impossible"),
        (lambda c: replace(c, mean=(0.5,)), BadSpec, "--mean has 1 numbers"),
        (lambda c: replace(c, mean=(125.3, 123.0, 113.9)), BadSpec, "Divide them by 255"),
        (lambda c: replace(c, std=(0.2, 0.0, 0.2)), BadSpec, "not fractions"),
        (lambda c: replace(c, mean=(float("nan"),) * 3), BadSpec, "not fractions"),
        (lambda c: replace(c, classes=("a", "b")), BadSpec, "has 7 outputs and --classes names 2"),
        (lambda c: replace(c, path=Path("/no/such.pth")), MissingFile, "No such file"),
        (lambda c: replace(c, network="resnt18"), UnknownNetwork, "Did you mean 'resnet18'"),
        (lambda c: replace(c, network="local-dir:/etc"), UnknownNetwork, "No network named 'local-dir:/etc'"),
        (lambda c: replace(c, network="examples.cifar_resnet:resnet21"), UnknownNetwork, "resnet20"),
        (lambda c: replace(c, network="examples.cifar_resnet:resnet32"), WeightsMismatch, "keys missing"),
    ],
)
def test_what_a_user_says_wrongly_is_answered_in_a_line(
    checkpoint: Checkpoint, change: Change, error: type[HeadhuntError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        from_checkpoint(change(checkpoint))
    assert "\n" not in str(caught.value)


def test_a_text_file_is_no_checkpoint(checkpoint: Checkpoint) -> None:
    checkpoint.path.write_text("weights\n")
    with pytest.raises(BrokenWeights, match=r"mine\.th: is neither a safetensors nor a torch file"):
        from_checkpoint(checkpoint)


# --- The nearest architecture -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["test_convnext", "mobilenetv3_small_100", "coat_mini", "resnet34"])
def test_an_architecture_is_known_by_its_shapes_whatever_its_head(name: str) -> None:
    with torch.device("meta"):
        state = build_network(name, classes=9).state_dict()
    assert nearest_architecture(state) == name


def test_shapes_that_no_architecture_has_are_near_to_none() -> None:
    assert nearest_architecture({f"layer{i}": torch.zeros(i + 2, 7) for i in range(50)}) is None
    assert nearest_architecture({}) is None


def test_the_table_of_sizes_is_true_for_some_of_every_kind() -> None:
    known = {size.name: size for size in read_table()}
    some = [name for name in network_names() if name in known][::60]
    assert [known[name] for name in some] == list(survey(some))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_table_of_sizes_is_true() -> None:
    known = {size.name: size for size in read_table()}
    names = [name for name in network_names() if name in known]
    assert [known[name] for name in names] == list(survey(names))
    assert len(names) > 1000, f"{TABLE} is out of date: python -m zoo.networks.nearest"
