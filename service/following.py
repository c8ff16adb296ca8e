"""Following jobs: server-sent events of any number of jobs, to any number of followers, for one look at the database.

    one look every 0.25 s at all jobs that are followed --> a channel for each job --> its followers

A follower that waits holds neither a thread nor a connection. It first reads what was told before it came, then what
its channel hands on; one that is too slow for the channel reads from the database again.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import msgspec
from litestar import Response
from litestar.concurrency import sync_to_thread
from litestar.response import Stream

from headhunt.errors import ServiceUnavailable, UnknownJob
from headhunt.wire import JobEvent
from service.jobs.queue import ENDED, Queue

log = logging.getLogger("headhunt.following")
LOOK_S = 0.25
QUIET_S = 15.0
"""After so long without a word, a comment is sent: what lies between keeps the connection then."""
KEPT = 256
"""Events that a channel holds for its followers."""
STILL_THERE = b": still there\n\n"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Channel:
    """One job that is followed."""

    def __init__(self, job: str) -> None:
        self.job, self.followers = job, 0
        self.seen = 0
        self.over = False
        """It has ended, or is gone: nothing comes any more."""
        self.recent: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.changed = asyncio.Event()

    def add(self, events: list[JobEvent], over: bool) -> None:
        self.recent.extend((event.number, written(event)) for event in events)
        self.seen = events[-1].number if events else self.seen
        self.over = over
        if events or over:
            self.changed.set()
            self.changed = asyncio.Event()

    def since(self, number: int) -> list[tuple[int, bytes]] | None:
        """The events after this one; None: they are no longer all here."""
        first = self.recent[0][0] if self.recent else self.seen + 1
        return [one for one in self.recent if one[0] > number] if number >= first - 1 else None


class Following:
    """The channels of one process. They are used from its event loop alone."""

    def __init__(self, queue: Queue, look_s: float = LOOK_S, quiet_s: float = QUIET_S) -> None:
        self.queue, self.look_s, self.quiet_s = queue, look_s, quiet_s
        self.channels: dict[str, Channel] = {}
        self._looking: asyncio.Task[None] | None = None

    async def told(self, job: str, after: int = 0) -> AsyncIterator[bytes]:
        """What was told of a job after that event, then what is told, until it ends. If it is removed, that is all."""
        with self._joined(job) as channel:
            while True:
                changed, over = channel.changed, channel.over
                events = channel.since(after)
                if events is None:
                    events = [(one.number, written(one)) for one in await sync_to_thread(self.queue.events, job, after)]
                for number, text in events:
                    after = number
                    yield text
                if over:
                    break
                if events:
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), self.quiet_s)
                except TimeoutError:
                    yield STILL_THERE
        with contextlib.suppress(UnknownJob):
            found = await sync_to_thread(self.queue.get, job)
            yield b"event: end\ndata: " + msgspec.json.encode(found) + b"\n\n"

    @contextmanager
    def _joined(self, job: str) -> Iterator[Channel]:
        channel = self.channels.setdefault(job, Channel(job))
        channel.followers += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        try:
            yield channel
        finally:
            channel.followers -= 1
            if not channel.followers and self.channels.get(job) is channel:
                del self.channels[job]

    async def _look(self) -> None:
        """For as long as anybody follows anything."""
        while self.channels:
            watched = [channel for channel in self.channels.values() if not channel.over]
            try:
                found = await sync_to_thread(self.queue.news, {channel.job: channel.seen for channel in watched})
            except ServiceUnavailable:
                log.warning("the database does not answer; followers wait")
                watched = []
            for channel in watched:
                news = found.get(channel.job)
                channel.add(news.events if news else [], over=news is None or news.state in ENDED)
            await asyncio.sleep(self.look_s)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()


def written(event: JobEvent) -> bytes:
    """As it is sent. What a job tells is JSON in one line."""
    return b"id: %d\nevent: progress\ndata: %s\n\n" % (event.number, bytes(event.body))


def stream_of(following: Following, job: str, last: str | None) -> Response[bytes]:
    """The answer to whoever follows. last: what the header Last-Event-ID says."""
    after = int(last) if last is not None and last.isascii() and last.isdecimal() and len(last) < 10 else 0
    return Stream(following.told(job, after), media_type="text/event-stream", headers=HEADERS)  # type: ignore[return-value]
