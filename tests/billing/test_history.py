"""Charge history: filters by the merchant's days, state and text, in pages that never overlap."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Connection

from billing.store.database import open_engine
from billing.tables import metadata
from billing.views import narrowing
from billing.views.history import ChargeHistoryRow, charge_history, charge_totals
from billing.views.narrowing import Narrowing

# Tokyo is nine hours ahead: 15:00 UTC is the next day's midnight there.
LAST_OF_19TH = datetime(2026, 11, 19, 14, 59, 59, tzinfo=UTC)
FIRST_OF_20TH = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
LAST_OF_20TH = datetime(2026, 11, 20, 14, 59, 59, tzinfo=UTC)
FIRST_OF_21ST = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


class _Shop:
    """Four attempts of three subscriptions."""

    def __init__(self, books: SmallBooks) -> None:
        self.books = books
        self.price = books.price()
        self.attempt("anna", LAST_OF_19TH)
        self.attempt("ben_1", FIRST_OF_20TH, slot_state="due", state="declined", attempts=2)
        self.attempt("ben_1", LAST_OF_20TH, slot=2, number=2, slot_state="due", state="declined")
        self.attempt("cleo", FIRST_OF_21ST, slot_state="open", state="in_doubt")

    def attempt(
        self, name: str, at: datetime, *, slot: int | None = None, state: str = "captured", **v: Any
    ) -> None:
        number = v.get("number", 1)
        permission = slot or self.books.permission()
        if slot is None:
            owner = self.books.subscription(name, price=self.price, permission=permission)
            invoice = self.books.invoice(owner, f"{name}-0000", 3_000)
            slot_state = v.get("slot_state", "paid")
            tried = {"state": slot_state, "attempts": v.get("attempts", 1)}
            slot = self.books.slot(invoice, owner, permission, **tried)
        charge = {} if state == "captured" else {"charge_id": None}
        values = {"number": number, "state": state, "intended_at": at, **charge}
        self.books.attempt(slot, permission, **values)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = open_engine(database_url)
    # The two declines of one slot and all else obey the real constraints.
    metadata.create_all(engine)
    with engine.begin() as opened:
        _Shop(SmallBooks(opened))
        yield opened
    engine.dispose()


def listed(connection: Connection, **chosen: Any) -> list[int]:
    rows = charge_history(connection, merchant_id=MERCHANT, **chosen)
    return [row.attempt_id for row in rows]


def test_a_row_says_everything(connection: Connection) -> None:
    (row,) = charge_history(connection, merchant_id=MERCHANT, state="captured")
    assert row == ChargeHistoryRow(
        attempt_id=1,
        at=LAST_OF_19TH,
        subscription="anna",
        customer_name="顧客 anna",
        plan_code="basic",
        cycle=0,
        purpose="renewal",
        amount_yen=3_000,
        state="captured",
        state_ja="受領済み",
        reason_code=None,
        charge_id="B01-0000000-0000000-C000001",
        charge_permission_id="B01-0000000-0000001",
        attempt=1,
        reference="i1-renewal",
    )


def test_only_the_last_decline_waits_for_its_retry(connection: Connection) -> None:
    rows = charge_history(connection, merchant_id=MERCHANT, newest_first=False)
    words = [row.state_ja for row in rows]
    assert words == ["受領済み", "課金失敗", "リトライ待ち", "結果未確定"]


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        pytest.param({"yen_from": 3_000}, [4, 3, 2, 1], id="from an amount on, itself included"),
        pytest.param({"yen_from": 3_001}, [], id="more than anybody paid"),
        pytest.param({"yen_to": 3_000}, [4, 3, 2, 1], id="up to an amount, itself included"),
        pytest.param({"yen_to": 2_999}, [], id="less than anybody paid"),
        pytest.param({"yen_from": 2_000, "yen_to": 3_000}, [4, 3, 2, 1], id="between two"),
    ],
)
@pytest.mark.parametrize("few", [1, 200], ids=["in order of time", "by the index of amounts"])
def test_amounts(
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    bounds: dict[str, int],
    found: list[int],
) -> None:
    """Of common amounts the newest are read in order of time, rare ones are looked up."""
    monkeypatch.setattr(narrowing, "FEW", few)
    assert listed(connection, narrowing=Narrowing(**bounds)) == found
    assert listed(connection, narrowing=Narrowing(**bounds), limit=2) == found[:2]


CASES: list[tuple[str, dict[str, Any], list[int]]] = [
    ("everything, newest first", {}, [4, 3, 2, 1]),
    ("oldest first", {"newest_first": False}, [1, 2, 3, 4]),
    ("from a day on", {"date_from": date(2026, 11, 20)}, [4, 3, 2]),
    ("up to a day, itself included", {"date_to": date(2026, 11, 20)}, [3, 2, 1]),
    (
        "one day of the merchant",
        {"date_from": date(2026, 11, 20), "date_to": date(2026, 11, 20)},
        [3, 2],
    ),
    ("to the end of time", {"date_to": date.max}, [4, 3, 2, 1]),
    ("a state", {"state": "declined"}, [3, 2]),
    ("a state that none has", {"state": "refused"}, []),
    ("subscription", {"search": "anna"}, [1]),
    ("customer id", {"search": "c-cleo"}, [4]),
    ("name", {"search": "顧客 cleo"}, [4]),
    ("e-mail, other case", {"search": "CLEO@example"}, [4]),
    ("charge id", {"search": "C000001"}, [1]),
    ("permission id", {"search": "B01-0000000-0000002"}, [3, 2]),
    ("spaces around", {"search": "  anna "}, [1]),
    ("blank finds all", {"search": "  "}, [4, 3, 2, 1]),
    ("an underscore is itself", {"search": "n_1"}, [3, 2]),
    ("a percent sign is itself", {"search": "%"}, []),
    ("state and text", {"search": "ben", "state": "captured"}, []),
    ("at most", {"limit": 2}, [4, 3]),
]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [pytest.param(chosen, expected, id=name) for name, chosen, expected in CASES],
)
def test_filters(connection: Connection, chosen: dict[str, Any], expected: list[int]) -> None:
    assert listed(connection, **chosen) == expected


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_join_without_gap_or_overlap(connection: Connection, newest_first: bool) -> None:
    seen: list[int] = []
    after = None
    order = {"merchant_id": MERCHANT, "newest_first": newest_first, "limit": 1}
    while page := list(charge_history(connection, after=after, **order)):
        seen += [row.attempt_id for row in page]
        after = page[-1].cursor
    assert seen == ([4, 3, 2, 1] if newest_first else [1, 2, 3, 4])


def test_totals_of_the_same_filter(connection: Connection) -> None:
    totals = charge_totals(connection, merchant_id=MERCHANT, date_to=date(2026, 11, 20))
    assert (totals.attempts, totals.captured, totals.captured_yen) == (3, 1, 3_000)
    assert totals.yen_by_state == {"captured": 3_000, "declined": 6_000}
    assert totals.attempts_by_state == {"captured": 1, "declined": 2}


def test_totals_of_nothing(connection: Connection) -> None:
    totals = charge_totals(connection, merchant_id=MERCHANT, search="nobody")
    assert (totals.attempts, totals.captured_yen, totals.yen_by_state) == (0, 0, {})


def test_an_unknown_state_is_refused_before_the_first_row(connection: Connection) -> None:
    with pytest.raises(ValueError, match="'paid': use one of intended, in_doubt, pending"):
        charge_history(connection, merchant_id=MERCHANT, state="paid")


def test_another_merchant_sees_nothing(connection: Connection) -> None:
    assert list(charge_history(connection, merchant_id="other")) == []
