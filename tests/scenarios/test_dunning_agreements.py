"""Dunning of agreements that somebody changed: pauses, the schedule's own end, pinned quotes."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from support.sandbox import Sandbox
from support.shop import CATALOGUE, MERCHANT, Shop, opening, subscriber

from billing import OfferAlreadySet, reading, store_catalogue, writing
from billing.agreements import confirm_quote, keep_quote
from billing.quotes import Quote, load_situation, plan_change, quote
from plans import parse_catalogue
from plans.lifecycle import Actor, ChangeNextDate, NotInThisState, Pause, Timing

PERMISSION = "C03-0000001-0000001"
FIRST_DAY = date(2026, 11, 30)
NAMED = CATALOGUE.replace("{code: basic,", "{code: basic, dunning: named,")
SCHEDULE = "  - {code: named, soft: {days: [2, 9, 20]}, end: cancel}\n"


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """A subscriber whose charges are all declined softly: 30 November + 2, 9 and 20."""
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one(
            subscribers=[subscriber(1)],
            behaviours={PERMISSION: ["SoftDeclined"] * 20},
            catalogue=f"{NAMED}\ndunning:\n{SCHEDULE}",
        )


def set_state(shop: Shop, state: str) -> None:
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE subscription SET state = :s"), {"s": state})


def asked(shop: Shop, on: date) -> Quote:
    at = shop.go_to(on, hour=12)
    with reading(shop.database) as connection:
        view = load_situation(connection, shop.engine.merchant, subscription_id="sub-001", at=at)
        command = plan_change(view, plan_code="studio", on=on)
        return quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="phone call")


def tried(shop: Shop) -> list[str]:
    return [r["at"][:10] for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]


def test_who_owes_a_cycle_cannot_pause_and_the_schedule_goes_on(shop: Shop) -> None:
    shop.charge_on(FIRST_DAY)
    with pytest.raises(NotInThisState, match="settle the open payment first"):
        shop.act(Pause(Timing.NOW), date(2026, 12, 1))
    shop.charge_on(date(2026, 12, 2))
    assert tried(shop) == ["2026-11-30", "2026-12-02"]


def test_nothing_is_tried_while_paused_and_one_schedule_goes_on_after(shop: Shop) -> None:
    """Failure mode 75: a pause over the second try; after it that try is made, once."""
    for day in (0, 2):
        shop.charge_on(FIRST_DAY + timedelta(days=day))
    set_state(shop, "paused")
    for day in (3, 9, 12):
        shop.charge_on(FIRST_DAY + timedelta(days=day))
    assert tried(shop) == ["2026-11-30", "2026-12-02"]
    set_state(shop, "past_due")
    for day in (13, 14, 15, 20):
        shop.charge_on(FIRST_DAY + timedelta(days=day))
    # The second try comes at the first run after the pause, the third on its own day: 30 + 20.
    assert tried(shop)[2:] == ["2026-12-13", "2026-12-20"]
    assert shop.slot("sub-001-0010-renewal")["declines"] == 4
    assert shop.faults() == []


def test_a_changed_agreement_ends_as_its_schedule_says(shop: Shop) -> None:
    """The merchant would pause, the schedule cancels; the events say who and why."""
    shop.act(ChangeNextDate(date(2026, 12, 1)), date(2026, 11, 23))
    for day in (1, 3, 10, 21, 22):  # 1 December + 2, 9, 20
        shop.charge_on(FIRST_DAY + timedelta(days=day))
    assert tried(shop) == ["2026-12-01", "2026-12-03", "2026-12-10", "2026-12-21"]
    assert shop.subscription("sub-001")["state"] == "canceled"
    told = shop.rows("SELECT kind, actor, reason, state_after FROM subscription_event ORDER BY id")
    ended = told[-1]
    assert (ended["actor"], ended["state_after"]) == ("engine", "canceled")
    assert "dunning" in ended["reason"]
    past_due = [row for row in told if row["state_after"] == "past_due"]
    assert [(row["actor"], row["reason"]) for row in past_due[:1]] == [("engine", "SoftDeclined")]
    assert shop.faults() == []


def test_a_new_schedule_leaves_a_pinned_quote_as_it_is(shop: Shop) -> None:
    """How a declined charge is tried again changes no amount of the quote."""
    pinned = asked(shop, date(2026, 11, 24))
    merchant = shop.engine.merchant
    writing(shop.database, lambda c: keep_quote(c, merchant, pinned))
    newer = f"{NAMED}\ndunning:\n{SCHEDULE}  - {{code: named, valid_from: 2026-11-24}}\n"
    newer += "  - {code: other}\n"
    newer = newer.replace("dunning: named", "dunning: other")
    change = writing(shop.database, lambda c: store_catalogue(c, MERCHANT, parse_catalogue(newer)))
    assert (change.plans_renamed, change.offers_added) == (1, 2)
    again = asked(shop, date(2026, 11, 24))
    assert again.quote_id == pinned.quote_id
    at = shop.clock.now()
    writing(shop.database, lambda c: confirm_quote(c, merchant, quote_id=pinned.quote_id, at=at))
    assert shop.rows("SELECT state FROM quote WHERE state <> 'open'")


def test_a_version_that_was_sold_cannot_be_changed(shop: Shop) -> None:
    changed = f"{NAMED}\ndunning:\n{SCHEDULE.replace('cancel', 'pause')}"
    with pytest.raises(OfferAlreadySet, match=r"dunning 'named'.*later valid_from"):
        writing(shop.database, lambda c: store_catalogue(c, MERCHANT, parse_catalogue(changed)))
