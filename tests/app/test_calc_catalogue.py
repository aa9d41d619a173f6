"""The calculators of the price list: what they answer, and that every fault names its field."""

import json
from datetime import date
from fractions import Fraction

import pytest
from calc_catalogue_cases import CALLS, GOOD, LIST, STEPS, ask, asked, migration, plan, with_list
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calc import OPERATORS
from app.calc.catalogue_ops import OPERATORS as OWN


def test_there_is_a_good_request_for_each_operator():
    assert set(GOOD) == set(OWN) <= set(OPERATORS)
    assert all("error" not in ask(op) for op in GOOD)


def test_a_price_list_is_summarised():
    answered = ask("catalogue")
    assert answered["problems"] == []
    assert [each["code"] for each in answered["plans"]][:2] == ["light", "pro"]
    assert [price["price"] for price in answered["plans"][0]["prices"]] == [980, 1080]
    assert answered["coupons"][2]["off"] == {"percent": "10", "rounding": "floor"}
    assert answered["families"][1]["ranks"] == [["light"], ["pro", "pro-year"]]
    assert answered["migrations"][0]["to"] == {"plan": "light", "valid_from": "2027-01-01"}
    assert answered["add_ons"][0]["quantity"] == {"min": 1, "max": 5}


def test_yaml_and_json_give_the_same_price_list():
    text = json.dumps(LIST, ensure_ascii=False, indent=1)
    assert ask("catalogue", catalogue=None, catalogue_yaml=text) == ask("catalogue")


def test_every_fault_of_a_file_is_told_with_its_place():
    text = "plans:\n  - code: light\n    price: 10000001\n    tax: standard\n"
    answered = asked({"op": "catalogue", "catalogue_yaml": text})
    # All three are told; the first is the error, and it knows how many follow.
    places = [(each["line"], each["column"], each["field"]) for each in answered["problems"]]
    assert places == [(2, 5, "plans[0].name"), (2, 5, "plans[0].every"), (3, 12, "plans[0].price")]
    assert answered["error"]["field"] == "catalogue_yaml.plans[0].name"
    assert answered["error"]["reason"].startswith("line 2, column 5: ")
    assert "2 more" in answered["error"]["reason"]


OVERLAP = plan("twice", valid_until="2027-01-31", prices=[{"valid_from": "2027-01-01", "price": 2}])
BACK = [
    migration("up", {"plan": "light"}, {"plan": "pro"}, "2027-02-01"),
    migration("down", {"plan": "pro"}, {"plan": "light"}, "2027-02-01"),
]


@pytest.mark.parametrize(
    ("path", "to", "field"),
    [
        pytest.param(("plans", 0, "price"), 0, "plans[0].price", id="0 yen"),
        pytest.param(("plans", 0, "price"), -980, "plans[0].price", id="negative"),
        pytest.param(("plans", 0, "price"), 10_000_001, "plans[0].price", id="above the most"),
        pytest.param(("plans", 0, "price"), 980.0, "plans[0].price", id="a float"),
        pytest.param(("plans", 0, "price"), "980", "plans[0].price", id="a text"),
        pytest.param(("plans", 0, "price"), 10**40, "plans[0].price", id="41 digits"),
        pytest.param(("plans", 0, "price"), None, "plans[0].price", id="null"),
        pytest.param(("plans", 0, "valid_from"), "2026-02-30", "plans[0].valid_from", id="no day"),
        pytest.param(("plans", 0, "prise"), 980, "plans[0].prise", id="unknown key"),
        pytest.param(("plans", 0, "every", "count"), 0, "plans[0].every.count", id="every 0"),
        pytest.param(("plans", 1, "code"), "light", "plans[1].code", id="two plans of a code"),
        pytest.param(("plans", 6), OVERLAP, "plans[6].prices", id="overlapping prices"),
        pytest.param(("plans", 5, "usage", "unit_price"), 0.5, "plans[5].usage.unit_price", id="½"),
        pytest.param(("families", 1, "plans"), ["pro", "light"], "families[0]", id="cyclic"),
        pytest.param(("coupons", 0, "off", "yen"), 9000, "coupons[0].off", id="below zero"),
        pytest.param(("coupons", 1, "off", "percent"), 101, "coupons[1].off.percent", id="101 %"),
        pytest.param(("add_ons", 0, "quantity", "min"), 0, "add_ons[0].quantity.min", id="min 0"),
        pytest.param(("migrations",), BACK, "migrations[0].to", id="cyclic migrations"),
        pytest.param(("families", 0, "plans", 0), "lite", "families[0].plans", id="no such plan"),
        pytest.param(("plans",), [], "plans", id="no plans"),
    ],
)
def test_faults_of_a_price_list_name_the_key(path, to, field):
    spoilt = with_list(*path, to=to)
    fields = {each["field"] for each in ask("catalogue", catalogue=spoilt)["problems"]}
    assert any(each.startswith(field) for each in fields), fields
    # Any other operation refuses the same price list with the same words.
    error = ask("catalogue", catalogue=spoilt)["error"]
    assert ask("replacement", catalogue=spoilt) == {"error": error}
    assert error["field"].startswith("catalogue.")


