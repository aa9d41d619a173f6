"""Dunning in real runs, on SQLite: whose tries are spent, what waits, and what moves nothing."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from support.sandbox import Sandbox
from support.shop import CATALOGUE, OpenShop, Shop, opening, subscriber

from amazonpay import DefiniteRefusal, ErrorCode
from billing import (
    forecast,
    intend_due_slots,
    make_due,
    open_due_cycles,
    reading,
    record_outcomes,
    writing,
)
from billing.charging.outcome import from_error
from billing.mass_forecast import forecast_in_mass

PERMISSION = "C03-0000001-0000001"
FIRST_DAY = date(2026, 11, 30)
RENEWAL = "sub-001-0010-renewal"
SHARED = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
ALL_SOFT = {PERMISSION: ["SoftDeclined"] * 12}


@pytest.fixture
def opened(sqlite_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one


def with_dunning(schedules: str) -> str:
    """The shop's price list with a schedule that the basic plan names."""
    named = CATALOGUE.replace("{code: basic,", "{code: basic, dunning: named,")
    return f"{named}\ndunning:\n{schedules}"


def play(shop: Shop, days: int, *, first: date = FIRST_DAY, hour: int = 9) -> None:
    for day in range(days):
        shop.charge_on(first + timedelta(days=day), hour=hour)


def tried(shop: Shop) -> list[str]:
    """When Amazon was asked for money: "2026-11-30T00", the hour in UTC."""
    asked = [r["at"] for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    return [at[:13] for at in asked]


def tried_on(shop: Shop) -> list[str]:
    """The days on which Amazon was asked; played at 9:00 they are the same in Japan."""
    return [at[:10] for at in tried(shop)]


def test_a_reason_has_its_own_list_and_the_tries_spent_count_for_all(opened: OpenShop) -> None:
    """Timed out: 30 + 3. Then soft: the second day of its list, 30 + 8. Then paid."""
    named = "  - {code: named, soft: {days: [1, 8]}, timed_out: {days: [3, 4]}}"
    shop = opened(
        subscribers=[subscriber(1)],
        behaviours={PERMISSION: ["TransactionTimedOut", "SoftDeclined"]},
        catalogue=with_dunning(named),
    )
    play(shop, 10)
    assert tried_on(shop) == ["2026-11-30", "2026-12-03", "2026-12-08"]
    assert shop.taken() == [(RENEWAL, 1980)]


def test_a_try_that_a_person_asks_for_spends_none_of_the_schedule(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours=ALL_SOFT, dunning_days="4,6")
    shop.charge_on(FIRST_DAY)
    for day in (1, 2):
        at = shop.go_to(FIRST_DAY + timedelta(days=day))
        merchant = shop.engine.merchant
        writing(shop.database, lambda c: make_due(c, merchant, reference=RENEWAL, at=at))  # noqa: B023 - run at once
        shop.engine.run_due()
    assert (shop.slot(RENEWAL)["declines"], shop.slot(RENEWAL)["attempts"]) == (1, 3)
    play(shop, 8, first=FIRST_DAY + timedelta(days=3))
    # The first charge, two by hand, and still both tries of the schedule: 30 + 4, 30 + 6.
    assert tried_on(shop) == ["2026-11-30", "2026-12-01", "2026-12-02", "2026-12-04", "2026-12-06"]
    assert shop.faults() == []


def test_throttling_and_silence_are_no_step(opened: OpenShop) -> None:
    """Failure mode 7, invariants 24 and 25: neither 429 nor 500 moves the step or tells anybody."""
    shop = opened(
        subscribers=[subscriber(1)],
        behaviours={PERMISSION: ["SoftDeclined"] * 2},
        endpoint={"deadline_seconds": 0.4},
    )
    shop.charge_on(FIRST_DAY)
    told = shop.rows("SELECT kind FROM notice")
    before = {name: shop.slot(RENEWAL)[name] for name in ("declines", "declined_on", "reason")}
    shop.amazon.faults([{"operation": "createCharge", "kind": "429", "times": 1}])
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 4}])
    shop.charge_on(date(2026, 12, 1))
    slot = shop.slot(RENEWAL)
    assert (slot["state"], slot["attempts"]) == ("open", 2)
    assert {name: slot[name] for name in before} == before
    assert shop.rows("SELECT kind FROM notice") == told
    shop.charge_on(date(2026, 12, 2))  # the same key: now it is declined for the second time
    assert (shop.slot(RENEWAL)["declines"], shop.slot(RENEWAL)["attempts"]) == (2, 2)
    assert shop.faults() == []


