"""The independent audit: sound books give no finding, every planted fault gives its own."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_books import AT, CHARGED_AT, MERCHANT, SmallBooks, unguarded
from sqlalchemy import Connection, Engine, event, insert, text

import billing
from billing.audit.books import AuditReport, UnknownAuditMerchant, audit_books
from billing.store.database import open_engine, reading
from billing.tables import metadata


def paid(books: SmallBooks, price: int) -> None:
    """3,000 yen invoiced and captured; tax 3,000 × 10 / 110 = 272.7 → 272."""
    permission = books.permission()
    owner = books.subscription("paid", price=price, permission=permission)
    invoice = books.invoice(owner, "paid-0000", 3_000, state="paid", paid_yen=3_000)
    slot = books.slot(invoice, owner, permission, state="paid", attempts=1)
    charge_id = "B01-0000000-0000000-C000001"
    attempt = books.attempt(slot, permission, charge_id=charge_id)
    books.cap(permission, used=3_000)
    books.hold(attempt, permission, 3_000, "used")
    received = {"amazon_receivable": 3_000, "customer_receivable": -3_000}
    books.journal(f"{charge_id}/captured", "charge_captured", invoice, **received)


def split(books: SmallBooks) -> None:
    """98,000 yen a year under a cap of 50,000: 50,000 are captured, 48,000 come on 1 December."""
    permission = books.permission()
    price = books.price(code="yearly", amount_yen=98_000, interval_unit="year")
    owner = books.subscription("split", price=price, permission=permission, due_at=None)
    books_of = {"state": "open", "paid_yen": 50_000, "cycle": 1}
    invoice = books.invoice(owner, "split-0001", 98_000, **books_of)
    first = {"cycle": 1, "state": "paid", "amount_yen": 50_000, "attempts": 1}
    slot = books.slot(invoice, owner, permission, **first)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    rest = {"cycle": 1, "part": 2, "purpose": "renewal:2", "reference": "split-2"}
    books.slot(invoice, owner, permission, amount_yen=48_000, due_at=december, **rest)
    attempt = books.attempt(slot, permission, amount_yen=50_000)
    books.cap(permission, used=50_000)
    books.hold(attempt, permission, 50_000, "used")
    reference = "B01-0000000-0000000-C000002/captured"
    received = {"amazon_receivable": 50_000, "customer_receivable": -50_000}
    books.journal(reference, "charge_captured", invoice, **received)


def in_doubt(books: SmallBooks, price: int) -> None:
    """An attempt of an hour ago that has no answer yet."""
    permission = books.permission()
    owner = books.subscription("doubt", price=price, permission=permission, due_at=None)
    invoice = books.invoice(owner, "doubt-0001", 3_000, cycle=1)
    slot = books.slot(invoice, owner, permission, cycle=1, state="open", attempts=1)
    unanswered = {"state": "in_doubt", "charge_id": None, "intended_at": AT - timedelta(hours=1)}
    attempt = books.attempt(slot, permission, **unanswered)
    books.cap(permission, held=3_000)
    books.hold(attempt, permission, 3_000, "held")


def written_off(books: SmallBooks, price: int) -> None:
    """Declined until the end, reversed in the ledger, paused by the merchant's policy."""
    permission = books.permission()
    gone = {"state": "paused", "due_at": None}
    owner = books.subscription("gone", price=price, permission=permission, **gone)
    invoice = books.invoice(owner, "gone-0000", 3_000, state="uncollectible")
    slot = books.slot(invoice, owner, permission, state="uncollectible", attempts=1)
    attempt = books.attempt(slot, permission, state="declined", charge_id=None)
    books.cap(permission)
    books.hold(attempt, permission, 3_000, "released")
    reversal = {"sales:standard": 2_728, "consumption_tax:standard": 272}
    off = {"customer_receivable": -3_000, **reversal}
    books.journal("gone-0000/written_off", "invoice_written_off", invoice, **off)


