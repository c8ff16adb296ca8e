"""How good is the best of many trials really, and how sure is it that it is the best?

All trials were judged by the same validation images, and the best was chosen by them: its accuracy there is too high,
the more so the more trials there were. The correction (Tsamardinos, Greasidou and Borboudakis 2018, "Bootstrapping the
out-of-sample predictions"), with T trials and n images:

    L [T, n], R [T, n]     loss of each image, and whether it was right
    c_b [n]                how often each image was drawn in redraw b, of n with replacement
    w_b = argmin_t (L c_b)_t                      who would have been chosen by these images
    a_b = mean of R[w_b] over images with c_b = 0   how the chosen one did on images that did not choose it

    expected accuracy = mean of a_b;  chance that trial t is the best = share of b with w_b = t

Each redraw chooses by 63 % of the images, a little worse than all of them would, so the accuracy errs on the careful
side. The interval is Wilson's around it, for n images. What is not in it: that the same training with another
seed ends elsewhere.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

REDRAWS = 1_000
Z = 1.2816
"""Of an 80 % interval."""
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Redrawn:
    """chances: for each trial, in the order given. None: every image was in every redraw, as with one or two."""

    chances: NDArray[np.float64]
    accuracy: float | None
    interval: tuple[float, float] | None
    images: int


def redrawn(losses: Floats, right: Floats, seed: int = 0, by_accuracy: bool = False) -> Redrawn:
    """losses, right: [T, n]. by_accuracy: chosen by accuracy, and by the loss among equals."""
    images = losses.shape[1]
    drawn = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), REDRAWS).T  # [n, B]
    judged = losses @ drawn / images
    if by_accuracy:
        judged = -(right @ drawn) + judged / (1 + judged.max())
    chosen = judged.argmin(axis=0)
    chances = np.bincount(chosen, minlength=len(losses)) / REDRAWS
    out = drawn == 0
    counted = out.sum(axis=0)
    some = counted > 0
    if not some.any():
        return Redrawn(chances, None, None, images)
    shares = (right[chosen].T * out).sum(axis=0)[some] / counted[some]
    accuracy = float(shares.mean())
    return Redrawn(chances, accuracy, wilson(accuracy, images), images)


def wilson(share: float, count: int) -> tuple[float, float]:
    """80 %."""
    centre = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
