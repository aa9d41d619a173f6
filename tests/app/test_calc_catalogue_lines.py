"""Lines of a cycle, coupons, discounts and metered records, asked from outside."""

import pytest
from calc_catalogue_cases import CALLS, LIST, ask, asked, record, with_list
from hypothesis import given
from hypothesis import strategies as st


def told(answered):
    return [(line["kind"], line["amount"], line["category"]) for line in answered["lines"]]


def lines(plan, cycle, started_on="2026-11-22", **more):
    request = {"op": "lines", "catalogue": LIST, "plan": plan, "cycle": cycle}
    return asked({**request, "started_on": started_on, **more})


def test_lines_with_add_on_coupon_and_tax():
    answered = ask("lines")
    assert answered["period"] == {"from": "2026-04-01", "to": "2026-05-01"}
    # 500 over 1,980 + 1,100 standard and 1,080 reduced: 370.19 and 129.81 → 370 and 130
    assert told(answered) == [
        ("first_cycle", 1980, "standard"),
        ("setup_fee", 1100, "standard"),
        ("add_on", 1080, "reduced"),
        ("discount", -370, "standard"),
        ("discount", -130, "reduced"),
    ]
    assert answered["total"] == 3660
    # 2,710 × 10/110 = 246.36; 950 × 8/108 = 70.37
    taxes = [(row["category"], row["gross"], row["tax"]) for row in answered["by_rate"]]
    assert taxes == [("standard", 2710, 246), ("reduced", 950, 70)]


def test_the_answer_can_be_asked_for_its_tax_again():
    answered = ask("lines")
    again = [{"amount": line["amount"], "category": line["category"]} for line in answered["lines"]]
    tax = asked({"op": "tax", "on": answered["period"]["from"], "lines": again})
    assert tax == {"total": answered["total"], "by_rate": answered["by_rate"]}


@pytest.mark.parametrize(
    ("cycle", "expected", "total"),
    [
        pytest.param(1, [("plan", 3240, "reduced")], 3240, id="after the trial"),
        pytest.param(2, [("cycle_price", 2500, "reduced")], 2500, id="second cycle"),
        pytest.param(6, [("plan", 3240, "reduced"), ("gift", 0, "reduced")], 3240, id="gift"),
    ],
)
def test_cycles_with_a_price_or_a_gift_of_their_own(cycle, expected, total):
    answered = lines("coffee", cycle)
    assert (told(answered), answered["total"]) == (expected, total)


@pytest.mark.parametrize(
    ("cycle", "start", "price"),
    [
        pytest.param(3, "2027-01-22", 980, id="the last cycle before the migration"),
        pytest.param(4, "2027-02-22", 1080, id="the first one after it"),
    ],
)
def test_a_subscriber_keeps_the_price_agreed_until_moved(cycle, start, price):
    answered = lines("light", cycle)
    assert answered["period"]["from"] == start
    assert (answered["price"]["price"], answered["total"]) == (price, price)


def test_the_days_before_the_first_fixed_day_are_a_share():
    # 9 of the 30 days of November: 3,100 × 9 ÷ 30
    first = lines("fixed", 1)
    assert first["period"] == {"from": "2026-11-22", "to": "2026-12-01"}
    assert first["total"] == 930
    assert lines("fixed", 2)["total"] == 3100


def test_metered_use_is_a_line_in_arrears_and_a_correction():
    october = {"from": "2026-10-01", "to": "2026-11-01", "used": "1600", "billed": 200}
    november = {"from": "2026-11-01", "to": "2026-12-01", "used": "2001"}
    answered = lines("api", 2, metered=[november, october])
    # (1,600 − 1,000) × 0.5 − 200 = 100; 1,001 × 0.5 = 500
    expected = [("plan", 500, "standard"), ("usage_late", 100, "standard")]
    assert told(answered) == [*expected, ("usage", 500, "standard")]


@pytest.mark.parametrize(
    ("cycle", "kinds"),
    [
        pytest.param(1, {"first_cycle", "setup_fee"}, id="not yet"),
        pytest.param(2, {"plan", "add_on", "discount"}, id="from its cycle on"),
        pytest.param(3, {"plan", "discount"}, id="a one-off add-on is over"),
        pytest.param(4, {"plan"}, id="and the coupon of two cycles as well"),
    ],
)
def test_add_ons_and_coupons_begin_with_a_cycle(cycle, kinds):
    since = {"since_cycle": 2}
    answered = lines(
        "pro",
        cycle,
        "2026-04-01",
        add_ons=[{"code": "beans", **since}],
        coupons=[{"code": "spring", **since}],
    )
    assert {line["kind"] for line in answered["lines"]} == kinds


def test_a_coupon_that_is_over_does_not_stand_in_the_way_of_another():
    both = [{"code": "alone"}, {"code": "tenth", "since_cycle": 2}]
    assert lines("pro", 2, coupons=both)["total"] == 2970
    refused = lines("pro", 2, coupons=[{**each, "since_cycle": 2} for each in both])
    assert refused["error"]["field"] == "coupons"


def test_what_coupons_take_off_which_cycles():
    answered = ask("coupon")
    # tenth (rank 0) goes first: 308 of 1,980 + 1,100, then 500; 330 of 3,300, then 500; 330
    assert [each["discount"] for each in answered["cycles"]] == [808, 830, 330]
    assert [each["after"] for each in answered["cycles"]] == [2272, 2470, 2970]
    assert answered["allowed"] is True
    assert answered["discount"] == 1968


