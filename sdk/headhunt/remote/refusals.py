"""An answer that says no, or none at all, in words that say what would do."""

import ssl

import httpx2
import msgspec

from headhunt.errors import HeadhuntError, NotSignedIn, ServerUnreachable, one_line
from headhunt.remote.problems import error_of
from headhunt.remote.reading import LARGEST_PROBLEM, read
from headhunt.wire import Problem

MOST_SENT = "80 MiB"


def refusal(url: str, response: httpx2.Response) -> HeadhuntError:
    """The error that the server raised, or what else speaks there."""
    where = response.headers.get("location")
    if 300 <= response.status_code < 400 and where:
        return ServerUnreachable(
            f"{url} sends on to {where[:200]!r}, where the key is not sent. Give the URL of that server instead."
        )
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return stranger(url, response)
    try:
        problem = msgspec.json.decode(read(url, response, LARGEST_PROBLEM), type=Problem)
    except (msgspec.DecodeError, HeadhuntError):
        return stranger(url, response)
    if problem.code == NotSignedIn.code:
        return NotSignedIn(
            f"{url} does not take this key: it is wrong, has expired or was revoked. Get another, and:"
            f" headhunt login {url}."
        )
    return error_of(problem.code, problem.detail)


def stranger(url: str, response: httpx2.Response) -> ServerUnreachable:
    """Somebody answers, but not as headhunt does."""
    kind = response.headers.get("content-type", "").partition(";")[0] or "nothing"
    if response.status_code in (502, 503, 504):
        return ServerUnreachable(
            f"What stands before {url} answers {response.status_code}: headhunt does not run behind it at this moment."
            " Try again later."
        )
    if response.status_code == 413:
        return ServerUnreachable(f"What stands before {url} lets no {MOST_SENT} through at once. Raise its limit.")
    return ServerUnreachable(
        f"{url} answers, but is no headhunt server ({response.status_code}, {kind})."
        " Check the host, the port and the path."
    )


def lost(url: str, error: httpx2.TransportError, met: bool) -> ServerUnreachable:
    """No answer came. met: it has answered before, so the address is right."""
    text = one_line(error)
    if isinstance(error, httpx2.TimeoutException):
        return ServerUnreachable(f"{url} gives no answer in time. Check the host, the port and the network.")
    if isinstance(error, httpx2.ProxyError):
        return ServerUnreachable(f"The proxy on the way to {url} refuses: {text}. Check HTTPS_PROXY and NO_PROXY.")
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return ServerUnreachable(f"{url} does not speak TLS. Try http:// instead of https://.")
    if "CERTIFICATE" in text.upper() or isinstance(error.__cause__, ssl.SSLError):
        return ServerUnreachable(
            f"The certificate of {url} is not trusted: {text}."
            " Check the host's name; SSL_CERT_FILE may name the authority of your own."
        )
    if isinstance(error, httpx2.RemoteProtocolError) and url.startswith("http:") and not met:
        return ServerUnreachable(f"{url} hangs up: {text}. Is it https://?")
    return ServerUnreachable(
        f"{url} cannot be reached: {text}. Check that 'headhunt serve' runs there, and the host and port;"
        " --server local asks this machine."
    )
