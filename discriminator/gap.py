"""What a network makes of images, in one pass: its stages and the input of its head, pooled, and its head's answers.

Hooks pool at once, so no map outlives the module that made it. Where to listen and how each output is laid out is told
once, by a run over two empty images (`survey`); after that every batch costs the forward pass and the pooling.

    N  images    S  outputs of the source head    d_s  channels of stage s    d  channels of the head's input
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from discriminator.pooling import Layout, layout_of, pooled
from discriminator.stages import is_called, stage_ends
from headhunt.errors import BadSpec
from zoo.networks.building import head_name
from zoo.networks.measure import forward

Floats = NDArray[np.float32]
TOLD_BY = 2
"""Images in the run that tells the layouts."""


@dataclass(frozen=True)
class Features:
    """What a network makes of N images, pooled over the places of each map."""

    stages: tuple[Floats, ...]
    """Each [N, d_s], from the image to the head, at most 6."""
    head: Floats
    """[N, d]: what goes into the classifier; what comes out of the network where it has none."""
    outputs: Floats | None
    """[N, S]: the outputs of the source head; None where the network has none."""


@dataclass(frozen=True)
class Plan:
    """Where to listen: the modules that end the stages, in the order they run, and the classifier if there is one."""

    stages: tuple[tuple[str, Layout], ...]
    head: tuple[str, Layout] | None
    answer: Layout
    """How the network's own output is laid out."""


@dataclass(frozen=True)
class Looked:
    """One batch, in float32, still on the device."""

    stages: tuple[Tensor, ...]
    head: Tensor
    outputs: Tensor | None


def survey(network: nn.Module, images: Tensor) -> Plan:
    """Run two images [2, 3, S, S] of the right type and device through the network and see what comes by."""
    ends, classifier = stage_ends(network), called_head(network)
    prefix = int(getattr(network, "num_prefix_tokens", None) or 0)
    channels_last = getattr(network, "output_fmt", None) == "NHWC"
    heard: dict[str, Layout | None] = {}

    def listen(name: str) -> Callable[[object], None]:
        def hear(output: object) -> None:
            heard[name] = layout_of(output, TOLD_BY, prefix, channels_last)

        return hear

    hooks = listening(network, {name: listen(name) for name in ends}, (classifier, listen("the head")))
    with torch.inference_mode(), hooks:
        answer = layout_of(forward(network, images), TOLD_BY, prefix, channels_last)
    if answer is None:
        raise BadSpec(
            f"{type(network).__name__} does not answer an image with a vector or a map; an image network does."
        )
    head = heard.pop("the head", None)
    stages = tuple((name, layout) for name, layout in heard.items() if layout is not None)
    return Plan(stages, (classifier, head) if classifier and head else None, answer)


def called_head(network: nn.Module) -> str | None:
    """The classifier, or the first of several that lie in a list (crossvit has one for each branch)."""
    name = head_name(network)
    return name if name is None or is_called(network.get_submodule(name)) else f"{name}.0"


def look(network: nn.Module, plan: Plan, images: Tensor) -> Looked:
    """One batch through a network in evaluation mode. images: [B, 3, S, S], normalised."""
    (found,) = looked(network, plan, (images,))
    return found


def looked(network: nn.Module, plan: Plan, batches: Iterable[Tensor]) -> Iterator[Looked]:
    """Batch after batch, with the same hooks."""
    heard: dict[str, Tensor] = {}

    def listen(name: str, layout: Layout) -> Callable[[object], None]:
        def hear(output: object) -> None:
            heard[name] = pooled(output, layout)

        return hear

    classifier = (plan.head[0], listen("the head", plan.head[1])) if plan.head else (None, None)
    with listening(network, {name: listen(name, how) for name, how in plan.stages}, classifier):
        for images in batches:
            with torch.inference_mode():  # left again before the caller goes on: it would hold for all its tensors
                answer = pooled(network(images), plan.answer)
            head = heard["the head"] if plan.head else answer
            yield Looked(tuple(heard[name] for name, _ in plan.stages), head, answer if plan.head else None)


@contextmanager
def listening(
    network: nn.Module,
    to: dict[str, Callable[[object], None]],
    head: tuple[str | None, Callable[[object], None] | None],
) -> Iterator[None]:
    """Hand the outputs of the named modules, and the input of the head, to these functions; then be gone."""
    with ExitStack() as hooks:
        for name, hear in to.items():
            hooks.enter_context(network.get_submodule(name).register_forward_hook(_after(hear)))
        if head[0] is not None and head[1] is not None:
            hooks.enter_context(network.get_submodule(head[0]).register_forward_pre_hook(_before(head[1])))
        yield


def _after(hear: Callable[[object], None]) -> Callable[[nn.Module, object, object], None]:
    def hook(_module: nn.Module, _inputs: object, output: object) -> None:
        hear(output)

    return hook


def _before(hear: Callable[[object], None]) -> Callable[[nn.Module, object], None]:
    def hook(_module: nn.Module, inputs: object) -> None:
        hear(inputs)

    return hook


def collected(parts: Iterable[Looked]) -> Features:
    """All batches, one after the other, as arrays on the CPU."""
    found = [(part.stages, part.head, part.outputs) for part in map(_on_cpu, parts)]
    stages = tuple(np.concatenate([part[0][i].numpy() for part in found]) for i in range(len(found[0][0])))
    head = np.concatenate([part[1].numpy() for part in found])
    outputs = [part[2].numpy() for part in found if part[2] is not None]
    return Features(stages, head, np.concatenate(outputs) if outputs else None)


def _on_cpu(part: Looked) -> Looked:
    outputs = None if part.outputs is None else part.outputs.cpu()
    return Looked(tuple(stage.cpu() for stage in part.stages), part.head.cpu(), outputs)
