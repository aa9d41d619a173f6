"""What the calculators of the price list refuse: each fault names its field, and none raises."""

import json

import pytest
from calc_catalogue_cases import CALLS, GOOD, LIST, ask, asked, paths, record, spoilt
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calc import answer

COUPON = {"code": "spring"}
NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01"}


@pytest.mark.parametrize(
    ("op", "changed", "field"),
    [
        pytest.param("catalogue", {"catalogue": []}, "catalogue", id="a list"),
        pytest.param("catalogue", {"catalogue": None}, "catalogue", id="no list at all"),
        pytest.param("catalogue", {"catalogue_yaml": "a"}, "catalogue_yaml", id="both"),
        pytest.param("catalogue", {"on": "2026-01-01"}, "on", id="unknown key"),
        pytest.param("price", {"quantity": 0}, "quantity", id="quantity 0"),
        pytest.param("price", {"quantity": -1}, "quantity", id="quantity -1"),
        pytest.param("price", {"quantity": 1_000_001}, "quantity", id="a million and one"),
        pytest.param("price", {"quantity": "1"}, "quantity", id="quantity as a text"),
        pytest.param("price", {"tiers": {"mode": "volume"}}, "tiers.steps", id="no steps"),
        pytest.param("price", {"price": 980}, "tiers", id="two prices"),
        pytest.param("price", {"plan": "light"}, "plan", id="terms and a plan"),
        pytest.param("price", {"tiers": None}, "price", id="no price"),
        pytest.param("price", {"tiers": None, "price": 0}, "price", id="0 yen"),
        pytest.param("price", {"tiers": None, "price": 10_000_001}, "price", id="too dear"),
        pytest.param("price", {"tiers": None, "price": 1}, "quantity", id="flat, sold once"),
        pytest.param("usage", {"used": 0.5}, "used", id="a float"),
        pytest.param("usage", {"used": "-1"}, "used", id="negative use"),
        pytest.param("usage", {"used": "1e3"}, "used", id="scientific"),
        pytest.param("usage", {"used": "0.0000000001"}, "used", id="ten decimals"),
        pytest.param("usage", {"used": "１"}, "used", id="full-width"),
        pytest.param("usage", {"used": True}, "used", id="true"),
        pytest.param(
            "usage", {"usage": {**CALLS, "unit_price": 0.5}}, "usage.unit_price", id="float price"
        ),
        pytest.param("usage", {"usage": {**CALLS, "x": 1}}, "usage.x", id="unknown term"),
        pytest.param("usage", {"usage": None}, "catalogue", id="no terms"),
        pytest.param("usage", {"plan": "api"}, "plan", id="terms twice"),
        pytest.param("usage_log", {"records": {}}, "records", id="records as an object"),
        pytest.param("usage_log", {"records": [{}]}, "records[0].at", id="empty record"),
        pytest.param(
            "usage_log", {"records": [record("a", 31, "1")]}, "records[0].at", id="31 November"
        ),
        pytest.param(
            "usage_log",
            {"records": [{**record("a", 1, "1"), "at": "2026-11-01T12:00:00"}]},
            "records[0].at",
            id="no offset",
        ),
        pytest.param(
            "usage_log",
            {"records": [{**record("a", 1, "1"), "at": "0001-01-01T00:00:00+14:00"}]},
            "records[0].at",
            id="before the calendar",
        ),
        pytest.param("usage_log", {"timezone": "Asia"}, "timezone", id="a continent"),
        pytest.param("usage_log", {"timezone": "../zone"}, "timezone", id="a path"),
        pytest.param(
            "usage_log", {"periods": [NOVEMBER, NOVEMBER]}, "periods[1].from", id="overlapping"
        ),
        pytest.param(
            "usage_log",
            {"periods": [{"from": "2026-11-01", "to": "2026-11-01"}]},
            "periods[0].to",
            id="an empty period",
        ),
        pytest.param("lines", {"plan": "lite"}, "plan", id="unknown plan"),
        pytest.param("lines", {"quantity": 2}, "quantity", id="not sold per seat"),
        pytest.param("lines", {"cycle": 0}, "cycle", id="cycle 0"),
        pytest.param("lines", {"started_on": "2026-02-30"}, "started_on", id="no such day"),
        pytest.param("lines", {"started_on": "9999-12-31"}, "started_on", id="the last day"),
        pytest.param(
            "lines",
            {"started_on": "2014-03-31", "coupons": []},
            "started_on",
            id="before the rates",
        ),
        pytest.param("lines", {"agreed": "2026-01-01"}, "agreed", id="no price of that day"),
        pytest.param(
            "lines",
            {"plan": "pro-year", "add_ons": [], "cycle": 9000},
            "cycle",
            id="after year 9999",
        ),
        pytest.param("lines", {"add_ons": [{"code": "tea"}]}, "add_ons[0].code", id="add-on"),
        pytest.param(
            "lines", {"add_ons": [{"code": "beans", "quantity": 6}]}, "add_ons[0].quantity", id="6"
        ),
        pytest.param("lines", {"plan": "light"}, "add_ons[0].code", id="add-on of another plan"),
        pytest.param("lines", {"coupons": [{"code": "x"}]}, "coupons[0].code", id="coupon"),
        pytest.param("lines", {"coupons": [COUPON, COUPON]}, "coupons", id="a coupon twice"),
        pytest.param("lines", {"metered": [NOVEMBER]}, "metered", id="nothing metered"),
        pytest.param("discount", {"off": {"yen": 0}}, "off.yen", id="0 yen off"),
        pytest.param("discount", {"off": {"percent": 101}}, "off.percent", id="101 %"),
        pytest.param("discount", {"off": {"yen": 1, "percent": 1}}, "off", id="yen and percent"),
        pytest.param("discount", {"lines": []}, "lines", id="no lines"),
        pytest.param(
            "discount",
            {"lines": [{"amount": -1, "category": "standard"}]},
            "lines[0].amount",
            id="negative line",
        ),
        pytest.param("coupon", {"coupons": []}, "coupons", id="no coupon"),
        pytest.param("coupon", {"coupons": ["x"]}, "coupons[0]", id="unknown coupon"),
        pytest.param("coupon", {"coupons": ["tenth", 1]}, "coupons[1]", id="a number"),
        pytest.param("coupon", {"coupons": ["tenth", "tenth"]}, "coupons[1]", id="named twice"),
        pytest.param("coupon", {"cycles": 121}, "cycles", id="too many cycles"),
        pytest.param("replacement", {"new": "lite"}, "new", id="unknown new plan"),
        pytest.param("replacement", {"old": "lite"}, "old", id="unknown old plan"),
        pytest.param("replacement", {"on": "1969-12-31"}, "on", id="no price yet"),
        pytest.param("price_agreed", {"on": "2023-12-31"}, "on", id="before the subscription"),
        pytest.param("price_agreed", {"plan": 1}, "plan", id="plan as a number"),
        pytest.param("trial", {"trial_days": -1}, "trial_days", id="negative trial"),
        pytest.param("trial", {"trial_until": "2026-12-31"}, "trial_until", id="two ends"),
        pytest.param("trial", {"trial_days": None}, "trial_days", id="no trial told"),
        pytest.param("trial", {"catalogue": LIST}, "catalogue", id="terms and a price list"),
        pytest.param("trial", {"started_on": "3000-01-01"}, "started_on", id="year 3000"),
    ],
)
def test_errors_name_the_field(op, changed, field):
    answered = ask(op, **changed)
    assert answered["error"]["field"] == field
    assert answered["error"]["reason"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("", "catalogue_yaml", id="empty"),
        pytest.param("plans: [", "catalogue_yaml", id="cut off"),
        pytest.param("plans: [\x00]", "catalogue_yaml", id="a NUL"),
        pytest.param('a: "\\UFFFFFFFF"', "catalogue_yaml", id="beyond Unicode"),
        pytest.param("%YAML 1." + "9" * 5000 + "\n---\na: 1", "catalogue_yaml", id="YAML 1.999…"),
        pytest.param("- - " * 3000, "catalogue_yaml", id="nested too deeply"),
        pytest.param("plans: &a [*a]", "catalogue_yaml.plans[0]", id="a list in itself"),
        pytest.param("plans: !!python/name:os.system x", "catalogue_yaml.plans", id="a tag"),
    ],
)
def test_texts_that_are_no_price_list(text, field):
    answered = asked({"op": "catalogue", "catalogue_yaml": text})
    assert answered["error"]["field"] == field
    assert answered["problems"]


