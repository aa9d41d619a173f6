"""No yen is made or lost between captures and payouts: the arithmetic, the book, the process."""

import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settlement_wire import DAY, give_back, listed, take
from wire_client import WireClient

from amazonpay.sandbox.schema import DDL
from amazonpay.sandbox.settlement.closing import split
from amazonpay.sandbox.settlement.options import ROUNDINGS, SettlementOptions
from amazonpay.sandbox.settlement.schema import DDL as BOOK

YEN = st.integers(min_value=-(10**12), max_value=10**12)
SWITCHES = st.builds(
    SettlementOptions,
    reserve_basis_points=st.integers(0, 10_000),
    reserve_fixed_yen=st.integers(0, 10**6),
    minimum_disbursement_yen=st.integers(1, 10**6),
    payouts_on_hold=st.booleans(),
)


@given(balance=YEN, movement=YEN, options=SWITCHES)
def test_a_balance_is_split_without_loss(
    balance: int, movement: int, options: SettlementOptions
) -> None:
    parts = split(balance_yen=balance, movement_yen=movement, options=options)
    assert parts.reserve_held + parts.disbursed + parts.carried_out == balance
    assert parts.reserve_held >= 0
    assert parts.disbursed == 0 or parts.disbursed >= options.minimum_disbursement_yen
    assert not (options.payouts_on_hold and parts.disbursed)


@given(movements=st.lists(YEN, max_size=30), options=SWITCHES)
def test_periods_in_a_row_pay_what_came_in(
    movements: list[int], options: SettlementOptions
) -> None:
    reserve = carried = paid = 0
    for movement in movements:
        parts = split(
            balance_yen=movement + reserve + carried, movement_yen=movement, options=options
        )
        reserve, carried, paid = parts.reserve_held, parts.carried_out, paid + parts.disbursed
    assert paid + reserve + carried == sum(movements)


def _exact_fee(amount: int, basis_points: int, rounding: str) -> int:
    """The fee by quotient and remainder, unlike the SQL under test."""
    whole, rest = divmod(amount * basis_points, 10_000)
    up = {"floor": False, "half_up": 2 * rest >= 10_000, "ceil": rest > 0}[rounding]
    return whole + up


