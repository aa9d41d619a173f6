"""The newest schema for a new database, copied from one that was migrated once per process.

Only for tests that are not about migrations: these call `app.migrations.migrate` themselves.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from app.migrations import migrate
from billing.store.database import open_engine


def at_head(engine: Engine) -> None:
    """Bring an empty database to the newest schema; one that has a schema is migrated."""
    if engine.dialect.name == "sqlite":
        _copy_file(engine)
    elif _is_empty(engine):
        _copy_database(engine)
    else:
        migrate(engine)


def _copy_file(engine: Engine) -> None:
    file = Path(str(engine.url.database))
    if file.exists():
        migrate(engine)
    else:
        shutil.copyfile(_migrated_file(), file)


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="autopay-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "migrated.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    return file


def _is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() is None


def _copy_database(engine: Engine) -> None:
    """Put a copy of the migrated database in the place of the empty one.

    A test that is connected already keeps its database, and that one is migrated.
    """
    template = _migrated_database(engine.url.set(database="postgres"))
    engine.dispose()
    name = engine.url.database
    try:
        _run(engine.url, f'DROP DATABASE "{name}"')
    except OperationalError:
        migrate(engine)
        return
    _run(engine.url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"{_strategy(engine)}')


def _strategy(engine: Engine) -> str:
    # Copying files is four times as fast here as the log of every page, and PostgreSQL 15 is
    # the first that asks.
    version = engine.dialect.server_version_info or (0,)
    return " STRATEGY FILE_COPY" if version >= (15,) else ""


@cache
def _migrated_database(server: URL) -> str:
    # One server may be known by two addresses, a proxy's and its own: each has its own template.
    address = hashlib.sha256(server.render_as_string(hide_password=False).encode()).hexdigest()
    name = f"autopay_schema_{os.getpid()}_{address[:8]}"
    _run(server, f'CREATE DATABASE "{name}" TEMPLATE template0')
    atexit.register(_drop, server, name)
    engine = open_engine(server.set(database=name).render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    return name


def _drop(server: URL, name: str) -> None:
    try:
        _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    except OperationalError:
        return  # the server of this run is gone, and the database with it


def _run(url: URL, *statements: str) -> None:
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        admin.dispose()
