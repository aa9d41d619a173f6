"""TLS from the first byte (SMTPS, port 465): who is trusted, and what becomes of mails if not."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.mail_server import MailServer, certificate, mail_server, tls_of

from app.deliveries import delivering
from app.mailer import SmtpMailer, SmtpServer
from app.settings import Settings
from billing.deliveries import DeliveryOutcome, DeliveryResult, OutgoingMail

CANARY = "canary-91be-password"
SENT, LATER = DeliveryResult.SENT, DeliveryResult.LATER


def mail(number: int = 1) -> OutgoingMail:
    return OutgoingMail(
        delivery_id=number,
        tries=1,
        message_id=f"<{number:032x}@shop.example>",
        written_at=datetime(2026, 11, 30, tzinfo=UTC),
        language="ja",
        subject="お支払い完了のお知らせ",
        body=f"髙橋 花子 様\n\n{number}\n",
        recipient=f"buyer{number}@mail.example",
        sender="billing@shop.example",
        sender_name="花と珈琲の店",
        reply_to="",
    )


def sent_to(server: MailServer, ca_file: Path | None, **more: Any) -> list[DeliveryOutcome]:
    """Two mails, handed to the server as its settings say."""
    where = SmtpServer("127.0.0.1", server.port, "tls", ca_file=ca_file, **more)
    return list(SmtpMailer(where).send([mail(1), mail(2)]))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(files: tuple[Path, Path]) -> Iterator[MailServer]:
    with mail_server(tls=tls_of(files), user="shop", password=CANARY) as running:
        yield running


def test_mails_go_over_tls_from_the_first_byte(
    server: MailServer, files: tuple[Path, Path]
) -> None:
    outcomes = sent_to(server, files[0], user="shop", password=CANARY)
    assert [outcome.result for outcome in outcomes] == [SENT, SENT]
    assert server.log_ins == 1
    assert server.ids == [mail(1).message_id, mail(2).message_id]


def test_the_settings_lead_there(
    server: MailServer,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    key = tmp_path / "master.key"
    key.write_bytes(b64encode(bytes(32)))
    monkeypatch.setenv("AUTOPAY_MASTER_KEY_FILE", str(key))
    said = {"HOST": "127.0.0.1", "PORT": server.port, "SECURITY": "tls", "CA_FILE": files[0]}
    for name, value in (said | {"USER": "shop", "PASSWORD": CANARY}).items():
        monkeypatch.setenv(f"AUTOPAY_SMTP_{name}", str(value))
    mailer = delivering(Settings()).mailer
    assert mailer is not None
    assert [outcome.result for outcome in mailer.send([mail(1)])] == [SENT]


def untrusted(folder: Path) -> tuple[tuple[Path, Path], Path | None]:
    return certificate(folder), None


def of_another_address(folder: Path) -> tuple[tuple[Path, Path], Path | None]:
    files = certificate(folder, address="127.0.0.2")
    return files, files[0]


def of_yesterday(folder: Path) -> tuple[tuple[Path, Path], Path | None]:
    files = certificate(folder, ends_in=timedelta(days=-1))
    return files, files[0]


def of_another_authority(folder: Path) -> tuple[tuple[Path, Path], Path | None]:
    other = folder / "other"
    other.mkdir()
    return certificate(folder), certificate(other)[0]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (untrusted, "self-signed certificate"),
        (of_another_address, "IP address mismatch"),
        (of_yesterday, "certificate has expired"),
        (of_another_authority, ""),
    ],
)
def test_a_wrong_certificate_takes_nothing_and_the_mail_waits(
    tmp_path: Path, wrong: Any, why: str
) -> None:
    """Neither a mail nor a password reaches a server that is not the one we know."""
    files, trusted = wrong(tmp_path)
    with mail_server(tls=tls_of(files), user="shop", password=CANARY) as server:
        outcomes = sent_to(server, trusted, user="shop", password=CANARY)
    (outcome,) = outcomes  # the second one was nobody's fault, and is not counted as tried
    assert outcome.result is LATER
    assert outcome.detail.startswith("the server's certificate is not trusted: ")
    assert why in outcome.detail
    assert "AUTOPAY_SMTP_CA_FILE" in outcome.detail
    assert (server.mails, server.log_ins) == ([], 0)
    assert CANARY not in outcome.detail


def test_a_port_that_begins_in_the_open_is_told(tmp_path: Path) -> None:
    with mail_server(starttls=tls_of(certificate(tmp_path))) as server:
        (outcome,) = sent_to(server, None)
    assert outcome.result is LATER
    assert outcome.detail == (
        "the port does not begin with TLS; AUTOPAY_SMTP_SECURITY=tls is for port 465"
    )