def sound_books(connection: Connection) -> None:
    books = SmallBooks(connection)
    price = books.price()
    paid(books, price)
    split(books)
    in_doubt(books, price)
    written_off(books, price)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    unguarded().create_all(opened)
    with opened.begin() as connection:
        sound_books(connection)
    yield opened
    opened.dispose()


def audited(engine: Engine, *faults: str) -> AuditReport:
    with engine.begin() as connection:
        for fault in faults:
            connection.execute(text(fault))
    with reading(engine) as connection:
        return audit_books(connection, merchant_id=MERCHANT, at=AT)


def kinds(report: AuditReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_sound_books_give_no_finding(engine: Engine) -> None:
    report = audited(engine)
    assert [finding.as_json() for finding in report.findings] == []
    assert report.ok
    # 1 slot paid + 2 parts + 1 in doubt + 1 written off; 3,000 + 50,000 captured
    expected = {"slots": 5, "charged": 2, "in_doubt": 1, "our_total": 53_000, "ledger_sum": 0}
    assert {name: report.as_json()[name] for name in expected} == expected
    assert report.as_json()["amazon_total"] is None


COPY_ATTEMPT = """INSERT INTO attempt (id, merchant_id, slot_id, permission_id, number,
idempotency_key, body, amount_yen, state, worker_id, intended_at, look_at, sends, charge_id)
SELECT 99, merchant_id, {slot}, permission_id, 2, 'other', body, {yen}, state, worker_id,
intended_at, look_at, sends, {charge} FROM attempt WHERE id = 1"""
SECOND_CAPTURE = COPY_ATTEMPT.format(slot="slot_id", yen="amount_yen", charge="'C2'")
SAME_CHARGE = COPY_ATTEMPT.format(slot="3", yen="amount_yen", charge="charge_id")
OVER_THE_CAP = COPY_ATTEMPT.format(slot="4", yen="47001", charge="'C2'")
AT_THE_CAP = COPY_ATTEMPT.format(slot="4", yen="47000", charge="'C2'")
EXTRA_SLOT = """INSERT INTO slot (id, merchant_id, subscription_id, invoice_id, permission_id,
cycle, purpose, part, reference, amount_yen, state,
first_due_at, due_at, attempts, declines, cap_moves)
SELECT 99, merchant_id, subscription_id, invoice_id, permission_id, cycle, 'x', part, 'extra',
amount_yen, '{state}', first_due_at, due_at, 0, 0, 0 FROM slot WHERE id = 1"""
SECOND = timedelta(seconds=1)
NOV_20 = "2026-11-20 00:00:00.000000"
CANCELED_EVENT = """INSERT INTO subscription_event (id, merchant_id, subscription_id, at, kind,
state_before, state_after, actor, reason)
VALUES (1, 'shop', 1, '{at}.000000', 'canceled', 'active', 'canceled', 'engine', '-')"""
CANCELED = "UPDATE subscription SET state = 'canceled', due_at = NULL WHERE id = 1"
CANCELED_BEFORE = CANCELED, CANCELED_EVENT.format(at=f"{CHARGED_AT - SECOND:%Y-%m-%d %H:%M:%S}")
CANCELED_THEN = CANCELED, CANCELED_EVENT.format(at=f"{CHARGED_AT:%Y-%m-%d %H:%M:%S}")

PLANTED: list[tuple[str, str | tuple[str, ...]]] = [
    ("slot_charged_twice", SECOND_CAPTURE),
    ("charge_id_used_twice", SAME_CHARGE),
    ("invoice_overpaid", "UPDATE attempt SET amount_yen = 3001 WHERE id = 1"),
    ("slot_not_handled", f"UPDATE slot SET due_at = '{NOV_20}' WHERE id = 3"),
    ("subscription_not_handled", f"UPDATE subscription SET due_at = '{NOV_20}' WHERE id = 1"),
    ("subscription_forgotten", "UPDATE subscription SET due_at = NULL WHERE id = 1"),
    ("captured_not_booked", "UPDATE journal SET reference = 'x' WHERE kind = 'charge_captured'"),
    ("booked_not_captured", "UPDATE attempt SET state = 'declined' WHERE id = 1"),
    ("captured_slot_not_paid", "UPDATE slot SET state = 'due' WHERE id = 1"),
    ("paid_slot_not_captured", "DELETE FROM attempt WHERE id = 1"),
    ("invoice_slots_differ", "DELETE FROM slot WHERE id = 3"),
    ("invoice_paid_differs", "UPDATE invoice SET paid_yen = 49999 WHERE id = 2"),
    ("cycle_gap", "UPDATE subscription SET next_cycle = 2 WHERE id = 1"),
    ("cap_exceeded", OVER_THE_CAP),
    ("cap_exceeded", "UPDATE merchant SET cap_yen = 49999"),
    ("cap_exceeded", "UPDATE charge_permission SET amount_limit_yen = 2999 WHERE id = 3"),
    ("cap_month_differs", "UPDATE cap_month SET used_yen = used_yen + 1"),
    ("cap_month_differs", "UPDATE cap_month SET held_yen = held_yen + 1"),
    ("cap_month_differs", "DELETE FROM cap_month"),
    ("cap_hold_differs", "UPDATE cap_hold SET state = 'released' WHERE attempt_id = 3"),
    ("cap_hold_differs", "UPDATE cap_hold SET amount_yen = 1 WHERE attempt_id = 1"),
    ("cap_not_held", "DELETE FROM cap_hold WHERE attempt_id = 3"),
    ("in_doubt_too_long", f"UPDATE attempt SET intended_at = '{NOV_20}' WHERE id = 3"),
    ("journal_unbalanced", "UPDATE posting SET amount_yen = amount_yen + 1 WHERE journal_id = 1"),
    ("receivable_differs", "DELETE FROM posting WHERE account = 'customer_receivable'"),
    ("amazon_receivable_differs", "DELETE FROM posting WHERE account = 'amazon_receivable'"),
    ("income_differs", "DELETE FROM posting WHERE account = 'consumption_tax:standard'"),
    ("invoice_tax_differs", "DELETE FROM invoice_tax WHERE invoice_id = 1"),
    ("invoice_lines_differ", "UPDATE invoice_line SET amount_yen = 1 WHERE invoice_id = 1"),
    ("tax_differs", "UPDATE invoice_tax SET tax_yen = 273, net_yen = 2727 WHERE invoice_id = 1"),
    ("tax_differs", "UPDATE invoice_tax SET rate_percent = '8' WHERE invoice_id = 1"),
    ("tax_differs", "UPDATE merchant SET tax_rounding = 'ceil'"),
    ("paid_invoice_unpaid_slot", EXTRA_SLOT.format(state="due")),
    ("invoice_state_wrong", "UPDATE invoice SET state = 'open' WHERE id = 1"),
    ("invoice_state_wrong", "UPDATE invoice SET state = 'paid' WHERE id = 2"),
    ("open_slot_without_attempt", "DELETE FROM attempt WHERE id = 3"),
    ("attempt_without_open_slot", "UPDATE slot SET state = 'due' WHERE id = 4"),
    ("cycle_not_advanced", "UPDATE subscription SET next_cycle = 0 WHERE id = 1"),
    ("cycle_not_advanced", "UPDATE subscription SET state = 'active', next_cycle = 0 WHERE id = 4"),
    ("canceled_but_due", "UPDATE subscription SET state = 'canceled' WHERE id = 1"),
    (
        "wait_not_ended",
        f"UPDATE slot SET state = 'waiting_buyer', due_at = '{NOV_20}' WHERE id = 3",
    ),
    ("charged_after_cancellation", CANCELED_BEFORE),
    (
        "credit_differs",
        "INSERT INTO posting (journal_id, account, amount_yen) VALUES (1, 'customer_credit', -5)",
    ),
    (
        "change_without_charge",
        "INSERT INTO agreement (subscription_id, merchant_id, sequence, body, credit_yen, "
        "pending_quote_id) VALUES (1, 'shop', 1, '{}', 0, 'no-such-quote')",
    ),
]


@pytest.mark.parametrize(
    ("kind", "fault"), PLANTED, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(PLANTED)]
)
def test_a_planted_fault_is_found(engine: Engine, kind: str, fault: str | tuple[str, ...]) -> None:
    report = audited(engine, *([fault] if isinstance(fault, str) else fault))
    assert kind in kinds(report)
    assert not report.ok
    assert all(f.detail_en and f.detail_ja and "{" not in f.detail_ja for f in report.findings)


