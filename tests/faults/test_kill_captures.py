"""kill -9 while goods are captured, cancelled and authorised anew: every end happens once.

A real process is killed by SIGKILL at named points of the path of acts and its work is taken over
by another one. The local Amazon Pay's own list says what was captured.
"""

import base64
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url
from support.ready_autopay import quick_folder
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber

from billing import Shipment, record_shipments, writing

DAY = date(2026, 11, 30)
AT = "2026-11-30T12:00:00+09:00"
LATER = "2026-12-27T12:00:00+09:00"
CHARGES = 8
GOODS = """
plans:
  - {code: basic, name: {ja: コーヒー豆, en: Coffee beans}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, physical: true, capture: on_shipment}
"""
POINTS = ["act.after_send:5", "act.before_record:1"]
SELDOM = ["act.claimed:1", "act.before_send:1", "act.after_send:1", "act.recorded:1"]


@dataclass(frozen=True)
class Case:
    """A shop with 8 authorised charges, and the environment of processes that work for it."""

    shop: Shop
    environment: dict[str, str]

    def run(self, at: str, *, kill_at: str | None = None) -> int:
        """One `autopay run` to its end or death; returns the exit code."""
        extra = {"AUTOPAY_KILL_AT": kill_at} if kill_at else {}
        done = subprocess.run(
            [quick_folder() / "autopay", "run", "--at", at],
            env=self.environment | extra,
            capture_output=True,
            timeout=120,
        )
        if done.returncode not in (0, -signal.SIGKILL):
            pytest.fail(done.stderr.decode())
        return done.returncode

    def ship_everything(self) -> None:
        """The warehouse tells that all has left."""
        shipments = [
            Shipment(f"sub-{number:03d}-0010-renewal", DAY) for number in range(1, CHARGES + 1)
        ]
        merchant, at = self.shop.engine.merchant, self.shop.clock.now()
        writing(
            self.shop.database,
            lambda c: record_shipments(c, merchant, shipments, actor="warehouse", at=at),
        )

    def finish(self) -> None:
        """What an operator does after a crash: start again, and go on an hour later."""
        for _ in range(3):
            at = self.shop.clock.now() + timedelta(hours=1)
            self.shop.amazon.set_clock(at)
            self.shop.clock.set(at)
            self.shop.engine.run_due()

    def at_amazon(self) -> list[str]:
        """The states of all charges, by Amazon's own list."""
        return sorted(charge["state"] for charge in self.shop.amazon.charges())

    def in_books(self) -> list[str]:
        rows = self.shop.rows("SELECT state FROM attempt")
        return sorted(row["state"].capitalize() for row in rows)


@pytest.fixture
def case(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Case]:
    url: str = request.getfixturevalue(request.param)
    with opening(url, sandbox) as open_one:
        rows = [subscriber(number) for number in range(1, CHARGES + 1)]
        shop = open_one(subscribers=rows, catalogue=GOODS, endpoint={"in_flight": 4})
        shop.charge_on(DAY)
        shop.go_to(DAY, hour=12)
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


def databases(points: list[str], *, seldom: list[str]) -> list[object]:
    """Points on SQLite; nightly the seldom ones as well, and all of them on PostgreSQL."""
    night = pytest.mark.nightly
    everything = [*points, *seldom]
    return [
        *(pytest.param("sqlite_url", point, id=f"sqlite-{point}") for point in points),
        *(pytest.param("sqlite_url", p, id=f"sqlite-{p}", marks=night) for p in seldom),
        *(pytest.param("postgres_url", p, id=f"postgresql-{p}", marks=night) for p in everything),
    ]


@pytest.mark.parametrize(
    ("case", "point"),
    databases(POINTS, seldom=SELDOM),
    indirect=["case"],
)
def test_a_run_killed_while_it_captures(case: Case, point: str) -> None:
    case.ship_everything()
    assert case.run(AT, kill_at=point) == -signal.SIGKILL
    case.finish()
    assert case.at_amazon() == case.in_books() == ["Captured"] * CHARGES
    assert case.shop.balances()["amazon_receivable"] == CHARGES * 3_240
    assert "customer_receivable" not in case.shop.balances()
    assert case.shop.faults() == []


@pytest.mark.parametrize(
    ("case", "point"),
    databases(["act.after_send:5"], seldom=["act.intended:1", "charge.after_send:3"]),
    indirect=["case"],
)
def test_a_run_killed_while_it_authorises_anew(case: Case, point: str) -> None:
    """Never two open authorisations of a slot, and each slot has one in the end."""
    case.shop.go_to(date(2026, 12, 27), hour=12)
    assert case.run(LATER, kill_at=point) == -signal.SIGKILL
    open_ones = [state for state in case.at_amazon() if state == "Authorized"]
    assert len(open_ones) <= CHARGES
    case.finish()
    wanted = ["Authorized"] * CHARGES + ["Canceled"] * CHARGES
    assert case.at_amazon() == case.in_books() == wanted
    assert case.shop.faults() == []
