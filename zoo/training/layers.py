"""Which parameters of a network are its head, how deep each of the others lies, and the optimiser's groups from both.

timm's networks say so themselves. Of others it is read from the order in which their modules were registered, which
is the order of the forward pass in every network that people write; the head is then the last linear layer.
"""

from collections.abc import Iterable
from typing import Any

from timm.models import group_parameters
from torch import nn

from headhunt.vocabulary import Protocol

_NORMS_AND_BIASES = 1
"""Parameters of at most so many dimensions are not decayed."""


def head_names(network: nn.Module) -> frozenset[str]:
    """The names of the parameters of the classifier, as `named_parameters` spells them."""
    prefixes = _stated_head(network) or _last_linear(network)
    return frozenset(name for name, _ in network.named_parameters() if name.startswith(prefixes))


def stage_depths(network: nn.Module) -> dict[str, int]:
    """For each parameter the stage it belongs to, counted from the image: 0, 1, 2 ..., the head above them all."""
    matcher = getattr(network, "group_matcher", None)
    if callable(matcher):
        depths = dict(group_parameters(network, matcher(coarse=True), reverse=True))
    else:
        depths = _depths_by_order(network)
    top = 1 + max((depth for name, depth in depths.items() if name not in head_names(network)), default=-1)
    return depths | dict.fromkeys(head_names(network), top)


def parameter_groups(network: nn.Module, protocol: Protocol) -> list[dict[str, Any]]:
    """What learns, in groups of one rate and one decay.

    Each group has `scale`, its share of the protocol's rate, and `body`, whether it waits for the head.
    """
    depths, head, kept = stage_depths(network), head_names(network), _undecayed(network)
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            scale = protocol.layer_decay ** (max(depths.values()) - depths[name])
            decay = 0.0 if parameter.ndim <= _NORMS_AND_BIASES or name in kept else protocol.weight_decay
            waits = protocol.head_first > 0 and name not in head
            groups.setdefault((scale, decay, waits), []).append(parameter)
    return [
        {"params": members, "lr": protocol.lr * scale, "weight_decay": decay, "scale": scale, "body": waits}
        for (scale, decay, waits), members in groups.items()
    ]


def _stated_head(network: nn.Module) -> tuple[str, ...]:
    stated = (getattr(network, "pretrained_cfg", None) or {}).get("classifier") or ()
    prefixes = tuple(f"{name}." for name in ([stated] if isinstance(stated, str) else stated))
    return prefixes if any(name.startswith(prefixes) for name, _ in network.named_parameters()) else ()


def _last_linear(network: nn.Module) -> tuple[str, ...]:
    """The last linear layer, else whatever holds the last parameters."""
    owners = [
        name for name, module in network.named_modules() if next(module.parameters(recurse=False), None) is not None
    ]
    linear = [name for name in owners if isinstance(network.get_submodule(name), nn.Linear)]
    name = (linear or owners or [""])[-1]
    return (f"{name}." if name else "",)


def _depths_by_order(network: nn.Module) -> dict[str, int]:
    """Each child of the root is a stage; one of vectors only, such as a norm, belongs to the stage before it."""
    prefix, root = "", network
    while len(children := _children_that_learn(root)) == 1 and next(root.parameters(recurse=False), None) is None:
        prefix, root = f"{prefix}{children[0][0]}.", children[0][1]
    stage_of, stage = {}, -1
    for child, module in children:
        stage += stage < 0 or any(p.ndim > _NORMS_AND_BIASES for p in module.parameters())
        stage_of[child] = stage
    return {name: stage_of.get(name.removeprefix(prefix).split(".")[0], 0) for name, _ in network.named_parameters()}


def _children_that_learn(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, child) for name, child in module.named_children() if next(child.parameters(), None) is not None]


def _undecayed(network: nn.Module) -> Iterable[str]:
    """Matrices that a network asks not to decay, such as the embeddings of positions."""
    stated = getattr(network, "no_weight_decay", None)
    return frozenset(stated()) if callable(stated) else frozenset()
