"""Calculators of paid time: changes with every choice, the first period, unused days."""

import json

import pytest
from calc_agreement_cases import APRIL, LARGE, SMALL, ask
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calc import answer

UP = [{"on": "2026-04-16", "to": LARGE}]
DOWN = [{"on": "2026-04-16", "to": SMALL}]


def settled(**changed):
    found = ask("change", **changed)
    assert "error" not in found, found
    return found


def money(change):
    """Due today, next invoice, credit lots, refunds, forfeited."""
    sums = [sum(lot["amount"] for lot in change[key]) for key in ("credit_lots", "refunds")]
    return (change["due_today"], change["next_invoice"], *sums, change["forfeited"])


def test_a_change_credits_the_unused_days_and_charges_the_same_days():
    (change,) = settled()["changes"]
    # 15 of April's 30 days are left: 3,000 × 15 ÷ 30 back, 10,000 × 15 ÷ 30 charged
    assert [(line["kind"], line["amount"]) for line in change["lines"]] == [
        ("credit", -1500),
        ("charge", 5000),
    ]
    assert change["lines"][0]["from"] == "2026-04-16"
    assert change["lines"][0]["to"] == "2026-05-01"
    assert change["by_category"] == [{"category": "standard", "amount": 3500}]
    assert "15日" in change["explain"]["ja"]
    assert "15 ÷ 30 days" in change["explain"]["en"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, (3500, 0, 0, 0, 0), id="charged now"),
        pytest.param({"effect": "next_invoice"}, (0, 3500, 0, 0, 0), id="on the next invoice"),
        pytest.param({"effect": "none"}, (0, 0, 0, 0, 0), id="from the next cycle on"),
        # 10,000 for a whole new cycle less 1,500 of the old one
        pytest.param({"effect": "restart_cycle"}, (8500, 0, 0, 0, 0), id="a new cycle"),
        pytest.param({"paid": 0}, (5000, 0, 0, 0, 0), id="unpaid time gives none"),
        # 2,000 × 15 ÷ 30 = 1,000
        pytest.param({"paid": 2000}, (4000, 0, 0, 0, 0), id="a discounted cycle"),
        # 14 of 30 days: 10,000 × 14 ÷ 30 = 4,666.67, 3,000 × 14 ÷ 30 = 1,400
        pytest.param({"change_day": "old"}, (3266, 0, 0, 0, 0), id="change day to the old plan"),
        pytest.param({"change_day": "old", "rounding": "ceil"}, (3267, 0, 0, 0, 0), id="up"),
        # 10,000 ÷ 30 = 333.33 → 333 × 15 = 4,995
        pytest.param({"round_at": "daily_rate"}, (3495, 0, 0, 0, 0), id="daily rate"),
        pytest.param({"start": LARGE, "changes": DOWN}, (0, 0, 3500, 0, 0), id="carried"),
        pytest.param(
            {"start": LARGE, "changes": DOWN, "negative": "refund"},
            (0, 0, 0, 3500, 0),
            id="refunded",
        ),
        pytest.param(
            {"start": LARGE, "changes": DOWN, "negative": "forfeit"},
            (0, 0, 0, 0, 3500),
            id="forfeited",
        ),
    ],
)
def test_every_choice_sends_the_money_where_it_says(changed, expected):
    (change,) = settled(**changed)["changes"]
    assert money(change) == expected


def test_a_fixed_divisor_counts_thirty_days():
    may = {"period_start": "2026-05-01", "period_end": "2026-06-01"}
    days = [{"on": "2026-05-16", "to": LARGE}]
    (change,) = settled(**may, changes=days, divisor=30)["changes"]
    # 16 of 31 days are left: 3,000 × 16 ÷ 30 = 1,600, 10,000 × 16 ÷ 30 = 5,333
    assert [line["amount"] for line in change["lines"]] == [-1600, 5333]
    assert settled(**may, changes=days, divisor="30")["changes"][0]["due_today"] == 3733


def test_tax_categories_never_net():
    reduced = {"price": 3240, "category": "reduced"}
    (change,) = settled(start=reduced, changes=UP)["changes"]
    assert change["by_category"] == [
        {"category": "standard", "amount": 5000},
        {"category": "reduced", "amount": -1620},
    ]
    assert change["due_today"] == 3380


