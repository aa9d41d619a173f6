"""Money that banks take back, as bookings; limits of what is given back of a charge."""

from datetime import date

import pytest
from refund_desk import DAY, amazons_refunds, ask, settle
from support.shop import OpenShop, Shop, subscriber

from billing import BookedChargeback, book_chargeback, reading, refundable_charges, writing
from plans import BadInput


def paid_shop(opened: OpenShop, **arguments: object) -> Shop:
    """A shop whose subscriber paid 1,980 yen on 30 November."""
    shop = opened(subscribers=[subscriber(1)], **arguments)
    shop.charge_on(DAY)
    shop.go_to(date(2026, 12, 20))
    return shop


def take_back(shop: Shop, amount_yen: int, **changes: object) -> BookedChargeback:
    (row,) = shop.rows("SELECT charge_id FROM attempt")
    told = {
        "charge_id": row["charge_id"],
        "amount_yen": amount_yen,
        "on": date(2026, 12, 18),
        "reason": "card stolen",
        "actor": "staff",
        "at": shop.clock.now(),
    }
    merchant = shop.engine.merchant
    return writing(
        shop.database,
        lambda c: book_chargeback(c, merchant, **(told | changes)),  # type: ignore[arg-type] # a table's
    )


def test_a_chargeback_is_booked_and_nothing_moves(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    booked = take_back(shop, 1_980)
    assert (booked.returned_yen, booked.is_too_much, booked.repeated) == (1_980, False, False)
    assert shop.balances() == {
        "chargebacks": 1_980,
        "sales:standard": -1_800,
        "consumption_tax:standard": -180,
    }
    shop.engine.run_due()
    assert amazons_refunds(shop) == [], "never an automatic refund"
    with pytest.raises(BadInput, match="1980 taken back by banks"):
        ask(shop, amount_yen=1)
    assert shop.faults() == []


def test_a_case_is_booked_once(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    first, again = take_back(shop, 500, case_id="D-1"), take_back(shop, 500, case_id="D-1")
    assert (first.repeated, again.repeated, again.returned_yen) == (False, True, 500)
    with pytest.raises(BadInput, match="was booked before, as 500 yen of 2026-12-18"):
        take_back(shop, 600, case_id="D-1")
    take_back(shop, 400, case_id="D-2")
    assert shop.balances()["chargebacks"] == 900
    assert shop.faults() == []


def test_a_chargeback_after_a_refund_is_booked_and_alarms(opened: OpenShop) -> None:
    """1,000 yen were given back, then the bank takes all 1,980 back: 2,980 of 1,980 are gone."""
    shop = paid_shop(opened)
    ask(shop, amount_yen=1_000)
    settle(shop)
    booked = take_back(shop, 1_980)
    assert (booked.returned_yen, booked.is_too_much) == (2_980, True)
    (told,) = shop.rows("SELECT amount_yen, reason FROM notice WHERE kind = 'returned_too_much'")
    assert told == {"amount_yen": 1_000, "reason": "2980 of 1980 yen went back"}
    assert [fault.split()[0] for fault in shop.faults()] == ["returned_above_captured"]
    assert shop.balances()["amazon_receivable"] == 1_980 - 1_000 - 1_980


@pytest.mark.parametrize(
    ("amount_yen", "changes", "words"),
    [
        pytest.param(1_981, {}, "1980 yen were captured", id="more than was captured"),
        pytest.param(0, {}, "1980 yen were captured", id="nothing"),
        pytest.param(100, {"on": date(2026, 11, 1)}, "is not between", id="before the charge"),
        pytest.param(100, {"on": date(2026, 12, 21)}, "is not between", id="tomorrow"),
        pytest.param(100, {"reason": " "}, "neither empty nor too long", id="no reason"),
        pytest.param(100, {"case_id": "x" * 65}, "neither empty nor too long", id="long id"),
    ],
)
def test_what_cannot_be_is_refused(
    opened: OpenShop, amount_yen: int, changes: dict[str, object], words: str
) -> None:
    shop = paid_shop(opened)
    with pytest.raises(BadInput, match=words):
        take_back(shop, amount_yen, **changes)
    assert "chargebacks" not in shop.balances()


def test_no_more_refunds_than_amazon_makes_of_a_charge(opened: OpenShop) -> None:
    shop = paid_shop(opened, refunds_per_charge=2)
    for number in (1, 2):
        ask(shop, amount_yen=100, request_id=f"r{number}")
        settle(shop)
    with pytest.raises(BadInput, match="1780 are of charges with 2 refunds"):
        ask(shop, amount_yen=100, request_id="r3")
    with reading(shop.database) as connection:
        (charge,) = refundable_charges(connection, shop.engine.merchant, subscription_id="sub-001")
    assert (charge.is_full, charge.free_yen, charge.left_yen) == (True, 0, 1_780)
    assert amazons_refunds(shop) == [("Refunded", 100)] * 2
