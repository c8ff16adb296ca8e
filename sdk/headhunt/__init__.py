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

Importing this loads neither torch nor numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headhunt.engine import open_zoo, suggest_model
from headhunt.errors import HeadhuntError

if TYPE_CHECKING:
    from headhunt.track.calls import config, finish, init, log, summary, watch_report

__version__ = "0.1.0"
__all__ = [
    "HeadhuntError",
    "__version__",
    "config",
    "finish",
    "init",
    "log",
    "open_zoo",
    "suggest_model",
    "summary",
    "watch_report",
]
TRACKING = ("config", "finish", "init", "log", "summary", "watch_report")


def __getattr__(name: str) -> Any:
    """The calls of a training are loaded when the first of them is asked for."""
    if name not in TRACKING:
        raise AttributeError(f"module 'headhunt' has no attribute {name!r}")
    calls = import_module("headhunt.track.calls")
    globals().update({one: getattr(calls, one) for one in TRACKING})
    return globals()[name]
