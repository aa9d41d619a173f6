"""What a benchmark of the engine stands on: a database, a local Amazon Pay, worker processes.

PostgreSQL is the one of the tests: found or installed with them, one server for all databases.
"""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Literal

from sqlalchemy import Engine, text

from app.local_amazon import LocalAmazon, start_local_amazon
from billing import MerchantKeys, decode_master_key, new_master_key, open_engine, reading
from scripts.benchmarks.due_books import MERCHANT, DueBooks, permission_id, write_due_books

ROOT = Path(__file__).parents[2]
Kind = Literal["postgresql", "sqlite"]
CONSENTS_AT_ONCE = 1_000
ANSWERED = "FROM attempt WHERE id > :n AND state = 'captured'"


class RigFailed(Exception):
    """The engine did not do what was to be measured; its speed would mean nothing."""


@dataclass
class Rig:
    """One database with renewals due, and the Amazon Pay that answers."""

    url: str
    database: Engine
    amazon: LocalAmazon
    folder: Path
    master_key: bytes
    environment: dict[str, str]
    # Attempts up to this id are history: looking through them would disturb what is measured.
    last_id: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_workers(self, number: int, *, program: Sequence[str] = ("app", "worker")) -> None:
        """Start so many worker processes; `program` is a module and its arguments."""
        for _ in range(number):
            log = (self.folder / f"worker-{len(self.processes)}.log").open("wb")
            with log:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *program],
                        cwd=ROOT,
                        env=self.environment,
                        stdout=log,
                        stderr=log,
                    )
                )

    def answered(self) -> list[datetime]:
        """When charges were answered for good, in order; those of today only."""
        with reading(self.database) as connection:
            found = connection.execute(text(f"SELECT answered_at {ANSWERED}"), {"n": self.last_id})
            return sorted(_instant(value) for value in found.scalars())

    def _number_answered(self) -> int:
        with reading(self.database) as connection:
            found = connection.execute(text(f"SELECT count(*) {ANSWERED}"), {"n": self.last_id})
            return int(found.scalar_one())

    def wait_until_answered(self, number: int, *, seconds: float) -> list[datetime]:
        """Wait for so many answers; raises `RigFailed` when they do not come in time."""
        deadline = time.monotonic() + seconds
        while (done := self._number_answered()) < number:
            if time.monotonic() > deadline or all(p.poll() is not None for p in self.processes):
                logs = "".join(f.read_text()[-2_000:] for f in self.folder.glob("worker-*.log"))
                raise RigFailed(f"{done} of {number} renewals in {seconds:.0f} s; {logs}")
            time.sleep(0.5)
        return self.answered()

    def end_workers(self) -> None:
        """End every worker and wait for it."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()


@contextmanager
def opened_rig(
    books: DueBooks,
    *,
    kind: Kind,
    folder: Path,
    chargeable: int,
    amazon: Sequence[str] = ("--throttle", "off"),
) -> Iterator[Rig]:
    """Books in a new database, the first `chargeable` of them with consent at Amazon's."""
    folder.mkdir(parents=True)
    with ExitStack() as ending:
        url = ending.enter_context(database_of(kind, folder))
        here = start_local_amazon(folder=folder / "amazon", arguments=tuple(amazon))
        ending.callback(here.stop)
        database = open_engine(url)
        ending.callback(database.dispose)
        encoded = new_master_key()
        (folder / "master.key").write_text(encoded)
        master_key = decode_master_key(encoded)
        write_due_books(
            database, books, keys=_keys(here), master_key=master_key, now=datetime.now(UTC)
        )
        _consent(here, chargeable)
        environment = _environment(url, here, books, folder=folder)
        rig = Rig(url, database, here, folder, master_key, environment, _last_id(database))
        ending.callback(rig.end_workers)
        yield rig


def _last_id(database: Engine) -> int:
    with reading(database) as connection:
        found = connection.execute(text("SELECT coalesce(max(id), 0) FROM attempt"))
        return int(found.scalar_one())


@contextmanager
def database_of(kind: Kind, folder: Path) -> Iterator[str]:
    """The URL of an empty database; it is removed with the folder, or dropped."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'books.db'}"
        return
    postgres = tests_module("support.postgres")
    postgres.name_this_run()
    # Read by the program that starts the server: the tests' own one does not wait for the disk.
    os.environ["AUTOPAY_TEST_DURABLE"] = "1"
    with postgres.fresh_database(postgres.shared_server()) as url:
        yield url


def tests_module(name: str) -> ModuleType:
    """A helper of the tests: it finds and starts a PostgreSQL wherever there is one."""
    tests = str(ROOT / "tests")
    sys.path.insert(0, tests)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(tests)


def stop_postgres() -> None:
    """Stop the server, if one was started."""
    tests_module("support.postgres").stop_shared_server()


def _keys(amazon: LocalAmazon) -> MerchantKeys:
    return MerchantKeys(
        seller_id=amazon.merchant_id,
        store_id=amazon.store_id,
        public_key_id=amazon.public_key_id,
        private_key_pem=amazon.private_key_file.read_bytes(),
    )


def _consent(amazon: LocalAmazon, number: int) -> None:
    for begin in range(1, number + 1, CONSENTS_AT_ONCE):
        rows = [
            {"id": permission_id(n), "buyerId": f"amzn1.account.B{n}", "amountLimit": 50_000}
            for n in range(begin, min(begin + CONSENTS_AT_ONCE, number + 1))
        ]
        amazon.control("POST", "/charge-permissions", rows)


def _environment(url: str, amazon: LocalAmazon, books: DueBooks, *, folder: Path) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")} | {
        "AUTOPAY_DATABASE_URL": url,
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_ENVIRONMENT": books.environment,
        "AUTOPAY_AMAZON_URL": amazon.base_url,
        "AUTOPAY_MASTER_KEY_FILE": str(folder / "master.key"),
        "AUTOPAY_PACED": "false",
        "AUTOPAY_TICK_SECONDS": "5",
        # Two workers share two cores: more slices side by side would only make each one smaller.
        "AUTOPAY_SLICES_AT_ONCE": "2",
    }


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """True as soon as the condition holds; False when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
