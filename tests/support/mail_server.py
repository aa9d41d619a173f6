"""A real SMTP server on loopback (aiosmtpd), with TLS, log-in, and answers of the test's choice."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Answer = Callable[[str], str | None]
TAKEN = "250 taken"


@dataclass
class MailServer:
    """Takes mails into `mails`; `at_rcpt` and `at_data` may have another answer for somebody."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    sessions: int = 0
    log_ins: int = 0
    at_rcpt: Answer = lambda recipient: None
    at_data: Answer = lambda recipient: None
    user: str = ""
    password: str = ""
    # What it says when a log-in fails; a careless server may repeat what it was given.
    auth_words: str = "535 5.7.8 no"

    @property
    def ids(self) -> list[str]:
        """Message ids in the order in which the mails were taken."""
        return [str(mail["Message-ID"]) for mail in self.mails]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a recipient."""
        refused = self.at_rcpt(address)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 fine"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a mail in, or not."""
        refused = self.at_data(envelope.rcpt_tos[0])
        if refused is None:
            content = envelope.original_content
            assert content is not None
            message = message_from_bytes(content, policy=default)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
        return refused or TAKEN

    def authenticate(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        """Check a log-in."""
        self.log_ins += 1
        good = (given.login, given.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=good, handled=False, message=None if good else self.auth_words)


def certificate(
    folder: Path, *, address: str = "127.0.0.1", ends_in: timedelta = timedelta(days=1)
) -> tuple[Path, Path]:
    """A fresh certificate of an address and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + ends_in)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "mail.pem", folder / "mail.key"
    pem.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pem, secret


def tls_of(files: tuple[Path, Path]) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    user: str = "",
    password: str = "",
) -> Iterator[MailServer]:
    """Run a server; with `starttls` it takes nothing before it, with `user` nothing without.

    With `tls` it speaks TLS from the first byte, as on port 465.
    """
    server = MailServer(port=free_port(), user=user, password=password)
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        tls_context=starttls,
        ssl_context=tls,
        require_starttls=starttls is not None,
        # The library counts as TLS only what came by STARTTLS.
        auth_required=bool(user) and tls is None,
        auth_require_tls=tls is None,
        authenticator=server.authenticate if user else None,
        decode_data=False,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
