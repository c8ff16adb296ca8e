"""A gallery decodes each image once for each view, and never holds more than it may."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from discriminator.gallery import Gallery
from headhunt import errors
from headhunt.vocabulary import Entry
from tests.zoo.images import folder_of, many, picture
from zoo.images.pixels import View, load_pixels
from zoo.images.samples import Sample, open_sample


def broken_jpeg(seed: int) -> bytes:
    data = picture(seed, (256, 256), "JPEG", quality=95)
    return data[: len(data) // 2] + b"\xff\xd9"


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    with open_sample(folder_of(many(40) | {"cat/broken.jpg": broken_jpeg(1)}, tmp_path)) as opened:
        yield opened


def counting(sample: Sample) -> list[str]:
    """The paths that are read from now on."""
    seen: list[str] = []
    read = sample.read

    def counted(entry: Entry) -> bytes:
        seen.append(entry.path)
        return read(entry)

    sample.read = counted  # type: ignore[method-assign]
    return seen


def test_a_view_is_decoded_once(sample: Sample) -> None:
    gallery, seen = Gallery(sample, sample.entries()), counting(sample)
    first = gallery.pixels(View(16))
    assert torch.equal(gallery.pixels(View(16)).images, first.images)
    assert len(seen) == 41
    gallery.pixels(View(24))
    assert len(seen) == 82


def test_it_holds_what_a_sample_loads(sample: Sample) -> None:
    gallery, plain = Gallery(sample, sample.entries()).pixels(View(16)), load_pixels(sample, View(16))
    assert torch.equal(gallery.images, plain.images)
    assert torch.equal(gallery.labels, plain.labels)
    assert (gallery.refused, gallery.kept, gallery.classes) == (plain.refused, plain.kept, plain.classes)


def test_beyond_its_bound_it_keeps_nothing_and_gives_the_same(sample: Sample) -> None:
    roomy, tight = Gallery(sample, sample.entries()), Gallery(sample, sample.entries(), held=1000)
    batches = list(tight.batches(View(16), 7))
    assert max(len(batch) for batch in batches) == 7
    assert torch.equal(torch.cat(batches), roomy.pixels(View(16)).images)
    assert not tight._images
    assert tight.refused == roomy.refused


def test_labels_asked_for_first_are_those_of_the_images_that_can_be_decoded(sample: Sample) -> None:
    gallery = Gallery(sample, sample.entries(), classes=("dog", "cat"))
    assert gallery.labels.tolist() == [1] * 20 + [0] * 20
    assert "cat/broken.jpg" not in [entry.path for entry in gallery.entries]


def test_the_key_tells_images_and_their_order_apart(sample: Sample) -> None:
    entries = sample.entries()
    keys = {Gallery(sample, chosen).key for chosen in (entries, entries[::-1], entries[:5], entries[5:])}
    assert len(keys) == 4
    assert Gallery(sample, list(entries)).key in keys


def test_no_image_is_an_error(sample: Sample) -> None:
    with pytest.raises(errors.NoImages):
        Gallery(sample, ())


@pytest.mark.parametrize("held", [0, 2**30])
def test_too_many_broken_images_refuse_the_gallery(tmp_path: Path, held: int) -> None:
    files = many(10) | {f"cat/{i}.jpg": broken_jpeg(i) for i in range(3)}
    with open_sample(folder_of(files, tmp_path)) as sample:
        with pytest.raises(errors.TooManyBroken):
            Gallery(sample, sample.entries(), held=held).pixels(View(8))
        broken = [entry for entry in sample.entries() if entry.path.endswith("jpg")]
        with pytest.raises(errors.NoValidImages):
            Gallery(sample, broken, held=held).pixels(View(8))


def test_a_class_that_is_not_named_is_an_error(sample: Sample) -> None:
    with pytest.raises(errors.BadValue, match="'cat'"):
        Gallery(sample, sample.entries(), classes=("dog",))
