"""The audit finds every row of the chained books that somebody changed, deleted or put between."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from small_books import MERCHANT, SmallBooks, unguarded
from sqlalchemy import Connection, Engine, insert, text

from billing import ChainReport, Head, audit_chain, chain_books, chain_heads, open_engine, reading
from billing.books.chain_books import BOOKS
from billing.tables import metadata

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def fill(connection: Connection, *, first: int, last: int) -> None:
    """Entries 10 × `first` to 10 × `last` of every book but the prices; other ids stay free."""
    for number in range(first, last + 1):
        key = {"id": 10 * number, "merchant_id": MERCHANT}
        for table, row in rows(number):
            own = key if "id" in metadata.tables[table].c else {}
            connection.execute(insert(metadata.tables[table]).values(own | row))


def rows(number: int) -> list[tuple[str, dict[str, Any]]]:
    """What one number stands for: an invoice of 3,000 yen, its journal, an event, an act, an offer.

    3,000 yen hold 3,000 × 10 / 110 = 272.7 → 272 yen of tax.
    """
    entry = 10 * number
    day, until = date(2026, 11, 20), date(2026, 12, 20)
    act = {"at": AT, "reason": "始", "actor": "engine"}
    invoice = {"subscription_id": 1, "cycle": number, "purpose": "renewal", "number": f"n-{number}"}
    amounts = {"total_yen": 3_000, "paid_yen": 0, "offset_yen": 0, "state": "open", "price_id": 1}
    period = {"issued_on": day, "period_start": day, "period_end": until}
    words = {"kind": "plan", "description_ja": "席", "description_en": "Seat", "position": 1}
    line = {"quantity": 1, "unit_yen": 3_000, "amount_yen": 3_000, "tax_category": "standard"}
    tax = {"rate_percent": "10", "gross_yen": 3_000, "tax_yen": 272, "net_yen": 2_728}
    booked = {"reference": f"n-{number}/issued", "kind": "invoice_issued", "booked_on": day}
    states = {"state_before": "pending", "state_after": "active", "subscription_id": 1}
    offer = {"offer_id": 1, "terms": "{}", "valid_from": date(2026, 1, number)}
    return [
        ("invoice", invoice | amounts | period),
        ("invoice_line", {"invoice_id": entry} | words | line),
        ("invoice_tax", {"invoice_id": entry, "tax_category": "standard"} | tax),
        ("journal", booked | {"invoice_id": entry}),
        ("posting", {"journal_id": entry, "account": "customer_receivable", "amount_yen": 3_000}),
        ("posting", {"journal_id": entry, "account": "sales:standard", "amount_yen": -3_000}),
        ("subscription_event", act | states | {"kind": "activated"}),
        ("audit_event", act | {"kind": "brake_pulled", "detail": "{}"}),
        ("offer_version", offer | {"content_hash": "-"}),
    ]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Chained books, without the triggers and constraints that would keep a forger out."""
    opened = open_engine(database_url)
    unguarded().create_all(opened)
    with opened.begin() as connection:
        books = SmallBooks(connection)
        price = books.price(per_seat=True, terms='{"a": 1}', usage_included=5)
        books.price(code="second")
        books.subscription("owner", price=price, permission=books.permission())
        fill(connection, first=1, last=3)
    # Two prices; three of invoices, journals, events, audit events and offers.
    assert chain_books(opened, at=AT) == 2 + 5 * 3
    yield opened
    opened.dispose()


