"""kill -9 at any moment, started again: the same books as an undisturbed run.

A real `autopay run` process is killed by SIGKILL at named points of the charging path and at
moments seen from Amazon's side, then run again. The books and the local Amazon Pay's own list of
charges must equal those of a run that nobody disturbed.
"""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text
from support.ready_autopay import quick_folder
from support.sandbox import Sandbox
from support.shop import MERCHANT, open_shop, subscriber

from billing import SubscriberRow, open_engine, reading
from scheduler import AmazonEndpoint, ShiftedClock, start_engine

DAY, NEXT_DAY = "2026-11-30T09:00:00+09:00", "2026-12-01T09:30:00+09:00"
# What had no answer is asked again on the same day: a replay of December counts in its cap, too.
LATER = ("2026-11-30T09:30:00+09:00", "2026-11-30T10:45:00+09:00")
SHARED = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
BEHAVIOURS = {
    "C03-0000003-0000001": ["SoftDeclined"],
    "C03-0000004-0000001": ["HardDeclined"],
    "C03-0000005-0000001": ["CaptureInitiated"],
}

NAMED_POINTS = [
    "cycle.opened:1",
    "charge.intended:1",
    "charge.before_send:1",
    "charge.before_send:5",
    "charge.before_send:25",
    "charge.after_send:1",
    "charge.after_send:8",
    "charge.after_send:24",
    "charge.before_record:1",
    "charge.recorded:1",
]
# The same points at another moment of the run.
NAMED_POINTS_OF_THE_NIGHT = [
    "charge.intended:2",
    "charge.before_send:2",
    "charge.before_send:13",
    "charge.before_send:32",
    "charge.after_send:2",
    "charge.after_send:4",
    "charge.after_send:16",
    "charge.after_send:28",
    "charge.before_record:2",
    "charge.recorded:2",
]
# Killed again while the first death's doubts are being resolved.
SECOND_DEATHS = [
    ("charge.after_send:9", "doubt.claimed:1"),
    ("charge.intended:1", "charge.after_send:6"),
]
SECOND_DEATHS_OF_THE_NIGHT = [
    ("charge.after_send:9", "charge.before_send:3"),
    ("charge.before_record:1", "charge.before_record:1"),
]
# Killed from outside once Amazon has seen so many requests.
REQUESTS_SEEN = [3, 30]
REQUESTS_SEEN_OF_THE_NIGHT = [1, 10, 20]

BOOKS = {
    "slot": "SELECT reference, amount_yen, state, attempts, declines, cap_moves FROM slot",
    "attempt": "SELECT idempotency_key, amount_yen, state, reason_code FROM attempt",
    "invoice": "SELECT number, state, total_yen, paid_yen FROM invoice",
    "journal": (
        "SELECT invoice.number, journal.kind, account, amount_yen FROM posting "
        "JOIN journal ON journal.id = journal_id JOIN invoice ON invoice.id = invoice_id"
    ),
    "subscription": (
        "SELECT external_id, state, next_cycle, cycles_done, "
        "SUBSTR(CAST(due_at AS TEXT), 1, 16) FROM subscription"
    ),
    "cap_month": (
        "SELECT amazon_id, month, used_yen, held_yen FROM cap_month "
        "JOIN charge_permission ON charge_permission.id = permission_id"
    ),
    "notice": "SELECT dedup_key, kind, amount_yen, reason FROM notice",
    "event": "SELECT subscription_id, kind, state_before, state_after FROM subscription_event",
}


def subscribers() -> list[SubscriberRow]:
    """36 subscribers: plain ones, a shared permission at its cap, a yearly price to split."""
    plain = [subscriber(number) for number in range(1, 33)]
    shared = [subscriber(number, plan_code="studio", **SHARED) for number in (40, 41)]
    yearly = subscriber(50, plan_code="yearly", started_on=date(2025, 11, 30))
    coffee = subscriber(51, plan_code="coffee")
    return [*plain, *shared, yearly, coffee]


def _arguments(at: str) -> list[str]:
    return ["run", "--once", "--at", at, "--json"]


