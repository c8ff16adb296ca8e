"""A card from a user's own checkpoint: a safetensors or torch file, the network it belongs to, and what its input is.

    file --read_state--> weights --fit--> network built with as many outputs --one forward--> head, costs, card

The size of the head is read from the weights; one forward pass proves that the network takes the input size given.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from headhunt.errors import BadSpec, printable
from headhunt.vocabulary import ModelCard
from zoo.networks.building import build_network, head_name
from zoo.networks.matching import load_strictly, outputs_in
from zoo.networks.measure import count_macs, count_params, evaluated, forward
from zoo.networks.weights import read_state
from zoo.sources import Found


@dataclass(frozen=True)
class Checkpoint:
    """What a user says of a weights file. None: as timm's architecture of that name has it, else ImageNet's."""

    path: Path
    network: str
    domain: str
    name: str | None = None
    input_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    classes: tuple[str, ...] = ()
    license: str | None = None


def from_checkpoint(asked: Checkpoint) -> Found:
    """The card and the state of a checkpoint. Raises WeightsRefused, UnknownNetwork, BadSpec, MissingFile."""
    size, mean, std = view_of(asked)
    state = read_state(asked.path)
    network = fitted(asked, state, size)
    head = outputs_of(network, size, asked)
    check_built_again(asked, network, head, size)
    name = asked.network.rpartition(":")[2] if asked.name is None else asked.name
    card = ModelCard(
        id=f"{asked.domain}/{name}",
        network=asked.network,
        domain=asked.domain,
        origin=f"file:{asked.path.name}",
        input_size=size,
        mean=mean,
        std=std,
        params=count_params(network),
        macs=count_macs(network, input_size=size),
        head=head,
        classes=asked.classes,
        license=asked.license,
    )
    return Found(card, dict(network.state_dict()))


def view_of(asked: Checkpoint) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """The size, mean and spread of the input: as the user says, else as timm has them for the architecture."""
    cfg = timm.get_pretrained_cfg(asked.network) if timm.is_model(asked.network) else None
    size = asked.input_size or (None if cfg is None else cfg.input_size[-1])
    if size is None:
        raise BadSpec(f"The size of the input of {asked.network} is not known. Give it with --input, as in --input 32.")
    mean = asked.mean or (IMAGENET_DEFAULT_MEAN if cfg is None else tuple(cfg.mean))
    std = asked.std or (IMAGENET_DEFAULT_STD if cfg is None else tuple(cfg.std))
    check_view(mean, std)
    return size, mean, std


def check_view(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    if len(mean) != 3 or len(std) != 3:
        raise BadSpec(f"--mean has {len(mean)} numbers and --std {len(std)}. Give three of each, for red, green, blue.")
    if not all(0 <= value <= 1 for value in mean) or not all(0 < value <= 1 for value in std):
        raise BadSpec(f"--mean {shown(mean)} and --std {shown(std)} are not fractions. Divide them by 255.")


def shown(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)


def fitted(asked: Checkpoint, state: dict[str, Tensor], size: int) -> nn.Module:
    """The network with the weights in it, and with a head of as many outputs as the file has."""
    network = build_network(asked.network, classes=None, input_size=size)
    outputs, own = outputs_in(state, network), outputs_in(network.state_dict(), network)
    if outputs is None and own is not None and ":" not in asked.network:
        outputs = 0 if lacks_only_the_head(state, network) else None
    if outputs is not None and outputs != own:
        network = build_network(asked.network, classes=outputs, input_size=size)
    load_strictly(network, state, asked.network, asked.path.name)
    return network


def lacks_only_the_head(state: dict[str, Tensor], network: nn.Module) -> bool:
    body = {key for key in network.state_dict() if not key.startswith(f"{head_name(network)}.")}
    return body <= state.keys()


def check_built_again(asked: Checkpoint, network: nn.Module, head: int, size: int) -> None:
    """A card is all that is left to build the network from: it has to come out the same."""
    again = build_network(asked.network, classes=head, input_size=size).state_dict()
    if {key: value.shape for key, value in again.items()} != {k: v.shape for k, v in network.state_dict().items()}:
        raise BadSpec(
            f"{asked.network} is not the same when {head} outputs are asked. Let its factory take num_classes."
        )


def outputs_of(network: nn.Module, size: int, asked: Checkpoint) -> int:
    """The number of outputs as one forward pass gives it, which must be that of the classes named; 0: no head."""
    with evaluated(network), torch.inference_mode():
        outputs = forward(network, torch.zeros(1, 3, size, size))
    if outputs.ndim != 2 or outputs.shape[0] != 1:
        raise BadSpec(
            f"{asked.network} gives {tuple(outputs.shape)} for one image. A classifier gives a row of scores."
        )
    head = 0 if getattr(network, "num_classes", None) == 0 else int(outputs.shape[1])
    if doubled := [name for name, count in Counter(asked.classes).items() if count > 1 or not name.strip()]:
        raise BadSpec(f"--classes names {printable(doubled[0], 60)!r} twice or not at all. Name each output by itself.")
    if asked.classes and len(asked.classes) != head:
        raise BadSpec(
            f"{asked.network} has {head} outputs and --classes names {len(asked.classes)}. Name each of them."
        )
    return head
