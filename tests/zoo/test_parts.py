"""How a sample is cut into what is learnt from, what chooses, and what judges."""

from pathlib import Path

import pytest
import torch

from headhunt.errors import BadValue
from headhunt.vocabulary import SampleLimits
from tests.zoo.images import folder_of, picture
from zoo.images.pixels import Pixels, View
from zoo.images.samples import open_sample
from zoo.parts import Parts, divide, hold_out


def parts_of(root: Path, *splits: str) -> Parts:
    files = {f"{split}/{label}/{i}.png": picture(i) for split in splits for label in ("cat", "dog") for i in range(4)}
    with open_sample(folder_of(files, root / "photos")) as sample:
        return divide(sample, View(8))


def test_given_parts_are_taken_as_they_are(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, "train", "val", "test")
    assert [len(part.labels) for part in (parts.train, parts.val, parts.test)] == [8, 8, 8]


def test_without_a_test_part_val_judges(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, "train", "val")
    assert parts.test is parts.val


def test_what_chooses_is_held_out_of_what_is_learnt_from(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, "train", "test")
    assert (len(parts.train.labels), len(parts.val.labels), len(parts.test.labels)) == (6, 2, 8)


def test_a_sample_of_parts_without_train_is_refused_rather_than_trained_on_its_test_part(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"photos has the parts test, val and no train"):
        parts_of(tmp_path, "test", "val")


def test_a_share_of_every_class_is_held_out_the_same_at_every_call() -> None:
    labels = torch.tensor([0] * 20 + [1] * 2 + [2] + [-1] * 5)
    images = torch.arange(len(labels)).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)
    train, val = hold_out(Pixels(images, labels, ("a", "b", "c")))
    assert torch.bincount(val.labels).tolist() == [3, 1]
    assert torch.bincount(train.labels).tolist() == [17, 1, 1]
    assert not set(train.images[:, 0, 0, 0].tolist()) & set(val.images[:, 0, 0, 0].tolist())
    again = hold_out(Pixels(images, labels, ("a", "b", "c")))
    assert torch.equal(again[1].images, val.images)


def test_a_broken_image_moves_no_other_from_one_side_to_the_other(tmp_path: Path) -> None:
    """What a probe learned from must never be what its fine-tuning is judged on."""
    whole = {f"{name}/{i}.png": picture(10 * place + i) for place, name in enumerate("ab") for i in range(40)}
    with open_sample(folder_of(whole, tmp_path / "whole")) as sample:
        before = divide(sample, View(8)).val.images
    data = whole["a/17.png"]
    whole["a/17.png"] = data[:50] + bytes(20) + data[70:]
    limits = SampleLimits(max_broken=0.5)
    with open_sample(folder_of(whole, tmp_path / "broken"), limits) as sample:
        after = divide(sample, View(8)).val.images
    known = {image.numpy().tobytes() for image in before}
    assert len(after) >= len(before) - 1
    assert {image.numpy().tobytes() for image in after} <= known


def test_each_part_tells_which_entries_its_images_are() -> None:
    whole = Pixels(torch.arange(8)[:, None, None, None], torch.tensor([0, 1] * 4), ("a", "b"), (), tuple(range(10, 18)))
    for part in hold_out(whole):
        assert [10 + int(image) for image in part.images.flatten()] == list(part.kept)
