"""The pages as a server process of their own, and the processor time that it and a database spend.

Time of the processor is what other programs on the machine disturb least: it is read from the
scheduler's own account of every thread, in nanoseconds.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from billing import new_master_key, reading
from scripts.benchmarks.pages_addresses import PASSWORD
from scripts.benchmarks.pages_books import MERCHANT
from scripts.benchmarks.rig import ROOT

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Served:
    """A running server of the pages; `database_pid` is the parent of PostgreSQL's processes."""

    address: str
    pid: int
    database_pid: int | None
    # Of every thread, also of those that have ended since.
    _spent: dict[Path, int] = field(default_factory=dict)

    def spent_ms(self) -> float | None:
        """Milliseconds of processor time of server and database; None where nobody tells."""
        pids = [self.pid, *([] if self.database_pid is None else _with_children(self.database_pid))]
        for pid in pids:
            self._spent.update(_spent_ns(pid))
        return sum(self._spent.values()) / 1e6 if self._spent else None


@contextmanager
def served(database: Engine, folder: Path) -> Iterator[Served]:
    """`autopay serve` without its worker on a free port, until the block ends."""
    (folder / "master.key").write_text(new_master_key())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")} | {
        "AUTOPAY_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_ENVIRONMENT": "sandbox",
        "AUTOPAY_STAFF_PASSWORD": PASSWORD,
        "AUTOPAY_MASTER_KEY_FILE": str(folder / "master.key"),
    }
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--no-worker"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://[\d.:]+", said)
            if found is None:
                raise RuntimeError(f"the pages did not start: {said}")
            yield Served(found[0], process.pid, _database_pid(database))
        finally:
            process.terminate()


def log_in(address: str) -> dict[str, str]:
    """Cookies of an owner who has signed in; raises `RuntimeError` when nobody can."""
    with httpx.Client(base_url=address, trust_env=False) as client:
        token = re.search(r'name="form_token" value="(\w+)"', client.get("/login").text)
        fields = {"form_token": token[1] if token else "", "user": "staff", "password": PASSWORD}
        answer = client.post("/login", data=fields)
        if answer.status_code != 303:
            raise RuntimeError(f"nobody could log in: {answer.status_code}")
        return dict(client.cookies)


def _database_pid(database: Engine) -> int | None:
    """The process that has a child for each connection; None without one on this machine."""
    if database.dialect.name != "postgresql":
        return None
    with reading(database) as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    try:
        status = (PROC / str(backend) / "status").read_text()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))


def _with_children(pid: int) -> list[int]:
    try:
        listed = (PROC / str(pid) / "task" / str(pid) / "children").read_text()
    except OSError:
        return [pid]
    return [pid, *map(int, listed.split())]


def _spent_ns(pid: int) -> dict[Path, int]:
    found = {}
    for file in (PROC / str(pid) / "task").glob("*/schedstat"):
        try:
            found[file] = int(file.read_text().split()[0])
        except OSError:  # the thread ended between two looks
            continue
    return found
