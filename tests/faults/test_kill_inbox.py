"""kill -9 after the 200, and while the inbox is worked off: nothing that was answered is lost.

Real processes: `autopay serve` takes what the local Amazon Pay sends, `autopay notifications
process` works it off.
"""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.ready_autopay import quick_folder
from support.sandbox import Sandbox
from support.shop import MERCHANT, open_shop, subscriber

from billing import open_engine, reading

PERMISSION = "C03-0000001-0000001"
POINTS = ["notification.claimed:1", "notification.before_settle:1"]


@dataclass
class Case:
    """Prepared books and Amazon, and the environment of the processes on them."""

    database_url: str
    amazon: Sandbox
    environment: dict[str, str]

    def serve(self) -> tuple["subprocess.Popen[str]", str]:
        """The pages alone, without a worker; returns process and address."""
        command = [sys.executable, "-m", "app", "serve", "--port", "0", "--no-worker"]
        server = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, text=True, cwd=self.folder
        )
        assert server.stdout is not None
        greeting = server.stdout.readline()
        return server, next(word for word in greeting.split() if word.startswith("http"))

    @property
    def folder(self) -> Path:
        return Path(self.environment["HOME"])

    def process(self, kill_at: str | None = None) -> int:
        """Work the inbox off, to the end or to the death."""
        extra = {"AUTOPAY_KILL_AT": kill_at} if kill_at else {}
        command = [quick_folder() / "autopay", "notifications", "process"]
        done = subprocess.run(
            command, env=self.environment | extra, capture_output=True, timeout=60, cwd=self.folder
        )
        if done.returncode not in (0, -signal.SIGKILL):
            pytest.fail(done.stderr.decode())
        return done.returncode

    def rows(self, sql: str) -> list[dict[str, Any]]:
        database = open_engine(self.database_url)
        with reading(database) as connection:
            found = [dict(row) for row in connection.execute(text(sql)).mappings()]
        database.dispose()
        return found


@pytest.fixture
def case(sqlite_url: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[Case]:
    """One subscriber; messages come and are verified by today's clock."""
    sandbox.set_clock(datetime.now(UTC))
    shop = open_shop(
        database_url=sqlite_url,
        amazon=sandbox,
        subscribers=[subscriber(1)],
        notification_topics=sandbox.ipn_topic_arn,
    )
    shop.database.dispose()
    key = tmp_path / "master.key"
    key.write_text(base64.b64encode(shop.master_key).decode())
    settings = {
        "DATABASE_URL": sqlite_url,
        "MERCHANT": MERCHANT,
        "AMAZON_URL": sandbox.base_url,
        "MASTER_KEY_FILE": str(key),
        "PACED": "false",
    }
    keep = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    named = {f"AUTOPAY_{name}": value for name, value in settings.items()}
    yield Case(sqlite_url, sandbox, keep | named | {"HOME": str(tmp_path)})
    sandbox.call("DELETE", "/ipn/endpoints")


def wait_for(case: Case, sql: str) -> None:
    deadline = time.monotonic() + 20
    while not case.rows(sql):
        assert time.monotonic() < deadline, sql
        time.sleep(0.05)


def test_what_was_answered_is_worked_off_after_any_death(case: Case) -> None:
    """The server dies right after its 200, then each of two workers at a point of its own."""
    server, address = case.serve()
    try:
        url = f"{address}amazon-pay/notifications/{MERCHANT}"
        case.amazon.call("POST", "/ipn/endpoints", {"url": url})
        case.amazon.patch_permission(PERMISSION, state="Closed", reasonCode="BuyerClosed")
        wait_for(case, "SELECT id FROM notification")
    finally:
        server.kill()
        server.communicate()
    assert case.rows("SELECT state FROM notification") == [{"state": "waiting"}]
    for point in POINTS:
        assert case.process(kill_at=point) == -signal.SIGKILL
        assert case.rows("SELECT state FROM notification") == [{"state": "waiting"}]
    assert case.process() == 0
    assert case.rows("SELECT state, result FROM notification") == [
        {"state": "done", "result": "read"}
    ]
    assert case.rows("SELECT state FROM charge_permission") == [{"state": "Closed"}]
    kinds = case.rows("SELECT kind FROM notice ORDER BY id")
    assert [row["kind"] for row in kinds] == ["permission_closed", "cancel_scheduled"]
