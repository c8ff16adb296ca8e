"""A tuning as users have it: begun with what others found, on a part of the images where that pays, and remembered."""

from collections.abc import Sequence
from dataclasses import replace

from discriminator.gallery import Gallery
from headhunt.progress import Watch
from tuning import tune as searching
from tuning.bench import Model
from tuning.choosing import Chooser
from tuning.keeping import AtHome
from tuning.past import Past
from tuning.tune import Tuned, Wish
from zoo.images.samples import Sample
from zoo.repository import Zoo


def tune(
    zoo: Zoo, sample: Sample, models: Sequence[Model], wish: Wish, watch: Watch, galleries: Sequence[Gallery] = ()
) -> Tuned:
    """galleries: what a recommendation may have looked at, the largest first."""
    keeper = wish.keeper or AtHome(zoo.home)
    past = Past(zoo, sample, models, wish.goals, galleries, keeper.past())
    chooser = Chooser(zoo, sample, wish, galleries)
    found = searching.tune(zoo, sample, models, replace(wish, elsewhere=past.starts, part=chooser), watch)
    if found.card is not None:  # it was not interrupted
        past.keep(found.study.trials(), found.models)
    return found