@pytest.mark.parametrize("code", ["BrandNewDecline", "softdeclined", ""])
def test_a_code_that_no_rule_covers_is_no_decline(opened: OpenShop, code: str) -> None:
    """Failure mode 11: set aside with its room held, a person is told, the buyer is not."""
    shop = opened(subscribers=[subscriber(1)])
    at = shop.go_to(FIRST_DAY)
    merchant = shop.engine.merchant
    open_due_cycles(shop.database, merchant, at=at)
    _, (attempt,) = intend_due_slots(shop.database, merchant, at=at, worker_id="w")
    refusal = DefiniteRefusal(422, ErrorCode(code), "why", "req-1")
    record_outcomes(shop.database, merchant, [from_error(attempt, refusal)], at=at)
    slot = shop.slot(RENEWAL)
    assert (slot["state"], slot["declines"], slot["declined_on"]) == ("quarantined", 0, None)
    assert shop.rows("SELECT state FROM attempt") == [{"state": "in_doubt"}]
    assert shop.rows("SELECT kind FROM notice") == [{"kind": "quarantined"}]
    assert shop.rows("SELECT held_yen FROM cap_month") == [{"held_yen": 1980}]
    assert shop.rows("SELECT * FROM dunning") == []


def test_a_full_month_moves_the_try_before_it_is_made(opened: OpenShop) -> None:
    """Two of 29,800 share a cap of 50,000; the first is declined, the second takes November."""
    owners = {**SHARED, "plan_code": "studio", "anchor_day": 25}
    owners |= {"started_on": date(2026, 1, 25), "next_charge_on": date(2026, 11, 25)}
    shop = opened(
        subscribers=[subscriber(1, **owners), subscriber(2, **owners)],
        behaviours={SHARED["charge_permission_id"]: ["SoftDeclined", "ok", "SoftDeclined"]},
        cap_rule="refuse",
    )
    shop.charge_on(date(2026, 11, 25))  # a decline, then 29,800
    first = shop.slot(RENEWAL)
    assert (first["state"], str(first["due_at"])[:10]) == ("due", "2026-11-26")
    shop.charge_on(date(2026, 11, 26))  # 20,200 are left: the run moves it, and refuses nothing
    first = shop.slot(RENEWAL)
    assert (first["declines"], first["attempts"], first["cap_moves"]) == (1, 1, 1)
    assert (first["state"], str(first["due_at"])[:10]) == ("due", "2026-12-01")
    shop.charge_on(date(2026, 12, 1), hour=10)  # the second is declined too: 25 + 3 is over
    assert str(shop.slot(RENEWAL)["due_at"])[:10] == "2026-12-02"
    shop.charge_on(date(2026, 12, 2))
    assert len(shop.taken()) == 2
    assert shop.faults() == []


def test_a_try_is_planned_where_the_cap_has_room(opened: OpenShop) -> None:
    """29,800 + 1,980 > 31,000 of November: what is declined on the 26th is not due on the 27th."""
    studio = {**SHARED, "plan_code": "studio", "anchor_day": 25}
    studio |= {"started_on": date(2026, 1, 25), "next_charge_on": date(2026, 11, 25)}
    basic = {**SHARED, "anchor_day": 26}
    basic |= {"started_on": date(2026, 1, 26), "next_charge_on": date(2026, 11, 26)}
    shop = opened(
        subscribers=[subscriber(1, **studio), subscriber(2, **basic)],
        behaviours={SHARED["charge_permission_id"]: ["ok", "SoftDeclined"]},
        cap_rule="defer",
    )
    shop.charge_on(date(2026, 11, 25))
    # Amazon lowers its limit while the second charge is under way: only the books learn it later.
    shop.go_to(date(2026, 11, 26))
    merchant, at = shop.engine.merchant, shop.clock.now()
    open_due_cycles(shop.database, merchant, at=at)
    _, (attempt,) = intend_due_slots(shop.database, merchant, at=at, worker_id="w")
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE charge_permission SET amount_limit_yen = 31000"))
    refusal = DefiniteRefusal(422, ErrorCode("SoftDeclined"), "why", "req-1")
    record_outcomes(shop.database, merchant, [from_error(attempt, refusal)], at=at)
    slot = shop.slot("sub-002-0010-renewal")
    assert (slot["declines"], str(slot["due_at"])[:10]) == (1, "2026-12-01")
    told = shop.rows("SELECT next_try_at FROM notice WHERE kind = 'failed'")
    assert str(told[0]["next_try_at"])[:10] == "2026-12-01"  # the buyer hears the true day


