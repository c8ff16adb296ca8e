"""headhunt: which pre-trained image model to start from, with evidence.

    import headhunt

    rec = headhunt.suggest_model("photos/", budget="90s")
    print(rec)

    zoo = headhunt.open_zoo()
    for card in zoo.find(max_params="5M", domain="digits"):
        print(card.id, card.accuracy)
    network = zoo.load("digits/test_resnet")

    with headhunt.init(project="flowers", intent="does a lower rate help?") as run:
        headhunt.config(epochs=20)
        headhunt.log(loss=0.3, val_accuracy=0.9)

    best = headhunt.fmin(objective, {"lr": headhunt.double(1e-5, 1e-1, log=True)}, trials=100)

Importing this loads neither torch nor numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headhunt.engine import open_zoo, suggest_model
from headhunt.errors import HeadhuntError

if TYPE_CHECKING:
    from headhunt.spaces import choice, double, fixed, integer
    from headhunt.studies.calls import create_study, simple_fmin
    from headhunt.track.calls import config, finish, init, log, summary, watch_report
    from headhunt.trials import STATUS_FAIL, STATUS_OK, report
    from headhunt.tuning import fmin

__version__ = "0.1.0"
__all__ = [
    "STATUS_FAIL",
    "STATUS_OK",
    "HeadhuntError",
    "__version__",
    "choice",
    "config",
    "create_study",
    "double",
    "finish",
    "fixed",
    "fmin",
    "init",
    "integer",
    "log",
    "open_zoo",
    "report",
    "simple_fmin",
    "suggest_model",
    "summary",
    "watch_report",
]
LATER = {
    "headhunt.track.calls": ("config", "finish", "init", "log", "summary", "watch_report"),
    "headhunt.spaces": ("choice", "double", "fixed", "integer"),
    "headhunt.trials": ("STATUS_FAIL", "STATUS_OK", "report"),
    "headhunt.tuning": ("fmin",),
    "headhunt.studies.calls": ("create_study", "simple_fmin"),
}


def __getattr__(name: str) -> Any:
    """What trainings and searches call is loaded when the first of each is asked for."""
    home = next((module for module, names in LATER.items() if name in names), None)
    if home is None:
        from headhunt.habits import NAMES

        ours = f": here it is {NAMES[name]}" if name in NAMES else ""
        raise AttributeError(f"module 'headhunt' has no attribute {name!r}{ours}")
    loaded = import_module(home)
    globals().update({one: getattr(loaded, one) for one in LATER[home]})
    return globals()[name]