def test_every_statement_has_a_planted_fault() -> None:
    from billing.audit.sql import CHECKS

    assert {check.kind for check in CHECKS} <= {kind for kind, _ in PLANTED}


TOLD_APART = [
    pytest.param(SECOND_CAPTURE, {"charged_twice": 1}, id="one slot twice counts once"),
    # 47,001 + 3,000 > 50,000, and the room for it was never taken
    pytest.param(OVER_THE_CAP, {"cap_breaches": 2}, id="over the cap, and not held"),
    pytest.param(
        f"UPDATE slot SET due_at = '{NOV_20}' WHERE id = 3", {"lost": 1}, id="one slot is lost"
    ),
    pytest.param(
        "UPDATE posting SET amount_yen = amount_yen + 1 WHERE account = 'sales:standard'",
        {"ledger_sum": 5},  # four invoices issued, one reversed
        id="the ledger is off by a yen per journal",
    ),
]


@pytest.mark.parametrize(("fault", "figures"), TOLD_APART)
def test_figures(engine: Engine, fault: str, figures: dict[str, int]) -> None:
    seen = audited(engine, fault).as_json()
    assert {name: seen[name] for name in figures} == figures


NO_FAULT = [
    pytest.param(*CANCELED_THEN, id="a charge of the moment of its end came before it"),
    pytest.param(
        f"UPDATE slot SET due_at = '{NOV_20}' WHERE id = 3",
        "UPDATE subscription SET state = 'paused' WHERE id = 2",
        id="a paused agreement is not charged",
    ),
    pytest.param(
        "UPDATE subscription SET next_cycle = 4 WHERE id = 1",
        "INSERT INTO subscription_event (id, merchant_id, subscription_id, at, kind, state_before,"
        " state_after, actor, reason) VALUES (1, 'shop', 1, '2026-11-21 00:00:00.000000',"
        " 'resumed', 'paused', 'active', 'engine', '-')",
        id="a pause explains missing cycles",
    ),
    pytest.param(
        f"UPDATE slot SET state = 'waiting_buyer', due_at = '{NOV_20}' WHERE id = 3",
        "INSERT INTO dunning (invoice_id, merchant_id, began_on, ends_by, ends_closed_by, terms)"
        " SELECT invoice_id, 'shop', '2026-11-06', 'keep_open', 'pause', '{}'"
        " FROM slot WHERE id = 3",
        id="keep_open leaves the wait to the back office",
    ),
    pytest.param(
        "UPDATE attempt SET intended_at = '2026-10-31 15:00:00.000000' WHERE id = 1",
        "UPDATE charge_permission SET amount_limit_yen = 3000 WHERE id = 1",
        id="exactly the cap is no breach",
    ),
]


