"""When a search runs on a part of the images, which these are, and that the winner learned from all."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from discriminator.extraction import Images
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.errors import BadValue, Diverged
from headhunt.track.diary import Journals
from headhunt.track.places import places_in
from headhunt.tuned import TunedStudy
from tests.recommender.little_zoo import stripes
from tests.tuning.little_models import BRIEF, little_models, photos
from tuning import choosing, finetuning
from tuning.bench import Bench, Model, Rows
from tuning.choosing import Chooser
from tuning.goals import Goals
from tuning.remembering import tune
from tuning.tune import Tuned, Wish
from zoo.images.samples import Sample, open_sample
from zoo.repository import Zoo

EYES = "blank/test_resnet"


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    monkeypatch.setenv("HEADHUNT_REFERENCE", EYES)
    found = little_models(tmp_path / "home", ("test_resnet",))
    found.diary = Journals(found.home)
    return found


def tuned(zoo: Zoo, images: Path, wish: Wish) -> Tuned:
    with open_sample(images) as sample:
        return tune(zoo, sample, [Model(zoo.card(EYES))], wish, lambda _: None)


def chosen(zoo: Zoo, sample: Sample, **asked: object) -> Rows | None:
    bench = Bench(zoo, sample, (Model(zoo.card(EYES)),), zoo.home, 0)
    return Chooser(zoo, sample, Wish(**{"trials": None, **asked}))(bench.parts(bench.view(EYES)))  # type: ignore[arg-type]


def test_trials_learn_from_the_share_that_was_asked_for_and_the_winner_from_all(zoo: Zoo) -> None:
    one = tuned(zoo, photos(zoo.home.parent), Wish(trials=5, space=BRIEF, share=0.5, name="half"))
    assert one.learned is not None
    part, whole = one.learned
    assert part < whole == 30
    kept = msgspec.json.decode((zoo.home / "studies" / "half" / "part.json").read_bytes())
    assert len(kept) == part
    names = [run.asked.name for place in places_in(zoo.home) if (run := place.begun()) is not None]
    assert names.count("trial of half on all images") == 4
    steps = zoo.history.rows()[-1].curve[-1].step
    assert steps == round(float(one.best.params["epochs"] or 0) * whole / 16)


def test_a_search_of_few_images_or_few_trials_is_on_all(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_sample(photos(zoo.home.parent)) as sample:
        assert chosen(zoo, sample) is None
        monkeypatch.setattr(choosing, "IMAGES", 30)
        assert chosen(zoo, sample) is not None
        assert chosen(zoo, sample, trials=12) is not None
        assert chosen(zoo, sample, trials=11) is None
        assert chosen(zoo, sample, seconds=1e-9) is None
        assert chosen(zoo, sample, share=1.0) is None
        assert chosen(zoo, sample, goals=Goals(("accuracy", "latency"))) is None
        assert chosen(zoo, sample, goals=Goals(limits={"accuracy": 0.9})) is None
        assert chosen(zoo, sample, goals=Goals(limits={"latency": 9.0})) is not None
        monkeypatch.delenv("HEADHUNT_REFERENCE")
        assert chosen(zoo, sample) is None, "nobody waits until the network that looks at all data is taught"


def test_where_many_images_are_there_nobody_need_ask(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "IMAGES", 30)
    monkeypatch.setattr(choosing, "TRIALS", 3)
    images = photos(zoo.home.parent)
    one = tuned(zoo, images, Wish(trials=3, space=BRIEF, name="auto"))
    assert one.learned is not None
    assert one.learned[0] < one.learned[1]
    all_of_them = tuned(zoo, images, Wish(trials=2, space=BRIEF, name="all"))
    assert all_of_them.learned is None
    more = tuned(zoo, images, Wish(trials=4, space=BRIEF, name="all"))
    assert more.learned is None, "a study goes on with the images that it began with"


def test_what_was_looked_at_before_is_not_looked_at_again(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    extract = FeatureStore.features.__globals__["extract"]

    def counted(backbone: object, gallery: Images, device: str | None = None) -> object:
        looked.append(len(gallery.asked))
        return extract(backbone, gallery, device)

    monkeypatch.setattr("discriminator.features.extract", counted)
    with open_sample(stripes(zoo.home.parent / "others", count=10)) as sample:
        entries = sample.entries("train")
        before = Gallery(sample, entries[:12])
        chooser = Chooser(zoo, sample, Wish(share=0.5), [before])
        bench = Bench(zoo, sample, (Model(zoo.card(EYES)),), zoo.home, 0)
        parts = bench.parts(bench.view(EYES))
        whole = chooser(parts)
        backbone = choosing.Discriminator(zoo, FeatureStore(zoo.home)).backbone
        FeatureStore(zoo.home).features(backbone, before)
        looked.clear()
        again = chooser(parts)
    assert looked == [len([i for i in parts.train.kept if i >= 12])]
    assert whole is not None
    assert again is not None
    assert np.array_equal(whole, again)


def test_a_study_whose_part_cannot_be_read_is_not_mixed_with_another(zoo: Zoo) -> None:
    images = photos(zoo.home.parent)
    wish = Wish(trials=2, space=BRIEF, share=0.5, name="torn")
    tuned(zoo, images, wish)
    (zoo.home / "studies" / "torn" / "part.json").write_bytes(b"[1, 2")
    with pytest.raises(BadValue, match=r"part\.json does not tell which images"):
        tuned(zoo, images, wish)


def test_a_setting_that_diverges_on_all_images_leaves_the_others(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, tried = finetuning.FineTuning.whole, list[object]()

    def first_diverges(self: finetuning.FineTuning, params: dict[str, object]) -> dict[str, object]:
        tried.append(dict(params))
        if len(tried) == 1:
            raise Diverged(1)
        return whole(self, params)  # type: ignore[arg-type]

    monkeypatch.setattr(finetuning.FineTuning, "whole", first_diverges)
    one = tuned(zoo, photos(zoo.home.parent), Wish(trials=3, space=BRIEF, share=0.5))
    assert one.card is not None
    assert one.learned is not None
    assert one.best.params in tried[1:]
    assert one.best.number != one.study.best().number
    assert one.recommended.params == one.best.params
    assert f"trials learned from {one.learned[0]} of 30 images" in str(TunedStudy(one, zoo))
