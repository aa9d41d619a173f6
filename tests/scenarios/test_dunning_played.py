"""Named schedules in real runs: which one holds, what is frozen, whose tries are spent."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from support.shop import CATALOGUE, MERCHANT, OpenShop, Shop, subscriber

from billing import reading, store_catalogue, writing
from billing.catalogue.dunning_store import dunning_of
from billing.dunning import preview_dunning
from billing.store.merchants import load_merchant
from plans import parse_catalogue

PERMISSION = "C03-0000001-0000001"
FIRST_DAY = date(2026, 11, 30)
RENEWAL = "sub-001-0010-renewal"
SHARED = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
ALL_SOFT = {PERMISSION: ["SoftDeclined"] * 12}


def with_dunning(schedules: str, *, plan_names: str | None = "named") -> str:
    """The shop's price list with schedules; the basic plan names one of them."""
    given = CATALOGUE
    if plan_names:
        given = given.replace("{code: basic,", f"{{code: basic, dunning: {plan_names},")
    return f"{given}\ndunning:\n{schedules}"


def play(shop: Shop, days: int, *, first: date = FIRST_DAY, hour: int = 9) -> None:
    for day in range(days):
        shop.charge_on(first + timedelta(days=day), hour=hour)


def tried(shop: Shop) -> list[str]:
    """The days on which Amazon was asked for money, in Japan."""
    return [
        f"{request['at'][:10]}"
        for request in shop.amazon.requests()
        if request["operation"] == "CreateCharge"
    ]


def import_again(shop: Shop, catalogue: str) -> None:
    writing(shop.database, lambda c: store_catalogue(c, MERCHANT, parse_catalogue(catalogue)))


def test_a_plan_follows_the_schedule_it_names_and_others_the_merchants(opened: OpenShop) -> None:
    """30 November + 2 and + 6 by the named one, + 1 by the merchant's own."""
    shop = opened(
        subscribers=[subscriber(1), subscriber(2, plan_code="coffee")],
        behaviours=ALL_SOFT | {"C03-0000002-0000001": ["SoftDeclined"] * 9},
        catalogue=with_dunning("  - {code: named, soft: {days: [2, 6]}, end: cancel}"),
        dunning_days="1",
    )
    play(shop, 8)
    assert tried(shop) == [
        *("2026-11-30", "2026-11-30"),  # both for the first time
        "2026-12-01",  # coffee, + 1
        *("2026-12-02", "2026-12-06"),  # basic, + 2 and + 6
    ]
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert shop.subscription("sub-002")["state"] == "paused"
    assert shop.faults() == []


def test_the_default_schedule_holds_for_plans_that_name_none(opened: OpenShop) -> None:
    shop = opened(
        subscribers=[subscriber(1)],
        behaviours=ALL_SOFT,
        catalogue=with_dunning("  - {code: default, soft: {days: [4]}}", plan_names=None),
    )
    play(shop, 6)
    assert tried(shop) == ["2026-11-30", "2026-12-04"]


def test_editing_a_schedule_changes_no_running_invoice(opened: OpenShop) -> None:
    """A new version and another name on the plan, both while an invoice is being dunned."""
    old = "  - {code: named, soft: {days: [2, 4]}}\n"
    new = "  - {code: named, valid_from: 2026-12-01, soft: {days: [1]}, end: cancel}\n"
    other = "  - {code: other, soft: {days: [9]}, end: keep_open}\n"
    shop = opened(
        subscribers=[
            subscriber(1),
            subscriber(
                2, started_on=date(2026, 2, 3), anchor_day=3, next_charge_on=date(2026, 12, 3)
            ),
        ],
        behaviours=ALL_SOFT | {"C03-0000002-0000001": ["SoftDeclined"] * 9},
        catalogue=with_dunning(old),
    )
    play(shop, 2)
    import_again(shop, with_dunning(old + new))
    play(shop, 2, first=date(2026, 12, 2))
    import_again(shop, with_dunning(old + new + other, plan_names="other"))
    play(shop, 2, first=date(2026, 12, 4))
    # 30 November + 2, + 4 by the first version; 3 December + 1 by the second one.
    assert tried(shop) == ["2026-11-30", "2026-12-02", "2026-12-03", "2026-12-04", "2026-12-04"]
    assert shop.subscription("sub-001")["state"] == "paused"
    assert shop.subscription("sub-002")["state"] == "canceled"
    frozen = shop.rows("SELECT schedule_code, began_on FROM dunning ORDER BY began_on")
    assert [(row["schedule_code"], str(row["began_on"])) for row in frozen] == [
        ("named", "2026-11-30"),
        ("named", "2026-12-03"),
    ]
    assert shop.faults() == []


