"""Workers as real processes: many on PostgreSQL, killed and stopped, on the machine's own clock."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, open_shop, subscriber

from billing import SubscriberRow

SUBSCRIBERS = 40
PATIENCE_SECONDS = 60

StartWorker = Callable[[], subprocess.Popen[bytes]]


def due_since_yesterday(number: int) -> SubscriberRow:
    """A subscriber whose first charge was due yesterday by the machine's clock."""
    yesterday = datetime.now(ZoneInfo("Asia/Tokyo")).date() - timedelta(days=1)
    return subscriber(
        number, started_on=yesterday, anchor_day=yesterday.day, next_charge_on=yesterday
    )


@pytest.fixture
def shop(postgres_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    sandbox.set_clock(datetime.now(UTC))
    shop = open_shop(
        database_url=postgres_url,
        amazon=sandbox,
        subscribers=[due_since_yesterday(number) for number in range(1, SUBSCRIBERS + 1)],
    )
    yield shop
    shop.database.dispose()


@pytest.fixture
def start_worker(shop: Shop, tmp_path: Path) -> Iterator[StartWorker]:
    key = tmp_path / "master.key"
    key.write_text(base64.b64encode(shop.master_key).decode())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")} | {
        "AUTOPAY_DATABASE_URL": shop.database.url.render_as_string(hide_password=False),
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_AMAZON_URL": shop.amazon.base_url,
        "AUTOPAY_MASTER_KEY_FILE": str(key),
        "AUTOPAY_PACED": "false",
        "AUTOPAY_IN_FLIGHT": "2",
        "AUTOPAY_TICK_SECONDS": "1",
    }
    started: list[subprocess.Popen[bytes]] = []

    def _start() -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "app", "worker"],
                    env=environment,
                    stdout=log,
                    stderr=log,
                )
            )
        return started[-1]

    yield _start
    for process in started:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def paid(shop: Shop) -> int:
    (row,) = shop.rows("SELECT COUNT(*) AS n FROM slot WHERE state = 'paid'")
    return int(row["n"])


def test_workers_share_the_work_and_a_killed_one_loses_and_doubles_nothing(
    shop: Shop, start_worker: StartWorker
) -> None:
    shop.amazon.faults(
        [{"operation": "createCharge", "kind": "slow", "seconds": 0.1, "times": 500}]
    )
    workers = [start_worker() for _ in range(3)]
    wait_until(lambda: len(list(shop.amazon.requests())) >= 5)
    workers[0].kill()
    wait_until(lambda: paid(shop) == SUBSCRIBERS)
    assert [reference for reference, _ in shop.taken()] == sorted(
        f"sub-{number:03d}-0000-renewal" for number in range(1, SUBSCRIBERS + 1)
    )
    assert shop.faults(datetime.now(UTC)) == []


def test_a_worker_asked_to_stop_ends_cleanly(shop: Shop, start_worker: StartWorker) -> None:
    worker = start_worker()
    wait_until(lambda: paid(shop) == SUBSCRIBERS)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    (open_attempts,) = shop.rows(
        "SELECT COUNT(*) AS n FROM attempt WHERE state IN ('intended', 'in_doubt', 'pending')"
    )
    assert open_attempts["n"] == 0