@pytest.mark.parametrize(("first", "second"), NO_FAULT)
def test_what_is_no_fault(engine: Engine, first: str, second: str) -> None:
    assert audited(engine, first, second).ok


def test_the_whole_cap_may_be_used(engine: Engine) -> None:
    assert "cap_exceeded" not in kinds(audited(engine, AT_THE_CAP))  # 47,000 + 3,000 = 50,000


def test_the_cap_counts_in_both_calendars(engine: Engine) -> None:
    """31 October 20:00 UTC is 1 November in Tokyo: with the 3,000 of November it is too much."""
    moved = "UPDATE attempt SET intended_at = '2026-10-31 20:00:00.000000' WHERE id = 99"
    report = audited(engine, OVER_THE_CAP, moved)
    (breach,) = (finding for finding in report.findings if finding.kind == "cap_exceeded")
    assert "2026-11 (Asia/Tokyo): 50001 yen" in breach.detail_en


def test_an_unknown_merchant_is_an_error(engine: Engine) -> None:
    with reading(engine) as connection, pytest.raises(UnknownAuditMerchant, match="nobody"):
        audit_books(connection, merchant_id="nobody", at=AT)


def test_other_merchants_are_left_out(engine: Engine) -> None:
    report = audited(engine, "UPDATE attempt SET merchant_id = 'other' WHERE id = 1")
    assert report.our_total_yen == 50_000