def test_forecast_and_run_agree_on_what_is_unpaid(opened: OpenShop) -> None:
    """Three kinds of unpaid: on the schedule, moved by the cap, waiting for the buyer."""
    studio = {**SHARED, "plan_code": "studio", "anchor_day": 25}
    studio |= {"started_on": date(2026, 1, 25), "next_charge_on": date(2026, 11, 25)}
    day = {"started_on": date(2026, 1, 25), "anchor_day": 25, "next_charge_on": date(2026, 11, 25)}
    shop = opened(
        subscribers=[
            subscriber(1, **studio),
            subscriber(2, **studio),
            subscriber(3, **day),
            subscriber(4, **day),
        ],
        behaviours={
            SHARED["charge_permission_id"]: ["SoftDeclined"],
            "C03-0000003-0000001": ["SoftDeclined", "SoftDeclined"],
            "C03-0000004-0000001": ["HardDeclined"],
        },
        cap_rule="defer",
        dunning_days="1,3",
    )
    shop.charge_on(date(2026, 11, 25))
    shop.charge_on(date(2026, 11, 26))
    with reading(shop.database) as connection:
        now = shop.clock.now()
        told = forecast(connection, shop.engine.merchant, at=now, days=20)
        columns = forecast_in_mass(connection, shop.engine.merchant, at=now, days=20)
    unpaid = {c.subscription: (str(c.parts[0].on), c.expected_failure) for c in told.charges}
    waits = "permission NonChargeable (HardDeclined)"
    assert unpaid == {
        "sub-001": ("2026-12-01", None),  # 29,800 of 50,000 are taken: no room in November
        "sub-003": ("2026-11-28", None),  # 25 + 3
        "sub-004": ("2026-11-26", unpaid["sub-004"][1]),  # as soon as the buyer acts
    }
    assert unpaid["sub-004"][1] is not None
    assert "buyer" in unpaid["sub-004"][1] or unpaid["sub-004"][1] == waits
    days = [(str(d.on), d.charges, d.amount_yen) for d in told.days()]
    assert days == [(str(d.on), d.charges, d.amount_yen) for d in columns.days]
    before = len(shop.taken())
    for each in (date(2026, 11, 27), date(2026, 11, 28), date(2026, 11, 30), date(2026, 12, 1)):
        shop.charge_on(each, hour=10)  # on the 1st a full month ends at 9:03
        due = [name for name, (on, failure) in unpaid.items() if on <= str(each) and not failure]
        assert len(shop.taken()) - before == len(due)
    assert shop.faults() == []


def test_nothing_is_tried_at_night_but_what_a_buyer_has_cured(opened: OpenShop) -> None:
    """A run at 23:00 and one at 6:00 leave a due try alone; the one at 8:00 makes it."""
    named = "  - {code: named, soft: {days: [1, 2], hour: 20}, hours: {from: 8, until: 21}}"
    shop = opened(
        subscribers=[subscriber(1)],
        behaviours={PERMISSION: ["SoftDeclined", "HardDeclined"]},
        catalogue=with_dunning(named),
    )
    shop.charge_on(FIRST_DAY)
    shop.charge_on(date(2026, 12, 1), hour=23)  # it was due at 20:00
    shop.charge_on(date(2026, 12, 2), hour=6)
    assert tried(shop) == ["2026-11-30T00"]
    shop.charge_on(date(2026, 12, 2), hour=8)
    assert tried(shop) == ["2026-11-30T00", "2026-12-01T23"]  # 8:00 in Tokyo; declined for good
    shop.amazon.patch_permission(PERMISSION, paymentMethod="updated")
    shop.charge_on(date(2026, 12, 3), hour=3)
    assert tried(shop)[2:] == ["2026-12-02T18"]  # at once
    assert shop.taken() == [(RENEWAL, 1980)]
    assert shop.faults() == []


def test_the_method_is_replaced_while_waiting_and_the_invoice_charged_once(
    opened: OpenShop,
) -> None:
    """Failure modes 18 and 76: no try before, one at once; two subscriptions, one permission."""
    shop = opened(
        subscribers=[subscriber(1, **SHARED), subscriber(2, **SHARED)],
        behaviours={SHARED["charge_permission_id"]: ["HardDeclined"]},
    )
    play(shop, 5)
    assert tried_on(shop) == ["2026-11-30"]  # the second saw that nothing can be charged
    states = {n: shop.slot(f"sub-{n:03d}-0010-renewal")["state"] for n in (1, 2)}
    assert states == {1: "waiting_buyer", 2: "waiting_buyer"}
    shop.amazon.patch_permission(SHARED["charge_permission_id"], paymentMethod="updated")
    shop.charge_on(date(2026, 12, 5))
    shop.charge_on(date(2026, 12, 5), hour=10)
    assert tried_on(shop) == ["2026-11-30", "2026-12-05", "2026-12-05"]
    assert len(shop.taken()) == 2
    assert shop.faults() == []


@pytest.mark.parametrize(
    ("ends", "state", "invoice"),
    [
        pytest.param("end: pause, end_when_closed: cancel", "canceled", "uncollectible", id="own"),
        pytest.param("end: cancel", "canceled", "uncollectible", id="as any other end"),
        pytest.param("end: pause, end_when_closed: keep_open", "past_due", "open", id="kept"),
        pytest.param("end: keep_open, end_when_closed: pause", "paused", "uncollectible", id="not"),
    ],
)
def test_a_permission_closed_by_its_buyer_is_terminal(
    opened: OpenShop, ends: str, state: str, invoice: str
) -> None:
    """Failure mode 19: one refusal, no storm, and the schedule's own end for closed permissions."""
    named = f"  - {{code: named, {ends}}}"
    shop = opened(subscribers=[subscriber(1)], catalogue=with_dunning(named))
    shop.amazon.patch_permission(PERMISSION, state="Closed", reasonCode="BuyerClosed")
    play(shop, 4)
    assert tried_on(shop) == ["2026-11-30"]
    assert shop.subscription("sub-001")["state"] == state
    assert shop.rows("SELECT state FROM invoice") == [{"state": invoice}]
    assert shop.faults() == []
