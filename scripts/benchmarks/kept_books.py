"""Books that outlive a benchmark, on either database, so that the next run need not write them.

A folder holds `books.db`, or the data of a PostgreSQL of its own that runs only while it is used.
`written` beside them says what they are; books of another size or another day are made anew.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine, text

from app.migrations import migrate
from billing import open_engine
from scripts.benchmarks.rig import Kind, RigFailed, tests_module

DATABASE = "books"
START_SECONDS = 60
# As in production: each commit waits for the disk.
SETTINGS = {
    "jit": "off",
    "listen_addresses": "",
    "max_connections": "150",
    "timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",
}


@contextmanager
def kept_books(
    kind: Kind, folder: Path, *, about: str, write: Callable[[str], None]
) -> Iterator[str]:
    """The URL of the books in this folder, at the newest schema; `write` makes them by their URL.

    `about` says in one line what the books are; those of which anything else is said are thrown
    away. Raises `RigFailed` when PostgreSQL does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / f"written-{kind}"
    is_known = said.exists() and said.read_text() == about
    with _database(kind, folder, is_known=is_known) as url:
        if is_known:
            _to_newest(url)
        else:
            said.unlink(missing_ok=True)
            write(url)
            said.write_text(about)
        yield url


def _to_newest(url: str) -> None:
    database = open_engine(url)
    try:
        migrate(database)
    finally:
        database.dispose()


@contextmanager
def _database(kind: Kind, folder: Path, *, is_known: bool) -> Iterator[str]:
    if kind == "postgresql":
        with _server(folder / "pg") as server:
            if not is_known:
                _run(server, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
                _run(server, f"CREATE DATABASE {DATABASE} TEMPLATE template0")
            yield server.set(database=DATABASE).render_as_string(hide_password=False)
        return
    if not is_known:
        for file in folder.glob("books.db*"):
            file.unlink()
    yield f"sqlite:///{folder / 'books.db'}"


@contextmanager
def _server(base: Path) -> Iterator[URL]:
    """A PostgreSQL in this folder until the block ends; its data stay."""
    programs = tests_module("support.postgres_binaries")
    base.mkdir(mode=0o700, exist_ok=True)  # private: whoever reaches the socket may log in
    programs.give_away(base)
    folder, data = programs.find_binaries(copy_to=base).folder, base / "data"
    with (base / "server.log").open("ab") as log:

        def begun(*command: str | Path) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=base,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                **programs.run_as(),
            )

        if not data.exists():
            new = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
            begun(folder / "initdb", *new, "-D", data).wait()
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        server = begun(folder / "postgres", "-D", data, "-k", base, *options)
    try:
        yield _ready(base, server)
    finally:
        server.send_signal(signal.SIGINT)  # "fast": roll back, disconnect, leave
        server.wait()


def _ready(base: Path, server: subprocess.Popen[bytes]) -> URL:
    deadline = time.monotonic() + START_SECONDS
    status = base / "data" / "postmaster.pid"
    while not (status.exists() and "ready" in status.read_text()):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RigFailed(
                f"PostgreSQL did not start; {(base / 'server.log').read_text()[-2_000:]}"
            )
        time.sleep(0.05)
    return URL.create(
        "postgresql+psycopg", username="postgres", database="postgres", query={"host": str(base)}
    )


def _run(server: URL, statement: str) -> None:
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
