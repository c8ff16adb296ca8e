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
        self._counts: dict[str, int] = {}
        self._written: dict[str, int] = {}

    def add(self, words: str) -> None:
        """The first is written down at once, the others in powers of ten and at the end."""
        with self._writer.lock:
            if words not in self._counts and len(self._counts) >= MOST_WORDS:
                words = OTHERS
            count = self._counts[words] = self._counts.get(words, 0) + 1
            if count == 10 ** (len(str(count)) - 1):
                self._write(words)
        if count == 1:
            warn(words)

    def settle(self) -> None:
        with self._writer.lock:
            for words in self._counts:
                self._write(words)

    def _write(self, words: str) -> None:
        count, written = self._counts[words], self._written.get(words, 0)
        if count > written:
            self._writer.put(Marked(self._writer.now(), words, count - written))
            self._written[words] = count


def warn(words: str) -> None:
    """By logging: a warning that a user turned into an error must not end the training."""
    import logging

    with suppress(Exception):  # of a handler of the user's
        logging.getLogger("headhunt").warning("%s", words)
