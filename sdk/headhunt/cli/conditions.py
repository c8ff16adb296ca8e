"""The conditions that a list of models can be asked for: the options' names and what they mean."""

TEXT_CONDITIONS = (
    ("domain", "trained on this data; may be repeated"),
    ("network", "of this architecture; may be repeated"),
    ("license", "under this licence; may be repeated"),
    ("origin", "from this source: timm:*, file:*, starter, train"),
    ("parent", "started from this model"),
    ("knows", "has a class of this name"),
)
NUMBER_CONDITIONS = (
    ("max-params", "at most so many parameters"),
    ("min-params", "at least so many parameters"),
    ("max-macs", "at most so many multiply-adds"),
    ("max-latency-ms", "at most so many milliseconds for one image, as measured here"),
    ("max-memory", "at most so much memory for one image, as measured here"),
    ("max-size", "at most so large a weights file"),
    ("min-accuracy", "at least this accuracy on its own domain (0.9 or 90%%)"),
    ("input-size", "made for images of this size"),
    ("min-classes", "at least so many classes in its head"),
)


def key(option: str) -> str:
    """`max-params` on the command line is `max_params` of a card."""
    return option.replace("-", "_")
