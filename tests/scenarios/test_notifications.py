"""Notifications worked off against a real local Amazon Pay; failure modes 29 to 32 and 38."""

from collections.abc import Callable

import pytest
from amazon_hints import (
    DAY,
    PERMISSION,
    asked,
    deliver,
    hint,
    inbox,
    later,
    notices,
    of_permission,
)
from refund_desk import ask
from support.shop import OpenShop, Shop, subscriber

from amazonpay import ChargePermission
from billing import WatchedPermission, record_permissions
from scheduler import InboxReport


@pytest.fixture(params=["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.nightly)])
def database_url(request: pytest.FixtureRequest) -> str:
    """What locks and counts here is tried on both at each commit, in tests/billing."""
    url: str = request.getfixturevalue(request.param)
    return url


def charge_of(shop: Shop) -> str:
    """The one charge that Amazon has."""
    (charge,) = shop.amazon.charges()
    return str(charge["chargeId"])


def test_ten_messages_about_one_object_cost_one_get(opened: OpenShop) -> None:
    """Failure mode 30, and 23: what Amazon says now is what counts, not what arrived."""
    shop = opened(subscribers=[subscriber(1)])
    later(shop, minutes=1)
    shop.amazon.patch_permission(PERMISSION, amountLimit=30_000)
    deliver(shop, *[of_permission()] * 10)
    report = shop.engine.process_notifications()
    assert (report.objects, asked(shop)) == (1, {"GetChargePermission": 1})
    assert inbox(shop) == [("done", "read")] * 10
    assert shop.rows("SELECT amount_limit_yen FROM charge_permission") == [
        {"amount_limit_yen": 30_000}
    ]
    assert notices(shop) == ["limit_lowered"]


def test_a_pending_charge_is_settled_when_amazon_tells(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: ["CaptureInitiated"]})
    shop.charge_on(DAY)
    assert shop.slot("sub-001-0010-renewal")["state"] == "open"
    later(shop, minutes=40)
    deliver(shop, hint("CHARGE", charge_of(shop)))
    shop.engine.process_notifications()
    assert shop.slot("sub-001-0010-renewal")["state"] == "paid"
    assert shop.faults() == []


def test_a_refund_is_settled_when_amazon_tells(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    ask(shop, amount_yen=500)
    shop.engine.send_refunds()
    later(shop, minutes=30)
    (refund,) = shop.amazon.refunds()
    deliver(shop, hint("REFUND", refund["refundId"]))
    shop.engine.process_notifications()
    assert [row["state"] for row in shop.rows("SELECT state FROM refund")] == ["refunded"]
    assert inbox(shop) == [("done", "read")]
    assert shop.faults() == []


def test_fourteen_days_late_changes_nothing_that_is_final(opened: OpenShop) -> None:
    """Failure mode 32: a final answer is not even asked about again."""
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    later(shop, days=14)
    before = (shop.slot("sub-001-0010-renewal"), shop.balances(), asked(shop))
    deliver(shop, hint("CHARGE", charge_of(shop)))
    shop.engine.process_notifications()
    assert inbox(shop) == [("done", "settled_before")]
    assert (shop.slot("sub-001-0010-renewal"), shop.balances(), asked(shop)) == before


def test_a_message_that_overtakes_our_own_record_waits_and_settles_the_doubt(
    opened: OpenShop,
) -> None:
    """Failure mode 31: the charge is known to Amazon before it is known to us."""
    shop = opened(subscribers=[subscriber(1)], endpoint={"deadline_seconds": 0.4})
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 4}])
    shop.charge_on(DAY)
    shop.amazon.clear_faults()
    deliver(shop, hint("CHARGE", charge_of(shop)))
    shop.engine.process_notifications()
    assert inbox(shop) == [("parked", "unknown_object")]
    # Without the message the doubt would have rested for half an hour.
    shop.engine.run_due()
    assert shop.slot("sub-001-0010-renewal")["state"] == "paid"
    later(shop, minutes=2)
    shop.engine.process_notifications()
    assert inbox(shop) == [("done", "settled_before")]
    assert len(shop.taken()) == 1
    assert shop.faults() == []


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(hint("CHARGE", "S03-9999999-9999999-C999999", "C03-9999999-9999999"), id="c"),
        pytest.param(hint("REFUND", "S03-9999999-9999999-R999999", "C03-9999999-9999999"), id="r"),
        pytest.param(of_permission("C03-9999999-9999999"), id="permission"),
    ],
)
def test_an_object_that_is_not_ours_is_shown_to_a_person_in_the_end(
    opened: OpenShop, unknown: dict[str, str]
) -> None:
    """It is looked for again after 1, 5, 15 minutes … and 12 hours; Amazon is never asked."""
    shop = opened(subscribers=[subscriber(1)])
    deliver(shop, unknown)
    looks = 0
    while inbox(shop)[0][0] != "attention":
        looks += shop.engine.process_notifications().objects
        later(shop, hours=4)
        assert looks < 20
    assert looks == 9
    assert inbox(shop) == [("attention", "unknown_object")]
    assert asked(shop) == {}
    assert shop.engine.process_notifications().objects == 0


def test_a_permission_that_becomes_ours_is_found(opened: OpenShop) -> None:
    """Consent, notification, and only then our own row."""
    shop = opened(subscribers=[subscriber(1)])
    with shop.database.begin() as connection:
        connection.exec_driver_sql("UPDATE charge_permission SET amazon_id = 'not yet'")
    deliver(shop, of_permission())
    shop.engine.process_notifications()
    assert inbox(shop) == [("parked", "unknown_object")]
    with shop.database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE charge_permission SET amazon_id = '{PERMISSION}'")
    later(shop, minutes=2)
    shop.engine.process_notifications()
    assert inbox(shop) == [("done", "read")]


