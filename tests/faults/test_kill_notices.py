"""kill -9 between sending and marking: sent again under the same id, taking effect once."""

import os
import signal
import subprocess
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from support.hook_receiver import hook_receiver
from support.mail_server import mail_server
from support.ready_autopay import quick_folder
from support.shop import CATALOGUE, MERCHANT, subscriber

from app.mailer import SmtpMailer, SmtpServer
from app.migrations import migrate
from app.webhook_caller import HttpWebhookCaller
from billing import (
    charge_instant,
    decode_master_key,
    load_merchant,
    new_master_key,
    open_engine,
    reading,
    store_catalogue,
    store_merchant,
    store_subscribers,
    writing,
)
from billing.deliveries import add_endpoint, store_notice_rules
from plans import parse_catalogue
from scheduler import Delivering, ShiftedClock

# Ten days before the charge of 30 November; then a minute for the lease, and once more.
FIRST, AGAIN, LAST = (f"2026-11-20T{at}+09:00" for at in ("12:00", "12:02", "12:04"))


def prepare(database_url: str, folder: Path, hooks_url: str) -> tuple[dict[str, str], str]:
    """Three subscribers who are about to be told of a charge; returns environment and secret."""
    database = open_engine(database_url)
    migrate(database)
    key = new_master_key()
    file = folder / "master.key"
    file.write_text(key)
    at = charge_instant(on=date(2026, 11, 1), timezone="Asia/Tokyo", hour=12)

    def fill(connection) -> str:
        store_merchant(connection, merchant_id=MERCHANT, environment="sandbox", rules={})
        store_notice_rules(connection, MERCHANT, {"mail_from": "billing@shop.example"})
        store_catalogue(connection, MERCHANT, parse_catalogue(CATALOGUE))
        merchant = load_merchant(connection, MERCHANT)
        store_subscribers(connection, merchant, [subscriber(n) for n in (1, 2, 3)], at=at)
        return add_endpoint(
            connection,
            merchant,
            code="shop",
            url=hooks_url,
            at=at,
            master_key=decode_master_key(key),
            loopback=True,
        )

    secret = writing(database, fill)
    database.dispose()
    url = make_url(database_url).render_as_string(hide_password=False)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")}
    return kept | {
        "AUTOPAY_DATABASE_URL": url,
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_MASTER_KEY_FILE": str(file),
        "AUTOPAY_WEBHOOK_LOOPBACK": "true",
        "AUTOPAY_SMTP_HOST": "127.0.0.1",
        "AUTOPAY_SMTP_SECURITY": "none",
    }, secret


def die(environment: dict[str, str], point: str) -> None:
    """A real `autopay notices send` that is killed at a named point."""
    command = [quick_folder() / "autopay", "notices", "send", "--at", FIRST, "--json"]
    dying = environment | {"AUTOPAY_KILL_AT": point}
    done = subprocess.run(command, env=dying, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def finish(database_url: str, environment: dict[str, str], port: int) -> None:
    """Another worker finds what the dead one left when its lease is over; twice, to no more."""
    database = open_engine(database_url)
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
    key = decode_master_key(Path(environment["AUTOPAY_MASTER_KEY_FILE"]).read_text())
    mailer = SmtpMailer(SmtpServer("127.0.0.1", port, "none"))
    ways = Delivering(key, mailer, HttpWebhookCaller(loopback=True))
    for at in (AGAIN, LAST):
        clock = ShiftedClock(datetime.fromisoformat(at))
        ways.of(database, merchant, now=clock.now).run_due()
    database.dispose()


@pytest.mark.parametrize(
    ("url", "point", "mails", "webhooks"),
    [
        # Killed with a claim and nothing sent: nothing is sent twice.
        pytest.param(
            *("sqlite_url", "notice.claimed:1", 3, 3),
            id="sqlite-claimed",
            marks=pytest.mark.nightly,
        ),
        # Killed when the first mail was taken and not marked: that one goes twice.
        pytest.param("sqlite_url", "notice.after_send:1", 4, 3, id="sqlite-a mail sent"),
        pytest.param(
            *("postgres_url", "notice.after_send:1", 4, 3),
            id="postgresql-a mail sent",
            marks=[pytest.mark.slow, pytest.mark.nightly],
        ),
    ],
)
def test_killed_before_it_was_marked(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    url: str,
    point: str,
    mails: int,
    webhooks: int,
) -> None:
    database_url = request.getfixturevalue(url)
    with mail_server() as server, hook_receiver() as hooks:
        hooks.check_time = False
        environment, hooks.secret = prepare(database_url, tmp_path, hooks.url)
        die(environment | {"AUTOPAY_SMTP_PORT": str(server.port)}, point)
        finish(database_url, environment, server.port)
    assert len(server.ids) == mails
    assert len(set(server.ids)) == 3
    assert sorted({str(each["To"]) for each in server.mails}) == [
        f"user{n}@example.jp" for n in (1, 2, 3)
    ]
    repeated = [
        each.as_bytes() for each in server.mails if server.ids.count(str(each["Message-ID"])) > 1
    ]
    assert len(set(repeated)) == (1 if repeated else 0)  # the same to the byte
    assert len(hooks.requests) == webhooks
    assert nothing_waits(database_url)


def test_killed_when_a_webhook_was_taken(sqlite_url: str, tmp_path: Path) -> None:
    """Eight threads send at once: some of the three go twice, and take effect once."""
    with mail_server() as server, hook_receiver() as hooks:
        hooks.check_time = False
        environment, hooks.secret = prepare(sqlite_url, tmp_path, hooks.url)
        # The first three points are of the mails.
        die(environment | {"AUTOPAY_SMTP_PORT": str(server.port)}, "notice.after_send:4")
        finish(sqlite_url, environment, server.port)
    assert len(server.ids) == len(set(server.ids)) == 3
    assert len(hooks.taken) == 3
    assert len(hooks.ids) > 3
    assert hooks.forged == 0
    assert {each["type"] for each in hooks.taken.values()} == {"upcoming"}
    assert nothing_waits(sqlite_url)


def nothing_waits(database_url: str) -> bool:
    database = open_engine(database_url)
    with reading(database) as connection:
        left = connection.execute(
            text("SELECT COUNT(*) FROM delivery WHERE state <> 'sent'")
        ).scalar_one()
        left += connection.execute(
            text("SELECT COUNT(*) FROM notice WHERE delivered_at IS NULL")
        ).scalar_one()
    database.dispose()
    return left == 0


def test_the_times_are_a_lease_apart() -> None:
    first, again = datetime.fromisoformat(FIRST), datetime.fromisoformat(AGAIN)
    assert (again - first).total_seconds() > 60
