"""The audit of refunds: sound ones give no finding, every planted fault gives its own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from small_books import AT, CHARGED_AT, MERCHANT, SmallBooks, unguarded
from small_refunds import CHARGE, refund, refunded_charge
from sqlalchemy import Connection, Engine, text

from amazonpay import (
    AmazonPayClient,
    Charge,
    ChargePermission,
    ChargePermissionState,
    ChargeState,
    DefiniteRefusal,
    ErrorCode,
    Refund,
    RefundState,
)
from billing.audit.amazon import audit_amazon
from billing.audit.books import audit_books
from billing.audit.sql_refunds import REFUND_CHECKS
from billing.store.database import open_engine, reading


def sound_refunds(connection: Connection) -> None:
    """Of 3,000 yen captured 1,100 are given back, 500 were declined, 400 are on their way, and 300
    were paid by hand."""
    books = SmallBooks(connection)
    refunded_charge(books)
    refund(books, 1, 1_100, "refunded")
    refund(books, 2, 500, "declined")
    refund(books, 3, 400, "pending", owed_before_yen=400)
    refund(books, 4, 300, "by_hand")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    unguarded().create_all(opened)
    with opened.begin() as connection:
        sound_refunds(connection)
    yield opened
    opened.dispose()


def found(engine: Engine, *faults: str, days: int = 0) -> list[str]:
    with engine.begin() as connection:
        for fault in faults:
            connection.execute(text(fault))
    with reading(engine) as connection:
        at = AT + timedelta(days=days)
        report = audit_books(connection, merchant_id=MERCHANT, at=at)
    assert all(f.detail_en and f.detail_ja and "{" not in f.detail_ja for f in report.findings)
    return [finding.kind for finding in report.findings]


def test_sound_refunds_give_no_finding(engine: Engine) -> None:
    assert found(engine) == []


NOV_20 = "2026-11-20 00:00:00.000000"
BOOKED = "journal_id IN (SELECT id FROM journal WHERE kind = 'charge_refunded')"
ANOTHER_BOOKING = (
    "INSERT INTO journal (id, merchant_id, reference, kind, booked_on, invoice_id) SELECT 99, "
    "merchant_id, 'again/refunded', kind, booked_on, invoice_id FROM journal "
    "WHERE kind = 'charge_refunded'",
    "INSERT INTO posting (journal_id, account, amount_yen) VALUES (99, 'refund_payable', 1100), "
    "(99, 'amazon_receivable', -1100)",
)
PLANTED = [
    ("refunded_above_captured", "UPDATE refund SET amount_yen = 2301 WHERE id = 3"),
    ("refunded_above_captured", "UPDATE attempt SET state = 'declined'"),
    ("two_refunds_open", "UPDATE refund SET state = 'in_doubt' WHERE id = 2"),
    ("refund_room_differs", "UPDATE refund_room SET held_yen = 0"),
    ("refund_room_differs", "UPDATE refund_room SET refunded_yen = 0"),
    ("refund_room_differs", "DELETE FROM refund_room"),
    ("refund_limit_above_captured", "UPDATE refund_room SET limit_yen = 3450"),
    ("refund_not_booked", "UPDATE journal SET reference = 'x' WHERE kind = 'charge_refunded'"),
    ("refund_not_booked", f"UPDATE posting SET amount_yen = 1 WHERE amount_yen > 0 AND {BOOKED}"),
    ("refunds_booked_differ", ANOTHER_BOOKING),
    ("refunds_booked_differ", "UPDATE refund SET state = 'pending' WHERE id = 1"),
    ("by_hand_not_booked", "UPDATE journal SET reference = 'x' WHERE reference LIKE '%/by_hand'"),
    ("by_hand_not_booked", "DELETE FROM refund_by_hand"),
    ("by_hand_sent_to_amazon", "UPDATE refund SET sends = 1 WHERE id = 4"),
    ("refund_debt_differs", "UPDATE refund SET owed_before_yen = 0 WHERE id = 3"),
    ("refund_debt_differs", "UPDATE journal SET reference = 'x' WHERE kind = 'refund_owed'"),
    ("refund_owed_without_refund", "DELETE FROM refund WHERE id = 2"),
    ("refund_split_differs", "UPDATE refund SET taxes = '[]' WHERE id = 1"),
    (
        "refund_split_differs",
        "UPDATE refund SET taxes = replace(taxes, '\"tax_yen\": 100', '\"tax_yen\": 101')",
    ),
    (
        "refund_in_doubt_too_long",
        f"UPDATE refund SET state = 'quarantined', requested_at = '{NOV_20}' WHERE id = 3",
    ),
]


@pytest.mark.parametrize(
    ("kind", "fault"), PLANTED, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(PLANTED)]
)
def test_a_planted_fault_is_found(engine: Engine, kind: str, fault: str | tuple[str, ...]) -> None:
    assert kind in found(engine, *([fault] if isinstance(fault, str) else fault))


@pytest.mark.parametrize(
    ("days", "kinds"),
    [
        pytest.param(28, [], id="Amazon takes its time"),
        pytest.param(31, ["refund_pending_too_long"], id="Amazon has forgotten it"),
    ],
)
def test_a_pending_refund_waits_for_a_month(engine: Engine, days: int, kinds: list[str]) -> None:
    due = "UPDATE subscription SET due_at = NULL, state = 'paused'"
    assert found(engine, due, days=days) == kinds


def test_every_statement_has_a_planted_fault() -> None:
    planted = {kind for kind, _ in PLANTED} | {"refund_pending_too_long"}
    assert {check.kind for check in REFUND_CHECKS} <= planted


class Amazon:
    """Answers about the one charge and its refunds as told."""

    def __init__(self, refunded_yen: int = 1_100, **refund: Any) -> None:
        self.refunded_yen = refunded_yen
        self.refund = refund
        self.missing = False

    def client(self) -> AmazonPayClient:
        return cast(AmazonPayClient, self)

    def get_charge(self, charge_id: str) -> Charge:
        return Charge(
            charge_id=charge_id,
            charge_permission_id="B01-0000000-0000001",
            state=ChargeState("Captured"),
            charge_amount_yen=3_000,
            captured_yen=3_000,
            refunded_yen=self.refunded_yen,
            merchant_reference_id="i1-renewal",
        )

    def get_refund(self, refund_id: str) -> Refund:
        if self.missing:
            raise DefiniteRefusal(404, ErrorCode("ResourceNotFound"), "not found", "r1")
        stands = {"R1": ("Refunded", 1_100), "R2": ("Declined", 500), "R3": ("Refunded", 400)}
        state, yen = stands[refund_id]
        said = {"state": RefundState(state), "refund_amount_yen": yen, "charge_id": CHARGE}
        return Refund(refund_id=refund_id, **cast(Any, said | self.refund))

    def get_charge_permission(self, permission_id: str) -> ChargePermission:
        return ChargePermission(
            charge_permission_id=permission_id,
            state=ChargePermissionState("Chargeable"),
            amount_limit_yen=50_000,
            amount_balance_yen=47_000,
        )

    def close(self) -> None:
        pass


def compared(engine: Engine, amazon: Amazon) -> list[tuple[str, str]]:
    seen = audit_amazon(engine, merchant_id=MERCHANT, at=AT, make_client=amazon.client)
    return [(finding.subject, finding.detail_en) for finding in seen.findings]


@pytest.mark.parametrize(
    "refunded_yen",
    [pytest.param(1_100, id="only what is done"), pytest.param(1_500, id="and what is pending")],
)
def test_amazon_agrees(engine: Engine, refunded_yen: int) -> None:
    assert compared(engine, Amazon(refunded_yen)) == []


@pytest.mark.parametrize("refunded_yen", [1_099, 1_501])
def test_another_sum_given_back_at_amazon_is_named(engine: Engine, refunded_yen: int) -> None:
    ((subject, words),) = compared(engine, Amazon(refunded_yen))
    assert subject == CHARGE
    assert f"our books say 1100, Amazon says {refunded_yen}" in words


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        pytest.param({"charge_id": "another"}, "Amazon says another", id="charge"),
        pytest.param({"refund_amount_yen": 1}, "Amazon says 1", id="amount"),
        pytest.param({"state": RefundState("Vanished")}, "Amazon says Vanished", id="state"),
    ],
)
def test_a_difference_is_named(engine: Engine, theirs: dict[str, Any], words: str) -> None:
    told = compared(engine, Amazon(**theirs))
    assert [subject for subject, _ in told] == ["R1", "R2", "R3"]
    assert all(words in detail for _, detail in told)


def test_a_refund_that_amazon_does_not_have(engine: Engine) -> None:
    amazon = Amazon()
    amazon.missing = True
    assert [subject for subject, _ in compared(engine, amazon)] == ["R1", "R2", "R3"]


def test_refunds_before_the_window_are_left_out(engine: Engine) -> None:
    amazon = Amazon()
    amazon.missing = True
    since = CHARGED_AT + timedelta(days=3)
    seen = audit_amazon(engine, merchant_id=MERCHANT, at=AT, make_client=amazon.client, since=since)
    assert [f.subject for f in seen.findings if f.subject.startswith("R")] == []
