"""The map of a zoo: it finds what is nearest, follows the catalogue, and looks at no image twice."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from discriminator.atlas import Atlas, Near
from discriminator.backbone import Backbone
from discriminator.domains import Discriminator
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.errors import BadValue, NotWritten
from headhunt.vocabulary import Domain
from tests.discriminator.domain_pictures import add_domain, eyes, pictures, sample_of
from tests.zoo.cards import card
from zoo.repository import Zoo

KINDS = ("noise", "stripes", "discs")


@pytest.fixture(scope="module")
def looked_through(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a zoo of three domains with images and one without, two models on each; all records are made."""
    zoo = Zoo(tmp_path_factory.mktemp("home"))
    for kind in KINDS:
        add_domain(zoo, kind, pictures(kind, 24), tmp_path_factory.mktemp(kind))
    with zoo.catalogue.change() as draft:
        draft.add_domain(Domain(name="imagenet"))
        for domain in (*KINDS, "imagenet"):
            draft.add_card(card(f"{domain}/first"))
            draft.add_card(card(f"{domain}/second"))
    atlas(zoo).discriminator.means()
    return zoo.home


@pytest.fixture
def zoo(looked_through: Path, tmp_path: Path) -> Zoo:
    return Zoo(Path(shutil.copytree(looked_through, tmp_path / "home")))


def atlas(zoo: Zoo, backbone: Backbone | None = None) -> Atlas:
    return Atlas(zoo, Discriminator(zoo, FeatureStore(zoo.home), backbone or eyes()))


def place(zoo: Zoo, kind: str, folder: Path) -> NDArray[np.float32]:
    with sample_of(pictures(kind, 12, seed=1), folder) as sample:
        return atlas(zoo).discriminator.place(Gallery(sample, sample.entries()))


def names(near: Sequence[Near]) -> list[str]:
    return [one.name for one in near]


