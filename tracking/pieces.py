"""A piece of a journal, made ready to be kept before anything is locked."""

from typing import Any

from tracking import frames
from tracking.values import Marks


class Piece:
    """Of a journal, from where it has been read. kept: up to there it had been."""

    def __init__(self, data: bytes, offset: int, kept: int) -> None:
        self.kept = kept
        new = memoryview(data)[kept - offset :] if offset <= kept < offset + len(data) else memoryview(b"")
        self.told = frames.read(new, kept)
        self.marks, self.points = Marks(), dict[str, Any]()
        for words in self.told.marks:
            self.marks.add(words)
        if self.told.points:
            from tracking.curves import prepared  # numpy, which a server at rest does without

            self.points = prepared(self.told.points, self.marks)
