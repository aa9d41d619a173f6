"""Mails over a real SMTP server: TLS, log-in, refusals for good and for now, a server that is away.

No secret and no word of the server is ever kept.
"""

import base64
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.mail_server import MailServer, certificate, free_port, mail_server, tls_of

from app import mailer
from app.mailer import Security, SmtpMailer, SmtpServer
from app.problems import Refused
from billing.deliveries import DeliveryOutcome, DeliveryResult, OutgoingMail

CANARY = "canary-7f3a-password"
SENT, LATER, NEVER = DeliveryResult.SENT, DeliveryResult.LATER, DeliveryResult.NEVER


def mail(number: int = 1, **changes: Any) -> OutgoingMail:
    values = {
        "delivery_id": number,
        "tries": 1,
        "message_id": f"<{number:032x}@shop.example>",
        "written_at": datetime(2026, 11, 30, tzinfo=UTC),
        "language": "ja",
        "subject": "お支払い完了のお知らせ",
        "body": f"髙橋 花子 様\n\n{number}\n",
        "recipient": f"buyer{number}@mail.example",
        "sender": "billing@shop.example",
        "sender_name": "花と珈琲の店",
        "reply_to": "",
    }
    return OutgoingMail(**(values | changes))


def results(outcomes: list[DeliveryOutcome]) -> list[DeliveryResult]:
    return [outcome.result for outcome in outcomes]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return certificate(tmp_path)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def plain(server: MailServer) -> SmtpMailer:
    return SmtpMailer(SmtpServer("127.0.0.1", server.port, security="none"))


def test_a_mail_arrives_over_tls_with_a_log_in(files: tuple[Path, Path]) -> None:
    with mail_server(starttls=tls_of(files), user="shop", password=CANARY) as server:
        settings = SmtpServer("127.0.0.1", server.port, "starttls", "shop", CANARY, files[0])
        assert results(list(SmtpMailer(settings).send([mail(1), mail(2)]))) == [SENT, SENT]
    assert [each["To"] for each in server.mails] == ["buyer1@mail.example", "buyer2@mail.example"]
    first = server.mails[0]
    assert first["Subject"] == "お支払い完了のお知らせ"
    body = first.get_body(("plain",))
    assert body is not None
    assert "髙橋 花子 様" in body.get_content()


def test_a_certificate_of_somebody_else_is_not_trusted(files: tuple[Path, Path]) -> None:
    with mail_server(starttls=tls_of(files), user="shop", password=CANARY) as server:
        settings = SmtpServer("127.0.0.1", server.port, "starttls", "shop", CANARY)
        (outcome,) = SmtpMailer(settings).send([mail(1), mail(2)])
    assert outcome.result is LATER
    assert "certificate is not trusted: self-signed certificate" in outcome.detail
    assert server.mails == []


def test_a_server_without_starttls_gets_nothing_in_the_open(server: MailServer) -> None:
    settings = SmtpServer("127.0.0.1", server.port, "starttls")
    (outcome,) = SmtpMailer(settings).send([mail(1)])
    assert outcome.result is LATER
    assert server.mails == []


def test_no_password_goes_in_the_open() -> None:
    with pytest.raises(Refused, match="starttls or tls") as refused:
        SmtpServer("mail.example", 25, "none", "shop", CANARY)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("step", "answer", "result", "detail"),
    [
        ("rcpt", "550 5.1.1 no such user {canary}", NEVER, "recipient: 550 5.1.1"),
        ("rcpt", "450 4.2.0 greylisted, come back", LATER, "recipient: 450 4.2.0"),
        ("data", "554 5.7.1 spam {canary}", NEVER, "data: 554 5.7.1"),
        ("data", "452 4.3.1 disk full", LATER, "data: 452 4.3.1"),
        ("data", "451 try later", LATER, "data: 451"),
    ],
)
def test_a_refusal_is_for_good_or_for_now_and_only_its_codes_are_kept(
    server: MailServer, step: str, answer: str, result: DeliveryResult, detail: str
) -> None:
    words = answer.replace("{canary}", CANARY)
    refuse = lambda address: words if "buyer1" in address else None  # noqa: E731 - shorter
    setattr(server, f"at_{step}", refuse)
    first, second = plain(server).send([mail(1), mail(2)])
    assert (first.result, first.detail) == (result, detail)
    assert second.result is SENT  # one refused mail keeps no other back


