"""Following jobs: server-sent events of any number of jobs, to any number of followers, for one look at the database.

    one look every 0.25 s at all jobs that are followed --> a channel for each job --> its followers

A follower that waits holds neither a thread nor a connection. It first reads what was told before it came, then what
its channel hands on; one that is too slow for the channel reads from the database again.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.response import Stream

from headhunt.errors import HeadhuntError, NotAllowed, ServiceUnavailable, UnknownJob, one_line
from headhunt.wire import JobEvent
from service.access import Access, Caller
from service.jobs.queue import ENDED, Queue

log = logging.getLogger("headhunt.following")
LOOK_S = 0.25
QUIET_S = 15.0
"""After so long without a word, a comment is sent: what lies between keeps the connection then."""
KEPT = 256
"""Events that a channel holds for its followers."""
ALLOWED_S = 15.0
"""So often it is asked whether who follows may still do so: keys are revoked, members leave, sessions end."""
Allowed = Callable[[], object]
"""Raises a HeadhuntError where it is not allowed any longer."""
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


class Right:
    """Of one follower, asked for again now and then."""

    def __init__(self, allowed: Allowed | None, every_s: float) -> None:
        self.allowed, self.every_s = allowed, every_s
        self._asked = time.monotonic()

    async def holds(self) -> bool:
        """Where the database does not answer, it holds until it does: nothing is told meanwhile anyhow."""
        if self.allowed is None or time.monotonic() - self._asked < self.every_s:
            return True
        self._asked = time.monotonic()
        try:
            await sync_to_thread(self.allowed)
        except ServiceUnavailable:
            return True
        except HeadhuntError as error:
            log.info("a follower is sent away: %s", one_line(error))
            return False
        return True


class Following:
    """The channels of one process. They are used from its event loop alone."""

    def __init__(
        self, queue: Queue, look_s: float = LOOK_S, quiet_s: float = QUIET_S, allowed_s: float = ALLOWED_S
    ) -> None:
        self.queue, self.look_s, self.quiet_s, self.allowed_s = queue, look_s, quiet_s, allowed_s
        self.channels: dict[str, Channel] = {}
        self._looking: asyncio.Task[None] | None = None

    async def told(self, job: str, after: int = 0, allowed: Allowed | None = None) -> AsyncIterator[bytes]:
        """What was told of a job after that event, then what is told, until it ends. If it is removed, that is all; and
        so it is where whoever follows is not allowed to any longer."""
        right = Right(allowed, self.allowed_s)
        with self._joined(job) as channel:
            while await right.holds():
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
                    await asyncio.wait_for(changed.wait(), min(self.quiet_s, self.allowed_s))
                except TimeoutError:
                    yield STILL_THERE
            else:
                return
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
                for channel in watched:
                    news = found.get(channel.job)
                    channel.add(news.events if news else [], over=news is None or news.state in ENDED)
            except ServiceUnavailable:
                log.warning("the database does not answer; followers wait")
            except Exception:  # whatever it was: nobody else would look, and all followers would wait for ever
                log.exception("a look at what is followed failed; followers wait for the next")
            await asyncio.sleep(self.look_s)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()


def written(event: JobEvent) -> bytes:
    """As it is sent. What a job tells is JSON in one line."""
    return b"id: %d\nevent: progress\ndata: %s\n\n" % (event.number, bytes(event.body))


def stream_of(following: Following, job: str, last: str | None, allowed: Allowed | None = None) -> Response[bytes]:
    """The answer to whoever follows. last: what the header Last-Event-ID says."""
    after = int(last) if last is not None and last.isascii() and last.isdecimal() and len(last) < 10 else 0
    return Stream(following.told(job, after, allowed), media_type="text/event-stream", headers=HEADERS)  # type: ignore[return-value]


def still_allowed(access: Access, request: Request[Any, Any, Any], caller: Caller) -> Allowed:
    """What the guard asked before the stream began."""

    def ask() -> None:
        if access.caller(request, "reader").project != caller.project:
            raise NotAllowed("This is another project now.")

    return ask
