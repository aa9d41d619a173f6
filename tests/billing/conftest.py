"""Prepared books that are quick to have."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from delivery_desk import Desk, copied_desk, desk_at


@pytest.fixture(scope="session")
def desk_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with one subscription; copied, never used."""
    file = tmp_path_factory.mktemp("desk") / "template.sqlite3"
    with desk_at(f"sqlite:///{file}") as desk:
        # All of it into the one file that is copied.
        desk.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def quick_desk(desk_template: Path, tmp_path: Path) -> Iterator[Desk]:
    """Books with one subscription, on SQLite."""
    with copied_desk(desk_template, tmp_path) as desk:
        yield desk
