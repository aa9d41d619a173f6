"""What people and programs hear of real runs: what happened, and never at charging's cost."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from support.hook_receiver import HookReceiver, hook_receiver
from support.mail_server import MailServer, mail_server
from support.sandbox import Sandbox
from support.shop import MERCHANT, OpenShop, Shop, opening, subscriber

from app.mailer import SmtpMailer, SmtpServer
from app.webhook_caller import HttpWebhookCaller
from billing import reading, writing
from billing.agreements import act
from billing.deliveries import (
    DeliveryResult,
    add_endpoint,
    outbox_health,
    store_notice_rules,
)
from plans.lifecycle import Actor, Cancel, Command, Pause, Resume, Timing
from scheduler import Delivering, DeliveryReport, Worker

DAY = date(2026, 11, 30)
KEY = bytes(32)


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def hooks() -> Iterator[HookReceiver]:
    with hook_receiver() as running:
        running.check_time = False  # the shop's clock is not this machine's
        yield running


@pytest.fixture
def on_sqlite(sqlite_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one


def listening(shop: Shop, hooks_url: str, **rules: Any) -> str:
    """Have the shop send mails and one webhook; returns its secret."""
    at, merchant = shop.clock.now(), shop.engine.merchant

    def fill(connection: Any) -> str:
        store_notice_rules(connection, MERCHANT, {"mail_from": "billing@shop.example", **rules})
        return add_endpoint(
            connection,
            merchant,
            code="shop",
            url=hooks_url,
            at=at,
            master_key=KEY,
            loopback=True,
        )

    return writing(shop.database, fill)


def ways(smtp_port: int) -> Delivering:
    mailer = SmtpMailer(SmtpServer("127.0.0.1", smtp_port, security="none"))
    return Delivering(KEY, mailer, HttpWebhookCaller(loopback=True))


def deliver(shop: Shop, ways_out: Delivering) -> DeliveryReport:
    run = ways_out.of(shop.database, shop.engine.merchant, now=shop.clock.now)
    return run.run_due()


def heard(hooks: HookReceiver) -> list[tuple[str, str]]:
    """(type, reference) of every event that took effect."""
    return sorted((each["type"], each["data"]["reference"]) for each in hooks.taken.values())


def test_charged_is_said_exactly_when_amazon_took_the_money(
    opened: OpenShop, mails: MailServer, hooks: HookReceiver
) -> None:
    """Failure mode 88, invariants 25 and 26: one declined softly, one hard, one without answer."""
    behaviours = {
        "C03-0000002-0000001": ["SoftDeclined"],
        "C03-0000003-0000001": ["HardDeclined"],
    }
    shop = opened(
        subscribers=[subscriber(n) for n in range(1, 6)],
        behaviours=behaviours,
        endpoint={"in_flight": 1, "deadline_seconds": 0.4},
    )
    hooks.secret = listening(shop, hooks.url)
    # The first slot's answers are lost for the whole run, though Amazon takes the money.
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 1}])
    shop.charge_on(DAY)
    deliver(shop, ways(mails.port))
    deliver(shop, ways(mails.port))

    taken = [("charged", reference) for reference, _ in shop.taken()]
    expected = [
        *taken,
        ("failed", "sub-002-0010-renewal"),
        ("payment_method_needed", "sub-003-0010-renewal"),
    ]
    assert heard(hooks) == sorted(expected)
    assert hooks.forged == 0
    subjects = sorted((str(each["To"]), str(each["Subject"])) for each in mails.mails)
    assert subjects == [
        ("user1@example.jp", "お支払い完了のお知らせ(1,980円)"),
        ("user2@example.jp", "お支払いを完了できませんでした"),
        ("user3@example.jp", "【お手続きのお願い】お支払い方法をご確認ください"),
        ("user4@example.jp", "お支払い完了のお知らせ(1,980円)"),
        ("user5@example.jp", "お支払い完了のお知らせ(1,980円)"),
    ]
    assert len(set(mails.ids)) == len(mails.ids) == 5
    assert len(set(hooks.ids)) == len(hooks.ids) == 5


def test_an_unknown_outcome_is_told_to_nobody(
    on_sqlite: OpenShop, mails: MailServer, hooks: HookReceiver
) -> None:
    shop = on_sqlite(subscribers=[subscriber(1)], endpoint={"deadline_seconds": 0.4})
    hooks.secret = listening(shop, hooks.url, upcoming_days=0)
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 30}])
    shop.charge_on(DAY)
    report = deliver(shop, ways(mails.port))
    assert report.planned == 0
    assert mails.mails == hooks.requests == []


def test_pause_resumption_and_end_are_told_without_the_reason_of_staff(
    on_sqlite: OpenShop, mails: MailServer, hooks: HookReceiver
) -> None:
    shop = on_sqlite(subscribers=[subscriber(1)])
    hooks.secret = listening(shop, hooks.url, upcoming_days=0)
    shop.charge_on(DAY)
    deliver(shop, ways(mails.port))

    def act_on(day: int, command: Command) -> None:
        at = shop.go_to(date(2026, 12, day), hour=12)
        acting = {"subscription_id": "sub-001", "actor": Actor.STAFF, "reason": "he shouted"}
        merchant = shop.engine.merchant
        writing(shop.database, lambda c: act(c, merchant, command=command, at=at, **acting))
        deliver(shop, ways(mails.port))

    act_on(5, Pause(timing=Timing.NOW))
    act_on(8, Resume())
    act_on(9, Cancel(timing=Timing.PERIOD_END))
    for day in (date(2026, 12, 30), date(2027, 1, 10)):
        shop.charge_on(day)
        deliver(shop, ways(mails.port))
    in_order = sorted(hooks.taken.values(), key=lambda each: each["cursor"])
    kinds = [each["type"] for each in in_order]
    assert kinds[:4] == ["charged", "paused", "resumed", "cancel_scheduled"]
    # The days that the pause had put aside are given back with the end.
    assert sorted(kinds[4:]) == ["canceled", "refunded"]
    assert len(mails.mails) == len(kinds)
    said = "".join(str(each) for each in mails.mails) + str(hooks.taken)
    assert "he shouted" not in said


# Mail server and webhooks down: charging does not notice (failure mode 106).


def test_charging_is_the_same_with_everything_that_tells_people_hanging(
    opened: OpenShop,
) -> None:
    """Both take every connection and never answer, which is worse than being away."""
    shop = opened(subscribers=[subscriber(n) for n in range(1, 13)])
    shop.go_to(DAY)
    with (
        closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as black_hole,
        closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as deaf,
    ):
        listening(shop, f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        mailer = SmtpMailer(SmtpServer("127.0.0.1", black_hole.getsockname()[1], "none"))
        caller = HttpWebhookCaller(loopback=True, deadline_seconds=2.0)
        worker = Worker(
            shop.engine, charge_every_seconds=1, delivering=Delivering(KEY, mailer, caller)
        )
        worker.start()
        try:
            took = _seconds_until_all_paid(shop)
        finally:
            worker.stop()
    assert took < 6  # one SMTP step alone would be 8 seconds
    assert len(shop.taken()) == 12
    assert shop.faults() == []
    with reading(shop.database) as connection:
        health = outbox_health(
            connection, shop.engine.merchant, at=shop.clock.now() + timedelta(minutes=10)
        )
    assert health.waiting >= 12  # nothing was lost, all of it waits
    assert health.oldest_seconds >= 600


def _seconds_until_all_paid(shop: Shop) -> float:
    started = time.monotonic()
    while any(row["state"] != "paid" for row in _slots(shop)):
        assert time.monotonic() - started < 30
        time.sleep(0.05)
    return time.monotonic() - started


def _slots(shop: Shop) -> list[dict[str, Any]]:
    found = shop.rows("SELECT state FROM slot")
    return found if len(found) == 12 else [{"state": "not opened"}]


def test_what_waited_is_told_once_when_the_servers_are_back(
    on_sqlite: OpenShop, mails: MailServer, hooks: HookReceiver
) -> None:
    shop = on_sqlite(subscribers=[subscriber(n) for n in range(1, 4)])
    hooks.secret = listening(shop, hooks.url, upcoming_days=0)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        nobody = listener.getsockname()[1]
    hooks.answer = lambda n: 503
    shop.charge_on(DAY)
    down = deliver(shop, ways(nobody))
    assert down.mails == {DeliveryResult.LATER: 1, DeliveryResult.HELD: 2}
    assert DeliveryResult.SENT not in down.webhooks
    hooks.answer = lambda n: 204
    shop.go_to(DAY, hour=10)
    up = deliver(shop, ways(mails.port))
    assert up.mails == {DeliveryResult.SENT: 3}
    assert up.webhooks == {DeliveryResult.SENT: 3}
    assert len(mails.mails) == len(hooks.taken) == 3
    with reading(shop.database) as connection:
        assert outbox_health(connection, shop.engine.merchant, at=shop.clock.now()).waiting == 0
