"""Headers that several routes read."""

from typing import Annotated

from litestar.params import HeaderParameter

Again = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key", max_length=128, description="Within a project the same key is the same job."
    ),
]
LastEvent = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", max_length=64, description="The id of the last event that was seen."),
]
