"""Somebody cancels a commit that waits for its standby: PostgreSQL calls it done, we do not."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from support.postgres import fresh_database, start_server, stop_server
from support.sandbox import Sandbox
from support.shop import Shop, open_shop, subscriber

from billing import CommitNotConfirmed, open_engine, reading, writing
from scheduler.slices import SenderPool, work_charges

pytestmark = pytest.mark.slow

MOST_COMMITS = 20
LONGEST_SECONDS = 30.0
DAILY = """
plans:
  - {code: basic, name: {ja: 日額, en: Daily}, price: 300, tax: standard,
     every: {unit: day, count: 1}}
"""
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@dataclass
class Standby:
    """The standby that a server waits for; there is none, so each commit waits for `confirm`."""

    control: psycopg.Connection[tuple[int]]
    cancelled: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def is_named(self, name: str) -> None:
        """Let the commits wait for a standby; those that wait already go on when it is ''."""
        self.control.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.control.execute("SELECT pg_reload_conf()")
        wanted = name
        self.until(
            lambda: self.control.execute("SHOW synchronous_standby_names").fetchone() == (wanted,)
        )

    def waiting(self) -> list[int]:
        return [pid for (pid,) in self.control.execute(WAITING)]

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def confirm(self) -> None:
        """Let what waits now through, and nothing after it."""
        self.is_named("")
        self.until(lambda: not self.waiting())
        self.is_named("ghost")

    def cancel(self, pid: int) -> None:
        self.control.execute("SELECT pg_cancel_backend(%s)", [pid])
        self.cancelled += 1
        self.until(lambda: pid not in self.waiting())

    def look_after(self, *, cancel_at: int) -> None:
        """Confirm each commit, but cancel the wait of one, counted from 0."""
        seen = 0
        while not self.ended.is_set():
            for pid in self.waiting():
                if seen == cancel_at:
                    self.cancel(pid)
                else:
                    self.confirm()
                seen += 1
            time.sleep(0.002)


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """A database of a server of its own: all databases of one wait for standbys in one way."""
    folder = Path(tempfile.mkdtemp(prefix="autopay-pg-standby-"))
    server = start_server(folder, watch=os.getpid())
    try:
        with fresh_database(server) as url:
            yield url
    finally:
        stop_server(folder)


@contextmanager
def standby_of(url: str) -> Iterator[Standby]:
    engine = open_engine(url)
    name = engine.url.database
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    engine.dispose()
    with psycopg.connect(address, autocommit=True) as control:
        control.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
        standby = Standby(control)
        try:
            yield standby
        finally:
            standby.is_named("")


@contextmanager
def looked_after(standby: Standby, *, cancel_at: int) -> Iterator[None]:
    standby.ended.clear()
    standby.is_named("ghost")
    thread = threading.Thread(target=lambda: standby.look_after(cancel_at=cancel_at))
    thread.start()
    try:
        yield
    finally:
        standby.ended.set()
        thread.join()
        standby.is_named("")


def rows_of(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT COUNT(*) FROM told")).scalar_one())


def test_a_cancelled_wait_is_a_commit_that_nobody_knows(server_url: str) -> None:
    """PostgreSQL answers it with success; the next commit of the connection counts again."""
    with standby_of(server_url) as standby:
        engine = open_engine(server_url)
        writing(engine, lambda c: c.execute(text("CREATE TABLE told (n int)")))
        insert = text("INSERT INTO told VALUES (1)")
        with (
            looked_after(standby, cancel_at=0),
            pytest.raises(OperationalError, match="may be lost when the standby takes over"),
        ):
            writing(engine, lambda c: c.execute(insert))
        assert rows_of(engine) == 1, "it is done here, and may be lost"
        writing(engine, lambda c: c.execute(insert))
        assert rows_of(engine) == 2
        engine.dispose()


def test_each_commit_of_a_run_is_cancelled_once(server_url: str, sandbox: Sandbox) -> None:
    """Failure mode 61: nothing is sent on the word of a commit that the standby may not have."""
    first = date(2026, 11, 1)
    with standby_of(server_url) as standby:
        shop = open_shop(
            database_url=server_url,
            amazon=sandbox,
            subscribers=[
                subscriber(1, started_on=first, anchor_day=1, next_charge_on=first),
            ],
            catalogue=DAILY,
        )
        held_back = 0
        for number in range(MOST_COMMITS):
            shop.go_to(first + timedelta(days=number))
            taken = len(shop.taken())
            with looked_after(standby, cancel_at=number):
                is_stopped = stops(shop)
            assert is_stopped == (standby.cancelled == number + 1)
            if not is_stopped:
                break
            intended = shop.rows("SELECT id FROM attempt WHERE state = 'intended'")
            held_back += len(shop.taken()) == taken and len(intended)
            work_until_done(shop)
        assert 3 <= number < MOST_COMMITS, "opening, intending, recording, and what is between"
        assert held_back == 1, "the one that intended a charge which was not sent on its word"
        assert [reference for reference, _ in shop.taken()] == [
            f"sub-001-{cycle:04d}-renewal" for cycle in range(number + 1)
        ]
        assert shop.faults() == []
        shop.database.dispose()


def stops(shop: Shop) -> bool:
    """Work once, and say whether it was stopped by a commit that is not known to last."""
    pool = SenderPool()
    try:
        while work_charges(shop.engine, pool=pool, stopping=lambda: False):
            pass
    except OperationalError as error:
        return isinstance(error.orig, CommitNotConfirmed)
    finally:
        pool.close()
    return False


def work_until_done(shop: Shop) -> None:
    """The next worker, when commits are confirmed again."""
    assert not stops(shop)