@dataclass(frozen=True)
class Case:
    """A prepared database and Amazon, and the environment of its processes."""

    database_url: str
    amazon: Sandbox
    environment: dict[str, str]
    master_key: bytes

    def run(self, at: str, *, kill_at: str | None = None) -> int:
        """`autopay run` to its end or death; returns the exit code."""
        extra = {"AUTOPAY_KILL_AT": kill_at} if kill_at else {}
        finished = subprocess.run(
            [quick_folder() / "autopay", *_arguments(at)],
            env=self.environment | extra,
            capture_output=True,
            timeout=120,
        )
        if finished.returncode not in (0, -signal.SIGKILL):
            pytest.fail(finished.stderr.decode())
        return finished.returncode

    def run_until_amazon_saw(self, requests: int, at: str) -> None:
        """Start `autopay run` and kill it once Amazon has logged so many requests."""
        with subprocess.Popen(
            [sys.executable, "-m", "app", *_arguments(at)],
            env=self.environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process:
            deadline = time.monotonic() + 60
            while len(list(self.amazon.requests())) < requests and process.poll() is None:
                assert time.monotonic() < deadline
                # Asking without a pause would keep Amazon, and one of two cores, from the run.
                time.sleep(0.02)
            process.kill()

    def finish(self) -> None:
        """What an operator does after a crash: start again, and go on the next day.

        The dead process's work is taken over by a new process: this one.
        """
        database = open_engine(self.database_url)
        for at in map(datetime.fromisoformat, (DAY, *LATER, NEXT_DAY)):
            self.amazon.set_clock(at)
            engine = start_engine(
                database=database,
                merchant_id=MERCHANT,
                master_key=self.master_key,
                endpoint=AmazonEndpoint(base_url=self.amazon.base_url, paced=False, in_flight=4),
                clock=ShiftedClock(at),
            )
            engine.run_due()
            engine.watch()
        database.dispose()

    def books(self) -> dict[str, list[Any]]:
        """The books and Amazon's own list, without row ids and times."""
        database = open_engine(self.database_url)
        with reading(database) as connection:
            books = {
                name: sorted(map(repr, connection.execute(text(sql))))
                for name, sql in BOOKS.items()
            }
        database.dispose()
        books["amazon"] = sorted(
            (charge["merchantReferenceId"], charge["amount"], charge["state"])
            for charge in self.amazon.charges()
        )
        return books


def prepare(database_url: str, amazon: Sandbox, folder: Path) -> Case:
    amazon.reset()
    amazon.clear_faults()
    shop = open_shop(
        database_url=database_url,
        amazon=amazon,
        subscribers=subscribers(),
        behaviours=BEHAVIOURS,
    )
    shop.go_to(date(2026, 11, 30))
    shop.database.dispose()
    key = folder / "master.key"
    key.write_text(base64.b64encode(shop.master_key).decode())
    url = make_url(database_url).render_as_string(hide_password=False)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")} | {
        "AUTOPAY_DATABASE_URL": url,
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_AMAZON_URL": amazon.base_url,
        "AUTOPAY_MASTER_KEY_FILE": str(key),
        "AUTOPAY_PACED": "false",
        "AUTOPAY_IN_FLIGHT": "4",
    }
    return Case(database_url, amazon, environment, shop.master_key)


@pytest.fixture(scope="module")
def undisturbed(
    shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Any]]:
    """The books of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    case = prepare(f"sqlite:///{folder / 'books.db'}", shared_sandbox, folder)
    case.finish()
    books = case.books()
    # 32 plain renewals less one waiting for its buyer; 2 shared ones, one in two parts; the yearly
    # one in two parts; one coffee: 31 + 3 + 2 + 1 = 37 charges
    assert len(books["amazon"]) == 37
    return books


def on_both(
    points: Sequence[Any], *, at_night: Sequence[Any], on_postgresql: Sequence[Any]
) -> list[Any]:
    """Points on SQLite, on each commit or in the nightly profile; some on PostgreSQL too, where a
    process costs the same time again and the code that dies is the same."""
    return [
        *(pytest.param("sqlite_url", p, id=f"sqlite-{p}") for p in points),
        *(
            pytest.param("sqlite_url", p, id=f"sqlite-{p}", marks=pytest.mark.nightly)
            for p in at_night
        ),
        *(
            pytest.param("postgres_url", p, id=f"postgresql-{p}", marks=pytest.mark.slow)
            for p in on_postgresql
        ),
    ]


@pytest.fixture
def case(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    tmp_path: Path,
    undisturbed: dict[str, list[Any]],
) -> Case:
    return prepare(request.getfixturevalue(request.param), sandbox, tmp_path)


@pytest.mark.parametrize(
    ("case", "point"),
    on_both(
        NAMED_POINTS,
        at_night=NAMED_POINTS_OF_THE_NIGHT,
        on_postgresql=[
            "cycle.opened:1",
            "charge.intended:1",
            "charge.before_send:5",
            "charge.after_send:8",
            "charge.before_record:1",
            "charge.recorded:1",
        ],
    ),
    indirect=["case"],
)
def test_killed_at_a_named_point(case: Case, undisturbed: dict[str, list[Any]], point: str) -> None:
    assert case.run(DAY, kill_at=point) == -signal.SIGKILL
    case.finish()
    assert case.books() == undisturbed


@pytest.mark.parametrize("case", ["sqlite_url"], indirect=True)
def test_killed_and_started_again_by_the_command_line(
    case: Case, undisturbed: dict[str, list[Any]]
) -> None:
    assert case.run(DAY, kill_at="charge.after_send:11") == -signal.SIGKILL
    assert case.run(DAY) == 0
    case.finish()
    assert case.books() == undisturbed


@pytest.mark.parametrize(
    ("case", "points"),
    on_both(SECOND_DEATHS, at_night=SECOND_DEATHS_OF_THE_NIGHT, on_postgresql=SECOND_DEATHS[:1]),
    indirect=["case"],
)
def test_killed_again_while_recovering(
    case: Case, undisturbed: dict[str, list[Any]], points: tuple[str, str]
) -> None:
    for point in points:
        assert case.run(DAY, kill_at=point) == -signal.SIGKILL
    case.finish()
    assert case.books() == undisturbed


@pytest.mark.parametrize(
    ("case", "requests"),
    on_both(REQUESTS_SEEN, at_night=REQUESTS_SEEN_OF_THE_NIGHT, on_postgresql=[10]),
    indirect=["case"],
)
def test_killed_from_outside_while_charging(
    case: Case, undisturbed: dict[str, list[Any]], requests: int
) -> None:
    case.amazon.faults(
        [{"operation": "createCharge", "kind": "slow", "seconds": 0.02, "times": 99}]
    )
    case.run_until_amazon_saw(requests, DAY)
    case.amazon.clear_faults()
    case.finish()
    assert case.books() == undisturbed
