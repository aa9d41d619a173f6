"""The calculator of quotes: every "what if" on a situation told as JSON, and its confirmation."""

import json
from datetime import UTC, date, datetime

import pytest
from calc_agreement_cases import (
    APRIL,
    JOINED,
    LARGE,
    PRICES,
    SMALL,
    ask,
    asked,
    given,
    paid,
    signed_up,
)

from app.calc import answer
from billing import CapRule
from billing.quotes import CapRoom, PaidPart, Situation, plan_change, quote, quote_record
from plans import Interval, PaidTime, Period, Side, TaxCategory, TaxedYen, Terms, Unit
from plans import parse_catalogue as parsed
from plans.lifecycle import event_from_json, replay

CREDIT = [{"category": "standard", "amount": 1000}]
OPEN = {
    "downgrade_timings": ["now", "period_end", "on_date"],
    "cross_grade_timings": ["now", "period_end", "on_date"],
}
ASKED_BY_PEOPLE = {
    "end_trial_early": {"ends_on": "2026-04-20"},
    "extend_trial": {"ends_on": "2026-05-20"},
    "change_plan": {"plan_code": "large"},
    "change_quantity": {"quantity": 3},
    "add_add_on": {"code": "phone"},
    "change_add_on": {"code": "phone", "quantity": 2},
    "remove_add_on": {"code": "phone"},
    "add_coupon": {"code": "tenth"},
    "remove_coupon": {"code": "tenth"},
    "skip_cycles": {},
    "change_next_date": {"to": "2026-05-10"},
    "change_anchor": {"first_on": "2026-05-10"},
    "pause": {"timing": "period_end"},
    "resume": {},
    "cancel": {"timing": "period_end"},
    "undo": {"schedule_id": "chg-4"},
    "reactivate": {},
}


def events_of(*entries):
    """The stored events of a life."""
    found = ask("life", commands=[*JOINED, *entries])
    return [event for step in found["commands"] for event in step["events"]]


def asked_again(found, **now):
    """Ask whether the quote of the good request still holds."""
    return ask("quote", confirm={"quote_id": found["quote_id"], **({"now": now} if now else {})})


def test_an_upgrade_in_the_middle_of_april():
    found = ask("quote")
    # 10,000 × 15 ÷ 30 - 3,000 × 15 ÷ 30, then twelve whole months
    assert [line["amount"] for line in found["lines"]] == [-1500, 5000]
    assert found["charge_today"] == 3500
    assert found["by_rate"][0]["tax"] == 318  # 3,500 × 10 ÷ 110
    assert len(found["charges"]) == 12
    assert found["charges_total"] == 120_000
    assert found["charges_total_before"] == 36_000
    assert found["next_charge"]["on"] == "2026-05-01"
    assert found["deadline"] == "2026-04-30T23:59:00+09:00"
    assert found["cap"]["verdict"] == "ok"
    assert "3,500円" in found["explain"]["ja"]


def test_it_is_the_quote_that_the_engine_gives():
    texts = [json.dumps(event) for event in events_of()]
    catalogue = parsed(json.dumps(PRICES, ensure_ascii=False))
    april = Period(date(2026, 4, 1), date(2026, 5, 1))
    terms = Terms(Side(3000), Interval(Unit.MONTH), name_ja="小", name_en="Small")
    view = Situation(
        subscription=replay(map(event_from_json, texts)),
        catalogue=catalogue,
        cap=CapRoom(50_000, CapRule.SPLIT),
        paid=(PaidPart(None, PaidTime.of_cycle(cycle=april, terms=terms)),),
        received=(TaxedYen(TaxCategory.STANDARD, 3000),),
    )
    today, noon = date(2026, 4, 16), datetime(2026, 4, 16, 3, tzinfo=UTC)
    command = plan_change(view, plan_code="large", on=today)
    assert ask("quote") == quote_record(quote(view, command, on=today, at=noon))


def test_stored_events_tell_the_same_as_commands():
    assert ask("quote", subscription={"events": events_of()}) == ask("quote")


