"""kill -9 while money is given back: every refund is made once, the books are as undisturbed.

A real process is killed by SIGKILL at named points of the refund path and its work is taken over
by another one. The local Amazon Pay's own list says what was given back.
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

from billing import request_refund, writing

DAY = date(2026, 11, 30)
AT = "2026-11-30T12:00:00+09:00"
REFUNDS = 12
POINTS = [
    "refund.claimed:1",
    "refund.before_send:1",
    "refund.before_send:9",
    "refund.after_send:1",
    "refund.after_send:7",
    "refund.after_send:12",
    "refund.before_record:1",
    "refund.recorded:1",
]


@dataclass(frozen=True)
class Case:
    """A shop that took 12 payments, and the environment of processes that work for it."""

    shop: Shop
    environment: dict[str, str]

    def command(self, *words: str, kill_at: str | None = None) -> int:
        """One `autopay` command to its end or death; returns the exit code."""
        extra = {"AUTOPAY_KILL_AT": kill_at} if kill_at else {}
        done = subprocess.run(
            [quick_folder() / "autopay", *words],
            env=self.environment | extra,
            capture_output=True,
            timeout=120,
        )
        if done.returncode not in (0, -signal.SIGKILL):
            pytest.fail(done.stderr.decode())
        return done.returncode

    def ask(self) -> None:
        """Half of every payment is to be given back."""
        merchant, at = self.shop.engine.merchant, self.shop.clock.now()
        for number in range(1, REFUNDS + 1):
            name = f"sub-{number:03d}"
            writing(
                self.shop.database,
                lambda connection, name=name: request_refund(
                    connection,
                    merchant,
                    request_id=name,
                    amount_yen=990,
                    reason="goodwill",
                    actor="staff",
                    at=at,
                    subscription_id=name,
                ),
            )

    def finish(self) -> None:
        """What an operator does after a crash: start again, and go on an hour later."""
        for hours in (0, 1, 2):
            at = self.shop.go_to(DAY, hour=12) + timedelta(hours=hours)
            self.shop.amazon.set_clock(at)
            self.shop.clock.set(at)
            self.shop.engine.run_due()

    def given_back(self) -> list[tuple[str, int]]:
        """What Amazon gave back, by its own list."""
        return [(refund["state"], refund["amount"]) for refund in self.shop.amazon.refunds()]


@pytest.fixture
def case(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Case]:
    url: str = request.getfixturevalue(request.param)
    with opening(url, sandbox) as open_one:
        rows = [subscriber(number) for number in range(1, REFUNDS + 1)]
        shop = open_one(subscribers=rows, endpoint={"in_flight": 4})
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


def everything_was_given_back_once(case: Case, *, refunds: int, yen: int) -> None:
    assert case.given_back() == [("Refunded", yen)] * refunds
    rows = case.shop.rows("SELECT state, amount_yen FROM refund")
    assert rows == [{"state": "refunded", "amount_yen": yen}] * refunds
    balances = case.shop.balances()
    assert "refund_payable" not in balances
    assert balances["amazon_receivable"] == REFUNDS * 1_980 - refunds * yen
    assert case.shop.faults() == []


@pytest.mark.parametrize(
    ("case", "point"),
    [
        *(pytest.param("sqlite_url", point, id=f"sqlite-{point}") for point in POINTS),
        *(
            pytest.param("postgres_url", point, id=f"postgresql-{point}", marks=pytest.mark.slow)
            for point in ("refund.claimed:1", "refund.after_send:7", "refund.before_record:1")
        ),
    ],
    indirect=["case"],
)
def test_a_run_killed_while_it_gives_money_back(case: Case, point: str) -> None:
    case.ask()
    assert case.command("run", "--at", AT, kill_at=point) == -signal.SIGKILL
    case.finish()
    everything_was_given_back_once(case, refunds=REFUNDS, yen=990)


@pytest.mark.parametrize("case", ["sqlite_url"], indirect=True)
def test_killed_again_while_recovering(case: Case) -> None:
    case.ask()
    for point in ("refund.after_send:7", "refund.after_send:3", "refund.before_record:1"):
        assert case.command("run", "--at", AT, kill_at=point) == -signal.SIGKILL
    case.finish()
    everything_was_given_back_once(case, refunds=REFUNDS, yen=990)


@pytest.mark.parametrize("point", ["refund.claimed", "refund.before_send", "refund.after_send"])
@pytest.mark.parametrize("case", ["sqlite_url"], indirect=True)
def test_a_person_who_asks_again_after_a_crash_gives_back_once(case: Case, point: str) -> None:
    words = ("charge", "refund", "sub-001-0010-renewal", "--amount", "700", "--reason", "broken")
    again = (*words, "--request-id", "ticket-17", "--yes", "--at", AT)
    assert case.command(*again, kill_at=point) == -signal.SIGKILL
    assert case.command(*again) == 0
    case.finish()
    everything_was_given_back_once(case, refunds=1, yen=700)