def test_it_shares_no_code_with_the_charging_path() -> None:
    folder = Path(billing.__file__).parent
    # The chain is read and hashed by the audit and by who makes its links, and by nobody else.
    chain = [folder / "books" / "chain.py", folder / "books" / "chain_books.py"]
    paths = [*sorted((folder / "audit").glob("*.py")), *chain]
    assert len(paths) > 6
    ours_own = {f"billing.{path.parent.name}.{path.stem}" for path in paths}
    allowed = {*ours_own, "billing.store.database", "amazonpay"}
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        froms = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        ours = {m for m in froms if m.split(".")[0] in ("billing", "plans", "amazonpay")}
        assert ours <= allowed


def test_nothing_that_charges_uses_the_audit() -> None:
    """What the watchdog and the door use is theirs; no other module may lean on a check."""
    folder = Path(billing.__file__).parent
    may = {
        folder / "__init__.py",
        folder / "watch" / "watchdog.py",
        folder / "settings" / "audit_log.py",  # people read there how far the chain reaches
        *folder.glob("books/chain*.py"),
        *folder.glob("audit/*.py"),
    }
    for path in sorted(set(folder.rglob("*.py")) - may):
        imported = {
            node.module or ""
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
        uses = {
            name for name in imported if name.startswith(("billing.audit", "billing.books.chain"))
        }
        assert uses == set(), path.name


def test_many_slots_are_audited_by_as_many_statements_as_one(tmp_path: Path) -> None:
    """The database does the comparing: nothing is asked for each slot."""
    asked = {copies: _statements_of_an_audit(tmp_path, copies) for copies in (1, 5_000)}
    assert asked[5_000] == asked[1] > 0


def _statements_of_an_audit(folder: Path, copies: int) -> int:
    engine = open_engine(f"sqlite:///{folder / f'{copies}.sqlite3'}")
    metadata.create_all(engine)
    with engine.begin() as connection:
        books = SmallBooks(connection)
        price = books.price()
        paid(books, price)
        _multiply(connection, copies)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    with reading(engine) as connection:
        report = audit_books(connection, merchant_id=MERCHANT, at=CHARGED_AT)
    assert report.ok, report.findings[:3]
    assert report.slots == copies
    engine.dispose()
    return len(asked)


def _multiply(connection: Connection, copies: int) -> None:
    """Copy every row but the catalogue, with ids and names of its own."""
    names = ("customer", "charge_permission", "subscription", "invoice", "slot", "attempt")
    if copies == 1:
        return
    for name in (*names, "invoice_line", "invoice_tax", "cap_month", "cap_hold", "journal"):
        table = metadata.tables[name]
        for row in connection.execute(table.select()).mappings().all():
            rows = [_copied(dict(row), n) for n in range(1, copies)]
            connection.execute(insert(table), rows)
    postings = connection.execute(metadata.tables["posting"].select()).mappings().all()
    rows = [
        {**p, "journal_id": p["journal_id"] + 10 * n} for p in postings for n in range(1, copies)
    ]
    connection.execute(insert(metadata.tables["posting"]), rows)


OWN_IDS = ("id", "customer_id", "permission_id", "subscription_id", "invoice_id", "slot_id")
OWN_NAMES = ("external_id", "amazon_id", "number", "reference", "idempotency_key", "charge_id")


def _copied(row: dict[str, object], n: int) -> dict[str, object]:
    moved = dict(row)
    for name in (*OWN_IDS, "attempt_id"):
        if isinstance(value := row.get(name), int):
            moved[name] = value + 10 * n
    for name in OWN_NAMES:
        if isinstance(text_ := row.get(name), str):
            head, slash, tail = text_.partition("/")
            moved[name] = f"{head}-{n}{slash}{tail}"
    return moved
