"""The columns of the starter zoo: four tiny architectures of timm, of four kinds, and how each is best taught.

They see 32 px as they are. The rates are the best of a few tried on `solids` and `glyphs`. The transformer has only
four patches to look at; it wants a low rate, sees more images, and learned less when these were moved about.
"""

from dataclasses import dataclass
from typing import Literal

from headhunt.vocabulary import Protocol
from zoo.starter.drawing import SIZE

MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class StarterNetwork:
    """A column: an architecture of timm, what kind it is, and its protocol."""

    name: str
    kind: str
    protocol: Protocol


def starter_networks() -> tuple[StarterNetwork, ...]:
    """The dearest first, so that no worker is left alone with it at the end."""
    return (
        StarterNetwork("test_vit", "transformer on patches", taught(700, 1e-3, weight_decay=0.2, augment="none")),
        StarterNetwork("test_mambaout", "gated large convolutions", taught(600, 5e-3)),
        StarterNetwork("test_efficientnet", "inverted residuals with squeeze and excitation", taught(500, 4e-3)),
        StarterNetwork("test_resnet", "residual convolutions", taught(400, 2e-3)),
    )


def taught(steps: int, lr: float, weight_decay: float = 0.05, augment: Literal["shift", "none"] = "shift") -> Protocol:
    """In full precision, so that the same weights come out on every machine of a kind."""
    return Protocol(
        steps=steps,
        batch_size=64,
        lr=lr,
        weight_decay=weight_decay,
        augment=augment,
        precision="fp32",
        input_size=SIZE,
    )
