"""Many clients that read, in a process of their own: `python -m benchmarks.service_load PORT CLIENTS SECONDS PAUSE`.

Standard input: the requests as JSON, a list of [path, key]. Each client keeps its connection and asks for one after the
other, PAUSE seconds after the answer (0: at once). Prints JSON: answers, errors, seconds, latencies in ms.

It writes bytes that were made before and counts bytes that come, so that it costs a small part of what a server does.
"""

import asyncio
import json
import sys
import time
from functools import partial
from itertools import cycle
from typing import Any

HEAD = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length:"


class Client(asyncio.Protocol):
    """One connection that asks again whenever an answer is whole."""

    def __init__(self, requests: "cycle[bytes]", until: float, pause: float) -> None:
        self.requests, self.until, self.pause = requests, until, pause
        self.latencies: list[float] = []
        self.errors = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        if self._transport.is_closing():
            return
        if self._asked > self.until:
            self._transport.close()
        else:
            self._transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self._held += data
        head = self._held.find(HEAD)
        if head < 0:
            return
        at = self._held.lower().find(LENGTH, 0, head) + len(LENGTH)
        if len(self._held) < head + len(HEAD) + int(self._held[at : self._held.find(b"\r", at)]):
            return
        self.latencies.append((time.perf_counter() - self._asked) * 1000)
        self.errors += self._held[9:12] != b"200"
        self._held = b""
        if self.pause:
            asyncio.get_running_loop().call_later(self.pause, self._ask)
        else:
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if time.perf_counter() < self.until:
            self.errors += 1
        self.ended.set_result(None)


class Echo(asyncio.Protocol):
    """A server that does nothing but answer: what the clients could ask of one that costs nothing."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n" + b'{"status":"ok"}'

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        self._transport.write(self.ANSWER)


def request_of(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\r\n".encode()


async def load(port: int, clients: int, seconds: float, pause: float, asked: list[tuple[str, str]]) -> dict[str, Any]:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    made = []
    for number in range(clients):
        first = number % len(asked)
        turns = cycle([request_of(path, key) for path, key in asked[first:] + asked[:first]])
        make = partial(Client, turns, began + seconds, pause)
        _, one = await loop.create_connection(make, "127.0.0.1", port)
        made.append(one)
    await asyncio.gather(*(one.ended for one in made))
    latencies = [value for one in made for value in one.latencies]
    errors = sum(one.errors for one in made)
    return {
        "answers": len(latencies),
        "errors": errors,
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time(),
        "latencies": latencies,
    }


async def echo() -> None:
    """Serves on a free port, whose number it prints, until it is ended."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["echo"]:
        asyncio.run(echo())
    else:
        port, clients, seconds, pause = sys.argv[1:]
        told = asyncio.run(load(int(port), int(clients), float(seconds), float(pause), json.load(sys.stdin)))
        json.dump(told, sys.stdout)
