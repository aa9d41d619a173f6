"""kill -9 in the middle of bulk work: every row is done once, and every charge of it made once.

A real `autopay worker` is killed by SIGKILL inside a slice, or between the charges of one; the
next one goes on. The local Amazon Pay's own list says what was charged.
"""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, make_url
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber

from billing import SubscriberRow, writing
from billing.bulk_work import (
    BULK_MOVE,
    BulkState,
    Choice,
    MoveTerms,
    MoveWhat,
    MoveWhen,
    choose_agreements,
    decide_bulk,
    draft_bulk,
)
from scheduler.bulk import do_bulk_work, try_dry

ROWS = 24  # a slice of 20, and a part of the next one
NIGHT = pytest.mark.nightly


def subscribers() -> list[SubscriberRow]:
    """On the first tenth of their month, which another system has charged: 1 seat of 1,480."""
    began = datetime.now(ZoneInfo("Asia/Tokyo")).date() - timedelta(days=3)
    day = min(began.day, 28)
    began = began.replace(day=day)
    coming = (began.replace(day=1) + timedelta(days=32)).replace(day=day)
    return [
        subscriber(
            number,
            plan_code="team",
            started_on=began.replace(year=began.year - 1),
            anchor_day=day,
            next_charge_on=coming,
        )
        for number in range(1, ROWS + 1)
    ]


@dataclass(frozen=True)
class Case:
    """Bulk work that has been decided upon, and the environment of workers."""

    shop: Shop
    environment: dict[str, str]

    def dies(self, point: str) -> None:
        """A worker that is killed at a named point."""
        done = subprocess.run(
            [sys.executable, "-m", "app", "worker"],
            env=self.environment | {"AUTOPAY_KILL_AT": point},
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()

    def finish(self) -> None:
        """What whoever comes next does: go on with the rows, and settle what was under way."""
        for _ in range(3):
            at = self.shop.clock.now() + timedelta(minutes=20)
            self.shop.amazon.set_clock(at)
            self.shop.clock.set(at)
            do_bulk_work(self.shop.engine)
            self.shop.engine.run_due()

    def states(self) -> list[str]:
        return [row["state"] for row in self.shop.rows("SELECT state FROM bulk_row")]


@pytest.fixture
def case(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Case]:
    url: str = request.getfixturevalue(request.param)
    with opening(url, sandbox) as open_one:
        shop = open_one(subscribers=subscribers(), endpoint={"in_flight": 4})
        now = datetime.now(UTC)
        sandbox.set_clock(now)
        shop.clock.set(now)
        decided(shop)
        key = tmp_path / "master.key"
        key.write_text(base64.b64encode(shop.master_key).decode())
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")}
        yield Case(
            shop,
            kept
            | {
                "AUTOPAY_DATABASE_URL": make_url(url).render_as_string(hide_password=False),
                "AUTOPAY_MERCHANT": MERCHANT,
                "AUTOPAY_AMAZON_URL": sandbox.base_url,
                "AUTOPAY_MASTER_KEY_FILE": str(key),
                "AUTOPAY_PACED": "false",
                "AUTOPAY_IN_FLIGHT": "4",
            },
        )


def decided(shop: Shop) -> None:
    """One seat more for everybody, now: each is charged its share of the running month."""
    merchant, at = shop.engine.merchant, shop.clock.now()
    terms = MoveTerms(
        what=MoveWhat.QUANTITY, when=MoveWhen.NOW, quantity=2, reason="test", agreed=True
    )

    def draft(connection: Connection) -> int:
        return draft_bulk(
            connection,
            merchant,
            kind=BULK_MOVE,
            request_id="kill",
            terms=terms.facts(),
            planned=choose_agreements(connection, merchant, Choice(plan="team")),
            by="owner",
            at=at,
        ).id

    number = writing(shop.database, draft)
    assert try_dry(shop.engine) == ROWS
    writing(
        shop.database,
        lambda c: decide_bulk(c, merchant, job_id=number, to=BulkState.READY, by="owner", at=at),
    )


@pytest.mark.parametrize(
    ("case", "point"),
    [
        pytest.param("sqlite_url", "bulk.kept:2", id="sqlite-inside-a-slice"),
        pytest.param("sqlite_url", "charge.after_send:5", id="sqlite-charging", marks=NIGHT),
        pytest.param("postgres_url", "bulk.kept:2", id="postgresql-inside-a-slice", marks=NIGHT),
        pytest.param("postgres_url", "charge.after_send:5", id="postgresql-charging", marks=NIGHT),
    ],
    indirect=["case"],
)
def test_bulk_work_killed_on_its_way(case: Case, point: str) -> None:
    case.dies(point)
    assert sorted(set(case.states())) == ["done", "waiting"], "a slice is whole or not at all"
    assert case.states().count("done") == 20
    case.finish()
    assert case.states() == ["done"] * ROWS
    taken = case.shop.taken()
    assert len(taken) == len({reference for reference, _ in taken}) == ROWS
    assert len({yen for _, yen in taken}) == 1, "everybody pays the same share, once"
    events = case.shop.rows("SELECT id FROM subscription_event WHERE kind = 'terms_changed'")
    assert len(events) == ROWS
    quantities = case.shop.rows("SELECT quantity FROM subscription")
    assert {row["quantity"] for row in quantities} == {2}
    (job,) = case.shop.rows("SELECT state FROM bulk_job")
    assert job["state"] == "done"
    assert case.shop.faults() == []
