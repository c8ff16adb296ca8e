"""What was not kept as it was told: said once in the log, written down in the journal, and never raised."""

from contextlib import suppress

from headhunt.track.journal import Marked
from headhunt.track.writer import Writer

MOST_WORDS = 500
"""Of different marks; others are counted together."""
OTHERS = "There was more that could not be kept as it was told."


class Marks:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._more: dict[str, int] = {}

    def add(self, words: str) -> None:
        """The first is written down at once, the others in powers of ten and at the end."""
        with self._writer.lock:
            if words not in self._more and len(self._more) >= MOST_WORDS:
                words = OTHERS
            first = words not in self._more
            count = self._more[words] = self._more.get(words, 0) + (0 if first else 1)
            if first:
                self._writer.put(Marked(self._writer.now(), words))
            elif count in (9, 90, 900, 9000):
                self._tell(words)
        if first:
            warn(words)

    def settle(self) -> None:
        with self._writer.lock:
            for words in self._more:
                self._tell(words)

    def _tell(self, words: str) -> None:
        count = self._more[words]
        if count:
            self._writer.put(Marked(self._writer.now(), words, count))
            self._more[words] = 0


def warn(words: str) -> None:
    """By logging: a warning that a user turned into an error must not end the training."""
    import logging

    with suppress(Exception):  # of a handler of the user's
        logging.getLogger("headhunt").warning("%s", words)