@pytest.fixture(scope="module")
def book() -> sqlite3.Connection:
    """The tables and triggers alone."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL + BOOK)
    return connection


def _capture(book: sqlite3.Connection, amount: int) -> None:
    names = (
        "id, permission_id, amount, state, changed_at, created_at, expires_at, capture_now, "
        "capture_amount, refund_reserved, refunded, refund_count, cap_month, details"
    )
    values = ("C", "P", amount, "Captured", 1, 1, 2, 1, amount, 0, 0, 0, "1970-01", "{}")
    marks = ", ".join("?" * len(values))
    book.execute(f"INSERT INTO charges ({names}) VALUES ({marks})", values)


def _refund(book: sqlite3.Connection, number: int, amount: int) -> None:
    book.execute(
        "INSERT INTO refunds (id, charge_id, amount, state, changed_at, created_at) "
        "VALUES (?, 'C', ?, 'RefundInitiated', 1, 1)",
        (f"R{number}", amount),
    )
    book.execute("UPDATE refunds SET state = 'Refunded' WHERE id = ?", (f"R{number}",))


@given(
    amount=st.integers(1, 10**7),
    basis_points=st.integers(0, 10_000),
    rounding=st.sampled_from(ROUNDINGS),
    shares=st.lists(st.integers(1, 100), max_size=6),
    returns=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fees_in_the_book_are_exact(
    book: sqlite3.Connection,
    amount: int,
    basis_points: int,
    rounding: str,
    shares: list[int],
    returns: bool,
) -> None:
    for table in ("charges", "refunds", "transactions"):
        book.execute(f"DELETE FROM {table}")
    book.execute("UPDATE fee_rates SET basis_points = ?", (basis_points,))
    book.execute(
        "UPDATE settlement_options SET fee_rounding = ?, refund_returns_fee = ?",
        (rounding, returns),
    )
    _capture(book, amount)
    parts = [max(amount * share // sum(shares), 1) for share in shares]
    for number, part in enumerate(parts):
        _refund(book, number, part)
    (fee,) = book.execute("SELECT fee FROM transactions WHERE type = 'Capture'").fetchone()
    back = [row[0] for row in book.execute("SELECT fee FROM transactions WHERE type = 'Refund'")]
    assert fee == -_exact_fee(amount, basis_points, rounding)
    expected = min(-fee, _exact_fee(sum(parts), basis_points, rounding)) if returns else 0
    assert sum(back) == expected
    assert all(part >= 0 for part in back)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), st.integers(1, 9_999)),
        st.tuples(st.just("refund"), st.integers(1, 9_999)),
        st.tuples(st.just("chargeback"), st.integers(1, 500)),
        st.tuples(st.just("adjust"), st.integers(-5_000, 5_000).filter(bool)),
        st.tuples(st.just("days"), st.integers(1, 20)),
        st.tuples(st.just("close"), st.just(0)),
        st.tuples(st.just("reserve"), st.integers(0, 5_000)),
        st.tuples(st.just("decline"), st.just(0)),
    ),
    min_size=5,
    max_size=25,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_of_calls_adds_up(amazon: WireClient, steps: list[tuple[str, int]]) -> None:
    amazon.control("POST", "/reset", {"now": "2026-04-01T00:00:00Z"})
    amazon.set_clock("2026-04-01T00:00:00Z")
    _play(amazon, steps)
    amazon.advance(31)
    _adds_up(amazon)


def _play(amazon: WireClient, steps: list[tuple[str, int]]) -> None:
    permission = amazon.permission(amountLimit=10**9)
    charges = [take(amazon, permission, 1_234)]
    for number, (what, value) in enumerate(steps):
        if what == "charge":
            charges.append(take(amazon, permission, value))
        elif what == "refund":
            give_back(amazon, charges[value % len(charges)], value, f"refund-{number}")
        elif what == "days":
            amazon.advance(value * DAY)
        else:
            _order(amazon, what, value, charges)


def _order(amazon: WireClient, what: str, value: int, charges: list[str]) -> None:
    body: dict[str, tuple[str, str, Any]] = {
        "chargeback": (
            "POST",
            "/chargebacks",
            {"chargeId": charges[value % len(charges)], "amount": value},
        ),
        "adjust": ("POST", "/adjustments", {"amount": value}),
        "close": ("POST", "/settlements/close", None),
        "reserve": ("PATCH", "/settlement-options", {"reserveBasisPoints": value}),
        "decline": ("POST", "/refund-outcomes", {"outcome": "AmazonRejected"}),
    }
    got = amazon.control_raw(*body[what])
    assert got.status in (200, 201, 400), got.raw  # 400: nothing is left to charge back


def _adds_up(amazon: WireClient) -> None:
    """Rows against objects, settlements against their rows, payouts against settlements."""
    rows = listed(amazon, "/transactions")
    closed = listed(amazon, "/settlements")
    for settlement in closed:
        own = [row for row in rows if row["settlementId"] == settlement["settlementId"]]
        assert sum(row["netAmount"] for row in own) == settlement["disbursedAmount"]
        moved = [row for row in own if row["type"] not in ("Reserve", "Carryover")]
        assert sum(row["netAmount"] for row in moved) == settlement["movementAmount"]
    held = closed[-1]["reserveHeld"] + closed[-1]["carriedOut"] if closed else 0
    still_open = sum(row["netAmount"] for row in rows if row["settlementId"] is None)
    paid = sum(row["amount"] for row in listed(amazon, "/disbursements"))

    captured = sum(row["capturedAmount"] for row in listed(amazon, "/charges"))
    refunded = sum(
        row["amount"] for row in listed(amazon, "/refunds") if row["state"] == "Refunded"
    )
    taken = sum(row["amount"] for row in listed(amazon, "/chargebacks"))
    adjusted = sum(row["amount"] for row in rows if row["type"] == "Adjustment")
    fees = sum(row["fee"] for row in rows)
    expected_fees = -sum(
        row["capturedAmount"] * 390 // 10_000 for row in listed(amazon, "/charges")
    )
    assert fees == expected_fees
    assert paid + held + still_open == captured - refunded - taken + adjusted + fees