@pytest.mark.parametrize(
    ("changed", "code", "rule"),
    [
        pytest.param({"plan": "coffee"}, "tenth", "not_for_plan", id="plan"),
        pytest.param({"on": "2026-05-01"}, "spring", "outside_campaign", id="the day after"),
        pytest.param({"on": "2026-02-28"}, "spring", "outside_campaign", id="the day before"),
        pytest.param({"used_by_buyer": ["spring"]}, "spring", "used_before", id="had it"),
        pytest.param({"coupons": ["spring", "alone"]}, None, "does_not_stack", id="alone"),
    ],
)
def test_why_coupons_may_not_be_used(changed, code, rule):
    answered = ask("coupon", **changed)
    reason = answered.pop("reason")
    assert answered == {"allowed": False, "coupon": code, "rule": rule}
    assert reason


def test_a_coupon_for_everybody_may_be_used_again():
    assert ask("coupon", coupons=["tenth"], used_by_buyer=["tenth"])["allowed"] is True


def test_discount():
    answered = ask("discount")
    # 500 × 3,300 ÷ 4,380 = 376.71, 500 × 1,080 ÷ 4,380 = 123.29: the yen goes to the first
    assert [line["discount"] for line in answered["lines"]] == [377, 123]
    assert [line["left"] for line in answered["lines"]] == [2923, 957]
    assert [(each["category"], each["discount"]) for each in answered["by_category"]] == [
        ("standard", 377),
        ("reduced", 123),
    ]


sold = st.lists(
    st.builds(
        lambda amount, category: {"amount": amount, "category": category},
        st.integers(0, 10_000_000),
        st.sampled_from(["standard", "reduced", "exempt", "non_taxable", "out_of_scope"]),
    ),
    min_size=1,
    max_size=8,
)
off = st.integers(1, 10_000_000).map(lambda yen: {"yen": yen}) | st.integers(1, 100).map(
    lambda percent: {"percent": str(percent), "rounding": "half_up"}
)


@given(off, sold)
def test_a_discount_is_split_without_loss(off, sold):
    answered = ask("discount", off=off, lines=sold)
    whole = sum(line["amount"] for line in sold)
    if "yen" in off:
        assert answered["discount"] == min(off["yen"], whole)
    else:
        assert answered["discount"] == (2 * whole * int(off["percent"]) + 100) // 200
    parts = [line["discount"] for line in answered["lines"]]
    assert sum(parts) == sum(each["discount"] for each in answered["by_category"])
    assert sum(parts) == answered["discount"]
    # Never below 0, and within two yen of the exact share: one of its category's, one of its own.
    for line, part in zip(sold, parts, strict=True):
        assert 0 <= part <= line["amount"]
        assert abs(part * whole - answered["discount"] * line["amount"]) < 2 * max(1, whole)


def test_metered_records_are_counted_once_and_told_apart():
    records = [
        record("a", 5, "1600"),
        record("a", 5, "1600"),
        record("a", 5, "1601"),
        record("late", 30, "400", received_on="2026-12-02"),
        record("minus", 6, "-1"),
        record("old", 5, "1", received_on="2026-12-31"),
        record("soon", 9, "1", received_on="2026-11-08"),
        record("other", 5, "1", meter="bytes"),
    ]
    answered = ask("usage_log", records=records)
    assert [(each["status"], each.get("rule")) for each in answered["records"]] == [
        ("accepted", None),
        ("duplicate", None),
        ("conflict", "conflict"),
        ("late", None),
        ("refused", "negative"),
        ("refused", "out_of_window"),
        ("refused", "out_of_window"),
        ("refused", "wrong_meter"),
    ]
    assert all(each["reason"] for each in answered["records"] if "rule" in each)
    (november,) = answered["periods"]
    assert (november["used"], november["amount"]) == ("2000", 500)
    # (2,000 − 1,000) × 0.5, less 300 billed before
    (due,) = answered["due"]
    assert (due["amount"], due["billed"], due["late"]) == (200, 300, True)
    assert answered["total"] == 200


def test_use_is_billed_in_arrears_once():
    december = {"from": "2026-12-01", "to": "2027-01-01"}
    november = {"from": "2026-11-01", "to": "2026-12-01"}
    fresh = ask("usage_log", periods=[november, december])
    assert [(each["amount"], each["late"]) for each in fresh["due"]] == [(500, False), (0, False)]
    billed = [{**november, "billed": 500}, {**december, "billed": 0}]
    assert ask("usage_log", periods=billed)["due"] == []


def test_the_day_of_a_record_is_the_merchants():
    at = {"at": "2026-11-30T15:00:00Z"}  # midnight in Tokyo
    answered = ask("usage_log", records=[{**record("a", 1, "1"), **at}])
    assert answered["records"][0]["on"] == "2026-12-01"
    answered = ask("usage_log", timezone="UTC", records=[{**record("a", 1, "1"), **at}])
    assert answered["records"][0]["on"] == "2026-11-30"


@given(st.permutations(["a", "b", "c", "a", "b"]))
def test_the_order_of_arrival_changes_no_sum(names):
    quantities = {"a": "0.1", "b": "1000.25", "c": "3"}
    records = [record(name, 5, quantities[name]) for name in names]
    answered = ask("usage_log", usage=CALLS, records=records)
    kept = set(names)
    assert answered["periods"][0]["used"] == "1003.35"
    assert sum(each["status"] == "accepted" for each in answered["records"]) == len(kept)


def test_terms_of_a_plan_serve_as_well():
    terms = {"usage": None, "catalogue": LIST, "plan": "api"}
    assert ask("usage_log", **terms) == ask("usage_log")
    assert ask("usage", **terms, on="2026-11-22") == ask("usage")


def test_a_migration_to_another_interval_is_refused():
    to_year = with_list("migrations", 0, "to", to={"plan": "pro-year"})
    refused = lines("light", 1, catalogue=to_year)
    assert refused["error"]["field"] == "catalogue.migrations[0].to"