def written(zoo: Zoo) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (zoo.home / "atlas").rglob("*") if path.is_file()}


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions whose features were asked for, from now on."""
    asked: list[str] = []
    features = FeatureStore.features

    def counted(self: FeatureStore, backbone, gallery, **how):  # type: ignore[no-untyped-def]
        asked.append(gallery.sample.version.id)
        return features(self, backbone, gallery, **how)

    monkeypatch.setattr(FeatureStore, "features", counted)
    return asked


def test_distances_are_those_between_mean_embeddings_nearest_first(zoo: Zoo, tmp_path: Path) -> None:
    x = place(zoo, "stripes", tmp_path / "sample")
    near = atlas(zoo).near_domains(x, 10)
    known, means = atlas(zoo).discriminator.domain_vectors()
    truth = {name: float(np.linalg.norm(x - mean)) for name, mean in zip(known, means, strict=True)}
    assert names(near) == sorted(truth, key=lambda name: truth[name])
    assert near[0].name == "stripes"
    assert {one.name: one.distance for one in near} == pytest.approx(truth, abs=1e-3)


def test_models_lie_where_their_domain_lies_and_those_of_bare_names_nowhere(zoo: Zoo, tmp_path: Path) -> None:
    x = place(zoo, "discs", tmp_path / "sample")
    assert names(atlas(zoo).near_models(x, 2)) == ["discs/first", "discs/second"]
    assert len(atlas(zoo).near_models(x, 99)) == 6


def test_a_new_model_adds_a_row_and_looks_at_no_image(zoo: Zoo, tmp_path: Path, looked_at: list[str]) -> None:
    x = place(zoo, "noise", tmp_path / "sample")
    atlas(zoo).near_models(x, 1)
    looked_at.clear()
    with zoo.catalogue.change() as draft:
        draft.add_card(card("noise/third"))
    assert "noise/third" in names(atlas(zoo).near_models(x, 3))
    assert looked_at == []


def test_a_new_domain_costs_the_look_at_its_own_images(zoo: Zoo, tmp_path: Path, looked_at: list[str]) -> None:
    x = place(zoo, "checks", tmp_path / "sample")
    atlas(zoo).near_domains(x, 1)
    looked_at.clear()
    row = add_domain(zoo, "checks", pictures("checks", 24), tmp_path / "checks")
    assert atlas(zoo).near_domains(x, 1)[0].name == "checks"
    assert looked_at == [row.version]


def test_where_nothing_changed_nothing_is_written_and_no_record_is_read(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = place(zoo, "noise", tmp_path / "sample")
    first, before = (atlas(zoo).near_domains(x, 9), atlas(zoo).near_models(x, 9)), written(zoo)
    monkeypatch.setattr(Discriminator, "means", None)
    assert (atlas(zoo).near_domains(x, 9), atlas(zoo).near_models(x, 9)) == first
    assert written(zoo) == before


def test_what_is_removed_is_not_found_also_by_an_atlas_that_is_open(zoo: Zoo, tmp_path: Path) -> None:
    x = place(zoo, "noise", tmp_path / "sample")
    opened = atlas(zoo)
    assert opened.near_models(x, 1)[0].name == "noise/first"
    zoo.remove(["noise/first", "noise/second"])
    with zoo.catalogue.change() as draft:
        draft.remove_domain("noise")
    for one in (opened, atlas(zoo)):
        assert "noise" not in names(one.near_domains(x, 9))
        assert not [name for name in names(one.near_models(x, 9)) if name.startswith("noise/")]


def test_a_name_that_stands_for_other_images_now_has_another_place(zoo: Zoo, tmp_path: Path) -> None:
    x = place(zoo, "noise", tmp_path / "sample")
    atlas(zoo).near_models(x, 9)
    zoo.remove(["noise/first", "noise/second"])
    with zoo.catalogue.change() as draft:
        draft.remove_domain("noise")
    add_domain(zoo, "noise", pictures("checks", 24), tmp_path / "checks")
    with zoo.catalogue.change() as draft:
        draft.add_card(card("noise/first"))
    known, means = atlas(zoo).discriminator.domain_vectors()
    there = float(np.linalg.norm(x - means[known.index("noise")]))
    found = {one.name: one.distance for one in atlas(zoo).near_models(x, 9)}
    assert found["noise/first"] == pytest.approx(there, abs=1e-3)
    assert there > 10 * 1e-3


@pytest.mark.parametrize("damage", [b"", b"{}", None])
def test_a_damaged_map_is_drawn_again_from_the_records(
    zoo: Zoo, tmp_path: Path, looked_at: list[str], damage: bytes | None
) -> None:
    x = place(zoo, "noise", tmp_path / "sample")
    first = atlas(zoo).near_domains(x, 9)
    for path in (zoo.home / "atlas").rglob("*.faiss" if damage is None else "index.json"):
        path.write_bytes(damage or path.read_bytes()[:-1])
    looked_at.clear()
    assert atlas(zoo).near_domains(x, 9) == first
    assert looked_at == []


def test_another_reference_network_has_a_map_of_its_own(zoo: Zoo, tmp_path: Path) -> None:
    x = place(zoo, "noise", tmp_path / "sample")
    mine = atlas(zoo).near_domains(x, 9)
    atlas(zoo, replace(eyes(1), digest="f" * 64)).near_domains(x, 9)
    assert len(list((zoo.home / "atlas").iterdir())) == 2
    assert atlas(zoo).near_domains(x, 9) == mine


def test_a_full_disk_costs_the_next_request_time_and_this_one_nothing(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NotWritten("the disk is full")

    x = place(zoo, "noise", tmp_path / "sample")
    monkeypatch.setattr("discriminator.atlas.Index.save", full)
    assert atlas(zoo).near_domains(x, 1)[0].name == "noise"
    assert written(zoo) == {}


def test_a_domain_whose_images_are_lost_has_no_place(zoo: Zoo, tmp_path: Path) -> None:
    version = zoo.catalogue.read().domain("noise").version
    next((zoo.home / "versions").rglob(f"{version}*")).unlink()
    shutil.rmtree(zoo.home / "discriminator")
    x = place(zoo, "noise", tmp_path / "sample")
    assert set(names(atlas(zoo).near_domains(x, 9))) == {"stripes", "discs"}


def test_an_empty_zoo_has_no_map_and_needs_no_network(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path / "home")
    empty = Atlas(zoo, Discriminator(zoo, FeatureStore(zoo.home)))
    assert empty.near_domains(np.ones(7, np.float32), 3) == empty.near_models(np.ones(7, np.float32), 3) == []
    assert not (tmp_path / "home" / "reference").exists()


def test_a_vector_of_other_eyes_is_refused(zoo: Zoo) -> None:
    with pytest.raises(BadValue, match=r"\(3,\)"):
        atlas(zoo).near_domains(np.ones(3, np.float32), 1)