def test_the_merchants_own_rules_are_frozen_too(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours=ALL_SOFT, dunning_days="2,4")
    shop.charge_on(FIRST_DAY)
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE merchant SET dunning_days='9', dunning_end='keep_open'"))
    play(shop, 5, first=date(2026, 12, 1))
    assert tried(shop) == ["2026-11-30", "2026-12-02", "2026-12-04"]
    assert shop.subscription("sub-001")["state"] == "paused"


@pytest.mark.parametrize("change", ["UPDATE dunning SET ends_by='cancel'", "DELETE FROM dunning"])
def test_what_is_frozen_cannot_be_changed(opened: OpenShop, change: str) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours=ALL_SOFT)
    shop.charge_on(FIRST_DAY)
    with pytest.raises(Exception, match="append-only"), shop.database.begin() as connection:
        connection.execute(text(change))


def test_the_preview_is_what_the_runs_do_for_three_months(opened: OpenShop) -> None:
    """Pay-days, a gap, a last day: every try and the end come on the days the preview says."""
    named = """  - code: named
    soft: {days: [1, 5, 12, 20, 40], hour: 10}
    pay_days: {days: [10, 25, last], within: 4, hour: 12}
    min_gap_days: 3
    last_day: 60
    hours: {from: 8, until: 21}
"""
    shop = opened(subscribers=[subscriber(1)], behaviours=ALL_SOFT, catalogue=with_dunning(named))
    shop.charge_on(FIRST_DAY)
    with reading(shop.database) as connection:
        merchant = load_merchant(connection, MERCHANT)
        (dunning,) = dunning_of(connection, merchant, [1], at=shop.clock.now()).values()
    said = preview_dunning(
        schedule=dunning.schedule,
        reason_code="SoftDeclined",
        declined_on=FIRST_DAY,
        charge_hour=merchant.charge_hour,
    )
    assert [str(each.on) for each in said.tries] == [
        "2026-12-03",  # 30 + 1 = 1 December, but three days after the first; the 10th is 7 away
        "2026-12-10",  # 30 + 5 = 5, three days after the 3rd is the 6th, four before the 10th
        "2026-12-13",  # 30 + 12 = 12, three days after the 10th
        "2026-12-20",  # 30 + 20; the 25th is five days away
        "2027-01-10",  # 30 + 40 = 9 January, a day before a pay-day
    ]
    for each in said.tries:
        shop.charge_on(each.on - timedelta(days=1), hour=23)
        shop.charge_on(each.on, hour=each.hour - 1)  # neither a day nor an hour too early
        shop.charge_on(each.on, hour=each.hour)
    for weeks in (1, 4, 7):
        shop.charge_on(said.ends_on + timedelta(weeks=weeks))
    asked = [r["at"] for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    assert [at[:13] for at in asked[1:]] == [
        f"{each.on}T{each.hour - 9:02d}" for each in said.tries
    ]
    assert shop.subscription("sub-001")["state"] == "paused"
    (invoice,) = shop.rows("SELECT state FROM invoice")
    assert invoice["state"] == "uncollectible"
    assert shop.faults() == []
