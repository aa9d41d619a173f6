"""The calculators: the contract's examples, its limits, and that no line can break the next."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calc import answer, run
from app.calc.contract import OPERATORS

PERIOD = {"period_start": "2026-04-01", "period_end": "2026-05-01"}
SIDE = {"price": 3000, "quantity": 1}

# One good request of each operator of the contract; the error tables below spoil one thing each.
# The other operations have tables of their own beside this module.
GOOD = {
    "periods": {"op": "periods", "anchor": "2026-01-31", "unit": "month", "count": 1, "n": 3},
    "prorate": {
        "op": "prorate",
        **PERIOD,
        "change_on": "2026-04-16",
        "old": SIDE,
        "new": {"price": 10000, "quantity": 1},
    },
    "chain": {
        "op": "chain",
        **PERIOD,
        "start": SIDE,
        "changes": [{"on": "2026-04-16", "to": {"price": 10000, "quantity": 1}}],
    },
    "tax": {"op": "tax", "on": "2026-11-22", "lines": [{"amount": 1100, "category": "standard"}]},
    "registration_number": {"op": "registration_number", "value": "Ｔ 4011-0010-98993"},
    "cap": {
        "op": "cap",
        "limit": 50000,
        "used": {"2026-12": 12000},
        "rule": "defer",
        "charges": [{"id": "a", "on": "2026-12-05", "amount": 45000}],
    },
    "idempotency_key": {
        "op": "idempotency_key",
        "merchant": "A1B2C3D4E5F6",
        "environment": "sandbox",
        "subscription": "cust-00001",
        "cycle": 7,
        "purpose": "renewal",
        "attempt": 1,
    },
    "cv1": {"op": "cv1", "authorization_id": "S01-5797829-1888777-A043451"},
}


def _ask(op, /, **changed):
    return answer(json.dumps({**GOOD[op], **changed}, ensure_ascii=False))


def test_there_is_a_good_request_for_each_operator():
    assert set(GOOD) == set(OPERATORS)
    assert all("error" not in _ask(op) for op in GOOD)


def test_periods():
    assert _ask("periods", rule="keep_day") == {
        "starts": ["2026-01-31", "2026-02-28", "2026-03-31"]
    }
    assert _ask("periods", rule="statute", n=4)["starts"][1:] == [
        "2026-03-01",
        "2026-03-31",
        "2026-05-01",
    ]
    assert _ask("periods", rule="last_day", anchor="2026-02-01", n=1)["starts"] == ["2026-02-28"]


def test_prorate():
    given = _ask("prorate")
    explained = given.pop("explain")
    assert given == {"days": 30, "days_left": 15, "credit": 1500, "charge": 5000, "net": 3500}
    assert set(explained) == {"ja", "en"}


@pytest.mark.parametrize(
    ("changed", "credit", "charge"),
    [
        pytest.param({"old": None}, 0, 5000, id="nothing before"),
        pytest.param({"new": None}, 1500, 0, id="nothing after"),
        # 14 of 30 days: 1400 and 4666.67
        pytest.param({"change_day": "old"}, 1400, 4666, id="change day to the old plan"),
        pytest.param({"change_day": "old", "rounding": "ceil"}, 1400, 4667, id="charge up"),
        pytest.param({"divisor": 30, "period_end": "2026-05-02"}, 1600, 5333, id="16/30"),
        pytest.param({"divisor": "30", "period_end": "2026-05-02"}, 1600, 5333, id="30 as text"),
        # 10000/30 = 333.33 → 333 × 15
        pytest.param({"round_at": "daily_rate"}, 1500, 4995, id="daily rate"),
    ],
)
def test_prorate_settings(changed, credit, charge):
    given = _ask("prorate", **changed)
    assert (given["credit"], given["charge"]) == (credit, charge)


def test_chain():
    assert _ask("chain") == {
        "lines": [
            {"from": "2026-04-01", "to": "2026-04-16", **SIDE, "amount": 1500},
            {
                "from": "2026-04-16",
                "to": "2026-05-01",
                "price": 10000,
                "quantity": 1,
                "amount": 5000,
            },
        ],
        "total": 6500,
    }


def test_tax():
    lines = [{"amount": 1100, "category": "standard"}, {"amount": 1080, "category": "reduced"}]
    assert _ask("tax", lines=lines, rounding="floor", prices="inclusive") == {
        "total": 2180,
        "by_rate": [
            {"category": "standard", "rate": "10", "gross": 1100, "tax": 100, "net": 1000},
            {"category": "reduced", "rate": "8", "gross": 1080, "tax": 80, "net": 1000},
        ],
    }


@pytest.mark.parametrize(
    ("value", "normalised", "valid"),
    [
        pytest.param("Ｔ 4011-0010-98993", "T4011001098993", True, id="good"),
        pytest.param("4011001098994", "T4011001098994", False, id="wrong digit"),
        pytest.param("T123", None, False, id="wrong shape"),
    ],
)
def test_registration_number(value, normalised, valid):
    given = _ask("registration_number", value=value)
    assert given == {"normalised": normalised, "valid": valid}


def test_cap():
    deferred = {"id": "a", "parts": [{"on": "2027-01-01", "amount": 45000}], "verdict": "deferred"}
    assert _ask("cap") == {"plan": [deferred]}
    assert _ask("cap", charges=[]) == {"plan": []}


def test_cap_used_may_be_left_out():
    request = {key: value for key, value in GOOD["cap"].items() if key != "used"}
    assert answer(json.dumps(request))["plan"][0]["verdict"] == "ok"


def test_idempotency_key_is_the_one_that_charges_use():
    assert _ask("idempotency_key") == {"key": "yK9Imoy0O6gclGTFTHJ32vPmrcr5EWmK"}


@pytest.mark.parametrize(
    ("request_line", "answered"),
    [
        pytest.param(
            {"authorization_id": "S01-5797829-1888777-A043451"},
            {"charge_id": "S01-5797829-1888777-C043451"},
            id="A becomes C",
        ),
        pytest.param(
            {"authorization_id": "S01-5797829-1888777-C043451"},
            {"charge_id": "S01-5797829-1888777-C043451"},
            id="C is kept",
        ),
        pytest.param(
            {"billing_agreement_state": "Suspended"},
            {"charge_permission_state": "NonChargeable"},
            id="state",
        ),
    ],
)
def test_cv1(request_line, answered):
    assert answer(json.dumps({"op": "cv1", **request_line})) == answered


@pytest.mark.parametrize(
    ("op", "changed", "field"),
    [
        pytest.param("periods", {"anchor": "2026-02-30"}, "anchor", id="no such day"),
        pytest.param("periods", {"anchor": "20260131"}, "anchor", id="another ISO form"),
        pytest.param("periods", {"anchor": "２０２６-01-31"}, "anchor", id="full-width date"),
        pytest.param("periods", {"anchor": 20260131}, "anchor", id="date as a number"),
        pytest.param("periods", {"unit": "moon"}, "unit", id="unknown unit"),
        pytest.param("periods", {"unit": ["month"]}, "unit", id="unit as a list"),
        pytest.param("periods", {"count": 0}, "count", id="count 0"),
        pytest.param("periods", {"n": 0}, "n", id="n 0"),
        pytest.param("periods", {"n": True}, "n", id="boolean"),
        pytest.param("periods", {"n": 3.0}, "n", id="float"),
        pytest.param("periods", {"n": float("nan")}, "n", id="NaN"),
        pytest.param("periods", {"n": None}, "n", id="null"),
        pytest.param("periods", {"n": 10**12}, "n", id="past the calendar"),
        pytest.param("periods", {"n": 10**4000}, "n", id="4001 digits"),
        pytest.param("periods", {"unit": "week", "rule": "last_day"}, "rule", id="last day, weeks"),
        pytest.param("periods", {"anchr": 1}, "anchr", id="unknown key"),
        pytest.param("periods", {"op": "period"}, "op", id="unknown operator"),
        pytest.param("periods", {"op": None}, "op", id="no operator"),
        pytest.param("prorate", {"change_on": "2026-05-01"}, "change_on", id="at the end"),
        pytest.param("prorate", {"change_on": "2026-03-31"}, "change_on", id="too early"),
        pytest.param("prorate", {"period_end": "2026-04-01"}, "period_end", id="empty period"),
        pytest.param("prorate", {"old": None, "new": None}, "old", id="both null"),
        pytest.param("prorate", {"old": 3000}, "old", id="side as a number"),
        pytest.param("prorate", {"old": {**SIDE, "price": -1}}, "old.price", id="negative price"),
        pytest.param("prorate", {"old": {**SIDE, "price": 1.0}}, "old.price", id="float yen"),
        pytest.param("prorate", {"new": {**SIDE, "quantity": 0}}, "new.quantity", id="quantity 0"),
        pytest.param("prorate", {"new": {"price": 1}}, "new.quantity", id="no quantity"),
        pytest.param("prorate", {"new": {**SIDE, "x": 1}}, "new.x", id="nested unknown key"),
        pytest.param("prorate", {"divisor": 31}, "divisor", id="divisor 31"),
        pytest.param("prorate", {"divisor": 30.0}, "divisor", id="divisor as float"),
        pytest.param(
            "prorate", {"divisor": 30, "period_end": "2026-05-03"}, "divisor", id="30 over 32 days"
        ),
        pytest.param("prorate", {"rounding": "round"}, "rounding", id="rounding"),
        pytest.param("chain", {"start": None}, "start", id="no start"),
        pytest.param("chain", {"changes": {}}, "changes", id="changes as an object"),
        pytest.param("chain", {"changes": [1]}, "changes[0]", id="change as a number"),
        pytest.param("chain", {"changes": [{"on": "x", "to": SIDE}]}, "changes[0].on", id="date"),
        pytest.param(
            "chain",
            {"changes": [{"on": "2026-04-16", "to": {**SIDE, "price": "1"}}]},
            "changes[0].to.price",
            id="price as text",
        ),
        pytest.param(
            "chain",
            {"changes": [{"on": "2026-04-16", "to": SIDE}, {"on": "2026-04-15", "to": SIDE}]},
            "changes[1].on",
            id="unsorted",
        ),
        pytest.param("tax", {"lines": []}, "lines", id="no lines"),
        pytest.param("tax", {"on": "2014-03-31"}, "on", id="before the rates"),
        pytest.param(
            "tax", {"lines": [{"amount": 1.5, "category": "standard"}]}, "lines[0].amount", id="1.5"
        ),
        pytest.param(
            "tax",
            {"lines": [{"amount": 1, "category": "exempt"}]},
            "lines[0].category",
            id="exempt",
        ),
        pytest.param(
            "tax",
            {"on": "2019-09-30", "lines": [{"amount": 1, "category": "reduced"}]},
            "lines[0].category",
            id="reduced too early",
        ),
        pytest.param("tax", {"prices": "gross"}, "prices", id="prices"),
        pytest.param("registration_number", {"value": 4011001098993}, "value", id="number"),
        pytest.param("cap", {"limit": -1}, "limit", id="negative limit"),
        pytest.param("cap", {"used": {"2026-13": 1}}, "used.2026-13", id="month 13"),
        pytest.param("cap", {"used": {"2026-12": -1}}, "used.2026-12", id="negative use"),
        pytest.param("cap", {"used": None}, "used", id="used null"),
        pytest.param("cap", {"rule": "move"}, "rule", id="cap rule"),
        pytest.param(
            "cap",
            {"charges": [{"id": "a", "on": "2026-12-05", "amount": 0}]},
            "charges[0].amount",
            id="amount 0",
        ),
        pytest.param(
            "cap",
            {"charges": [{"id": 1, "on": "2026-12-05", "amount": 1}]},
            "charges[0].id",
            id="id as a number",
        ),
        pytest.param("idempotency_key", {"cycle": -1}, "cycle", id="cycle -1"),
        pytest.param("idempotency_key", {"attempt": 0}, "attempt", id="attempt 0"),
        pytest.param("idempotency_key", {"merchant": 1}, "merchant", id="merchant as a number"),
        pytest.param("idempotency_key", {"environment": "test"}, "environment", id="environment"),
        pytest.param("cv1", {"authorization_id": "A043451"}, "authorization_id", id="shape"),
        pytest.param(
            "cv1", {"billing_agreement_state": "Open"}, "billing_agreement_state", id="both"
        ),
    ],
)
def test_errors_name_the_field(op, changed, field):
    given = _ask(op, **changed)
    assert set(given) == {"error"}
    assert given["error"]["field"] == field
    assert given["error"]["reason"]


@pytest.mark.parametrize("op", list(GOOD))
def test_a_missing_key_is_named(op):
    may_be_left_out = {"used"}
    for key in GOOD[op].keys() - may_be_left_out:
        request = {kept: value for kept, value in GOOD[op].items() if kept != key}
        assert answer(json.dumps(request))["error"] == {"field": key, "reason": "is missing"}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        pytest.param("[1]", None, id="a list"),
        pytest.param('"periods"', None, id="a text"),
        pytest.param("null", None, id="null"),
        pytest.param("NaN", None, id="NaN"),
        pytest.param("{'op': 1}", None, id="no JSON"),
        pytest.param('{"op":"cv1"', None, id="cut off"),
        pytest.param("[" * 100_000, None, id="nested too deeply"),
        pytest.param('{"op":"cv1","op":"cap"}', "op", id="a key twice"),
        pytest.param("{}", "op", id="an empty object"),
        pytest.param(
            '{"op":"cv1","billing_agreement_state":"Draft"}', "billing_agreement_state", id="Draft"
        ),
        pytest.param('{"op":"cv1","x":' + "9" * 5000 + "}", "x", id="5000 digits"),
    ],
)
def test_lines_that_are_no_request(line, field):
    assert answer(line)["error"]["field"] == field


def test_one_bad_line_never_stops_the_others():
    good = json.dumps(GOOD["cv1"])
    out = io.StringIO()
    run(["\ufeff" + good, "", "  \n", "{", '{"op":"cv1","authorization_id":"\ud800"}', good], out)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [list(each) for each in answers] == [["charge_id"], ["error"], ["error"], ["charge_id"]]
    out.getvalue().encode("utf-8")  # half a surrogate pair was escaped, not passed on


def test_japanese_is_written_as_japanese():
    out = io.StringIO()
    run([json.dumps(GOOD["prorate"])], out)
    assert "未使用分" in out.getvalue()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(list(GOOD)), st.data())
def test_any_json_in_any_place_is_answered(op, data):
    key = data.draw(st.sampled_from(list(GOOD[op])) | st.text())
    given = answer(json.dumps({**GOOD[op], key: data.draw(json_values)}))
    json.dumps(given)
    if "error" in given:
        assert set(given["error"]) == {"field", "reason"}


@settings(deadline=None, max_examples=400)
@given(st.text() | json_values.map(json.dumps))
def test_any_line_is_answered(line):
    given = answer(line)
    assert (given is None) == (not line.strip())
