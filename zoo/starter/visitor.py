"""The sample of `headhunt demo`: an alphabet that no model of the starter zoo has seen, as a user would bring one."""

from pathlib import Path

import numpy as np

from zoo.starter.domains import Pictures
from zoo.starter.glyphs import alphabet
from zoo.starter.packing import write

NAME = "runes"
LETTERS, INVENTED_BY = 8, 4242
TRAIN, TEST = 40, 25
"""Of each letter: a sample of a size that somebody collects by hand."""


def visiting_sample(folder: Path) -> Path:
    """`runes.zip` below the folder, drawn if it is not there yet."""
    target = folder / f"{NAME}.zip"
    if target.exists():
        return target
    family = alphabet(NAME, LETTERS, INVENTED_BY)
    rng = np.random.default_rng(INVENTED_BY)
    parts = {
        part: Pictures(*family.draw(rng, count), family.classes) for part, count in (("train", TRAIN), ("test", TEST))
    }
    return write(parts, target)
