"""The engine in the user's own process. It is imported when it is called, so `import headhunt` stays light."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.repository import Zoo


def open_zoo(home: str | Path | None = None) -> "Zoo":
    """The repository of pre-trained models in a folder: HEADHUNT_HOME, or ~/.headhunt, unless another is named."""
    from zoo.repository import Zoo

    return Zoo(None if home is None else Path(home).expanduser())