@pytest.mark.parametrize(
    ("terms", "amount", "tiers"),
    [
        pytest.param({"price": 980}, 980, None, id="flat"),
        pytest.param({"price": 980, "per_seat": True, "quantity": 3}, 2940, None, id="per seat"),
        # 10 × 1,000 + 40 × 900 + 500 + 10 × 800
        pytest.param(
            {"tiers": {"mode": "graduated", "steps": STEPS}, "quantity": 60},
            54_500,
            [(10, 10_000), (40, 36_500), (10, 8_000)],
            id="graduated",
        ),
        # 50 × 900 + 500: the last of the second tier
        pytest.param(
            {"tiers": {"mode": "volume", "steps": STEPS}, "quantity": 50},
            45_500,
            [(50, 45_500)],
            id="volume",
        ),
        pytest.param(
            {"catalogue": LIST, "add_on": "beans", "on": "2026-11-22", "quantity": 5},
            2_700,
            None,
            id="add-on",
        ),
        pytest.param(
            {"catalogue": LIST, "plan": "light", "on": "2027-01-01"}, 1_080, None, id="plan"
        ),
        pytest.param(
            {"catalogue": LIST, "plan": "light", "agreed": "1970-01-01"}, 980, None, id="agreed"
        ),
    ],
)
def test_price(terms, amount, tiers):
    answered = asked({"op": "price", **terms})
    assert answered["amount"] == amount
    assert set(answered["explain"]) == {"ja", "en"}
    reached = answered.get("tiers")
    told = reached and [(tier["quantity"], tier["amount"]) for tier in reached]
    assert told == tiers


@given(st.sampled_from(["graduated", "volume"]), st.integers(1, 1_000_000))
def test_the_tiers_add_up_to_the_price(mode, quantity):
    answered = ask("price", tiers={"mode": mode, "steps": STEPS}, quantity=quantity)
    tiers = answered["tiers"]
    assert sum(tier["quantity"] for tier in tiers) == quantity
    assert sum(tier["amount"] for tier in tiers) == answered["amount"]
    assert all(
        tier["amount"] == tier["quantity"] * tier["unit_price"] + tier["flat_fee"] for tier in tiers
    )


@pytest.mark.parametrize(
    ("terms", "used", "amount"),
    [
        pytest.param(CALLS, "1000", 0, id="within the included ones"),
        pytest.param(CALLS, "2001", 500, id="1,001 × 0.5 = 500.5, floor"),
        pytest.param({**CALLS, "rounding": "ceil"}, "2001", 501, id="ceil"),
        pytest.param(CALLS, 2000, 500, id="a whole number"),
        pytest.param({**CALLS, "unit_price": "0.003"}, "1000000001.5", 2999997, id="2999997.0045"),
    ],
)
def test_usage(terms, used, amount):
    assert ask("usage", usage=terms, used=used)["amount"] == amount


@given(st.integers(0, 10**21))
def test_the_tiers_of_use_are_exact(billionths):
    used = f"{billionths // 10**9}.{billionths % 10**9:09}"
    steps = [{"up_to": 10_000, "unit_price": "0.5"}, {"unit_price": "0.333333333"}]
    terms = {"meter": "calls", "included": 7, "tiers": steps}
    answered = ask("usage", usage=terms, used=used)
    exact = sum(Fraction(tier["exact"]) for tier in answered["tiers"])
    assert answered["amount"] == int(exact)
    counted = sum(Fraction(tier["quantity"]) for tier in answered["tiers"])
    assert counted == Fraction(answered["billable"]) == max(0, Fraction(used) - 7)