def by_notification(shop: Shop) -> InboxReport:
    deliver(shop, of_permission(), of_permission())
    return shop.engine.process_notifications()


def by_polling(shop: Shop) -> int:
    return shop.engine.watch_and_charge()


HEARD = pytest.mark.parametrize("heard", [by_notification, by_polling])


@HEARD
def test_the_open_invoice_is_charged_once_and_at_once_when_it_is_cured(
    opened: OpenShop, heard: Callable[[Shop], object]
) -> None:
    """No run in between: whoever hears of it charges it, and hearing it twice charges it once."""
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: ["HardDeclined"]})
    shop.charge_on(DAY)
    shop.amazon.patch_permission(PERMISSION, paymentMethod="updated")
    later(shop, hours=2)
    heard(shop)
    assert shop.taken() == [("sub-001-0010-renewal", 1980)]
    assert shop.subscription("sub-001")["state"] == "active"
    deliver(shop, of_permission(), first=10)
    shop.engine.process_notifications()
    later(shop, hours=2)
    shop.engine.watch_and_charge()
    shop.engine.run_due()
    assert asked(shop)["CreateCharge"] == 2
    assert shop.faults() == []


@HEARD
def test_a_reason_that_a_new_card_does_not_cure_is_not_charged_again(
    opened: OpenShop, heard: Callable[[Shop], object]
) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: ["MFANotCompleted"]})
    shop.charge_on(DAY)
    later(shop, hours=2)
    heard(shop)
    assert asked(shop)["CreateCharge"] == 1
    assert shop.slot("sub-001-0010-renewal")["state"] == "waiting_buyer"


def test_the_brake_holds_what_was_cured(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: ["HardDeclined"]})
    shop.charge_on(DAY)
    shop.amazon.patch_permission(PERMISSION, paymentMethod="updated")
    with shop.database.begin() as connection:
        connection.exec_driver_sql("UPDATE brake SET pulled_at = last_run_at, pulled_by = 'staff'")
    later(shop, minutes=5)
    by_notification(shop)
    assert shop.taken() == []
    assert shop.slot("sub-001-0010-renewal")["state"] == "due"


def test_an_answer_that_was_overtaken_is_not_written(opened: OpenShop) -> None:
    """Two readers at once: the older answer comes last, and Closed is final."""
    shop = opened(subscribers=[subscriber(1)])
    (row,) = shop.rows("SELECT id FROM charge_permission")

    def read_after(minutes: int, **change: str) -> ChargePermission:
        later(shop, minutes=minutes)
        shop.amazon.patch_permission(PERMISSION, **change)
        with shop.engine.make_client() as client:
            return client.get_charge_permission(PERMISSION)

    def written(*answers: ChargePermission) -> str:
        for answer in answers:
            pair = (WatchedPermission(row["id"], PERMISSION), answer)
            record_permissions(shop.database, shop.engine.merchant, [pair], at=shop.clock.now())
        return str(shop.rows("SELECT state FROM charge_permission")[0]["state"])

    read_after(1, state="NonChargeable")
    open_ = read_after(5, state="Chargeable")
    suspended = read_after(5, state="NonChargeable")
    assert written(suspended, open_) == "NonChargeable"
    assert written(read_after(5, state="Closed"), suspended) == "Closed"


def test_reading_has_a_throttle_of_its_own(opened: OpenShop) -> None:
    """Failure mode 38: no turn of charging is taken by what notifications ask for."""
    many = [subscriber(number) for number in range(1, 6)]
    shop = opened(subscribers=many, endpoint={"paced": True})
    later(shop, minutes=1)
    deliver(shop, *(of_permission(row.charge_permission_id) for row in many[:2]))
    shop.engine.process_notifications()
    rows = shop.rows("SELECT operation FROM pacing")
    assert [row["operation"] for row in rows] == ["get_charge_permission"]


def test_what_amazon_does_not_answer_is_looked_into_again(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.amazon.faults([{"operation": "getChargePermission", "kind": "503", "times": 2}])
    deliver(shop, of_permission())
    states = []
    for _ in range(3):
        shop.engine.process_notifications()
        states.append(inbox(shop)[0])
        later(shop, minutes=10)
    assert states == [("waiting", "unreachable")] * 2 + [("done", "read")]


def test_a_429_is_waited_out_and_counts_as_no_try(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.amazon.faults([{"operation": "getChargePermission", "kind": "429", "times": 1}])
    deliver(shop, of_permission())
    shop.engine.process_notifications()
    assert shop.rows("SELECT state, tries FROM notification") == [{"state": "waiting", "tries": 0}]
    later(shop, seconds=6)
    shop.engine.process_notifications()
    assert inbox(shop) == [("done", "read")]


def test_no_message_is_needed_at_all(opened: OpenShop) -> None:
    """Failure mode 29: all is lost, a charge is pending and a card is cured; polling suffices."""
    shop = opened(
        subscribers=[subscriber(1), subscriber(2)],
        behaviours={PERMISSION: ["CaptureInitiated"], "C03-0000002-0000001": ["HardDeclined"]},
    )
    shop.charge_on(DAY)
    shop.amazon.patch_permission("C03-0000002-0000001", paymentMethod="updated")
    later(shop, hours=1, minutes=5)
    shop.engine.watch_and_charge()
    shop.engine.run_due()
    assert [yen for _, yen in shop.taken()] == [1980, 1980]
    assert {row["state"] for row in shop.rows("SELECT state FROM slot")} == {"paid"}
    assert shop.faults() == []