def do(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def audited(engine: Engine, at: datetime = AT, **options: tuple[Head, ...]) -> ChainReport:
    with reading(engine) as connection:
        return audit_chain(connection, at=at, **options)


def found(report: ChainReport) -> list[str]:
    return [f"{finding.kind}: {finding.subject}" for finding in report.findings]


def test_untouched_books_are_proven_whole(engine: Engine) -> None:
    report = audited(engine)
    assert (report.verified, report.waiting, report.findings) == (17, 0, ())


def other(table: str, column: str) -> str:
    """SQL of another value for a column, whatever stands there."""
    stored = metadata.tables[table].c[column].type
    kind = datetime if "DateTime" in type(stored).__name__ else stored.python_type
    by_kind = {
        int: f"COALESCE({column}, 0) + 7",
        bool: f"NOT {column}",
        date: "'2001-02-03'",
        datetime: "'2001-02-03 04:05:06.000007'",
    }
    return by_kind.get(kind, "'forged'")


EDITS = [
    (part.table, column, part.key)
    for book in BOOKS
    for part in (book.entry, *book.parts)
    for column in (part.key, *part.columns)
]


def test_every_single_edit_is_found_and_named(engine: Engine) -> None:
    """Each column of each chained table in turn; the edit is rolled back after it was seen."""
    named = {"posting": "journal", "invoice_line": "invoice", "invoice_tax": "invoice"}
    for table, column, key in EDITS:
        with engine.connect() as connection:
            row = connection.execute(text(f"SELECT MIN({key}) FROM {table}")).scalar_one()
            one = f"{key} = {row}" + (" AND amount_yen > 0" if table == "posting" else "")
            edit = f"UPDATE {table} SET {column} = {other(table, column)} WHERE {one}"
            assert connection.execute(text(edit)).rowcount == 1
            faults = found(audit_chain(connection, at=AT))
            connection.rollback()
        assert faults, edit
        assert f": {named.get(table, table)} {row}" in faults[0], edit


FORGED = (
    ("DELETE FROM journal WHERE id = 20", "chain_changed: journal 20"),
    ("DELETE FROM posting WHERE journal_id = 20 AND amount_yen < 0", "chain_changed: journal 20"),
    ("DELETE FROM invoice_line WHERE invoice_id = 30", "chain_changed: invoice 30 (n-3)"),
    ("DELETE FROM subscription_event WHERE id = 10", "chain_deleted: subscription_event 10"),
    ("DELETE FROM subscription_event WHERE id = 30", "chain_deleted: subscription_event 30"),
    (
        "INSERT INTO journal SELECT 15, merchant_id, 'forged', kind, booked_on, invoice_id "
        "FROM journal WHERE id = 10",
        "chain_inserted: journal 15 (forged)",
    ),
    (
        "INSERT INTO posting VALUES (20, 'amazon_receivable', 5000)",
        "chain_changed: journal 20 (n-2/issued)",
    ),
    ("INSERT INTO posting VALUES (25, 'amazon_receivable', 5000)", "chain_inserted: journal 25"),
    ("UPDATE chain_link SET entries = 4 WHERE book = 'journal'", "chain_link: journal link 1"),
    ("UPDATE chain_link SET number = 2 WHERE book = 'journal'", "chain_link: journal link 2"),
)


def test_deleted_and_inserted_rows_are_found(engine: Engine) -> None:
    for forged, told in FORGED:
        with engine.connect() as connection:
            connection.execute(text(forged))
            faults = found(audit_chain(connection, at=AT))
            connection.rollback()
        assert len(faults) == 1, forged
        assert faults[0].startswith(told), forged


def test_a_head_kept_outside_shows_a_tail_that_was_cut_off(engine: Engine) -> None:
    with reading(engine) as connection:
        heads = chain_heads(connection)
    assert found(audited(engine, known=heads)) == []
    # Entry and link go together: what is left fits, as books of yesterday would.
    do(
        engine,
        "DELETE FROM chain_link WHERE book = 'journal'",
        "DELETE FROM posting",
        "DELETE FROM journal",
    )
    assert found(audited(engine)) == []
    assert found(audited(engine, known=heads)) == ["chain_head_lost: journal link 1"]


def test_what_came_later_is_chained_later_and_verified_alone(engine: Engine) -> None:
    first = audited(engine).heads
    with engine.begin() as connection:
        fill(connection, first=4, last=5)
    assert audited(engine).waiting == 5 * 2
    later = AT + timedelta(minutes=1)
    assert chain_books(engine, at=later) == 5 * 2
    assert chain_books(engine, at=later) == 0
    whole, fresh = audited(engine), audited(engine, since=first)
    assert (whole.verified, fresh.verified) == (27, 10)
    assert whole.heads == fresh.heads
    # An old row that changes afterwards is the whole verification's to find.
    do(engine, "UPDATE posting SET amount_yen = 1 WHERE journal_id = 10")
    assert found(audited(engine, since=first)) == []
    assert found(audited(engine)) == ["chain_changed: journal 10 (n-1/issued)"]


def test_a_chain_that_nobody_goes_on_with_is_told(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection, first=4, last=4)
    assert found(audited(engine, at=AT + timedelta(hours=26))) == []
    late = found(audited(engine, at=AT + timedelta(hours=27)))
    assert "chain_not_kept_up: journal" in late


def test_books_of_many_links_are_walked_in_order(engine: Engine, monkeypatch) -> None:
    """Small links, small pages: their borders hide nothing."""
    # By name: the package has a function that is called as the module is.
    auditing = import_module("billing.audit.chain")
    monkeypatch.setattr("billing.books.chaining.LARGEST_LINK", 2)
    monkeypatch.setattr(auditing, "LINKS_AT_A_TIME", 3)
    monkeypatch.setattr(auditing, "LARGEST_LINK", 4)
    with engine.begin() as connection:
        fill(connection, first=4, last=16)
    assert chain_books(engine, at=AT) == 5 * 13
    assert audited(engine).verified == 17 + 65
    do(engine, "UPDATE posting SET amount_yen = 1 WHERE journal_id = 110 AND amount_yen > 0")
    assert found(audited(engine)) == ["chain_changed: journal 110 (n-11/issued)"]


def test_a_row_that_becomes_visible_late_is_waited_for(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are given before rows are seen: an older one may still come, and the chain lets it."""
    monkeypatch.setattr("billing.books.chaining.LONGEST_WAIT_SECONDS", 0.1)
    engine = open_engine(postgres_url)
    unguarded().create_all(engine)
    act = insert(metadata.tables["audit_event"]).values(
        at=AT, kind="k", actor="a", reason="r", merchant_id=None
    )
    with engine.connect() as slow:
        slow.execute(act)  # id 1, not committed
        with engine.begin() as quick:
            quick.execute(act)  # id 2
        assert chain_books(engine, at=AT) == 0
        slow.commit()
    assert chain_books(engine, at=AT) == 2
    with engine.connect() as undone:
        undone.execute(act)  # id 3, which will never be
        undone.rollback()
    with engine.begin() as quick:
        quick.execute(act)
    assert chain_books(engine, at=AT) == 1
    report = audited(engine)
    assert (report.verified, report.waiting, report.findings) == (3, 0, ())
    engine.dispose()


def test_two_that_chain_at_once_do_it_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loser of the race adds nothing, and the chain goes on from the winner's link."""
    with engine.begin() as connection:
        # The constraint that decides it; these books were made without any.
        connection.execute(text("CREATE UNIQUE INDEX race ON chain_link (book, number)"))
        fill(connection, first=4, last=4)
    chaining = import_module("billing.books.chaining")
    real = chaining.head_of

    def late(connection: Connection, book: Any) -> Head:
        head = real(connection, book)
        if book.name == "journal" and head.number == 1 and not raced:
            raced.append(True)
            chain_books(engine, at=AT)
        return head

    raced: list[bool] = []
    monkeypatch.setattr(chaining, "head_of", late)
    chain_books(engine, at=AT)
    monkeypatch.undo()
    assert raced
    assert chain_books(engine, at=AT) == 0
    report = audited(engine)
    assert (report.verified, report.waiting, report.findings) == (22, 0, ())


def test_every_column_of_a_chained_table_is_covered_or_said_not_to_be() -> None:
    """A new column that the chain leaves out must be a decision: a book of its own version."""
    left_out = {"invoice": {"state", "paid_yen", "offset_yen"}}
    for book in BOOKS:
        for part in (book.entry, *book.parts):
            columns = {column.name for column in metadata.tables[part.table].c}
            covered = {part.key, *part.columns} | left_out.get(part.table, set())
            assert columns == covered, part.table