@pytest.mark.parametrize("kind", list(ASKED_BY_PEOPLE))
def test_everything_that_people_ask_is_answered(kind):
    fields = ASKED_BY_PEOPLE[kind]
    found = asked(kind, more={"actor": "staff", "reason": "asked"}, **fields)
    assert ("quote_id" in found) != ("refused" in found), found
    if "refused" in found:
        assert set(found["refused"]) == {"code", "field", "rule", "remedy", "words"}


def test_somebody_who_would_sign_up():
    command = signed_up()["command"]
    found = ask("quote", subscription=None, command=command, on="2026-04-01")
    assert found["charge_today"] == 3000
    assert found["charges_total"] == 33_000
    assert found["subscription"] == "sub-1"


def test_what_a_life_paid_counts_coupons_add_ons_and_changes():
    tenth = [signed_up(coupons=["tenth"]), paid()]
    up = {"command": {"kind": "change_plan", "plan_code": "large"}}
    discounted = ask("quote", subscription={"commands": tenth}, **up)
    assert discounted["lines"][0]["amount"] == -1350  # 2,700 × 15 ÷ 30
    changed = [*JOINED, given("2026-04-11", "change_plan", plan_code="large")]
    back = ask(
        "quote",
        subscription={"commands": changed},
        policy=OPEN,
        command={"kind": "change_plan", "plan_code": "small", "timing": "now"},
    )
    assert [line["amount"] for line in back["lines"]] == [-5000, 1500]
    assert back["credit"] == 3500
    phone = [*JOINED, given("2026-04-01", "add_add_on", code="phone")]
    gone = ask(
        "quote",
        subscription={"commands": phone},
        command={"kind": "remove_add_on", "code": "phone"},
    )
    assert gone["credit"] == 300  # 600 × 15 ÷ 30


@pytest.mark.parametrize(
    ("changed", "key", "expected"),
    [
        pytest.param({"credit": CREDIT}, "charge_today", 2500, id="open credit pays"),
        pytest.param({"paid": []}, "charge_today", 0, id="no paid time, nothing to settle"),
        pytest.param(
            {"paid": [{**APRIL, "terms": SMALL, "paid": 0}]}, "charge_today", 5000, id="unpaid"
        ),
        pytest.param(
            {"paid": [{**APRIL, "add_on": None, "terms": LARGE}]}, "charge_today", 0, id="other"
        ),
        pytest.param(
            {"rules": {"change": {"effect": "next_invoice"}}}, "charge_today", 0, id="next invoice"
        ),
        pytest.param(
            {"rules": {"change": {"effect": "restart_cycle"}}}, "charge_today", 8500, id="restart"
        ),
        pytest.param(
            {"rules": {"change": {"proration": {"change_day": "old"}}}},
            "charge_today",
            3266,  # 4,666 - 1,400
            id="change day",
        ),
        pytest.param(
            {"rules": {"expires_after_minutes": 10}},
            "expires_at",
            "2026-04-16T12:10:00+09:00",
            id="ten minutes",
        ),
        pytest.param(
            {"rules": {"timezone": "UTC"}}, "expires_at", "2026-04-17T00:00:00+00:00", id="zone"
        ),
        pytest.param(
            {"command": {"kind": "change_plan", "plan_code": "seats", "quantity": 4}},
            "charges_total",
            48_000,
            id="seats",
        ),
    ],
)
def test_every_part_of_the_situation_counts(changed, key, expected):
    found = ask("quote", **changed)
    assert found[key] == expected


def test_lines_that_wait_and_use_go_on_the_next_invoice():
    line = {
        "kind": "charge",
        "amount": 700,
        "category": "standard",
        "explain": {"ja": "前回", "en": "before"},
    }
    use = {
        "meter": "calls",
        "period": {"start": "2026-04-01", "end": "2026-05-01"},
        "amount": {"yen": 250, "words_ja": "250円", "words_en": "¥250"},
    }
    waiting = [line, {**line, "amount": -100, "from": "2026-04-01", "to": "2026-05-01"}]
    found = ask("quote", waiting=waiting, usage=[use])
    assert found["next_charge"]["amount"] == 10_000 + 700 - 100 + 250