@pytest.mark.parametrize(
    ("start", "depth", "field"),
    [
        pytest.param('{"op":"catalogue","catalogue":', 400, "catalogue", id="price list"),
        pytest.param('{"op":"catalogue","catalogue":', 2_000, "", id="any line"),
        pytest.param('{"op":"discount","lines":[],"off":', 400, "off", id="terms of a coupon"),
        pytest.param('{"op":"trial","trial_days":', 400, "started_on", id="read in order"),
        pytest.param(
            '{"op":"trial","started_on":"2026-11-22","trial_days":', 400, "trial_days", id="terms"
        ),
    ],
)
def test_a_deep_value_is_refused(start, depth, field):
    deep = start + '{"plans":' * depth + "{}" + "}" * (depth + 1)
    # Deep enough for the reader, it is the key itself, else the first key below it that is wrong.
    assert (answer(deep)["error"]["field"] or "").split(".")[0] == field


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates().map(str)
    | st.decimals().map(str)
    | st.sampled_from(["light", "pro", "spring", "beans", "", "0.5", 10**40, -(10**18), 1e400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PLACES = {op: list(paths(request)) for op, request in GOOD.items()}


def _check(answered):
    json.dumps(answered)
    if "error" in answered:
        assert set(answered["error"]) == {"field", "reason"}
        assert set(answered) <= {"error", "problems"}


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(list(GOOD)), st.data())
def test_any_json_in_any_place_is_answered(op, data):
    place = data.draw(st.sampled_from(PLACES[op]))
    _check(asked(spoilt(GOOD[op], place, data.draw(json_values))))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(list(GOOD)), st.data())
def test_any_key_and_any_number_is_answered(op, data):
    request = {**GOOD[op], data.draw(st.text()): data.draw(json_values)}
    place = data.draw(st.sampled_from(PLACES[op]))
    number = data.draw(st.integers(-(10**16), 10**16) | st.dates().map(str))
    _check(asked(spoilt(request, place, number)))


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text(alphabet="plans:[]{}&*!-?%|>'\"\\U \n#@`0"))
def test_any_text_as_a_price_list_is_answered(text):
    answered = asked({"op": "catalogue", "catalogue_yaml": text})
    assert set(answered) == {"error", "problems"}
