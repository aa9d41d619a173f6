"""Backups of a test's books, taken and put back as an administrator would."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine, make_url, text


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of a whole database; nobody may be connected while it is taken or put back."""

    url: str
    copy: str

    def put_back(self) -> None:
        """Make the database what it was: the file's content, or a database made anew."""
        if self.url.startswith("sqlite"):
            file = _file(self.url)
            for side in ("-wal", "-shm"):
                Path(f"{file}{side}").unlink(missing_ok=True)
            shutil.copyfile(self.copy, file)
            return
        name = make_url(self.url).database
        _run(self.url, f'DROP DATABASE "{name}" WITH (FORCE)')
        _run(self.url, f'CREATE DATABASE "{name}" TEMPLATE "{self.copy}"')

    def drop(self) -> None:
        """Remove the copy."""
        if not self.url.startswith("sqlite"):
            _run(self.url, f'DROP DATABASE IF EXISTS "{self.copy}" WITH (FORCE)')


def take_backup(url: str, *, folder: Path) -> Backup:
    """Copy a database as it is now."""
    if url.startswith("sqlite"):
        copy = folder / "backup.sqlite3"
        with closing(sqlite3.connect(_file(url))) as books, closing(sqlite3.connect(copy)) as kept:
            books.backup(kept)
        return Backup(url, str(copy))
    name = make_url(url).database
    _run(url, f'CREATE DATABASE "{name}_backup" TEMPLATE "{name}"')
    return Backup(url, f"{name}_backup")


def _file(url: str) -> Path:
    return Path(make_url(url).database or "")


def _run(url: str, statement: str) -> None:
    admin = make_url(url).set(drivername="postgresql+psycopg", database="postgres")
    engine = create_engine(admin, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
