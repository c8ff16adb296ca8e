"""Loading weights into a network: strictly, or not at all, with an answer that says how the two differ."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from headhunt.errors import WeightsMismatch
from zoo.networks.building import head_name
from zoo.networks.nearest import nearest_architecture

SHOWN = 3
COUNTER = "num_batches_tracked"


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], network_name: str, file: str) -> None:
    """Load a state whose keys and shapes are those of the network. WeightsMismatch says what differs."""
    expected = network.state_dict()
    fitted = with_counters(with_common_prefix(state, expected), expected)
    if any(key not in fitted or fitted[key].shape != value.shape for key, value in expected.items()) or any(
        key not in expected for key in fitted
    ):
        raise WeightsMismatch(difference(fitted, expected, network_name), file)
    whole = [key for key, value in expected.items() if value.is_floating_point() > fitted[key].is_floating_point()]
    if whole:
        raise WeightsMismatch(
            f"{whole[0]!r} holds {fitted[whole[0]].dtype} where {network_name} has {expected[whole[0]].dtype}."
            " Save the weights of the network before it was quantised.",
            file,
        )
    network.load_state_dict(fitted)


def with_common_prefix(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put back a prefix that was stripped as a wrapper's, where the network itself holds all it has under it."""
    first = next(iter(expected), "").partition(".")[0] + "."
    if state.keys() != expected.keys() and {first + key for key in state} == expected.keys():
        return {first + key: value for key, value in state.items()}
    return dict(state)


def with_counters(state: dict[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Old checkpoints lack the counters of batch norm, which nothing reads at inference."""
    counters = {key: torch.zeros_like(value) for key, value in expected.items() if key.endswith(COUNTER)}
    return {**{key: value for key, value in counters.items() if key not in state}, **state}


def difference(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], network_name: str) -> str:
    missing = [key for key in expected if key not in state]
    strange = [key for key in state if key not in expected]
    reshaped = [
        f"{key!r} is {tuple(state[key].shape)} and should be {tuple(value.shape)}"
        for key, value in expected.items()
        if key in state and state[key].shape != value.shape
    ]
    parts = [
        counted(len(missing), "missing", [repr(key) for key in missing]),
        counted(len(strange), "unexpected", [repr(key) for key in strange]),
        counted(len(reshaped), "of another shape", reshaped),
    ]
    return f"does not fit {network_name}: {'; '.join(part for part in parts if part)}. {advice(state, network_name)}"


def counted(number: int, kind: str, shown: Sequence[str]) -> str:
    if not number:
        return ""
    more = ", ..." if number > SHOWN else ""
    return f"{number} {'key' if number == 1 else 'keys'} {kind} ({', '.join(shown[:SHOWN])}{more})"


def advice(state: Mapping[str, Tensor], network_name: str) -> str:
    nearest = nearest_architecture(state)
    if nearest is None:
        return "No architecture of timm has such shapes: give your own as --network package.module:factory."
    if nearest == network_name:
        return f"By its shapes it is a {nearest} of another kind: give your own as --network package.module:factory."
    return f"By its shapes it is nearest to timm's {nearest}: try --network {nearest}."


def outputs_in(state: Mapping[str, Tensor], network: nn.Module) -> int | None:
    """How many outputs the head in a state has, if it stands where the network's own head stands."""
    name = head_name(network)
    weight = None if name is None else state.get(f"{name}.weight")
    return None if weight is None or not weight.ndim else int(weight.shape[0])
