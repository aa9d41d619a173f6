"""Charges that Amazon never answers: looked into, then booked, closed or parked by proofs."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from doubt_shop import (
    DAY,
    MIDMONTH,
    PERMISSION,
    REFERENCE,
    attempt,
    hear,
    look,
    move,
    open_in_doubt,
    proofs,
    replay_in_vain,
)
from sqlalchemy import update
from support.shop import OpenShop, Shop, subscriber

from amazonpay import CreateCharge, MerchantMetadata
from billing import OpenAttempt, record_outcomes, send, table_of
from billing.tables import AttemptRow
from scheduler import run

InDoubt = Callable[[str], Shop]


@pytest.fixture
def in_doubt(opened: OpenShop, monkeypatch: pytest.MonkeyPatch) -> InDoubt:
    """See `doubt_shop.open_in_doubt`."""
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    return lambda kind: open_in_doubt(opened, kind)


def test_two_proofs_after_the_long_rest_allow_a_new_key(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    assert look(shop, hours=0.1) == {REFERENCE: "wait"}
    hear(shop)
    assert look(shop, hours=11) == {REFERENCE: "wait"}  # an old signature may still be accepted
    assert shop.slot(REFERENCE)["state"] == "open"
    move(shop, hours=2)
    hear(shop)
    assert look(shop, hours=0) == {REFERENCE: "did_not_happen"}
    assert attempt(shop) == {"state": "refused", "reason_code": "NoEffect", "sends": 9}
    assert shop.rows("SELECT used_yen, held_yen FROM cap_month") == [{"used_yen": 0, "held_yen": 0}]
    assert sorted(proofs(shop))[-1] == ("notifications", "did_not_happen")

    shop.amazon.clear_faults()
    shop.charge_on(DAY + timedelta(days=2))
    assert shop.slot(REFERENCE)["state"] == "paid"
    assert shop.taken() == [(REFERENCE, 1980)]
    keys = {row["idempotencyKey"] for row in shop.amazon.requests() if row["idempotencyKey"]}
    assert len(keys) == 2
    assert shop.faults() == []


def test_while_its_key_rests_nobody_sends_it(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    before = len(list(shop.amazon.requests()))
    shop.charge_on(DAY + timedelta(days=1), hour=21)
    shop.charge_on(DAY + timedelta(days=3), hour=9)
    assert len(list(shop.amazon.requests())) == before


def test_one_proof_is_not_enough_and_a_person_is_asked(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    assert look(shop, hours=13) == {REFERENCE: "wait"}
    assert proofs(shop) == [("balance", "did_not_happen")]
    assert look(shop, hours=60) == {REFERENCE: "person"}
    assert shop.slot(REFERENCE)["state"] == "open"  # the same key is tried for another day
    replay_in_vain(shop)
    assert attempt(shop)["sends"] == 17
    assert look(shop, hours=73) == {REFERENCE: "person"}
    slot = shop.slot(REFERENCE)
    assert (slot["state"], slot["reason"]) == ("quarantined", "unknown")
    assert [row["held_yen"] for row in shop.rows("SELECT held_yen FROM cap_month")] == [1980]
    assert [row["kind"] for row in shop.rows("SELECT kind FROM notice")] == ["quarantined"]
    assert attempt(shop)["state"] == "in_doubt"
    shop.amazon.clear_faults()
    shop.charge_on(DAY + timedelta(days=9))
    assert shop.taken() == []  # no new key, and the old one rests


def test_an_outage_of_a_day_ends_with_replays_and_not_before_a_person(in_doubt: InDoubt) -> None:
    """Nobody else was answered either: the first replay after the outage settles the doubt."""
    shop = in_doubt("500_before")
    look(shop, hours=73)
    shop.amazon.clear_faults()
    move(shop, hours=1)
    shop.engine.run_due()
    assert shop.slot(REFERENCE)["state"] == "paid"
    keys = {row["idempotencyKey"] for row in shop.amazon.requests() if row["idempotencyKey"]}
    assert len(keys) == 1


def rest_with_its_balance_moved(shop: Shop) -> None:
    """The balance moved, by which charge? Neither it nor a day of replays tells."""
    assert look(shop, hours=1) == {REFERENCE: "happened"}
    assert shop.slot(REFERENCE)["state"] == "open"
    replay_in_vain(shop)
    assert look(shop, hours=1) == {REFERENCE: "happened"}


def test_money_that_moved_is_asked_for_once_more_under_its_key(in_doubt: InDoubt) -> None:
    """Amazon keeps keys for ever, so the replay names the charge; nobody is asked."""
    shop = in_doubt("500_after")
    shop.amazon.clear_faults()
    assert look(shop, hours=1) == {REFERENCE: "happened"}
    assert shop.slot(REFERENCE)["state"] == "open"
    move(shop, hours=0.1)
    shop.engine.run_due()
    assert shop.slot(REFERENCE)["state"] == "paid"
    assert shop.taken() == [(REFERENCE, 1980)]
    assert len({r["idempotencyKey"] for r in shop.amazon.requests() if r["idempotencyKey"]}) == 1
    assert shop.rows("SELECT kind FROM notice WHERE kind = 'quarantined'") == []
    assert shop.faults() == []


def test_a_strangers_charge_of_the_amount_makes_the_replay_the_first_charge(
    in_doubt: InDoubt,
) -> None:
    """The balance moved for somebody else: the slot is charged once all the same, by its key."""
    shop = in_doubt("500_before")
    shop.amazon.clear_faults()
    theirs = CreateCharge(
        charge_permission_id=PERMISSION,
        amount_yen=1980,
        capture_now=True,
        merchant_metadata=MerchantMetadata(merchant_reference_id="another shop's order"),
    )
    with shop.engine.make_client() as client:
        client.create_charge(theirs.to_bytes(), idempotency_key="anothershopskey")
    assert look(shop, hours=1) == {REFERENCE: "happened"}
    for hours in (0.1, 1):
        move(shop, hours=hours)
        shop.engine.run_due()
    assert shop.taken().count((REFERENCE, 1980)) == 1
    assert shop.slot(REFERENCE)["state"] == "paid"
    assert len(shop.rows("SELECT id FROM attempt")) == 1


def test_a_charge_that_a_message_names_is_booked(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    (charge,) = shop.amazon.charges()
    rest_with_its_balance_moved(shop)
    assert shop.slot(REFERENCE)["state"] == "quarantined"
    hear(shop, charge["chargeId"], "CHARGE")
    assert look(shop, hours=1) == {REFERENCE: "happened"}
    assert shop.slot(REFERENCE)["state"] == "paid"
    assert shop.rows("SELECT used_yen, held_yen FROM cap_month") == [
        {"used_yen": 1980, "held_yen": 0}
    ]
    assert proofs(shop) == [("balance", "happened"), ("amazon", "happened")]
    assert shop.faults() == []


def test_somebody_elses_charge_is_not_taken_for_ours(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    shop.amazon.clear_faults()
    theirs = CreateCharge(
        charge_permission_id=PERMISSION,
        amount_yen=1980,
        capture_now=True,
        merchant_metadata=MerchantMetadata(merchant_reference_id="another shop's order"),
    )
    with shop.engine.make_client() as client:
        other = client.create_charge(theirs.to_bytes(), idempotency_key="anothershopskey")
    hear(shop, other.charge_id, "CHARGE")
    look(shop, hours=13)
    assert shop.slot(REFERENCE)["state"] != "paid"
    assert attempt(shop)["state"] == "in_doubt"


def test_a_late_sender_after_the_verdict_puts_the_slot_before_a_person(in_doubt: InDoubt) -> None:
    """Nobody should be able to; if Amazon takes the old key all the same, it is seen at once."""
    shop = in_doubt("500_before")
    look(shop, hours=13)
    hear(shop)
    (row,) = shop.rows("SELECT * FROM attempt")
    late = OpenAttempt(
        id=row["id"],
        slot_id=row["slot_id"],
        permission_amazon_id=PERMISSION,
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        send_by=shop.clock.now() + timedelta(days=9),
    )
    assert look(shop, hours=1.5) == {REFERENCE: "did_not_happen"}
    shop.amazon.clear_faults()
    with shop.engine.make_client() as client:
        outcome = send(client, late, now=shop.clock.now)
    record_outcomes(shop.database, shop.engine.merchant, [outcome], at=shop.clock.now())
    shop.charge_on(DAY + timedelta(days=3))
    assert shop.slot(REFERENCE)["state"] == "quarantined"
    assert len(shop.taken()) == 1


@pytest.mark.parametrize(("answered", "rests"), [(1, 1), (9, 0)], ids=["meanwhile", "only before"])
def test_where_others_are_answered_a_key_rests_after_six_hours(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch, answered: int, rests: int
) -> None:
    """One of two charges is never answered; the other was, `answered` hours before the look."""
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    shop = opened(subscribers=[subscriber(n, **MIDMONTH) for n in (1, 2)])
    for hour in range(9, 17):
        shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 1}])
        shop.charge_on(DAY, hour=hour)
    at = shop.go_to(DAY, hour=17) - timedelta(hours=answered)
    with shop.database.begin() as connection:
        attempts = table_of(AttemptRow)
        captured = attempts.c.state == "captured"
        connection.execute(update(attempts).where(captured).values(answered_at=at))
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 1}])
    shop.engine.run_due()
    assert len(shop.rows("SELECT attempt_id FROM doubt")) == rests
