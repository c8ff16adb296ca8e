"""The contract of a generator: a family of pictures with named kinds, which draws as many as wanted of one kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.starter.drawing import SIZE, Floats

Draw = Callable[[np.random.Generator, int], Floats]
"""(rng, count) -> canvases [count, 3, SIZE, SIZE], about 0..1."""

AT_ONCE = 128
"""Pictures drawn together: their maps stay in the processor's cache."""


@dataclass(frozen=True)
class Family:
    """A generator: class name -> how one of it is drawn."""

    name: str
    kinds: Mapping[str, Draw]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(self.kinds))

    def draw(self, rng: np.random.Generator, per_class: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images [classes * per_class, 3, SIZE, SIZE], class by class, and labels that index `classes`."""
        images = np.concatenate([self._draw_kind(rng, name, per_class) for name in self.classes])
        return images, np.repeat(np.arange(len(self.kinds)), per_class)

    def _draw_kind(self, rng: np.random.Generator, name: str, count: int) -> NDArray[np.uint8]:
        images = np.empty((count, 3, SIZE, SIZE), np.uint8)
        for start in range(0, count, AT_ONCE):
            part = images[start : start + AT_ONCE]
            part[:] = np.clip(np.rint(self.kinds[name](rng, len(part)) * 255), 0, 255)
        return images