def test_a_greylisted_mail_is_taken_later_under_the_same_id(server: MailServer) -> None:
    server.at_rcpt = lambda address: "450 4.2.0 greylisted"
    assert results(list(plain(server).send([mail(1)]))) == [LATER]
    server.at_rcpt = lambda address: None
    assert results(list(plain(server).send([mail(1, tries=2)]))) == [SENT]
    assert server.ids == [mail(1).message_id]


def test_an_address_that_cannot_be_used_keeps_no_other_mail_back(server: MailServer) -> None:
    bad = mail(1, recipient="nobody\r\nRCPT TO:<victim@mail.example>")
    assert results(list(plain(server).send([bad, mail(2)]))) == [NEVER, SENT]
    assert [each["To"] for each in server.mails] == ["buyer2@mail.example"]


def test_when_the_server_is_away_one_mail_counts_as_tried() -> None:
    settings = SmtpServer("127.0.0.1", free_port(), "none")
    outcomes = list(SmtpMailer(settings).send([mail(1), mail(2), mail(3)]))
    assert [(each.delivery_id, each.result) for each in outcomes] == [(1, LATER)]
    assert outcomes[0].detail == "ConnectionRefusedError"


def test_a_server_that_breaks_off_ends_the_slice_and_the_mail_goes_again() -> None:
    """It took the mail and died before it said so: nobody knows, so the same mail goes again."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_take_and_hang_up, args=(listener,))
        thread.start()
        settings = SmtpServer("127.0.0.1", listener.getsockname()[1], "none")
        outcomes = list(SmtpMailer(settings).send([mail(1), mail(2)]))
        thread.join()
    assert [(each.delivery_id, each.result) for each in outcomes] == [(1, LATER)]


@pytest.mark.parametrize(
    ("security", "first"), [("none", b"220-"), ("tls", b"\x16\x03\x03\x40\x00")]
)
def test_a_server_that_drips_its_answers_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, security: Security, first: bytes
) -> None:
    """Each byte comes in time and no answer ever ends, in words or in a TLS handshake."""
    monkeypatch.setattr(mailer, "CONVERSATION_SECONDS", 0.4)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        ended = threading.Event()
        thread = threading.Thread(target=_drip, args=(listener, first, ended))
        thread.start()
        settings = SmtpServer("127.0.0.1", listener.getsockname()[1], security)
        began = time.monotonic()
        outcomes = list(SmtpMailer(settings).send([mail(1), mail(2)]))
        took = time.monotonic() - began
        ended.set()
        thread.join()
    assert [(each.delivery_id, each.result) for each in outcomes] == [(1, LATER)]
    assert took < 5


def _drip(listener: socket.socket, first: bytes, ended: threading.Event) -> None:
    """A greeting, or a record of a TLS handshake, without an end."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(first)
        while not ended.wait(0.02):
            connection.sendall(b"x")


def _take_and_hang_up(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 hello\r\n")
        taking = False
        for line in lines:
            if taking and line == b".\r\n":
                return
            if line.upper().startswith(b"DATA"):
                taking = True
                connection.sendall(b"354 go on\r\n")
            elif not taking:
                connection.sendall(b"250 fine\r\n")


def test_a_password_is_in_no_log_no_detail_and_no_repr(
    files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """Not even when the server repeats it (failure mode 94)."""
    caplog.set_level(logging.DEBUG)
    encoded = base64.b64encode(f"\0shop\0{CANARY}".encode()).decode()
    with mail_server(starttls=tls_of(files), user="shop", password="another") as server:
        server.auth_words = f"535 5.7.8 {CANARY} {encoded} is wrong"
        settings = SmtpServer("127.0.0.1", server.port, "starttls", "shop", CANARY, files[0])
        (outcome,) = SmtpMailer(settings).send([mail(1)])
    assert (outcome.result, outcome.detail) == (LATER, "SMTPAuthenticationError: 535 5.7.8")
    ours = [record for record in caplog.records if not record.name.startswith("mail.log")]
    said = repr(settings) + repr(outcome) + " ".join(record.getMessage() for record in ours)
    assert "SMTPAuthenticationError" in said
    for secret in (CANARY, encoded, "buyer1@mail.example"):
        assert secret not in said
