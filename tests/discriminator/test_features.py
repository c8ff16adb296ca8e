"""Features of a gallery through the store: what they are, that they are kept, and what happens when that fails."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from discriminator import extraction
from discriminator.backbone import Backbone, backbone_of
from discriminator.features import FeatureStore, read_features
from discriminator.gallery import Gallery
from discriminator.gap import Features
from headhunt import errors
from headhunt.vocabulary import ModelCard
from tests.discriminator.rivals import RIVAL, answers
from tests.zoo.cards import card
from tests.zoo.full_disk import full_disk
from tests.zoo.images import folder_of, many, picture
from zoo.images.pixels import View
from zoo.images.samples import Sample, open_sample
from zoo.networks.building import build_network
from zoo.repository import Zoo
from zoo.sources import Found

NETWORK = "examples.cifar_resnet:resnet20"


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    with open_sample(folder_of(many(12), tmp_path / "photos")) as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "home")


def seeded() -> nn.Module:
    torch.manual_seed(0)
    return build_network(NETWORK, classes=7).eval()


def backbone(builds: list[str] | None = None) -> Backbone:
    def build() -> nn.Module:
        if builds is not None:
            builds.append(NETWORK)
        return seeded()

    return Backbone("mine", "digest", View(32), (0.5,) * 3, (0.25,) * 3, build)


def gallery_of(sample: Sample) -> Gallery:
    return Gallery(sample, sample.entries())


def arrays(features: Features) -> list[np.ndarray]:
    return [*features.stages, features.head, *([] if features.outputs is None else [features.outputs])]


def same(one: Features, other: Features) -> bool:
    return all((a == b).all() for a, b in zip(arrays(one), arrays(other), strict=True))


def test_a_second_request_builds_no_network_and_reads_no_image(sample: Sample, store: FeatureStore) -> None:
    builds: list[str] = []
    assert not store.known(backbone(builds), gallery_of(sample))
    first = store.features(backbone(builds), gallery_of(sample))
    assert store.known(backbone(builds), gallery_of(sample))
    assert all(array.dtype == np.float32 and len(array) == 12 for array in arrays(first))
    sample.read = None  # type: ignore[method-assign, assignment]
    again = gallery_of(sample)
    assert same(first, store.features(backbone(builds), again))
    assert again.labels.tolist() == [0] * 6 + [1] * 6
    assert builds == [NETWORK]


CHANGES = [{"digest": "other"}, {"view": View(40)}, {"mean": (0.4,) * 3}, {"std": (0.3,) * 3}]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_whatever_changes_the_features_is_another_request(
    change: dict[str, object], sample: Sample, store: FeatureStore
) -> None:
    store.features(backbone(), gallery_of(sample))
    assert not store.known(replace(backbone(), **change), gallery_of(sample))
    assert not store.known(backbone(), Gallery(sample, sample.entries()[::-1]))
    assert store.known(replace(backbone(), name="another name"), gallery_of(sample))


def test_a_file_that_is_damaged_or_anothers_is_computed_anew(sample: Sample, store: FeatureStore) -> None:
    builds: list[str] = []
    first = store.features(backbone(builds), gallery_of(sample))
    path = store.path(backbone(), gallery_of(sample))
    whole = path.read_bytes()
    other = Gallery(sample, sample.entries()[:5])
    store.features(backbone(), other)
    wrong = store.path(backbone(), other).read_bytes()
    for content in (b"", whole[:-7], whole[:-1] + bytes([whole[-1] ^ 1]), b"x" * 100, wrong):
        path.write_bytes(content)
        builds.clear()
        assert same(first, store.features(backbone(builds), gallery_of(sample)))
        assert builds
    builds.clear()
    assert same(first, store.features(backbone(builds), gallery_of(sample)))
    assert not builds


def test_a_full_disk_costs_nothing_but_the_next_request(sample: Sample, store: FeatureStore) -> None:
    with full_disk():
        first = store.features(backbone(), gallery_of(sample))
    assert not store.known(backbone(), gallery_of(sample))
    assert list(store.folder.glob("*")) == []
    assert same(first, store.features(backbone(), gallery_of(sample)))


def test_rows_are_the_images_that_can_be_decoded_also_when_nothing_is_decoded(
    tmp_path: Path, store: FeatureStore
) -> None:
    whole = picture(1, (256, 256), "JPEG", quality=95)
    files = many(40) | {"cat/broken.jpg": whole[: len(whole) // 2] + b"\xff\xd9"}
    with open_sample(folder_of(files, tmp_path / "photos")) as sample:
        first, second = gallery_of(sample), gallery_of(sample)
        features = store.features(backbone(), first)
        sample.read = None  # type: ignore[method-assign, assignment]
        assert same(features, store.features(backbone(), second))
    for gallery in (first, second):
        assert len(features.head) == len(gallery.labels) == len(gallery.entries) == 40
        assert [refusal.member for refusal in gallery.refused] == ["cat/broken.jpg"]


@pytest.mark.slow
def test_two_processes_in_one_home_get_the_same_features_and_leave_one_whole_file(tmp_path: Path) -> None:
    photos, home = folder_of(many(6), tmp_path / "photos"), tmp_path / "home"
    asked = [sys.executable, "-m", "tests.discriminator.rivals", str(home), str(photos), "20"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(asked, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as rival:
        ours: list[str] = []
        while rival.poll() is None:
            ours += answers(home, photos, 2)
        theirs, complaint = rival.communicate()
    assert rival.returncode == 0, complaint
    assert len(theirs.split()) == 20
    assert len(ours) >= 2
    assert len({*ours, *theirs.split()}) == 1
    assert answers(home, photos, 1) == ours[:1]
    with open_sample(photos) as sample:
        kept = FeatureStore(home).path(RIVAL, gallery_of(sample))
        assert read_features(kept, 6) is not None, "whole"
    assert list(kept.parent.iterdir()) == [kept], "no drafts"


def test_one_image_is_enough(sample: Sample, store: FeatureStore) -> None:
    features = store.features(backbone(), Gallery(sample, sample.entries()[:1]))
    assert [len(array) for array in arrays(features)] == [1] * len(arrays(features))


def test_half_precision_and_folding_change_no_direction(
    sample: Sample, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = extraction.extract(backbone(), gallery_of(sample), "cpu", "fp32")
    monkeypatch.setattr(extraction, "FOLD_FROM", 1)
    quick = extraction.extract(backbone(), gallery_of(sample), "cpu", "bf16")
    for one, other in zip(arrays(exact), arrays(quick), strict=True):
        cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        assert cosine.min() >= 0.999


class Sensitive(nn.Module):
    """A network with one weak spot: `breaks` says for which type of numbers it makes none."""

    def __init__(self, breaks: tuple[torch.dtype, ...]) -> None:
        super().__init__()
        self.conv, self.head, self.breaks = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), breaks

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.head(self.conv(x).mean((2, 3)))
        return answer / (0.0 if x.dtype in self.breaks else 1.0)


def test_what_is_not_finite_in_half_precision_is_computed_in_full(sample: Sample) -> None:
    network = replace(backbone(), build=lambda: Sensitive((torch.bfloat16,)).eval())
    features = extraction.extract(network, gallery_of(sample), "cpu", "bf16")
    assert all(np.isfinite(array).all() for array in arrays(features))


def test_what_is_not_finite_at_all_is_an_error_and_is_not_kept(sample: Sample, store: FeatureStore) -> None:
    broken = replace(backbone(), build=lambda: Sensitive((torch.bfloat16, torch.float32)).eval())
    with pytest.raises(errors.NonFiniteWeights, match="mine: makes NaN or infinite values of 12 of 12 images"):
        store.features(broken, gallery_of(sample))
    assert not store.known(broken, gallery_of(sample))


def test_a_card_of_the_zoo_is_looked_through_with_its_own_head(tmp_path: Path, sample: Sample) -> None:
    zoo = Zoo(tmp_path / "home")
    facts = card("cifar10/resnet20", network=NETWORK, head=7)
    kept = zoo.add(Found(facts, seeded().state_dict()))
    through = backbone_of(zoo, kept)
    assert (
        through.digest != backbone_of(zoo, zoo.add(Found(card("x/y", network=NETWORK, head=7), other_state()))).digest
    )
    features = FeatureStore(zoo.home).features(through, gallery_of(sample))
    assert features.outputs is not None
    assert features.outputs.shape == (12, 7)


def other_state() -> dict[str, Tensor]:
    torch.manual_seed(1)
    state: dict[str, Tensor] = build_network(NETWORK, classes=7).state_dict()
    return state


@pytest.mark.parametrize(
    "facts", [{"channels": 4}, {"mean": (0.5,) * 4, "std": (0.2,) * 4}, {"std": (0.0,) * 3}], ids=str
)
def test_a_network_that_sees_no_pictures_is_refused_with_its_name(tmp_path: Path, facts: dict[str, object]) -> None:
    strange: ModelCard = card("cifar10/resnet20", network=NETWORK, head=7, weights="0" * 64, **facts)
    with pytest.raises(errors.BadValue, match="cifar10/resnet20"):
        backbone_of(Zoo(tmp_path), strange)
