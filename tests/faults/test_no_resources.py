"""A process without file handles, memory or room on the disk stops; the next one finishes its work.

Failure modes 57, 63 and 65: what cannot be written is not sent, and what was sent is found.
"""

import base64
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from support.house import ROOT
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber

from billing.protocol import checkpoints
from scheduler import RunStopped

DAY = date(2026, 11, 30)
NINE = "2026-11-30T09:00:00+09:00"
SUBSCRIBERS = 40
OPENS = "create_engine("
EXPECTED = [(f"sub-{n:03d}-0010-renewal", 1_980) for n in range(1, SUBSCRIBERS + 1)]


@pytest.fixture
def shop(database_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(database_url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(n) for n in range(1, SUBSCRIBERS + 1)])
        shop.go_to(DAY)
        yield shop


def ran(shop: Shop, folder: Path, limit: Callable[[], None] | None = None) -> int:
    """A real `autopay run` under a limit; its exit code."""
    key = folder / "key"
    key.write_text(base64.b64encode(shop.master_key).decode())
    settings = {
        "AUTOPAY_DATABASE_URL": shop.database.url.render_as_string(hide_password=False),
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_AMAZON_URL": shop.amazon.base_url,
        "AUTOPAY_MASTER_KEY_FILE": str(key),
        "AUTOPAY_PACED": "false",
    }
    shop.database.dispose()
    done = subprocess.run(
        [Path(sys.executable).parent / "autopay", "run", "--at", NINE],
        cwd=folder,
        env={"PATH": os.defpath, **settings},
        preexec_fn=limit,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode


def limited(kind: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (value, value))


# From too little to start at all to enough for a part of the work.
@pytest.mark.nightly
@pytest.mark.parametrize("handles", [8, 14, 18, 22, 30])
def test_without_file_handles_nothing_is_doubled_or_lost(
    shop: Shop, tmp_path: Path, handles: int
) -> None:
    ran(shop, tmp_path, limited(resource.RLIMIT_NOFILE, handles))
    assert ran(shop, tmp_path) == 0
    assert shop.taken() == EXPECTED
    assert shop.faults() == []


@pytest.mark.nightly
@pytest.mark.parametrize("megabytes", [120, 260, 340, 420, 600])
def test_without_memory_nothing_is_doubled_or_lost(
    shop: Shop, tmp_path: Path, megabytes: int
) -> None:
    ran(shop, tmp_path, limited(resource.RLIMIT_AS, megabytes * 1_048_576))
    assert ran(shop, tmp_path) == 0
    assert shop.taken() == EXPECTED
    assert shop.faults() == []


def test_a_full_disk_stops_the_run_and_room_finishes_it(sqlite_url: str, sandbox: Sandbox) -> None:
    """SQLite's own limit of pages: every write fails as on a full disk, at any place."""
    with opening(sqlite_url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(n) for n in range(1, SUBSCRIBERS + 1)])
        shop.go_to(DAY)
        with shop.database.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        stopped = 0
        for more in range(5):
            with full_disk(shop, pages + more):
                try:
                    shop.engine.run_due()
                except (DBAPIError, RunStopped):
                    stopped += 1
        assert stopped >= 2, "the limit was never reached"
        shop.engine.run_due()
        later = shop.go_to(DAY, hour=12)
        shop.engine.run_due()
        assert shop.taken() == EXPECTED
        assert shop.faults(later) == []


@contextmanager
def full_disk(shop: Shop, pages: int) -> Iterator[None]:
    """No connection may let the file grow beyond so many pages."""

    def limit(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]  # sqlite3's

    shop.database.dispose()
    event.listen(shop.database, "connect", limit)
    yield
    event.remove(shop.database, "connect", limit)
    shop.database.dispose()


@pytest.mark.parametrize("point", [None, "charge.intended", "charge.recorded"])
def test_a_read_only_database_stops_the_run_and_a_writable_one_finishes_it(
    postgres_url: str, sandbox: Sandbox, point: str | None
) -> None:
    """As after a failover to a standby that nobody promoted: at once, or in the middle of a run."""
    with opening(postgres_url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(n) for n in range(1, SUBSCRIBERS + 1)])
        shop.go_to(DAY)
        with read_only(shop, from_point=point):
            with pytest.raises((DBAPIError, RunStopped)):
                shop.engine.run_due()
            known = list(sandbox.requests())
            with pytest.raises((DBAPIError, RunStopped)):
                shop.engine.run_due()
            assert list(sandbox.requests()) == known, "sent without an intent in the books"
        later = shop.go_to(DAY, hour=12)
        shop.engine.run_due()
        assert shop.taken() == EXPECTED
        assert shop.faults(later) == []


@contextmanager
def read_only(shop: Shop, *, from_point: str | None) -> Iterator[None]:
    """No session may write any more, from the start or from when that point is reached."""
    url = shop.database.url
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool)

    def turn(words: str) -> None:
        with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{url.database}" {words}'))
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            connection.execute(text(others), {"name": url.database})
        shop.database.dispose()

    def watch(reached: str) -> None:
        if reached == from_point:
            checkpoints._observers.remove(watch)
            turn("SET default_transaction_read_only = on")

    checkpoints.observe(watch)
    if from_point is None:
        turn("SET default_transaction_read_only = on")
    try:
        yield
        assert from_point is None or watch not in checkpoints._observers, "never reached"
    finally:
        if watch in checkpoints._observers:
            checkpoints._observers.remove(watch)
        turn("RESET default_transaction_read_only")


def test_money_is_read_where_it_is_written() -> None:
    """Failure mode 65: one place opens a database, so there is no lagging copy to read from."""
    rooms = [ROOT / room for room in ("billing", "scheduler", "app", "plans")]
    texts = {
        file: file.read_text(encoding="utf-8") for room in rooms for file in room.rglob("*.py")
    }
    opening_places = [str(f.relative_to(ROOT)) for f, text in texts.items() if OPENS in text]
    assert opening_places == ["billing/store/database.py"]
    copies = ("replica", "read_only_url", "database_urls")
    assert [str(f) for f, text in texts.items() if any(word in text for word in copies)] == []
