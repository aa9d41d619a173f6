"""A database knows where it belongs, and notices when it went back in time."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.migrations import migrate
from billing import (
    Merchant,
    load_brake,
    load_merchant,
    open_engine,
    reading,
    store_merchant,
    writing,
)
from billing.restore import last_restoration
from billing.store.environment import (
    Here,
    NotThisEnvironment,
    confirm_environment,
    here,
    load_mark,
    mark_environment,
)
from scheduler import EnvironmentGuard

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ATTEMPT = """INSERT INTO attempt (id, merchant_id, slot_id, permission_id, number, idempotency_key,
body, amount_yen, state, worker_id, intended_at, look_at, sends) VALUES (:id, 'shop', 1, 1, :id,
:key, 'x', 1, 'declined', 'w', '2026-11-22 00:00:00+00:00', '2026-11-22 00:00:00+00:00', 1)"""


@dataclass
class Desk:
    """One database and a guard whose surroundings a test may change."""

    database: Engine
    merchant: Merchant
    guard: EnvironmentGuard
    place: Here

    def check(self) -> None:
        self.guard.check(self.merchant, at=AT)

    def attempt(self, number: int, key: str = "k") -> None:
        """A row of history; what it hangs on does not matter here."""
        self.past_all_guards(ATTEMPT, {"id": number, "key": f"{key}-{number}"})

    def past_all_guards(self, statement: str, values: dict[str, Any]) -> None:
        """What a restore can do to the rows, without one."""
        with closing(sqlite3.connect(str(self.database.url.database))) as books, books:
            books.execute("DROP TRIGGER IF EXISTS attempt_kept")
            books.execute(statement, values)

    def events(self) -> list[str]:
        with reading(self.database) as connection:
            return list(
                connection.execute(text("SELECT kind FROM audit_event ORDER BY id")).scalars()
            )


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """On SQLite; that a copy on PostgreSQL is seen is shown by tests/scenarios/test_restored.py."""
    database = open_engine(sqlite_url)
    migrate(database)
    rules = {"seller_id": "A1", "key_fingerprint": "f-1"}
    with database.begin() as connection:
        store_merchant(connection, merchant_id="shop", environment="sandbox", rules=rules)
        merchant = load_merchant(connection, "shop")
    place = here(database, name="production", amazon_host="pay-api.amazon.jp")
    made = Desk(
        database,
        merchant,
        EnvironmentGuard(database, lambda: made.place, tmp_path / "s.json"),
        place,
    )
    yield made
    database.dispose()


def keys_are(desk: Desk, **values: str) -> None:
    with desk.database.begin() as connection:
        for name, value in values.items():
            connection.execute(text(f"UPDATE merchant SET {name} = :v"), {"v": value})


def test_the_first_run_pins_the_books_where_they_are(desk: Desk) -> None:
    desk.check()
    with reading(desk.database) as connection:
        mark = load_mark(connection)
    assert mark is not None
    assert (mark.name, mark.amazon_host) == ("production", "pay-api.amazon.jp")
    assert mark.place == desk.place.place
    assert mark.place_id is not None
    desk.check()
    assert desk.events() == []


ELSEWHERE = (
    ({"name": "staging"}, "name .* is staging, the database says production"),
    ({"amazon_host": "local"}, "host of Amazon .* is local, the database says pay-api"),
    ({"place": "db.staging.example"}, "host of the database is db.staging.example"),
    ({"place_id": "7/42"}, "identity of the database is 7/42"),
)


def test_books_that_are_elsewhere_send_nothing_until_somebody_confirms(desk: Desk) -> None:
    desk.check()
    for changed, named in ELSEWHERE:
        desk.place = replace(desk.place, **changed)
        with pytest.raises(NotThisEnvironment, match=named) as refused:
            desk.check()
        assert "autopay environment confirm --by NAME --reason TEXT" in str(refused.value)
        confirm = {"by": "hanako", "reason": "moved", "at": AT}
        writing(desk.database, lambda c: confirm_environment(c, desk.place, **confirm))  # noqa: B023 - run at once
        desk.check()
    assert desk.events() == ["environment_confirmed"] * len(ELSEWHERE)


def test_another_amazon_account_is_refused_a_rotated_key_is_noted(desk: Desk) -> None:
    desk.check()
    keys_are(desk, key_fingerprint="f-2")
    desk.check()
    assert desk.events() == ["keys_changed"]
    desk.check()
    assert desk.events() == ["keys_changed"]
    keys_are(desk, seller_id="A2")
    with pytest.raises(NotThisEnvironment, match="Amazon account is A2, the database says A1"):
        desk.check()


def test_other_keys_are_named_when_something_else_differs(desk: Desk) -> None:
    desk.check()
    keys_are(desk, key_fingerprint="f-2")
    desk.place = replace(desk.place, name="staging")
    with pytest.raises(NotThisEnvironment, match="fingerprint of the key is f-2"):
        desk.check()


def test_before_anything_was_sent_books_may_move(desk: Desk) -> None:
    """Prepared books (prices, subscribers) are copied about; nothing in them could be repeated."""
    with desk.database.begin() as connection:
        mark_environment(connection, name="main", uid="u", at=AT, by="migrate")
    desk.check()
    with reading(desk.database) as connection:
        mark = load_mark(connection)
    assert mark is not None
    assert (mark.uid, mark.name) == ("u", "production")


def test_a_copied_file_is_another_database(sqlite_url: str, tmp_path: Path) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    first = open_engine(sqlite_url)
    migrate(first)
    first.dispose()
    copy = tmp_path / "copy.sqlite3"
    shutil.copyfile(file, copy)
    moved = tmp_path / "moved.sqlite3"
    identities = []
    for path in (file, copy):
        engine = open_engine(f"sqlite:///{path}")
        identities.append(here(engine, name="main", amazon_host=None).place_id)
        engine.dispose()
    file.rename(moved)
    engine = open_engine(f"sqlite:///{moved}")
    assert identities[0] != identities[1]
    assert here(engine, name="main", amazon_host=None).place_id == identities[0]
    engine.dispose()


def test_loopback_is_one_class_whatever_the_port_or_name(desk: Desk) -> None:
    found = {here(desk.database, name="m", amazon_host=host).amazon_host for host in LOOPBACK}
    assert found == {"local"}


LOOPBACK = ("localhost", "127.0.0.1", "::1", "LOCALHOST", None)


def test_books_that_went_back_begin_a_restoration_once(desk: Desk, tmp_path: Path) -> None:
    desk.check()
    desk.attempt(1)
    desk.attempt(2)
    desk.guard.sent(now=True)
    desk.check()
    assert not braked(desk)
    remembered = json.loads((tmp_path / "s.json").read_text())
    (mark,) = remembered.values()
    assert mark == {"attempt_id": 2, "idempotency_key": "k-2", "restorations": 0}
    # The backup knew attempt 1; what came after it has another key.
    forget(desk, 2)
    with pytest.raises(NotThisEnvironment, match="they come from a backup; nobody is told"):
        desk.guard.compare(desk.merchant)
    assert not braked(desk)
    desk.check()
    desk.guard.compare(desk.merchant)
    assert braked(desk)
    desk.check()
    assert restorations(desk) == 1
    assert desk.events() == ["restoration_begun"]


def test_another_attempt_of_the_same_number_is_no_memory(desk: Desk) -> None:
    """Another worker may have charged on in the restored books before this one looked."""
    desk.check()
    desk.attempt(1)
    desk.guard.sent(now=True)
    forget(desk, 1)
    desk.attempt(1, key="other")
    desk.check()
    assert braked(desk)


def test_a_memory_of_before_a_restoration_says_nothing_after_it(desk: Desk, tmp_path: Path) -> None:
    """Each machine has its own file: the second one must not begin it all again."""
    desk.check()
    desk.attempt(1)
    desk.guard.sent(now=True)
    second = tmp_path / "second.json"
    shutil.copyfile(tmp_path / "s.json", second)
    forget(desk, 1)
    desk.check()
    over = "UPDATE restoration SET state = 'over', first_by = 'a', second_by = 'b'"
    with desk.database.begin() as connection:
        connection.execute(text(over))
    other = EnvironmentGuard(desk.database, lambda: desk.place, second)
    other.check(desk.merchant, at=AT)
    desk.check()
    assert not braked(desk)


def test_a_file_that_cannot_be_read_stops_nobody(desk: Desk, tmp_path: Path) -> None:
    desk.check()
    desk.attempt(1)
    for content in ("", "[]", "{", '{"u": {"attempt": 1}}'):
        (tmp_path / "s.json").write_text(content)
        desk.check()
        desk.guard.sent(now=True)
        assert '"attempt_id": 1' in (tmp_path / "s.json").read_text()


def forget(desk: Desk, number: int) -> None:
    desk.past_all_guards("DELETE FROM attempt WHERE id = :id", {"id": number})


def braked(desk: Desk) -> bool:
    with reading(desk.database) as connection:
        return load_brake(connection, "shop").is_pulled


def restorations(desk: Desk) -> Any:
    with reading(desk.database) as connection:
        last = last_restoration(connection)
    return None if last is None else last.number
