"""Brings the database to the newest schema, and tells when it is behind."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

import app
from billing.store.environment import Here, NotThisEnvironment

if TYPE_CHECKING:
    from alembic.config import Config

# In an installed wheel the scripts lie inside the package, in a checkout beside it.
_PACKAGED = Path(app.__file__).parent / "schema"
_CHECKOUT = Path(app.__file__).parent.parent / "alembic"
# Any number that no other program on the same database uses for its own lock.
LOCK = 7_402_650_431


class DatabaseBehind(Exception):
    """The database's schema is not the one this program was written for."""


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Upgrade to the newest schema; returns the revision before and after. Idempotent.

    Raises `DatabaseBehind` for a database of a newer program, which stays as it is.
    """
    # Here, because every other command only asks for the revision and starts a fifth faster.
    from alembic import command

    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two migrations started at once: the second waits, then finds nothing to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        before = _revision(connection)
        _check_known(before)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before, _head()


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """False for what the models do not describe: the tables of procrastinate, which that library
    makes, and indexes of beginnings, whose collation SQLite cannot say."""
    if name is None:
        return True
    if kind == "index":
        return "_begins_" not in name
    return kind != "table" or not name.startswith("procrastinate_")


def check_schema(engine: Engine) -> None:
    """Raise `DatabaseBehind` unless the database has exactly the schema of this program."""
    with engine.connect().execution_options(autopay_reading=True) as connection:
        found = _revision(connection)
    if found == _head():
        return
    if found is None:
        raise DatabaseBehind("the database is empty; prepare it with: autopay migrate")
    _check_known(found)
    raise DatabaseBehind(
        f"the database is at revision {found}, this program needs {_head()}; "
        "stop the workers, back it up, then run: autopay migrate"
    )


def still_ours(engine: Engine, look: Callable[[], Here]) -> Callable[[], Here]:
    """`look` for a program that runs on: it looks at the schema first, each time.

    Somebody may migrate while workers of before are running. They begin nothing more:
    `NotThisEnvironment` is raised instead.
    """

    def looked() -> Here:
        try:
            check_schema(engine)
        except DatabaseBehind as other:
            raise NotThisEnvironment(
                f"the database was migrated while this program was running, start it again: {other}"
            ) from other
        return look()

    return looked


def _check_known(revision: str | None) -> None:
    if revision is not None and revision not in _revisions():
        raise DatabaseBehind(
            f"the database is at revision {revision}, which this program does not know; "
            "it belongs to a newer version of autopay: install that one"
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def _head() -> str:
    if not _revisions():
        raise AssertionError("this program came without its migrations")
    return max(_revisions())


@cache
def _revisions() -> frozenset[str]:
    """Every revision, read from the files' names: they begin with it (a house test compares)."""
    return frozenset(
        path.name.partition("_")[0] for path in (_scripts() / "versions").glob("[0-9]*.py")
    )


def _scripts() -> Path:
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config
