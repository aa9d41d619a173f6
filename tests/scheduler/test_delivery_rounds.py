"""A round of deliveries ends, whatever hangs: no endpoint and no merchant keeps others waiting."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import pytest
from support.schema import at_head

from billing import load_merchant, open_engine, reading, store_merchant, writing
from billing.deliveries import (
    DeliveryOutcome,
    DeliveryResult,
    OutgoingMail,
    OutgoingWebhook,
    add_endpoint,
    store_notice_rules,
)
from billing.restore import begin_restoration, reopen
from billing.store.notices import merchant_notice, write_notices
from scheduler import deliveries
from scheduler.deliveries import DeliveryRun

START = datetime(2026, 11, 22, tzinfo=UTC)
KEY = bytes(32)
SHOP = "shop"
EVENTS = 100


@dataclass
class Outside:
    """Receivers and a mail server; a call of `hung` takes ten seconds of the clock and fails."""

    at: datetime = START
    calls: Counter[str] = field(default_factory=Counter)
    mailed: int = 0
    mail_takes: timedelta = timedelta(0)
    lock: Lock = field(default_factory=Lock)

    def call(self, webhook: OutgoingWebhook, *, at: datetime) -> DeliveryOutcome:
        with self.lock:
            self.calls[webhook.endpoint] += 1
            hangs = webhook.endpoint == "hung"
            if hangs:
                self.at += timedelta(seconds=10)
        result = DeliveryResult.LATER if hangs else DeliveryResult.SENT
        return DeliveryOutcome(webhook.delivery_id, webhook.tries, result, "no answer in time")

    def send(self, mails: Iterable[OutgoingMail]) -> Iterator[DeliveryOutcome]:
        for mail in mails:
            self.mailed += 1
            self.at += self.mail_takes
            yield DeliveryOutcome(mail.delivery_id, mail.tries, DeliveryResult.SENT)

    def never_ending(self) -> bool:
        """Stops a round that would go on for ever, so that the test fails and does not hang."""
        return sum(self.calls.values()) > 20 * EVENTS


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def run(tmp_path: Path, outside: Outside) -> Iterator[DeliveryRun]:
    """A merchant with two endpoints and a hundred notices to tell."""
    engine = open_engine(f"sqlite:///{tmp_path / 'rounds.sqlite3'}")
    at_head(engine)
    writing(engine, lambda c: store_merchant(c, merchant_id=SHOP, environment="sandbox", rules={}))
    with reading(engine) as connection:
        merchant = load_merchant(connection, SHOP)
    for code in ("hung", "well"):
        url = f"https://{code}.example/"
        writing(
            engine,
            lambda c, code=code, url=url: add_endpoint(
                c, merchant, code=code, url=url, at=START, master_key=KEY
            ),
        )
    told = [
        merchant_notice(SHOP, kind="quarantined", at=START, step=n, reason="x")
        for n in range(EVENTS)
    ]
    writing(engine, lambda c: write_notices(c, told))
    yield DeliveryRun(
        database=engine,
        merchant=merchant,
        worker_id="w1",
        now=lambda: outside.at,
        master_key=KEY,
        mailer=outside,
        caller=outside,
        stopping=outside.never_ending,
    )
    engine.dispose()


def test_an_endpoint_that_hangs_costs_a_round_one_slice(run: DeliveryRun, outside: Outside) -> None:
    """Its first eight calls run at once and fail; nothing of it is begun again in this round."""
    report = run.tick()
    assert outside.calls["hung"] <= deliveries.WEBHOOK_THREADS
    assert outside.calls["well"] == EVENTS
    assert report.webhooks[DeliveryResult.SENT] == EVENTS

    outside.at += timedelta(minutes=1)
    before = outside.calls["hung"]
    run.tick()
    assert 0 < outside.calls["hung"] - before <= deliveries.WEBHOOK_THREADS


def test_a_round_gives_way_to_the_next_channel_and_merchant(
    run: DeliveryRun, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that takes all day is worked slice by slice; by hand it is worked to its end."""
    writing(
        run.database,
        lambda c: store_notice_rules(
            c, SHOP, {"mail_from": "a@shop.example", "staff_email": "b@shop.example"}
        ),
    )
    monkeypatch.setattr(deliveries, "ROUND_SECONDS", 0.0)
    run.tick()
    assert outside.mailed == deliveries.MAIL_SLICE
    assert 0 < sum(outside.calls.values()) <= deliveries.WEBHOOK_SLICE
    outside.at += timedelta(minutes=1)
    run.run_due()
    assert outside.mailed == EVENTS
    assert outside.calls["well"] == EVENTS


def test_while_restored_books_are_compared_nobody_is_told_anything(
    run: DeliveryRun, outside: Outside
) -> None:
    """What they believe may be contradicted by the comparison; afterwards everything is told."""
    begin = {"by": "sato", "reason": "a backup", "at": START}
    writing(run.database, lambda c: begin_restoration(c, **begin))
    for report in (run.tick(), run.run_due()):
        assert (report.is_held, report.planned, report.told_ahead) == (True, 0, 0)
    assert not outside.calls
    for by in ("sato", "suzuki"):
        writing(run.database, lambda c, by=by: reopen(c, by=by, reason="compared", at=START))
    assert not run.tick().is_held
    assert outside.calls["well"] == EVENTS
