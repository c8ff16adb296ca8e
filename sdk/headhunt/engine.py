"""The engine in the user's own process. It is imported when it is called, so `import headhunt` stays light."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headhunt.errors import BadValue
from headhunt.home import home_folder
from headhunt.progress import Progress
from headhunt.recommendation import Recommendation

if TYPE_CHECKING:
    from zoo.repository import Zoo


def open_zoo(home: str | Path | None = None) -> "Zoo":
    """The repository of pre-trained models in a folder: HEADHUNT_HOME, or ~/.headhunt, unless another is named."""
    from zoo.repository import Zoo

    return Zoo(None if home is None else Path(home).expanduser())


def suggest_model(
    path: str | Path,
    budget: str | float | None = None,
    limits: Mapping[str, str | float | bool | Sequence[str] | None] | None = None,
    *,
    labels: bool = True,
    allow_seen: bool = False,
    home: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    server: str | None = None,
    key: str | None = None,
) -> Recommendation:
    """Which pre-trained model should these images start from?

    path: a folder, zip or tar of images, a folder for each class; or the name of a domain of the zoo.
    budget: seconds, or as "90s", "5m"; by default it is chosen by the size of the task, 30 s to 10 minutes. The answer
        comes within it, earlier where the order is settled.
    limits: what a model must meet, as in `open_zoo().find`: `dict(max_params="10M", max_latency_ms=20)`.
    labels: False ranks by resemblance and history alone, as for images without labels.
    allow_seen: models that were already trained on these images may stand first.
    progress: called as the work goes on. Ctrl-C ends it early, with the answer from what is there; on a server the
        work goes on, and the same call finds it again.
    server, key: a team's server that does the work, as "http://host:8765"; by default HEADHUNT_SERVER with
        HEADHUNT_API_KEY, else where `headhunt login` was last. "local": this process, whatever they say.

    Raises a HeadhuntError that says what would do: NeedTwoClasses, NoModels, NoModelMeets, NoValidImages, BadValue ...
    """
    began = time.monotonic()
    if not isinstance(path, str | os.PathLike):
        raise BadValue(f"The images are given as {path!r}. Give a path, or the name of a domain of the zoo, as text.")
    if not (limits is None or (isinstance(limits, Mapping) and all(isinstance(name, str) for name in limits))):
        raise BadValue(f"The limits are given as {limits!r}. Give a dict, as in dict(max_params='10M').")
    asked = {"budget": budget, "limits": dict(limits or {}), "labels": labels, "allow_seen": allow_seen}
    there = home_folder() if home is None else Path(home).expanduser()
    from headhunt.remote.credentials import chosen

    if (found := chosen(server, key, there)) is not None:
        from headhunt.remote import engine
        from headhunt.remote.transport import Server

        with Server(found.url, found.key) as one:
            return engine.suggest(one, there, path, asked, progress)
    from headhunt.local import suggest

    return suggest(open_zoo(home), path, asked, began=began, progress=progress)
