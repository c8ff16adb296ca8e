"""Where a server is: one form for each, so that a key is found for it and is sent nowhere else."""

import ipaddress
from urllib.parse import urlsplit

from headhunt.errors import BadValue, printable

PORTS = {"http": 80, "https": 443}
LOCAL = "local"
"""Instead of a URL: this process, whatever the environment or a login says."""


def address(text: str) -> str:
    """`HTTP://Host:80/x/` is `http://host/x`. Raises BadValue."""
    shown = printable(str(text), 200)
    try:
        parts = urlsplit(str(text).strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError as error:
        raise BadValue(f"{shown!r} is no URL of a server. Give one as http://host:8765.") from error
    if scheme not in PORTS or not host or any(c.isspace() or not c.isprintable() for c in shown):
        raise BadValue(f"{shown!r} is no URL of a server. Give one as http://host:8765 or https://host.")
    if parts.username is not None or parts.password is not None:
        raise BadValue(
            "The URL of a server holds no name or password. Give it without, and the key by HEADHUNT_API_KEY."
        )
    if parts.query or parts.fragment:
        raise BadValue(
            f"{shown!r} has more than the place of a server. Give it up to the path, as https://host/headhunt."
        )
    named = f"[{host}]" if ":" in host else host
    place = named if port in (None, PORTS[scheme]) else f"{named}:{port}"
    path = parts.path.rstrip("/").removesuffix("/api/v1")
    return f"{scheme}://{place}{path}"


def in_the_clear(url: str) -> str | None:
    """A warning where a key would travel unencrypted to another machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or loopback(parts.hostname or ""):
        return None
    return (
        f"{url} is plain http: the key and the images travel there in the clear. Use https outside a trusted network."
    )


def loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
