"""What a person decides about a doubt, and what nobody may decide."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from doubt_shop import (
    DAY,
    PERMISSION,
    REFERENCE,
    attempt,
    look,
    move,
    open_in_doubt,
)
from support.doubts import rest_for_the_second_time
from support.shop import OpenShop, Shop, subscriber

from amazonpay import CreateCharge, MerchantMetadata
from billing import reading, writing
from billing.evidence import (
    Decision,
    DeskItem,
    DoubtRules,
    Verdict,
    abandon,
    begin_rest,
    book_found,
    decide_no_effect,
    desk_item,
    list_desk,
    note_decision,
    release,
)
from plans import BadInput
from scheduler import run

InDoubt = Callable[[str], Shop]
NO = Decision(Verdict.DID_NOT_HAPPEN, "sato", "not in Seller Central")


@pytest.fixture
def in_doubt(opened: OpenShop, monkeypatch: pytest.MonkeyPatch) -> InDoubt:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    return lambda kind: open_in_doubt(opened, kind)


def item(shop: Shop) -> DeskItem:
    with reading(shop.database) as connection:
        return desk_item(connection, shop.engine.merchant, name=REFERENCE)


def note(shop: Shop, decision: Decision) -> bool:
    found, at = item(shop), shop.clock.now()

    def work(connection) -> bool:
        begin_rest(connection, shop.engine.merchant, found, at=at)
        return note_decision(
            connection, shop.engine.merchant, found, decision, rules=shop.engine.doubts, at=at
        )

    return writing(shop.database, work)


def decide(shop: Shop, decision: Decision = NO) -> None:
    found = item(shop)
    writing(
        shop.database,
        lambda c: decide_no_effect(
            c,
            shop.engine.merchant,
            found,
            decision,
            rules=shop.engine.doubts,
            at=shop.clock.now(),
        ),
    )


def test_what_waits_is_listed_with_its_proofs(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    look(shop, hours=13)
    found = item(shop)
    assert (found.state, found.amount_yen, found.attempt_state) == ("resting", 1980, "in_doubt")
    assert [(p.kind, p.verdict) for p in found.proofs] == [("balance", "did_not_happen")]
    assert look(shop, hours=0.5) == {}  # each doubt once an hour


def test_a_person_may_not_free_a_slot_while_its_key_may_still_be_used(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    assert note(shop, NO)
    with pytest.raises(BadInput, match="late sender until"):
        decide(shop)
    move(shop, hours=12.3)
    decide(shop)
    assert attempt(shop)["reason_code"] == "NoEffect"
    shop.amazon.clear_faults()
    shop.charge_on(DAY + timedelta(days=2))
    assert shop.taken() == [(REFERENCE, 1980)]
    assert shop.faults() == []


def test_what_a_proof_says_happened_is_not_decided_away(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    rest_for_the_second_time(shop)
    look(shop, hours=1)
    assert item(shop).state == "parked"
    with pytest.raises(BadInput, match="a proof says that it happened"):
        decide(shop)
    assert attempt(shop)["state"] == "in_doubt"


def test_a_charge_that_a_person_found_is_booked_if_it_is_ours(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    (charge,) = shop.amazon.charges()
    shop.amazon.clear_faults()
    other = CreateCharge(
        charge_permission_id=PERMISSION,
        amount_yen=1980,
        capture_now=True,
        merchant_metadata=MerchantMetadata(merchant_reference_id="another"),
    )
    with shop.engine.make_client() as client:
        theirs = client.create_charge(other.to_bytes(), idempotency_key="another")
        ours = client.get_charge(charge["chargeId"])
    at = shop.clock.now()
    with pytest.raises(BadInput, match="is not it: charge is for 'another'"):
        book_found(shop.database, shop.engine.merchant, item(shop), theirs, at=at)
    book_found(shop.database, shop.engine.merchant, item(shop), ours, at=at)
    assert shop.slot(REFERENCE)["state"] == "paid"
    assert shop.faults() == []


def test_two_people_decide_about_large_sums(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    shop.engine = replace(shop.engine, doubts=DoubtRules(two_persons_yen=1_980))
    move(shop, hours=13)
    assert not note(shop, NO)
    assert not note(shop, Decision(Verdict.DID_NOT_HAPPEN, " SATO ", "again"))  # the same person
    assert not note(shop, Decision(Verdict.HAPPENED, "suzuki", "seen", "S01-1"))  # another view
    assert note(shop, Decision(Verdict.DID_NOT_HAPPEN, "suzuki", "agreed"))
    move(shop, hours=25)
    assert not note(shop, Decision(Verdict.DID_NOT_HAPPEN, "tanaka", "a day later"))


def test_released_it_is_sent_again_under_the_same_key(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    look(shop, hours=13)
    shop.amazon.clear_faults()
    found = item(shop)
    writing(
        shop.database,
        lambda c: release(
            c, shop.engine.merchant, found, by="sato", reason="repaired", at=shop.clock.now()
        ),
    )
    shop.engine.run_due()
    assert shop.taken() == [(REFERENCE, 1980)]
    assert len({r["idempotencyKey"] for r in shop.amazon.requests() if r["idempotencyKey"]}) == 1
    assert shop.slot(REFERENCE)["state"] == "paid"
    (event,) = shop.rows("SELECT kind, actor, reason, detail FROM audit_event")
    assert (event["kind"], event["actor"]) == ("doubt_released", "sato")
    assert event["reason"] == "repaired"
    assert f'"reference":"{REFERENCE}"' in event["detail"]


def test_nothing_is_given_up_while_an_answer_is_open(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    found = item(shop)
    with pytest.raises(BadInput, match="money may still be taken"):
        writing(
            shop.database,
            lambda c: abandon(c, shop.engine.merchant, found, NO, at=shop.clock.now()),
        )


def test_whoever_decides_says_who_and_why(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    for by, reason in (("", "why"), ("sato", " ")):
        with pytest.raises(BadInput, match="who it is and why"):
            note(shop, Decision(Verdict.DID_NOT_HAPPEN, by, reason))


def test_what_was_settled_is_on_no_list(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    move(shop, hours=13)
    decide(shop)
    assert writing(shop.database, lambda c: list_desk(c, shop.engine.merchant)) == []
    with pytest.raises(BadInput, match="nothing of this name waits"):
        item(shop)


def test_what_the_cap_refused_for_good_is_tried_again_or_given_up_here(opened: OpenShop) -> None:
    """29,800 yen each under one permission of 50,000: the second and third of November are refused,
    in December there is room for one of them."""
    shared = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
    rows = [subscriber(number, plan_code="studio", **shared) for number in (1, 2, 3)]
    shop = opened(subscribers=rows, cap_rule="refuse")
    shop.charge_on(date(2026, 11, 30))
    merchant = shop.engine.merchant
    with reading(shop.database) as connection:
        tried, given_up = list_desk(connection, merchant)
    assert (tried.name, tried.state, tried.reason) == (
        "sub-002-0010-renewal",
        "refused",
        "cap_refused",
    )
    at = shop.go_to(date(2026, 12, 2))
    with pytest.raises(BadInput, match="so nothing is in doubt"):
        writing(
            shop.database,
            lambda c: note_decision(c, merchant, tried, NO, rules=shop.engine.doubts, at=at),
        )
    writing(
        shop.database,
        lambda c: release(c, merchant, tried, by="sato", reason="there is room again", at=at),
    )
    writing(shop.database, lambda c: abandon(c, merchant, given_up, NO, at=at))
    for stale in (
        lambda c: release(c, merchant, given_up, by="suzuki", reason="late", at=at),
        lambda c: abandon(c, merchant, tried, NO, at=at),
    ):
        with pytest.raises(BadInput, match="somebody dealt with it meanwhile"):
            writing(shop.database, stale)
    shop.charge_on(date(2026, 12, 2), hour=10)
    assert [name for name, _ in shop.taken()] == ["sub-001-0010-renewal", tried.name]
    assert shop.slot(given_up.name)["state"] == "uncollectible"
    assert shop.subscription("sub-003")["state"] == "paused"
    with reading(shop.database) as connection:
        assert list_desk(connection, merchant) == []
    assert shop.faults() == []