def test_everything_on_the_permission_shares_the_cap():
    used = {"limit": 12_000, "rule": "defer", "used": {"2026-04": 9_000}}
    other = [{"id": "other", "on": "2026-05-01", "amount": 5_000}]
    own = [{"id": "sub-1/open", "on": "2026-04-20", "amount": 500}]
    found = ask("quote", cap=used, sharing=other, open_charges=own)
    moved = {row["id"]: row["verdict"] for row in found["cap"]["hits"]}
    assert moved["sub-1/change"] == "deferred"
    assert {"other", "sub-1/open"} <= {row["id"] for row in found["cap"]["after"]}


def test_a_cycle_that_is_invoiced_waits_for_its_outcome():
    found = ask("quote", invoiced_cycle=1)
    assert found["refused"]["code"] == "bad_input"
    assert "invoiced" in found["refused"]["words"]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        pytest.param(asked("resume"), "not_paused", id="the table"),
        pytest.param(asked("add_add_on", code="none"), "unknown_offer", id="the price list"),
        pytest.param(asked("time_passed"), "bad_input", id="not asked by people"),
        pytest.param(
            ask(
                "quote",
                subscription={"commands": [signed_up("term"), paid()]},
                command={"kind": "cancel", "timing": "now"},
            ),
            "minimum_term",
            id="a guard",
        ),
    ],
)
def test_what_the_rules_refuse_is_answered(found, code):
    assert found["refused"]["code"] == code


def test_leaving_early_costs_the_fee_of_the_price_list():
    found = ask(
        "quote",
        subscription={"commands": [signed_up("term"), paid()]},
        command={"kind": "cancel", "timing": "now"},
        policy={"leave_early": "for_fee"},
    )
    assert found["charge_today"] == 7500  # half of 5 × 3,000


def test_a_good_quote_gives_its_events():
    found = ask("quote")
    done = asked_again(found)
    assert done["good"] is True
    assert done["quote"] == found
    assert done["events"][0]["quote_id"] == found["quote_id"]
    assert asked_again(found, at="2026-04-16T18:00:00+09:00")["good"] is True


@pytest.mark.parametrize(
    ("now", "what"),
    [
        pytest.param({"credit": CREDIT}, ["credit", "charge_today"], id="credit"),
        pytest.param({"cap": {"limit": 40_000, "rule": "split"}}, ["cap"], id="cap"),
        pytest.param({"policy": {"cutoff_days": 3}}, ["policy"], id="policy"),
        pytest.param({"on": "2026-04-17"}, ["expired", "day", "charge_today"], id="next day"),
        pytest.param(
            {"catalogue_yaml": json.dumps(PRICES).replace("10000", "11000")},
            ["catalogue", "charge_today", "next_charge", "charges_total"],
            id="prices",
        ),
    ],
)
def test_a_stale_quote_says_what_changed_and_gives_the_new_one(now, what):
    found = ask("quote")
    stale = asked_again(found, **now)
    assert stale["good"] is False
    assert [each["what"] for each in stale["differences"]] == what
    assert stale["new_quote"]["quote_id"] != found["quote_id"]


def test_a_quote_that_would_be_refused_by_now():
    canceled = {"commands": [*JOINED, given("2026-04-16", "cancel", timing="now")]}
    stale = asked_again(ask("quote"), subscription=canceled)
    assert stale["refused"]["code"] == "final"
    assert stale["new_quote"] is None


def test_an_id_of_another_situation_is_stale():
    stale = ask("quote", confirm={"quote_id": "0" * 32})
    assert [each["what"] for each in stale["differences"]] == ["quote_id"]
    assert stale["new_quote"]["quote_id"] == ask("quote")["quote_id"]


def test_what_the_cap_cannot_take_is_not_confirmed():
    cap = {"limit": 3_100, "rule": "refuse"}
    found = ask("quote", cap=cap)
    assert found["cap"]["allows"] is False
    refused = ask("quote", cap=cap, confirm={"quote_id": found["quote_id"]})
    assert (refused["good"], refused["refused"]["code"]) == (False, "cap")


