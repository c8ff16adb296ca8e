"""Points as bytes: a tail that grows, and chunks that are packed once.

A point is its step (int64), its time and its value (float64). In a chunk each column lies by itself: steps and times as
differences to the one before, all of them with their first bytes together, then their second bytes, and so on. What
repeats then lies together, and zlib finds it quickly. Bits come back as they were, those of NaN too.

Each chunk has its peaks beside it: the lowest and the highest point of every stretch. A long curve is drawn from
these alone.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

POINT = np.dtype([("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
Points = NDArray[Any]
"""Of POINT."""
CHUNK = 2048
"""Points of every chunk, no more and no less: so the place of a point tells its chunk (tracking/ranges.py). A tail is
written anew whenever something comes, so it should not be long."""
STRETCH = 64
"""Points of a chunk of which the lowest and the highest are told beside it."""


def points_of(steps: Any, times: Any, values: Any) -> Points:
    made = np.empty(len(steps), POINT)
    made["step"], made["time"], made["value"] = steps, times, values
    return made


def read_tail(data: bytes) -> Points:
    return np.frombuffer(data, POINT)


def pack(points: Points) -> bytes:
    """A chunk."""
    columns = np.empty((3, len(points)), "<u8")
    for row, name in enumerate(("step", "time", "value")):
        columns[row] = np.ascontiguousarray(points[name]).view("<u8")
    columns[:2, 1:] -= columns[:2, :-1].copy()  # modulo 2**64, so that all comes back
    planes = columns.view("u1").reshape(3, len(points), 8).transpose(0, 2, 1)
    return zlib.compress(planes.tobytes(), 1)


def unpack(data: bytes, count: int) -> Points:
    planes = np.frombuffer(zlib.decompress(data), "u1").reshape(3, 8, count)
    columns = np.ascontiguousarray(planes.transpose(0, 2, 1)).view("<u8").reshape(3, count)
    made = np.empty(count, POINT)
    made["step"] = np.cumsum(columns[0], dtype="<u8").view("<i8")
    made["time"] = np.cumsum(columns[1], dtype="<u8").view("<f8")
    made["value"] = columns[2].view("<f8")
    return made


def peaks(points: Points, stretch: int = STRETCH) -> Points:
    return points[peak_places(points["value"], stretch)]


def peak_places(values: NDArray[np.float64], stretch: int) -> NDArray[np.int64]:
    """Where the lowest and the highest of each stretch are. NaN is neither; of nothing but NaN, its first place."""
    count = len(values)
    rows = -(-count // stretch)
    firsts = np.arange(rows) * stretch
    found = []
    for worst, place in ((np.inf, np.argmin), (-np.inf, np.argmax)):
        grid = np.full(rows * stretch, worst)
        grid[:count] = np.where(np.isnan(values), worst, values)
        found.append(firsts + place(grid.reshape(rows, stretch), axis=1))
    return np.unique(np.minimum(np.concatenate(found), count - 1))


def thinned(points: Points, most: int) -> Points:
    """At most so many: the first, the last, and the lowest and highest of each stretch. most: 4 or more."""
    count = len(points)
    if count <= most:
        return points
    stretch = -(-count // ((most - 2) // 2))
    places = np.union1d(peak_places(points["value"], stretch), (0, count - 1))
    return points[places]


def in_order(points: Points) -> Points:
    """By step; of the same step, as they came."""
    steps = points["step"]
    if len(points) < 2 or bool((steps[1:] >= steps[:-1]).all()):
        return points
    return points[np.argsort(steps, kind="stable")]
