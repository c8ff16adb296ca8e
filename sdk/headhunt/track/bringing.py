"""The courier's way to the server, in a thread of its own: whatever hangs there, the watch goes on.

While nobody answers it tries more and more seldom; what a server refuses for good is tried again after a minute, since
somebody may have given the key its right back.
"""

import os
import random
import threading
from pathlib import Path

from headhunt.errors import HeadhuntError
from headhunt.remote.transport import Server
from headhunt.track.companion import Orders
from headhunt.track.places import Place, alive, here, places_in, ticking
from headhunt.track.sending import WAITING, Sender
from headhunt.track.watching import Watched

EVERY_S = 0.5
BEAT_S = float(os.environ.get("HEADHUNT_BEAT") or 10.0)
NAP_S = 0.05
FIRST_NAP_S, LONGEST_NAP_S, REFUSED_S = 0.2, 10.0, 60.0
TRIES_AT_LAST = 5
"""So often it tries at least when the training has ended, however short a time it is given then."""


class Bringing(threading.Thread):
    def __init__(self, orders: Orders) -> None:
        super().__init__(daemon=True)
        self.orders = orders
        self.server = Server(orders.server or "", orders.key, patience=0.0)
        self._senders: dict[Watched, Sender] = {}
        self._leftovers: list[Place] | None = None
        self._lock = threading.Lock()
        self._wake, self._over = threading.Event(), threading.Event()
        self._heard_at = ticking()
        self._nap = FIRST_NAP_S

    def add(self, watched: Watched) -> None:
        with self._lock:
            self._senders[watched] = Sender(watched.place, self.server, watched.mark)

    def hurry(self) -> None:
        self._wake.set()

    def run(self) -> None:
        threading.Thread(target=self._keep_beating, daemon=True).start()
        while not self._over.is_set():
            nap = self._round()
            self._wake.wait(nap)
            self._wake.clear()

    def _round(self) -> float:
        """Seconds until the next one."""
        with self._lock:
            senders = list(self._senders.values())
        refused = False
        for sender in senders:
            try:
                before = sender.sent.moved
                sender.bring()
                if sender.sent.moved != before:
                    self._heard_at = ticking()
            except WAITING:
                longest = min(LONGEST_NAP_S, self.orders.linger / TRIES_AT_LAST)
                self._nap = max(FIRST_NAP_S, min(2 * self._nap, longest))
                return self._nap * random.uniform(0.7, 1.0)  # noqa: S311  so that many do not come at once
            except (HeadhuntError, OSError):
                refused = True
        self._nap = FIRST_NAP_S
        self._bring_leftover()
        return REFUSED_S if refused and len(senders) == 1 else EVERY_S

    def _keep_beating(self) -> None:
        """In a thread of its own: a large file takes longer to arrive than a silent run is believed to be alive."""
        while not self._over.wait(min(BEAT_S / 4, EVERY_S)):
            if ticking() - self._heard_at >= BEAT_S:
                self._heard_at = ticking()
                self._beat()

    def _beat(self) -> None:
        with self._lock:
            senders = list(self._senders.values())
        for sender in senders:
            try:
                sender.beat()
            except WAITING:
                return
            except (HeadhuntError, OSError):
                continue

    def _bring_leftover(self) -> None:
        """Of earlier runs of this home that were meant for this server, one at a time."""
        if self._leftovers is None:
            self._leftovers = [place for place in places_in(Path(self.orders.home)) if self._left(place)]
        if self._leftovers:
            place = self._leftovers.pop()
            try:
                watched = Watched(place)
                watched.bury()
                Sender(place, self.server, watched.mark).bring()
            except (HeadhuntError, OSError):
                return

    def _left(self, place: Place) -> bool:
        if place.folder in {one.place.folder for one in self._senders} or not place.meant_for(self.server.url):
            return False
        begun = place.begun()
        return (
            begun is not None
            and not place.arrived(self.server.url)
            and not (here(begun) and alive(begun.pid, begun.born))
        )

    def finish(self, linger: float) -> None:
        """Until all is there and nobody tells of it any more; for so long at most after something last was brought."""
        since, before = ticking(), -1
        while ticking() - since < linger:
            if not self._waits() and self._gone():
                break
            moved = sum(sender.sent.moved for sender in self._senders.values())
            if moved != before:
                since, before = ticking(), moved
            threading.Event().wait(NAP_S)
        self._over.set()
        self.hurry()
        self.join(1.0)

    def _gone(self) -> bool:
        """The locks are given back, and nothing came in meanwhile."""
        for watched in self._senders:
            watched.lock.give_back()
        if not self._waits():
            return True
        for watched in self._senders:
            watched.lock.take()
        return False

    def _waits(self) -> bool:
        """For something to be brought, or for a process of a run that has not ended yet."""
        if self._leftovers != []:
            return True
        for sender in self._senders.values():
            if not sender.place.arrived(self.server.url) or sender.place.told_on():
                return True
        return False
