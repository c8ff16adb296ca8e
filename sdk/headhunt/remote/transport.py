"""One server over HTTP. What it cannot say becomes an error of ours; a connection that is lost is made again.

The first question fails at once where nobody answers. After that the server is known to be there, and every question
is asked again, more and more slowly, until it has been silent for longer than patience allows: whatever is asked here
may be asked twice. The key goes to this server only, so redirects are not followed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx2
import msgspec

from headhunt.errors import BadValue, HeadhuntError, ServerUnreachable, ServiceUnavailable, one_line
from headhunt.remote import reading
from headhunt.remote.address import address
from headhunt.remote.reading import read
from headhunt.remote.refusals import lost, refusal, stranger
from headhunt.wire import Me

T = TypeVar("T")
API = "/api/v1"
PATIENCE_S = 300.0
"""A server that has answered may be silent for so long."""
CONNECT_S, ANSWER_S, LONG_S = 10.0, 60.0, 600.0
"""To connect; between two pieces of an answer; the same, where the server reads a whole dataset first."""
FIRST_NAP_S, LONGEST_NAP_S = 0.2, 10.0


class Server:
    """transport: another way than the network, as tests have it."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        transport: httpx2.BaseTransport | None = None,
        patience: float = PATIENCE_S,
    ) -> None:
        self.url, self.patience = address(url), patience
        self.clock: float | None = None
        """The server's own time, as its last answer told it."""
        self._met = False
        self._transport = transport
        self._headers = {"User-Agent": "headhunt", "Accept": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {checked(key)}"
        self._client: httpx2.Client | None = None

    def _opened(self) -> httpx2.Client:
        """Connections are made when something is asked."""
        if self._client is None:
            self._client = httpx2.Client(
                headers=self._headers,
                timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S),
                transport=self._transport,
                follow_redirects=False,
                trust_env=self._transport is None,
            )
        return self._client

    def close(self) -> None:
        """Its connections end; another question makes new ones."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def twin(self) -> "Server":
        """The same one, by connections of its own and without patience: for what is said again anyway."""
        made = Server(self.url, transport=self._transport, patience=0.0)
        made._headers = dict(self._headers)
        return made

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def greet(self) -> Me:
        """Who we are to this server. Raises ServerUnreachable at once, and NotSignedIn."""
        me = self.ask("GET", "/session", Me)
        self._met = True
        return me

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """body: bytes as they are, all else as JSON. Raises what the server raised, or ServerUnreachable."""
        said, content = dict(headers or {}), body if isinstance(body, bytes) else None
        if body is not None and content is None:
            content, said["Content-Type"] = msgspec.json.encode(body), "application/json"
        timeout = httpx2.Timeout(LONG_S, connect=CONNECT_S)

        def once() -> T:
            with self.opened(method, path, content=content, headers=said, timeout=timeout) as response:
                return self._understood(response, kind)

        return self.steadily(once) if self._met else once()

    @contextmanager
    def opened(self, method: str, path: str, **options: Any) -> Iterator[httpx2.Response]:
        """An answer that says yes, open for reading."""
        try:
            with self._opened().stream(method, f"{self.url}{API}{path}", **options) as response:
                self._met_clock(response)
                if not 200 <= response.status_code < 300:
                    raise refusal(self.url, response)
                yield response
        except httpx2.TransportError as error:
            raise lost(self.url, error, met=self._met) from error
        except (httpx2.InvalidURL, httpx2.HTTPError) as error:
            raise ServerUnreachable(f"{self.url} cannot be asked: {one_line(error)}. Check the URL.") from error

    def steadily(self, work: Callable[[], T]) -> T:
        """Do it again after the connection was lost, until patience ends."""
        waits = Waiting(self.patience)
        while True:
            try:
                return work()
            except (ServerUnreachable, ServiceUnavailable) as error:
                waits.nap(error)

    def _understood(self, response: httpx2.Response, kind: type[T]) -> T:
        if response.status_code == 204 and kind is type(None):
            return None
        if "json" not in response.headers.get("content-type", ""):
            raise stranger(self.url, response)
        try:
            return msgspec.json.decode(read(self.url, response, reading.LARGEST_ANSWER), type=kind)
        except msgspec.DecodeError as error:
            raise HeadhuntError(
                f"The answer of {self.url} is not understood: {one_line(error)}."
                " It may be another version of headhunt: install the same on both sides."
            ) from error

    def _met_clock(self, response: httpx2.Response) -> None:
        try:
            self.clock = parsedate_to_datetime(response.headers["date"]).timestamp()
        except (KeyError, ValueError):
            self.clock = time.time()


class Waiting:
    """Naps that grow, until patience ends: it begins with the first failure, however long the work took till then."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.heard()

    def heard(self) -> None:
        """The server is there: patience begins anew."""
        self._next = FIRST_NAP_S
        self._since: float | None = None

    def nap(self, error: HeadhuntError) -> None:
        """Raises the error itself when patience has ended."""
        self._since = time.monotonic() if self._since is None else self._since
        if time.monotonic() - self._since + self._next > self.patience:
            raise error
        time.sleep(self._next)
        self._next = min(2 * self._next, LONGEST_NAP_S)


def checked(key: str) -> str:
    """A header holds it: nothing but plain characters."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise BadValue("The key has characters that no key has. Copy it whole, without spaces or line ends.")
    return key
