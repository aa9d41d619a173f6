"""Sends mails by SMTP: one connection per slice, TLS unless the server is on this machine.

Of what a server says only its codes are kept: its words could repeat an address or a password.
"""

import logging
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.problems import Refused
from billing.deliveries import (
    DeliveryOutcome,
    DeliveryResult,
    OutgoingMail,
    UnusableAddress,
    is_loopback_host,
    message_of,
)

log = logging.getLogger(__name__)

__all__ = ["Security", "SmtpMailer", "SmtpServer"]

Security = Literal["starttls", "tls", "none"]

# Of one read of a step. A server that sends a byte now and then could still make a step last for
# ever, so the whole conversation is cut as well: before the slice's lease of 60 seconds is over.
STEP_SECONDS = 8.0
CONVERSATION_SECONDS = 45.0
_ENHANCED = re.compile(rb"^([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed in; the password is in no repr."""

    host: str
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.security == "none" and self.user and not is_loopback_host(self.host):
            raise Refused(
                "AUTOPAY_SMTP_SECURITY is 'none', and AUTOPAY_SMTP_USER would send its password "
                "in the open; use starttls or tls"
            )


class SmtpMailer:
    """A `scheduler.Mailer` for one SMTP server."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    def send(self, mails: Iterable[OutgoingMail]) -> Iterator[DeliveryOutcome]:
        """Send over one connection; one outcome per mail, until the server is away."""
        connection: _Conversation | None = None
        try:
            for mail in mails:
                try:
                    connection = connection or self._connect()
                except (OSError, smtplib.SMTPException) as error:
                    # Only this one counts as tried: the others were nobody's fault.
                    yield _outcome(mail, DeliveryResult.LATER, _said(error))
                    return
                outcome = _sent(connection, mail)
                yield outcome
                if outcome.result is DeliveryResult.LATER and not _is_alive(connection):
                    return
        finally:
            _quit(connection)

    def _connect(self) -> "_Conversation":
        server = self._server
        tls = ssl.create_default_context(cafile=server.ca_file)
        connection = _Conversation(server, tls if server.security == "tls" else None)
        try:
            if server.security == "starttls":
                # Raises when the server does not offer it: nothing goes in the open by surprise.
                connection.starttls(context=tls)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


class _Conversation(smtplib.SMTP):
    """One connection that is cut after `CONVERSATION_SECONDS`, whatever step it is in.

    Whoever reads or writes then gets an error as if the server had hung up.
    """

    def __init__(self, server: SmtpServer, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._cutter: threading.Timer | None = None
        self._line: socket.socket | None = None
        try:
            super().__init__(server.host, server.port, timeout=STEP_SECONDS)
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What smtplib asks for when it connects; TLS from the first byte where it is wanted."""
        plain = socket.create_connection((host, port), timeout)
        # A handle of its own: TLS takes the first one over, and the handshake is cut as well.
        self._line = plain.dup()
        self._cutter = threading.Timer(CONVERSATION_SECONDS, _cut, [self._line])
        self._cutter.daemon = True
        self._cutter.start()
        return plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=host)

    def close(self) -> None:
        """Hang up; the cutter has nothing to do any more."""
        super().close()
        if self._cutter is not None:
            self._cutter.cancel()
            self._cutter.join()
        if self._line is not None:
            self._line.close()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _sent(connection: smtplib.SMTP, mail: OutgoingMail) -> DeliveryOutcome:
    try:
        message = message_of(mail)
        refused = connection.send_message(message)
    except UnusableAddress:
        return _outcome(mail, DeliveryResult.NEVER, "the address cannot be used")
    except smtplib.SMTPRecipientsRefused as error:
        codes = list(error.recipients.values())
        return _refused(mail, "recipient", *codes[0])
    except smtplib.SMTPDataError as error:
        return _refused(mail, "data", error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        # The sender was refused, or the connection broke, perhaps after the mail was taken:
        # it goes again under the same id.
        return _outcome(mail, DeliveryResult.LATER, _said(error))
    if refused:
        return _refused(mail, "recipient", *next(iter(refused.values())))
    return _outcome(mail, DeliveryResult.SENT, "")


def _refused(mail: OutgoingMail, step: str, code: int, words: bytes | str) -> DeliveryOutcome:
    """5xx is for good, 4xx (greylisting, a full mailbox) may pass."""
    result = DeliveryResult.NEVER if 500 <= code <= 599 else DeliveryResult.LATER
    return _outcome(mail, result, f"{step}: {_codes(code, words)}")


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__}: {_codes(error.smtp_code, error.smtp_error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        # Words of our own side of TLS: of the certificate they hold nothing.
        return (
            f"the server's certificate is not trusted: {error.verify_message}; "
            "AUTOPAY_SMTP_CA_FILE names the authority of a mail server of your own"
        )
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "the port does not begin with TLS; AUTOPAY_SMTP_SECURITY=tls is for port 465"
    return type(error).__name__


def _codes(code: int, words: bytes | str) -> str:
    text = words if isinstance(words, bytes) else words.encode("utf-8", "replace")
    enhanced = _ENHANCED.match(text)
    return f"{code} {enhanced[1].decode()}" if enhanced else str(code)


def _outcome(mail: OutgoingMail, result: DeliveryResult, detail: str) -> DeliveryOutcome:
    if result is not DeliveryResult.SENT:
        log.warning("mail %s: %s (%s)", mail.message_id, result.value, detail)
    return DeliveryOutcome(mail.delivery_id, mail.tries, result, detail)


def _is_alive(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


def _quit(connection: smtplib.SMTP | None) -> None:
    if connection is None:
        return
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        connection.close()