EVENTS = events_of()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"cap": {"limit": 1}}, "cap.rule", id="no cap rule"),
        pytest.param({"cap": {"limit": 1, "rule": "defer", "used": {"2026-13": 1}}},
                     "cap.used.2026-13", id="month 13"),
        pytest.param({"rules": {"timezone": "Asia/Edo"}}, "rules.timezone", id="time zone"),
        pytest.param({"rules": {"expires_after_minutes": 0}}, "rules.expires_after_minutes",
                     id="expires at once"),
        pytest.param({"rules": {"change": {"proration": {"divisor": 31}}}},
                     "rules.change.proration.divisor", id="divisor"),
        pytest.param({"subscription": {}}, "subscription.commands", id="no life"),
        pytest.param({"subscription": {"commands": []}}, "subscription.commands", id="empty life"),
        pytest.param({"subscription": {"commands": [*JOINED, given("2026-04-02", "resume")]}},
                     "subscription.commands[2]", id="a life that was refused"),
        pytest.param({"subscription": {"events": []}}, "subscription.events", id="no events"),
        pytest.param({"subscription": {"events": [EVENTS[0], EVENTS[2]]}},
                     "subscription.events[1].sequence", id="events with a gap"),
        pytest.param({"subscription": {"events": [EVENTS[1]]}}, "subscription.events[0].sequence",
                     id="not the first event"),
        pytest.param({"subscription": {"events": [{**EVENTS[0], "v": 2}]}},
                     "subscription.events[0].v", id="another version"),
        pytest.param({"subscription": {"events": [{**EVENTS[0], "fact": {"kind": "born"}}]}},
                     "subscription.events[0].fact.kind", id="no such fact"),
        pytest.param({"command": {"kind": "cancel", "timing": "soon"}}, "command.timing",
                     id="timing"),
        pytest.param({"command": {"kind": "change_plan", "plan_code": "lage"}}, "command",
                     id="no such plan"),
        pytest.param({"paid": [{**APRIL, "terms": SMALL, "paid": 9999}]}, "paid[0].paid",
                     id="more than its price"),
        pytest.param({"credit": [{"category": "standard", "amount": 0}]}, "credit[0].amount",
                     id="no credit"),
        pytest.param({"received": {}}, "received", id="received as an object"),
        pytest.param({"waiting": [{"kind": "x"}]}, "waiting[0].explain", id="no words"),
        pytest.param({"sharing": [{"id": "a", "on": "2026-02-30", "amount": 1}]}, "sharing[0].on",
                     id="no such day"),
        pytest.param({"usage": [{"meter": "calls"}]}, "usage[0].period", id="use of no period"),
        pytest.param({"coupons_used": ["a", "a"]}, "coupons_used[1]", id="coupon twice"),
        pytest.param({"first_cycle": -1}, "first_cycle", id="cycle below 0"),
        pytest.param({"confirm": {}}, "confirm.quote_id", id="no quote id"),
        pytest.param({"confirm": {"quote_id": "a", "now": {"command": {}}}},
                     "confirm.now.command", id="another question"),
        pytest.param({"confirm": {"quote_id": "a", "now": {"cap": {"limit": -1, "rule": "defer"}}}},
                     "confirm.now.cap.limit", id="a fault by now"),
        pytest.param({"confirm": {"quote_id": "a", "now": {"on": "2026-04-31"}}},
                     "confirm.now.on", id="no such day by now"),
    ],
)  # fmt: skip
def test_faults_name_their_path(changed, field):
    found = ask("quote", **changed)
    assert set(found) == {"error"}, found
    assert found["error"]["field"] == field
    assert found["error"]["reason"]


def test_a_fault_of_the_line_itself_keeps_its_name_beside_a_confirmation():
    line = {"op": "quote", "catalogue": PRICES, "subscription": None, "on": "2026-04-01"}
    line |= {"cap": {"limit": 0, "rule": "split"}, "confirm": {"quote_id": "a", "now": {}}}
    assert answer(json.dumps(line))["error"]["field"] == "command"