def test_another_interval_restarts_the_cycle_by_the_new_plans_rule():
    year = {"price": 36000, "every": {"unit": "year", "count": 1}}
    changes = [{"on": "2026-04-30", "to": year, "anchor_rule": "last_day"}]
    (change,) = settled(effect="restart_cycle", changes=changes)["changes"]
    assert change["new_cycle"] == {"from": "2026-04-30", "to": "2027-04-30"}
    assert change["due_today"] == 36000 - 100  # one of 30 days of 3,000


def test_several_changes_go_on_from_the_paid_time_before():
    changes = [*UP, {"on": "2026-04-25", "to": {"price": 20000, "quantity": 2}}]
    found = settled(changes=changes)
    # 10,000 × 6 ÷ 30 = 2,000 back; 40,000 × 6 ÷ 30 = 8,000
    assert [money(each)[0] for each in found["changes"]] == [3500, 6000]
    assert found["due_today"] == 9500
    assert found["held"]["starts_on"] == "2026-04-25"
    assert found["held"]["paid"] == 8000
    assert found["held"]["terms"]["quantity"] == 2


def test_each_change_may_have_its_own_rule():
    changes = [
        {"on": "2026-04-11", "to": LARGE, "effect": "next_invoice"},
        {"on": "2026-04-16", "to": SMALL, "negative": "refund"},
    ]
    found = settled(changes=changes)
    # 10,000 × 20 ÷ 30 = 6,666 less 2,000; then 5,000 back less 1,500, taken off what waits
    assert [money(each)[:3] for each in found["changes"]] == [(0, 4666, 0), (0, -3500, 0)]
    assert found["next_invoice"] == 1166
    assert found["held"]["pending"] == 1166


def test_what_waits_on_the_next_invoice_is_corrected_there():
    found = settled(start=LARGE, pending=1000, changes=DOWN)
    assert money(found["changes"][0]) == (0, -1000, 2500, 0, 0)


def test_the_paid_time_that_is_left_can_be_asked_about_again():
    once = settled(changes=UP)["held"]
    again = settled(
        **{key: value for key, value in once.items() if key != "terms"},
        start=once["terms"],
        changes=[{"on": "2026-04-25", "to": {"price": 20000}}],
    )
    both = settled(changes=[*UP, {"on": "2026-04-25", "to": {"price": 20000}}])
    assert again["held"] == both["held"]
    assert again["due_today"] + 3500 == both["due_today"]


@settings(deadline=None, max_examples=60)
@given(
    old=st.integers(0, 10**7),
    new=st.integers(0, 10**7),
    day=st.integers(1, 30),
    divisor=st.sampled_from(["actual", "30"]),
    round_at=st.sampled_from(["total", "daily_rate"]),
    rounding=st.sampled_from(["floor", "half_up", "ceil"]),
    negative=st.sampled_from(["carry", "refund", "forfeit"]),
)
def test_a_change_and_its_reverse_on_one_day_cost_nothing(old, new, day, **choices):
    on = f"2026-04-{day:02}"
    back_and_forth = [{"on": on, "to": {"price": new}}, {"on": on, "to": {"price": old}}]
    found = settled(start={"price": old}, changes=back_and_forth, **choices)
    taken = found["due_today"] + found["next_invoice"]
    back = sum(sum(money(each)[2:4]) for each in found["changes"])
    assert taken == back
    assert sum(each["forfeited"] for each in found["changes"]) == 0


@pytest.mark.parametrize(
    ("changed", "amount"),
    [
        pytest.param({}, 1645, id="prorated"),  # 3,000 × 17 ÷ 31 = 1,645.16
        pytest.param({"rounding": "ceil"}, 1646, id="rounded up"),
        pytest.param({"divisor": 30}, 1700, id="divisor 30"),
        pytest.param({"first_period": "full"}, 3000, id="whole"),
        pytest.param({"first_period": "free"}, 0, id="free"),
        pytest.param({"starts_on": "2026-03-27"}, 3000, id="no partial period"),
        pytest.param(
            {"starts_on": "2026-03-27", "first_period": "free"}, 3000, id="nothing to be free"
        ),
    ],
)
def test_the_first_period(changed, amount):
    found = ask("first_period", **changed)
    assert found["amount"] == found["held"]["paid"] == amount
    assert found["days"] == 31
    assert set(found["explain"]) == {"ja", "en"}


