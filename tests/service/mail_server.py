"""A mail server on loopback, with TLS and signing in, that keeps what it is sent."""

import datetime
import email
import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "writer@example.org", "p:ss/w@rd %"


@dataclass
class Box:
    """What came in. answer: what every mail is answered; refused: addresses that are not taken."""

    host: str = "127.0.0.1"
    port: int = 0
    ca: Path = Path()
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answer: str = "250 OK"
    refused: set[str] = field(default_factory=set)
    came: threading.Event = field(default_factory=threading.Event)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.raw.append(envelope.content)
            self.mails.append(email.message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
            self.to.append(list(envelope.rcpt_tos))
            self.signed_in.append(bool(session.authenticated))
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.came.set()
        return self.answer


def certificate(folder: Path) -> tuple[Path, Path]:
    """For 127.0.0.1, signed by itself: the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / "mail.crt", folder / "mail.key"
    crt.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return crt, pem


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@contextmanager
def mail_server(folder: Path, kind: str = "smtps") -> Iterator[Box]:
    """kind: smtps, smtp+starttls, or smtp, which knows no passwords."""
    crt, pem = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, pem)
    box = Box(port=free_port(), ca=crt)

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = getattr(data, "login", b"") == USER.encode() and getattr(data, "password", b"") == PASSWORD.encode()
        return AuthResult(success=right, handled=right)

    options: dict[str, Any] = {}
    if kind != "smtp":
        options = {"authenticator": known, "auth_required": True, "auth_require_tls": kind != "smtps"}
    if kind == "smtps":
        options["ssl_context"] = context
    if kind == "smtp+starttls":
        options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ready_timeout=30, **options)
    with warnings.catch_warnings():  # it does not see that every byte is encrypted already
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
        controller.start()
        try:
            yield box
        finally:
            controller.stop()
