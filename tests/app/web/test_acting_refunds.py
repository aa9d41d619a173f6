"""Refunds of the staff: what is left, the second person, the same person, twice, too late."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from acting_shop import ActingShop, acting
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.sandbox import Sandbox

from billing import writing
from billing.approvals import ApprovalRefused, decide_approval, needs_second_person

YEN = st.integers(0, 10_000_000)


@pytest.fixture
def desk(database_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    with acting(database_url, sandbox) as shop:
        yield shop


def test_money_goes_back_by_one_or_by_two(desk: ActingShop) -> None:
    small_refunds_need_one_person(desk)
    large_ones_need_two(desk)
    nobody_decides_twice_or_too_late(desk)
    the_database_itself_wants_two_names(desk)
    assert desk.shop.faults() == []


def small_refunds_need_one_person(desk: ActingShop) -> None:
    page = f"/charges/{desk.attempt('sub-003-0010-renewal')}/refund"
    assert "¥4,440" in desk.get(page, "support")  # 3 × 1,480
    bad = desk.send(page, page, "support", which="part", amount="4441", reason="x")
    assert bad.status_code == 422
    assert 'value="4441"' in bad.text
    assert "4,440" in bad.text
    assert desk.send(page, page, "support", which="part", amount="5", reason="").status_code == 422
    form = desk.who("support").form_of(page, page)
    fields = form | {"which": "part", "amount": "１,０００", "reason": "傷があった"}
    for _ in range(2):  # pressed twice
        assert desk.who("support").send("POST", page, data=fields).status_code == 303
    arrive(desk)
    (row,) = desk.shop.rows("SELECT amount_yen, state, actor, reason FROM refund")
    assert dict(row) == {
        "amount_yen": 1_000,
        "state": "refunded",
        "actor": "support",
        "reason": "傷があった",
    }
    assert "¥3,440" in desk.get(page, "support")


def arrive(desk: ActingShop) -> None:
    """Let what Amazon has begun to give back arrive."""
    desk.shop.clock.set(desk.shop.clock.now() + timedelta(hours=2))
    desk.shop.amazon.set_clock(desk.shop.clock.now())
    desk.shop.engine.send_refunds()


def large_ones_need_two(desk: ActingShop) -> None:
    page = f"/charges/{desk.attempt('sub-002-0010-renewal')}/refund"
    # 10,000 is still one person's; 10,000 + 1 of the same charge is not.
    desk.done(page, page, "finance", which="part", amount="10000", reason="half")
    assert "Nothing can be given back now" in desk.get(page), "one refund of a charge at a time"
    arrive(desk)
    waits = desk.done(page, page, "finance", which="part", amount="1", reason="cut small")
    assert waits.startswith("/refunds/")
    assert len(desk.shop.rows("SELECT id FROM refund WHERE reason = 'cut small'")) == 0
    assert "that is waiting" in desk.get(page, "finance")
    assert "You asked for this" in desk.get(waits, "finance")
    # A lower role, the same person in any spelling, and an unknown number are refused.
    token = desk.who("finance").form_of(waits, f"{waits}/withdraw")
    own = token | {"to": "approved", "note": ""}
    assert desk.who("finance").send("POST", f"{waits}/decide", data=own).status_code == 409
    assert desk.shop.rows("SELECT state FROM refund_approval")[0]["state"] == "waiting"
    for role in ("support", "viewer"):
        assert 'name="to"' not in desk.get(waits, role)
        answer = desk.who(role).send("POST", f"{waits}/decide")
        assert answer.status_code == 403
    desk.get("/refunds/999", status=404)
    empty = desk.send(waits, f"{waits}/decide", to="declined", note="")
    assert empty.status_code == 422, "a decline says why"
    desk.done(waits, f"{waits}/decide", to="approved")
    arrive(desk)
    (refund,) = desk.shop.rows("SELECT * FROM refund WHERE reason = 'cut small'")
    assert (refund["amount_yen"], refund["state"], refund["actor"]) == (1, "refunded", "finance")
    assert desk.audit("refund_approval%") == [
        ("refund_approval_asked", "finance"),
        ("refund_approval_approved", "staff"),
    ]


def nobody_decides_twice_or_too_late(desk: ActingShop) -> None:
    page = f"/charges/{desk.attempt('sub-002-0010-renewal')}/refund"
    waits = desk.done(page, page, which="all", reason="all of it")  # 29,800 - 10,001 = 19,799
    assert "¥19,799" in desk.get(waits)
    stale = desk.who("finance").form_of(waits, f"{waits}/decide")
    desk.done(waits, f"{waits}/decide", "finance", to="declined", note="no goods came back")
    again = desk.who("finance").send("POST", f"{waits}/decide", data=stale | {"to": "approved"})
    assert again.status_code == 303, "a stale tab is told how it stands"
    assert desk.shop.rows("SELECT id FROM refund WHERE reason = 'all of it'") == []
    withdrawn = desk.done(page, page, which="all", reason="once more")
    desk.done(withdrawn, f"{withdrawn}/withdraw")
    late = desk.done(page, page, which="all", reason="too late")
    before = desk.shop.clock.now()
    desk.shop.clock.set(before + timedelta(days=7))
    number = int(late.rsplit("/", 1)[1])
    merchant, at = desk.shop.engine.merchant, desk.shop.clock.now()
    decided = writing(
        desk.shop.database,
        lambda c: decide_approval(
            c, merchant, approval_id=number, to="approved", by="finance", note="", at=at
        ),
    )
    assert decided.state == "expired"
    assert desk.shop.rows("SELECT id FROM refund WHERE reason = 'too late'") == []
    desk.shop.clock.set(before)
    fresh = desk.done(page, page, which="all", reason="in time")
    with pytest.raises(ApprovalRefused, match="never decides"):
        decide(desk, fresh, by="STAFF")
    assert decide(desk, fresh, by="finance") == "approved"
    assert decide(desk, fresh, by="finance") == "approved", "twice is once"
    (refund,) = desk.shop.rows("SELECT amount_yen FROM refund WHERE reason = 'in time'")
    assert refund["amount_yen"] == 19_799
    arrive(desk)
    assert "Nothing can be given back now" in desk.get(page)


def decide(desk: ActingShop, path: str, *, by: str) -> str:
    number, at = int(path.rsplit("/", 1)[1]), desk.shop.clock.now()
    return writing(
        desk.shop.database,
        lambda c: decide_approval(
            c,
            desk.shop.engine.merchant,
            approval_id=number,
            to="approved",
            by=by,
            note="",
            at=at,
        ),
    ).state


def the_database_itself_wants_two_names(desk: ActingShop) -> None:
    for state in ("approved", "declined"):
        with pytest.raises(IntegrityError), desk.shop.database.begin() as connection:
            connection.execute(
                text("UPDATE refund_approval SET state = :s, decided_by = asked_by"), {"s": state}
            )


@given(amount=YEN, before=YEN, limit=YEN)
def test_cutting_a_refund_small_never_passes_the_limit(
    amount: int, before: int, limit: int
) -> None:
    alone = not needs_second_person(amount_yen=amount, given_back_yen=before, limit_yen=limit)
    assert alone is (amount + before <= limit)
    if alone:
        halves = amount // 2, amount - amount // 2
        assert not needs_second_person(
            amount_yen=halves[1], given_back_yen=before + halves[0], limit_yen=limit
        )


@given(amount=st.integers(1, 10_000_000))
def test_a_limit_of_nothing_lets_nobody_refund_alone(amount: int) -> None:
    assert needs_second_person(amount_yen=amount, given_back_yen=0, limit_yen=0)