@pytest.mark.parametrize(
    ("changed", "amount"),
    [
        pytest.param({}, 1500, id="half of April"),
        pytest.param({"on": "2026-04-01"}, 3000, id="nothing used"),
        pytest.param({"on": "2026-05-01"}, 0, id="all used"),
        pytest.param({"paid": 0}, 0, id="unpaid"),
        pytest.param({"paid": 2000}, 1000, id="discounted"),
        pytest.param({"on": "2026-04-17", "credit_rounding": "ceil", "paid": 2999}, 1400, id="up"),
        pytest.param(
            {"starts_on": "2026-04-16", "paid": 1500, "on": "2026-04-26"}, 500, id="piece"
        ),
    ],
)
def test_unused_days(changed, amount):
    assert ask("unused", **changed)["amount"] == amount


@pytest.mark.parametrize(
    ("op", "changed", "field"),
    [
        pytest.param("change", {"changes": [{"on": "2026-04-16"}]}, "changes[0].to", id="no terms"),
        pytest.param(
            "change", {"changes": [{"on": "2026-05-02", "to": LARGE}]}, "changes[0].on", id="after"
        ),
        pytest.param(
            "change",
            {"changes": [*UP, {"on": "2026-04-15", "to": SMALL}]},
            "changes[1].on",
            id="before the last change",
        ),
        pytest.param(
            "change",
            {"changes": [{"on": "2026-04-31", "to": LARGE}]},
            "changes[0].on",
            id="no such day",
        ),
        pytest.param(
            "change",
            {"changes": [{"on": "2026-04-16", "to": {**LARGE, "quantity": 0}}]},
            "changes[0].to.quantity",
            id="quantity 0",
        ),
        pytest.param(
            "change",
            {"changes": [{"on": "2026-04-16", "to": {**LARGE, "every": {"unit": "week"}}}]},
            "changes[0].effect",
            id="another interval",
        ),
        pytest.param(
            "change",
            {"changes": [{"on": "2026-04-16", "to": LARGE, "effct": "none"}]},
            "changes[0].effct",
            id="unknown key",
        ),
        pytest.param("change", {"effect": "later"}, "effect", id="unknown effect"),
        pytest.param("change", {"start": {**SMALL, "price": 3000.0}}, "start.price", id="float"),
        pytest.param("change", {"start": {**SMALL, "price": 10**8}}, "start.price", id="too dear"),
        pytest.param("change", {"paid": 3001}, "paid", id="more than the price"),
        pytest.param("change", {"starts_on": "2026-03-31"}, "starts_on", id="outside the cycle"),
        pytest.param("change", {"period_end": "2026-04-01"}, "period_end", id="empty cycle"),
        pytest.param(
            "change",
            {"start": {**SMALL, "every": {"unit": "day", "count": 0}}},
            "start.every.count",
            id="every 0 days",
        ),
        pytest.param(
            "change", {"start": {**SMALL, "every": {"count": 1}}}, "start.every.unit", id="no unit"
        ),
        pytest.param(
            "change", {"start": {**SMALL, "name": {"fr": "x"}}}, "start.name.fr", id="language"
        ),
        pytest.param(
            "change", {"period_start": "0001-01-01"}, "period_start", id="before the years"
        ),
        pytest.param(
            "first_period", {"starts_on": "2026-04-27"}, "starts_on", id="after the cycle"
        ),
        pytest.param("first_period", {"first_period": "half"}, "first_period", id="setting"),
        pytest.param("unused", {"on": "2026-05-02"}, "on", id="after the paid time"),
        pytest.param("unused", {"on": "2026-03-31"}, "on", id="before the paid time"),
        pytest.param("unused", {"pending": -1}, "pending", id="pending below 0"),
    ],
)
def test_faults_name_their_path(op, changed, field):
    found = ask(op, **changed)
    assert set(found) == {"error"}
    assert found["error"]["field"] == field
    assert found["error"]["reason"]


def test_an_unknown_interval_is_told_with_its_path():
    start = {**SMALL, "every": {"unit": "moon", "count": 1}}
    line = json.dumps({"op": "unused", **APRIL, "start": start, "on": "2026-04-16"})
    assert answer(line)["error"]["field"] == "start.every.unit"
