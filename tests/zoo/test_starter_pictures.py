"""Every domain of the starter zoo: well formed, repeatable, balanced, neither hopeless nor trivial to tell apart."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from headhunt.errors import UnknownDomain
from zoo.starter.aerial import AERIAL, aerial
from zoo.starter.domains import Counts, Pictures, StarterDomain, starter_domain, starter_domains
from zoo.starter.drawing import SIZE
from zoo.starter.families import Family
from zoo.starter.glyphs import alphabet
from zoo.starter.materials import MATERIALS, materials
from zoo.starter.micrographs import CELLS, cells
from zoo.starter.packing import pack
from zoo.starter.scenes import SCENES, scenes
from zoo.starter.solids import SOLIDS, solids
from zoo.starter.spectrograms import SOUNDS, spectrograms

FEW = Counts(train=6, test=4)
SOME = Counts(train=60, test=40)


def each_domain() -> list[object]:
    return [pytest.param(domain, id=domain.name) for domain in starter_domains()]


@pytest.mark.parametrize("domain", each_domain())
def test_a_domain_draws_what_it_says(domain: StarterDomain) -> None:
    for pictures in domain.draw(FEW).values():
        count = len(pictures.labels)
        assert pictures.images.shape == (count, 3, SIZE, SIZE)
        assert pictures.images.dtype == np.uint8
        assert pictures.labels.dtype == np.int64
        assert 6 <= len(pictures.classes) <= 10
        assert pictures.classes == tuple(sorted(pictures.classes))


@pytest.mark.parametrize("domain", each_domain())
def test_classes_are_balanced(domain: StarterDomain) -> None:
    for pictures in domain.draw(FEW).values():
        sizes = np.bincount(pictures.labels, minlength=len(pictures.classes))
        assert sizes.min() > 0
        assert sizes.max() <= sizes.min() * 1.1 + 1


@pytest.mark.parametrize("domain", each_domain())
def test_the_same_seed_draws_the_same_pictures(domain: StarterDomain) -> None:
    first, second = domain.draw(FEW), domain.draw(FEW)
    for split in first:
        np.testing.assert_array_equal(first[split].images, second[split].images)
        np.testing.assert_array_equal(first[split].labels, second[split].labels)


@pytest.mark.parametrize("domain", each_domain())
def test_no_picture_of_the_test_part_was_trained_on(domain: StarterDomain) -> None:
    splits = domain.draw(SOME)
    train = {image.tobytes() for image in splits["train"].images}
    assert not train & {image.tobytes() for image in splits["test"].images}


@pytest.mark.parametrize("domain", each_domain())
def test_no_picture_is_blank(domain: StarterDomain) -> None:
    images = domain.draw(SOME)["train"].images.astype(np.float64)
    assert (images.std((2, 3)).max(1) > 1.5).mean() > 0.995


@pytest.mark.parametrize("domain", each_domain())
def test_the_mean_colour_does_not_give_the_class_away(domain: StarterDomain) -> None:
    splits = domain.draw(SOME)
    assert nearest_centroid(*(split_of(splits, part, mean_colour) for part in ("train", "test"))) < 0.6


@pytest.mark.parametrize("domain", each_domain())
def test_a_cheap_probe_beats_chance_by_far(domain: StarterDomain) -> None:
    splits = domain.draw(SOME)
    right = ridge(*(split_of(splits, part, shape_and_spectrum) for part in ("train", "test")))
    assert right > 2.5 / len(splits["train"].classes)


FAMILIES = (
    alphabet("glyphs", 2, 1),
    solids("solids", SOLIDS),
    cells("cells", CELLS),
    materials("materials", MATERIALS),
    aerial("aerial", AERIAL),
    scenes("scenes", SCENES),
    spectrograms("spectrograms", SOUNDS),
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_canvas_is_drawn_in_single_precision(family: Family) -> None:
    for draw in family.kinds.values():
        canvas = draw(np.random.default_rng(0), 2)
        assert (canvas.dtype, canvas.shape) == (np.float32, (2, 3, SIZE, SIZE))


def test_another_seed_invents_another_alphabet() -> None:
    ours, other = (alphabet("a", 6, seed).draw(np.random.default_rng(0), 1)[0] for seed in (1, 2))
    assert (ours != other).any()


def test_the_pictures_of_one_kind_differ() -> None:
    images, _ = alphabet("a", 2, 1).draw(np.random.default_rng(0), 40)
    assert len({image.tobytes() for image in images}) == 80


def test_an_unknown_domain_is_answered_with_a_near_one() -> None:
    with pytest.raises(UnknownDomain, match="Did you mean 'aerial'"):
        starter_domain("arial")


def test_a_packed_domain_holds_the_pictures_unchanged(tmp_path: Path) -> None:
    expected = starter_domain("cells").draw(FEW)["test"]
    with zipfile.ZipFile(pack("cells", tmp_path, FEW)) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("test/"))
        images = [np.asarray(Image.open(io.BytesIO(archive.read(name)))).transpose(2, 0, 1) for name in names]
    np.testing.assert_array_equal(np.stack(images), expected.images)
    assert [name.split("/")[1] for name in names] == [expected.classes[label] for label in expected.labels]


def test_a_domain_is_packed_once(tmp_path: Path) -> None:
    first = pack("digits", tmp_path, FEW)
    written = first.stat().st_mtime_ns
    assert pack("digits", tmp_path, FEW) == first
    assert first.stat().st_mtime_ns == written


def test_packing_twice_gives_the_same_file(tmp_path: Path) -> None:
    first, second = (pack("scenes", tmp_path / name, FEW).read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_packing_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="no space"):
        pack("digits", tmp_path, FEW)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# --- Probes ----------------------------------------------------------------------------------------------------------

Features = NDArray[np.float64]


def split_of(splits: dict[str, Pictures], part: str, look: object) -> tuple[Features, NDArray[np.int64]]:
    assert callable(look)
    return look(splits[part].images.astype(np.float64)), splits[part].labels


def mean_colour(images: Features) -> Features:
    return images.mean((2, 3))


def shape_and_spectrum(images: Features) -> Features:
    """Grey pixels at half the size, and how strong each frequency is, whatever the light."""
    grey = images.mean(1)
    grey = (grey - grey.mean((1, 2), keepdims=True)) / (grey.std((1, 2), keepdims=True) + 1)
    small = np.abs(grey.reshape(-1, SIZE // 2, 2, SIZE // 2, 2).mean((2, 4)))
    spectrum = np.log(np.abs(np.fft.rfft2(grey)) + 1)
    return np.concatenate([small.reshape(len(grey), -1), spectrum.reshape(len(grey), -1)], 1)


def nearest_centroid(train: tuple[Features, NDArray[np.int64]], test: tuple[Features, NDArray[np.int64]]) -> float:
    centres = np.stack([train[0][train[1] == label].mean(0) for label in np.unique(train[1])])
    distance = np.square(test[0][:, None] - centres).sum(2)
    return float((distance.argmin(1) == test[1]).mean())


def ridge(train: tuple[Features, NDArray[np.int64]], test: tuple[Features, NDArray[np.int64]]) -> float:
    middle = train[0].mean(0)
    x, y = train[0] - middle, np.eye(int(train[1].max()) + 1)[train[1]] - 0.1
    weights = np.linalg.solve(x.T @ x + 30 * np.eye(x.shape[1]), x.T @ y)
    return float((((test[0] - middle) @ weights).argmax(1) == test[1]).mean())