@pytest.mark.parametrize(
    ("given_terms", "paid_from", "free_days"),
    [
        pytest.param({"trial_days": 14}, "2026-12-06", 14, id="22 November is the first of 14"),
        pytest.param({"trial_days": 0}, "2026-11-22", 0, id="none"),
        pytest.param({"trial_until": "2026-11-30"}, "2026-12-01", 9, id="until a date"),
        pytest.param({"trial_until": "2026-11-01"}, "2026-11-22", 0, id="over before it began"),
        pytest.param({"catalogue": LIST, "plan": "coffee"}, "2027-01-01", 40, id="of a plan"),
    ],
)
def test_trial(given_terms, paid_from, free_days):
    answered = asked({"op": "trial", "started_on": "2026-11-22", **given_terms})
    assert (answered["paid_from"], answered["free_days"]) == (paid_from, free_days)
    assert (answered["last_free_day"] is None) == (free_days == 0)


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        pytest.param("light", "pro", "upgrade", id="up"),
        pytest.param("pro", "light", "downgrade", id="down"),
        pytest.param("pro", "pro-year", "cross_grade", id="equals"),
        pytest.param("pro", "pro", "cross_grade", id="the same plan"),
    ],
)
def test_replacement(old, new, direction):
    assert ask("replacement", old=old, new=new) == {"allowed": True, "direction": direction}


def test_a_plan_of_another_family_is_no_replacement():
    answered = ask("replacement", new="coffee")
    assert answered["allowed"] is False
    assert "no family" in answered["reason"]


def test_without_families_the_yearly_amount_says_which_way_is_up():
    free = {**LIST, "families": None}
    del free["families"]
    # 3,300 × 12 = 39,600 a year against 33,000
    assert ask("replacement", catalogue=free, old="pro", new="pro-year")["direction"] == "downgrade"


@pytest.mark.parametrize(
    ("subscribed_on", "on", "price", "moves_on"),
    [
        pytest.param("2024-01-01", "2027-01-31", 980, "2027-02-01", id="the day before"),
        pytest.param("2024-01-01", "2027-02-01", 1080, "2027-02-01", id="the day itself"),
        pytest.param("2019-01-01", "2028-03-31", 980, "2028-04-01", id="grandfathered"),
        pytest.param("2019-01-01", "2028-04-01", 1080, "2028-04-01", id="and no longer"),
        pytest.param("2027-01-05", "2027-01-05", 1080, None, id="subscribed at the new price"),
    ],
)
def test_price_agreed(subscribed_on, on, price, moves_on):
    answered = ask("price_agreed", subscribed_on=subscribed_on, on=on)
    assert answered["price"] == price
    assert [move["moves_on"] for move in answered["moves"]] == ([moves_on] if moves_on else [])


def test_who_is_grandfathered_for_ever_is_told_so():
    spoilt = with_list("migrations", 0, "grandfather", to={"subscribed_before": "2020-04-01"})
    answered = ask("price_agreed", catalogue=spoilt, subscribed_on="2019-01-01", on="2099-01-01")
    assert answered["price"] == 980
    assert answered["moves"][0]["moves_on"] is None


CHAIN = with_list(
    "migrations",
    to=[
        migration("first", {"plan": "light"}, {"plan": "pro"}, "2027-03-01"),
        migration("second", {"plan": "pro"}, {"plan": "fixed"}, "2027-05-01"),
    ],
)


@settings(max_examples=25)
@given(
    st.sampled_from([LIST, CHAIN]),
    st.dates(date(2019, 1, 1), date(2026, 12, 31)),
    st.dates(date(2027, 1, 1), date(2029, 1, 1)),
)
def test_the_moves_told_lead_to_the_price_that_holds(prices, subscribed_on, on):
    days = {"subscribed_on": subscribed_on.isoformat(), "on": on.isoformat()}
    answered = ask("price_agreed", catalogue=prices, **days)
    moved = [move["to"] for move in answered["moves"] if move["moves_on"] <= days["on"]]
    holds = {key: answered[key] for key in ("plan", "valid_from", "price")}
    assert holds == [answered["agreed"], *moved][-1]
