"""The schema: made from nothing, made once, and the same as the models say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, inspect, text

from app import migrations
from app.migrations import DatabaseBehind, check_schema, is_ours, migrate, still_ours
from billing import load_merchant, open_engine, reading, store_merchant, writing
from billing.store.environment import NotThisEnvironment, here
from billing.tables import metadata
from scheduler import EnvironmentGuard
from scheduler import tables as _scheduler_tables  # noqa: F401 - adds its tables to the metadata

AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def head() -> str:
    found = ScriptDirectory.from_config(migrations._config()).get_current_head()
    assert found is not None
    return found


def ours(engine: Engine) -> set[str]:
    """Our tables; those of procrastinate are made and known by that library alone."""
    names = inspect(engine).get_table_names()
    return {name for name in names if not name.startswith("procrastinate_")}


def set_revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})


def test_an_empty_database_is_brought_to_the_newest_schema(engine: Engine) -> None:
    assert migrate(engine) == (None, head())
    check_schema(engine)
    assert ours(engine) == {*metadata.tables, "alembic_version"}


def test_a_migration_is_named_by_its_revision() -> None:
    scripts = ScriptDirectory.from_config(migrations._config())
    assert migrations._revisions() == {script.revision for script in scripts.walk_revisions()}


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    tables = inspect(engine).get_table_names()
    assert migrate(engine) == (head(), head())
    assert inspect(engine).get_table_names() == tables


def test_the_models_are_what_the_migrations_make(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_checks_are_the_same_in_models_and_migrations(engine: Engine) -> None:
    """Alembic does not compare CHECK constraints, and they guard money."""
    migrate(engine)
    for name, table in metadata.tables.items():
        checks = [c for c in table.constraints if isinstance(c, CheckConstraint)]
        wanted = {str(check.name): str(check.sqltext) for check in checks}
        made = {c["name"]: c["sqltext"] for c in inspect(engine).get_check_constraints(name)}
        assert as_stored(engine, made) == as_stored(engine, wanted), name


def test_partial_indexes_are_the_same_in_models_and_migrations(engine: Engine) -> None:
    """Nor does it compare the WHERE of an index, which "one open or successful" lives by."""
    migrate(engine)
    option = f"{engine.dialect.name}_where"
    for name, table in metadata.tables.items():
        rules = {i.name: i.dialect_options[engine.dialect.name]["where"] for i in table.indexes}
        wanted = {index: str(rule) for index, rule in rules.items() if rule is not None}
        indexes = inspect(engine).get_indexes(name)
        rules_made = {i["name"]: i.get("dialect_options", {}).get(option) for i in indexes}
        made = {index: str(rule) for index, rule in rules_made.items() if rule is not None}
        assert as_stored(engine, made) == as_stored(engine, wanted), name


def as_stored(engine: Engine, rules: dict[str, str]) -> dict[str, str] | set[str]:
    """SQLite keeps the words of a rule, PostgreSQL its own rendering: there only names count."""
    return rules if engine.dialect.name == "sqlite" else set(rules)


def test_an_empty_database_is_told_to_be_prepared(engine: Engine) -> None:
    with pytest.raises(DatabaseBehind, match="is empty; prepare it with: autopay migrate"):
        check_schema(engine)
    assert inspect(engine).get_table_names() == []


def test_an_older_database_is_told_to_be_migrated(engine: Engine) -> None:
    migrate(engine)
    set_revision(engine, "0001")
    with pytest.raises(DatabaseBehind) as behind:
        check_schema(engine)
    said = str(behind.value)
    assert f"at revision 0001, this program needs {head()}" in said
    assert "back it up, then run: autopay migrate" in said


def test_a_newer_database_is_told_apart(engine: Engine) -> None:
    migrate(engine)
    set_revision(engine, "9999")
    with pytest.raises(DatabaseBehind, match=r"revision 9999.*a newer version of autopay"):
        check_schema(engine)


def test_a_worker_of_before_begins_nothing_after_a_migration(
    engine: Engine, tmp_path: Path
) -> None:
    """Neither a charge nor a mail, until the program is the one that the schema was made for."""
    migrate(engine)
    writing(engine, lambda c: store_merchant(c, merchant_id="s", environment="sandbox", rules={}))
    with reading(engine) as connection:
        merchant = load_merchant(connection, "s")
    place = here(engine, name="main", amazon_host="127.0.0.1")
    guard = EnvironmentGuard(engine, still_ours(engine, lambda: place), tmp_path / "sent.json")
    guard.check(merchant, at=AT)
    set_revision(engine, "9999")
    for look in (lambda: guard.check(merchant, at=AT), lambda: guard.compare(merchant)):
        with pytest.raises(NotThisEnvironment, match="migrated while this program was running"):
            look()
    set_revision(engine, head())
    guard.check(merchant, at=AT)


def test_a_migration_that_fails_leaves_nothing(engine: Engine, monkeypatch) -> None:
    """Schema changes are part of the transaction, on both databases."""
    real = command.upgrade

    def breaks(config, revision: str) -> None:
        real(config, revision)
        raise RuntimeError("power cut")

    monkeypatch.setattr(command, "upgrade", breaks)
    with pytest.raises(RuntimeError):
        migrate(engine)
    assert inspect(engine).get_table_names() == []
