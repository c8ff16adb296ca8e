"""What is kept of a domain: enough to do without its images, and nothing of it is trusted blindly when it is read."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from discriminator.records import SMALLEST, Record, Records, components


def record(seed: int = 0, count: int = 90) -> Record:
    rng = np.random.default_rng(seed)
    return Record.of(rng.normal(size=(count, 5)), rng.integers(-1, 3, count), rng)


def test_mean_and_spread_are_those_of_the_images() -> None:
    vectors = np.random.default_rng(1).normal(3, 2, (90, 5))
    labels = np.arange(90) % 4
    kept = Record.of(vectors, labels, np.random.default_rng(7))
    fitted = vectors[np.random.default_rng(7).permutation(90)[30:]]
    np.testing.assert_allclose(kept.mean, fitted.mean(axis=0), rtol=1e-5)
    assert kept.spread == pytest.approx(np.square(fitted - fitted.mean(axis=0)).sum(axis=1).mean(), rel=1e-5)


def test_a_third_is_held_out_and_shapes_nothing() -> None:
    kept = record()
    assert (len(kept.held), kept.counts.sum()) == (30, 60)
    one = Record.of(np.ones((1, 5)), np.array([0]), np.random.default_rng(0))
    assert (len(one.held), one.counts.tolist()) == (0, [1.0])


def test_classes_with_enough_images_are_components_and_the_small_and_unlabelled_share_one() -> None:
    labels = np.array([4] * SMALLEST + [2] * SMALLEST + [7] * (SMALLEST - 1) + [-1] * 20)
    found = components(labels)
    assert len(set(found)) == 3
    assert len({found[0], found[SMALLEST], found[-1]}) == 3
    assert found[2 * SMALLEST] == found[-1]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    records, kept = Records(tmp_path, "reference"), record()
    records.write("v", kept)
    again = records.read("v")
    assert again is not None
    for field in fields(Record):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(kept, field.name))


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_record_is_as_good_as_none(tmp_path: Path, damage: bytes | None) -> None:
    records = Records(tmp_path, "reference")
    assert records.read("v") is None
    records.write("v", record())
    data = records.path("v").read_bytes()
    records.path("v").write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if damage is None else damage)
    assert records.read("v") is None


def test_records_of_domains_that_are_gone_go(tmp_path: Path) -> None:
    records = Records(tmp_path, "reference")
    for version in ("a", "b"):
        records.write(version, record())
    records.keep_only({"b"})
    assert [records.read("a") is None, records.read("b") is None] == [True, False]


def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "discriminator").write_text("a file where the folder should be")
    Records(tmp_path, "reference").write("v", record())
    assert Records(tmp_path, "reference").read("v") is None
