"""PostgreSQL has no room left for its tables: the run stops, and goes on when there is room.

Failure mode 63. The tables lie on a small file system of their own, mounted in memory for the test;
who may not mount one cannot run it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from support.postgres import fresh_database, start_server, stop_server
from support.postgres_binaries import give_away
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from scheduler import RunStopped

pytestmark = pytest.mark.slow

DAY = date(2026, 11, 30)
SUBSCRIBERS = 40
EXPECTED = [(f"sub-{n:03d}-0010-renewal", 1_980) for n in range(1, SUBSCRIBERS + 1)]
DISK_MEGABYTES = 64
PAGE = 8_192
# How much room there is, from none to enough for everything, in pages of a table.
ROOMS = (0, 1, 2, 4, 8, 16, 32, 64)


@pytest.fixture
def small_disk() -> Iterator[tuple[str, Path]]:
    """A database, and a small disk with a folder for its tables."""
    base = Path(tempfile.mkdtemp(prefix="autopay-pg-"))
    disk = Path(tempfile.mkdtemp(prefix="autopay-disk-"))
    options = f"size={DISK_MEGABYTES}m,mode=0700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        disk.rmdir()
        base.rmdir()
        pytest.skip("a small file system can be mounted by root only: run this test as root")
    server = start_server(base, watch=os.getpid())
    try:
        tables = disk / "tables"
        tables.mkdir()
        give_away(disk)
        give_away(tables)
        with fresh_database(server) as url:
            yield url, disk
    finally:
        stop_server(base)
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()


def move(shop: Shop, tables: Path) -> None:
    """Let the tables of a shop lie in a folder."""
    url = shop.database.url
    shop.database.dispose()
    address = url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{tables}'".encode())
        admin.execute(f'ALTER DATABASE "{url.database}" SET TABLESPACE small'.encode())


@contextmanager
def room_for(disk: Path, pages: int) -> Iterator[None]:
    """Fill the disk until so many pages of a table are left; empty it again afterwards."""
    ballast = disk / "ballast"
    try:
        free = shutil.disk_usage(disk).free - pages * PAGE
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)
        yield
    finally:
        ballast.unlink()


def stops(shop: Shop) -> bool:
    """Work once, and say whether the run stopped for want of room."""
    try:
        shop.engine.run_due()
    except (OperationalError, RunStopped):
        return True
    return False


def test_a_full_disk_stops_the_run_and_room_finishes_it(
    small_disk: tuple[str, Path], sandbox: Sandbox
) -> None:
    """What cannot be written is not sent; what was sent is found, and charged once."""
    url, disk = small_disk
    with opening(url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(n) for n in range(1, SUBSCRIBERS + 1)])
        move(shop, disk / "tables")
        shop.go_to(DAY)
        stopped = []
        for pages in ROOMS:
            with room_for(disk, pages):
                stopped.append(stops(shop))
                intended = shop.rows("SELECT id FROM attempt")
                assert len(list(shop.amazon.charges())) <= len(intended), "sent without an intent"
        assert stopped[0], "the disk was never full"
        assert sum(stopped) >= 3, stopped
        later = shop.go_to(DAY, hour=12)
        assert not stops(shop)
        assert shop.taken() == EXPECTED
        assert shop.faults(later) == []
