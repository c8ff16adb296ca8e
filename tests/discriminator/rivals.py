"""A process that asks one store for features again and again, while others do, and while files vanish.

python -m tests.discriminator.rivals HOME PHOTOS ROUNDS: prints the checksum of each answer.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from discriminator.backbone import Backbone
from discriminator.features import FeatureStore, checksum
from discriminator.gallery import Gallery
from zoo.images.pixels import View
from zoo.images.samples import open_sample
from zoo.networks.building import build_network


def seeded() -> nn.Module:
    torch.manual_seed(0)
    return build_network("examples.cifar_resnet:resnet20", classes=7).eval()


@contextmanager
def one_thread() -> Iterator[None]:
    """As many in each process, so that sums are the same to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


RIVAL = Backbone("rival", "digest", View(32), (0.5,) * 3, (0.25,) * 3, seeded)


def answers(home: Path, photos: Path, rounds: int) -> list[str]:
    """Every second time the file is removed beforehand, so that both write while the other reads."""
    store, found = FeatureStore(home), []
    with one_thread(), open_sample(photos) as sample:
        for turn in range(rounds):
            gallery = Gallery(sample, sample.entries())
            if turn % 2:
                store.path(RIVAL, gallery).unlink(missing_ok=True)
            features = store.features(RIVAL, gallery)
            found.append(checksum({str(i): stage for i, stage in enumerate((*features.stages, features.head))}))
    return found


if __name__ == "__main__":
    print(*answers(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
