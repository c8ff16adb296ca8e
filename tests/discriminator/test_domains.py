"""The discriminator over a zoo: it finds the domain, knows when there is none, and follows the catalogue cheaply."""

import time
from pathlib import Path

import numpy as np
import pytest

from discriminator.backbone import Backbone
from discriminator.domains import Discriminator, Resemblance, evenly, gallery_of
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from discriminator.gap import Features
from headhunt.errors import UnknownDomain
from headhunt.vocabulary import Domain
from tests.discriminator.domain_pictures import add_domain, eyes, pictures, sample_of
from zoo.repository import Zoo

EACH = 90


class CountingStore(FeatureStore):
    """Tells which galleries were asked for."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.asked: list[str] = []

    def features(self, backbone: Backbone, gallery: Gallery, *, device: str | None = None) -> Features:
        self.asked.append(gallery.sample.version.id)
        return super().features(backbone, gallery, device=device)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """Three domains with images, and one that is only a name."""
    zoo = Zoo(tmp_path_factory.mktemp("home"))
    for kind in ("noise", "stripes", "discs"):
        add_domain(zoo, kind, pictures(kind, EACH), tmp_path_factory.mktemp(kind))
    with zoo.catalogue.change() as draft:
        draft.add_domain(Domain(name="imagenet"))
    return zoo


def discriminator(zoo: Zoo) -> Discriminator:
    return Discriminator(zoo, FeatureStore(zoo.home), eyes())


def asked(zoo: Zoo, files: dict[str, bytes], folder: Path) -> Resemblance:
    with sample_of(files, folder) as sample:
        return discriminator(zoo).resembles(Gallery(sample, sample.entries()))


def two_domains(home: Path) -> Zoo:
    zoo = Zoo(home / "home")
    add_domain(zoo, "noise", pictures("noise", EACH), home / "noise")
    add_domain(zoo, "discs", pictures("discs", EACH), home / "discs")
    return zoo


@pytest.mark.parametrize("kind", ["noise", "stripes", "discs"])
@pytest.mark.parametrize("labelled", [True, False])
def test_new_images_of_a_domain_are_found_to_be_its(filled: Zoo, tmp_path: Path, kind: str, labelled: bool) -> None:
    found = asked(filled, pictures(kind, 40, seed=1, labelled=labelled), tmp_path)
    assert found.shares[kind] > 0.95
    assert max(found.nearness, key=lambda name: found.nearness[name]) == kind
    assert not found.none_of_these
    assert {name for name, _ in found.per_image} == {kind}
    assert sum(found.shares.values()) == pytest.approx(1)


def test_images_of_no_domain_are_found_to_be_of_none_and_still_have_a_nearest(filled: Zoo, tmp_path: Path) -> None:
    found = asked(filled, pictures("checks", 40), tmp_path)
    assert found.none_of_these
    assert found.p_value < 1e-6
    assert all(0 < near < 1 for near in found.nearness.values())
    assert len(set(found.nearness.values())) == 3


def test_a_mixture_has_the_shares_of_its_parts(filled: Zoo, tmp_path: Path) -> None:
    mixed = {f"{kind}-{name}": data for kind, n in (("noise", 45), ("discs", 15))
             for name, data in pictures(kind, n, seed=2, labelled=False).items()}  # fmt: skip
    found = asked(filled, mixed, tmp_path)
    assert found.shares["noise"] == pytest.approx(0.75, abs=0.03)
    assert found.shares["discs"] == pytest.approx(0.25, abs=0.03)
    assert not found.none_of_these
    assert [name for name, _ in found.per_image] == ["discs"] * 15 + ["noise"] * 45


def test_domains_without_stored_images_have_no_entry(filled: Zoo, tmp_path: Path) -> None:
    found = asked(filled, pictures("noise", 10, seed=1), tmp_path)
    assert set(found.shares) == set(found.nearness) == {"noise", "stripes", "discs"}
    assert found.left_out == {}


def test_one_image_is_enough_for_an_answer(filled: Zoo, tmp_path: Path) -> None:
    found = asked(filled, pictures("stripes", 1, seed=4), tmp_path)
    assert found.per_image[0][0] == "stripes"
    assert found.nearness["stripes"] > 0.5
    assert not found.none_of_these


def test_the_same_image_a_hundred_times_says_no_more_than_once(filled: Zoo, tmp_path: Path) -> None:
    (name, data), *_ = pictures("checks", 1).items()
    once = asked(filled, {name: data}, tmp_path / "once")
    often = asked(filled, {f"a/{i}.png": data for i in range(100)}, tmp_path / "often")
    assert often.p_value == pytest.approx(once.p_value)
    assert often.shares == pytest.approx(once.shares)
    assert len(often.per_image) == 100


def test_a_second_discriminator_looks_at_no_image_of_the_domains_again(filled: Zoo, tmp_path: Path) -> None:
    discriminator(filled).trained()
    store = CountingStore(filled.home)
    with sample_of(pictures("noise", 5, seed=9), tmp_path) as sample:
        Discriminator(filled, store, eyes()).resembles(Gallery(sample, sample.entries()))
        assert store.asked == [sample.version.id]


def test_answering_for_known_features_takes_no_time_to_speak_of(filled: Zoo, tmp_path: Path) -> None:
    """Of processor time, with much room for a slow day; usual is a hundredth of a second."""
    with sample_of(pictures("noise", 120, seed=1), tmp_path) as sample:
        known, gallery = discriminator(filled), Gallery(sample, sample.entries())
        first = known.resembles(gallery)
        begun = time.process_time()
        assert known.resembles(gallery) == first
        assert time.process_time() - begun < 10


def test_an_empty_zoo_resembles_nothing(tmp_path: Path) -> None:
    found = asked(Zoo(tmp_path / "home"), pictures("noise", 5), tmp_path / "sample")
    assert (found.shares, found.nearness, found.none_of_these) == ({}, {}, True)
    assert discriminator(Zoo(tmp_path / "home")).domain_vectors()[0] == ()


def test_an_empty_zoo_needs_no_reference_network(tmp_path: Path) -> None:
    with sample_of(pictures("noise", 3), tmp_path / "sample") as sample:
        zoo = Zoo(tmp_path / "home")
        assert Discriminator(zoo, FeatureStore(zoo.home)).resembles(Gallery(sample, sample.entries())).none_of_these
    assert not (tmp_path / "home" / "reference").exists()


def test_one_domain_alone_is_told_from_none(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path / "home")
    add_domain(zoo, "noise", pictures("noise", EACH), tmp_path / "noise")
    same = asked(zoo, pictures("noise", 30, seed=1), tmp_path / "same")
    other = asked(zoo, pictures("discs", 30, seed=1), tmp_path / "other")
    assert (same.shares, other.shares) == ({"noise": 1.0}, {"noise": 1.0})
    assert (same.none_of_these, other.none_of_these) == (False, True)
    assert same.nearness["noise"] > 0.8 > 0.5 > other.nearness["noise"] > 0


def test_a_domain_of_one_image_is_a_domain(tmp_path: Path) -> None:
    zoo = two_domains(tmp_path)
    add_domain(zoo, "tiny", pictures("stripes", 1), tmp_path / "tiny")
    found = asked(zoo, pictures("stripes", 20, seed=1), tmp_path / "sample")
    assert max(found.nearness, key=lambda name: found.nearness[name]) == "tiny"


def test_a_new_domain_costs_its_own_record_only(tmp_path: Path) -> None:
    zoo = two_domains(tmp_path)
    known = Discriminator(zoo, store := CountingStore(zoo.home), eyes())
    known.trained()
    before = {path: path.stat().st_mtime_ns for path in (zoo.home / "discriminator").rglob("*.safetensors")}
    assert len(before) == 2
    store.asked.clear()
    row = add_domain(zoo, "stripes", pictures("stripes", EACH), tmp_path / "stripes")
    trained = known.trained()
    assert trained is not None
    assert trained.names == ("discs", "noise", "stripes")
    assert store.asked == [row.version]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_adding_domains_one_by_one_ends_where_adding_them_at_once_does(filled: Zoo, tmp_path: Path) -> None:
    zoo = two_domains(tmp_path)
    step_by_step = discriminator(zoo)
    step_by_step.trained()
    add_domain(zoo, "stripes", pictures("stripes", EACH), tmp_path / "stripes")
    with sample_of(pictures("checks", 10), tmp_path / "sample") as sample:
        gallery = Gallery(sample, sample.entries())
        assert step_by_step.resembles(gallery) == discriminator(filled).resembles(gallery)


def test_a_removed_domain_goes_with_its_record(tmp_path: Path) -> None:
    zoo = two_domains(tmp_path)
    known = discriminator(zoo)
    known.trained()
    with zoo.catalogue.change() as draft:
        gone = draft.remove_domain("noise")
    trained = known.trained()
    assert trained is not None
    assert trained.names == ("discs",)
    kept = [path.stem for path in (zoo.home / "discriminator").rglob("*.safetensors")]
    assert len(kept) == 1
    assert gone.version not in kept


def test_a_damaged_record_is_computed_again(tmp_path: Path) -> None:
    zoo = two_domains(tmp_path)
    before = discriminator(zoo).domain_vectors()
    for path in (zoo.home / "discriminator").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-7])
    names, vectors = discriminator(zoo).domain_vectors()
    assert names == before[0]
    np.testing.assert_array_equal(vectors, before[1])


def test_a_domain_whose_images_are_lost_is_left_out_by_name(tmp_path: Path) -> None:
    zoo = two_domains(tmp_path)
    version = zoo.catalogue.read().domain("noise").version
    next((zoo.home / "versions").rglob(f"{version}*")).unlink()
    found = asked(zoo, pictures("discs", 10, seed=1), tmp_path / "sample")
    assert set(found.shares) == {"discs"}
    assert set(found.left_out) == {"noise"}
    assert str(version)[:8] in found.left_out["noise"]


def test_a_domain_is_described_by_a_fair_draw_of_its_training_part(tmp_path: Path) -> None:
    files = {f"train/{name}": data for name, data in pictures("noise", 400).items()}
    files |= {f"test/{name}": data for name, data in pictures("discs", 20).items()}
    with sample_of(files, tmp_path / "split") as sample:
        drawn, again = gallery_of(sample), gallery_of(sample)
    assert len(drawn.asked) == 384
    assert {entry.split for entry in drawn.asked} == {"train"}
    assert drawn.key == again.key
    assert abs(sum(entry.label == "a" for entry in drawn.asked) - 192) < 20


def test_a_large_sample_is_judged_by_a_part_that_is_spread_over_all_of_it() -> None:
    places = np.arange(0, 30_000, 3)
    chosen = evenly(places, 2000)
    assert (len(chosen), chosen[0], chosen[-1]) == (2000, places[0], places[-1])
    assert np.diff(chosen).max() <= 2 * np.diff(chosen).min()
    np.testing.assert_array_equal(evenly(places[:7], 2000), places[:7])


def test_vectors_stay_where_they_are_when_a_domain_comes(filled: Zoo, tmp_path: Path) -> None:
    names, vectors = discriminator(two_domains(tmp_path)).domain_vectors()
    more, others = discriminator(filled).domain_vectors()
    assert vectors.dtype == np.float32
    for name, vector in zip(names, vectors, strict=True):
        np.testing.assert_array_equal(vector, others[more.index(name)])


def test_distances_between_domains_are_symmetric_and_zero_to_oneself(filled: Zoo) -> None:
    known = discriminator(filled)
    assert known.distance("noise", "discs") == known.distance("discs", "noise") > 0
    assert known.distance("noise", "noise") == 0
    with pytest.raises(UnknownDomain, match=r"'nois'.*'noise'"):
        known.distance("nois", "discs")
    with pytest.raises(UnknownDomain, match="imagenet"):
        known.distance("imagenet", "discs")
