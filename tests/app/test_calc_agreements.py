"""Calculators of agreements: the life of a subscription, its term, and the price of leaving."""

import json

import pytest
from calc_agreement_cases import (
    GOOD,
    JOINED,
    MONTH,
    PRICES,
    ask,
    given,
    lived,
    paid,
    signed_up,
)

from app.calc import answer
from plans.lifecycle import COMMANDS, event_from_json, event_to_json, replay

# A command of every kind that is possible after what comes before it (after JOINED unless told).
EVERY_COMMAND = {
    "create": ([signed_up()], "created"),
    "end_trial_early": (
        [signed_up("trial"), given("2026-04-02", "end_trial_early", ends_on="2026-04-05")],
        "trial_end_moved",
    ),
    "extend_trial": (
        [
            signed_up("trial"),
            given("2026-04-02", "extend_trial", "staff", "asked", ends_on="2026-05-01"),
        ],
        "trial_end_moved",
    ),
    "change_plan": ([given("2026-04-16", "change_plan", plan_code="large")], "terms_changed"),
    "change_quantity": ([given("2026-04-16", "change_quantity", quantity=3)], "terms_changed"),
    "add_add_on": ([given("2026-04-16", "add_add_on", code="phone")], "terms_changed"),
    "change_add_on": (
        [
            given("2026-04-16", "add_add_on", code="phone"),
            given("2026-04-17", "change_add_on", code="phone", quantity=2),
        ],
        "terms_changed",
    ),
    "remove_add_on": (
        [
            given("2026-04-16", "add_add_on", code="phone"),
            given("2026-04-17", "remove_add_on", code="phone"),
        ],
        "terms_changed",
    ),
    "add_coupon": ([given("2026-04-16", "add_coupon", code="tenth")], "terms_changed"),
    "remove_coupon": (
        [
            given("2026-04-16", "add_coupon", code="tenth"),
            given("2026-04-16", "remove_coupon", code="tenth"),
        ],
        "terms_changed",
    ),
    "skip_cycles": ([given("2026-04-16", "skip_cycles", count=2)], "scheduled"),
    "change_next_date": ([given("2026-04-16", "change_next_date", to="2026-05-10")], None),
    "change_anchor": ([given("2026-04-16", "change_anchor", first_on="2026-05-10")], None),
    "pause": ([given("2026-04-16", "pause", timing="now")], "paused"),
    "resume": (
        [given("2026-04-16", "pause", timing="now"), given("2026-04-20", "resume")],
        "resumed",
    ),
    "cancel": ([given("2026-04-16", "cancel", timing="now")], "canceled"),
    "undo": (
        [
            given("2026-04-16", "cancel", timing="period_end"),
            given("2026-04-17", "undo", schedule_id="chg-4"),
        ],
        "withdrawn",
    ),
    "reactivate": (
        [given("2026-04-16", "cancel", timing="period_end"), given("2026-04-17", "reactivate")],
        "withdrawn",
    ),
    "buyer_closed_permission": (
        [given("2026-04-16", "buyer_closed_permission")],
        "permission_changed",
    ),
    "permission_not_chargeable": (
        [given("2026-04-16", "permission_not_chargeable", reason="PaymentMethodInvalid")],
        "permission_changed",
    ),
    "permission_chargeable": (
        [
            given("2026-04-16", "permission_not_chargeable", reason="PaymentMethodInvalid"),
            given("2026-04-17", "permission_chargeable"),
        ],
        "permission_changed",
    ),
    "permission_replaced": (
        [given("2026-04-16", "permission_replaced", permission_id="C00-2")],
        "permission_changed",
    ),
    "charge_succeeded": ([paid(1, "2026-05-01")], "cycle_paid"),
    "charge_declined": (
        [given("2026-05-01", "charge_declined", cycle=1, reason_code="SoftDeclined")],
        "cycle_declined",
    ),
    "dunning_ended": (
        [
            given("2026-05-01", "charge_declined", cycle=1, reason_code="SoftDeclined"),
            given("2026-05-08", "dunning_ended", outcome="cancel"),
        ],
        "canceled",
    ),
    "time_passed": (
        [given("2026-04-16", "cancel", timing="period_end"), given("2026-05-01", "time_passed")],
        "canceled",
    ),
}


def test_there_is_an_example_of_every_command():
    assert set(EVERY_COMMAND) == {command.kind for command in COMMANDS}


@pytest.mark.parametrize("kind", list(EVERY_COMMAND))
def test_every_command_can_be_given(kind):
    entries, expected = EVERY_COMMAND[kind]
    starts = entries[0]["command"]["kind"] == "create"
    found = ask("life", commands=entries if starts else [*JOINED, *entries])
    assert "error" not in found, found
    assert all("refused" not in step for step in found["commands"]), found["commands"]
    assert entries[-1]["command"]["kind"] == kind
    events = found["commands"][-1]["events"]
    if expected is not None:
        assert expected in {event["fact"]["kind"] for event in events}


def test_the_events_are_those_the_books_keep():
    found = lived(given("2026-04-16", "pause", timing="period_end", cycles=2))
    texts = [json.dumps(event) for step in found["commands"] for event in step["events"]]
    events = [event_from_json(text) for text in texts]
    assert [json.loads(event_to_json(event)) for event in events] == [json.loads(t) for t in texts]
    assert replay(events).sequence == found["subscription"]["sequence"] == 4


def test_a_refused_command_changes_nothing_and_the_next_is_tried():
    found = lived(
        given("2026-04-16", "resume"), given("2026-04-16", "change_plan", plan_code="large")
    )
    refused = found["commands"][2]["refused"]
    assert refused["code"] == "not_paused"
    assert refused["remedy"] in refused["words"]
    assert found["subscription"]["plan_code"] == "large"


def test_guards_hold_for_customers_and_staff_override_them_with_a_reason():
    down = {"plan_code": "small", "timing": "now"}
    large = [signed_up("large"), paid()]
    by_customer, silent, by_staff = ask(
        "life",
        commands=[
            *large,
            given("2026-04-16", "change_plan", **down),
            given("2026-04-16", "change_plan", "staff", **down),
            given("2026-04-16", "change_plan", "staff", "goodwill", **down),
        ],
    )["commands"][2:]
    assert by_customer["refused"]["code"] == "direction"
    assert silent["refused"]["code"] == "reason_needed"
    assert by_staff["events"][0]["overridden"] == ["direction"]
    assert by_staff["events"][0]["reason"] == "goodwill"


def test_a_policy_may_say_anything():
    policy = {
        "cutoff_days": 5,
        "now_after_deadline": False,
        "upgrade_timings": ["now"],
        "downgrade_timings": ["now", "period_end"],
        "cross_grade_timings": [],
        "downgrade_in_minimum_term": True,
        "leave_early": "for_fee",
        "refunds": ["none", "prorated"],
        "quantity_min": 1,
        "quantity_max": 3,
        "trial_again_after_days": None,
        "skip_cycles_max": 1,
        "pause_days_max": 30,
        "schedule_days_max": None,
        "plan_change_while_canceling": "keep",
        "when_buyer_closes": "cancel_now",
        "when_not_chargeable": "pause",
    }
    found = lived(
        given("2026-04-16", "skip_cycles", count=2),
        given("2026-04-16", "change_quantity", quantity=4),
        given("2026-04-16", "buyer_closed_permission"),
        policy=policy,
    )
    codes = [step.get("refused", {}).get("code") for step in found["commands"][2:]]
    assert codes == ["limit", "quantity_limit", None]
    assert found["subscription"]["state"] == "canceled"


def test_the_price_list_fills_a_sign_up():
    value = ask("life", commands=[signed_up("term")])["subscription"]
    assert (value["price_ref"], value["interval"]) == ("term@1970-01-01", MONTH)
    assert value["cycles_owed"] == 6
    trial = ask("life", commands=[signed_up("trial")])["subscription"]
    assert trial["state"] == "trialing"
    assert trial["next_charge_on"] == "2026-04-15"  # 14 free days
    fixed = ask("life", commands=[signed_up("fixed")])["subscription"]
    assert fixed["anchor"]["day"] == 27
    none = ask("life", commands=[signed_up("trial", trial_days=0)])["subscription"]
    assert none["trial"] is None


def test_a_trial_until_a_date_ends_on_the_day_after():
    plan = {**PRICES["plans"][0], "trial_until": "2026-04-30"}
    value = ask("life", catalogue={"plans": [plan]}, commands=[signed_up()])["subscription"]
    assert value["next_charge_on"] == "2026-05-01"


def test_without_a_price_list_a_command_says_everything():
    create = signed_up(price_ref="small@2026-01-01", interval=MONTH)
    change = given(
        "2026-04-16",
        "change_plan",
        replaces="small",
        plan_code="large",
        price_ref="large@2026-01-01",
        direction="upgrade",
        timing="now",
    )
    line = {"op": "life", "commands": [create, paid(), change], "coming_before": "2026-08-01"}
    found = answer(json.dumps(line))
    assert found["subscription"]["plan_code"] == "large"
    assert [each["on"] for each in found["coming"]] == ["2026-05-01", "2026-06-01", "2026-07-01"]


def test_a_life_may_be_empty():
    assert ask("life", commands=[]) == {"commands": [], "subscription": None}
    assert ask("life", commands=[], coming_before="2026-08-01")["coming"] == []
    (missing,) = ask("life", commands=[given("2026-04-01", "reactivate")])["commands"]
    assert missing["refused"]["code"] == "missing"


def test_charges_after_the_end_of_the_calendar_are_not_told():
    years = {"unit": "year", "count": 999}
    # 2026 + 7 × 999 = 9019 is the last start there is, so cycle 7 has no end.
    value = ask("life", commands=[signed_up(interval=years), *map(paid, range(8))])
    assert value["commands"][8]["refused"]["code"] == "beyond_calendar"
    assert "refused" not in value["commands"][7]


def test_an_instant_may_be_given():
    entry = {**signed_up(), "at": "2026-04-01T08:30:00+09:00"}
    (step,) = ask("life", commands=[entry])["commands"]
    assert step["events"][0]["at"] == "2026-03-31T23:30:00+00:00"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, 4, id="of six"),
        pytest.param({"cycles_done": 9}, 0, id="done"),
    ],
)
def test_the_minimum_term_by_numbers(changed, expected):
    assert ask("minimum_term", **changed) == {"cycles_left": expected}


def test_the_minimum_term_of_a_life():
    line = {"op": "minimum_term", "catalogue": PRICES, "commands": [signed_up("term"), paid()]}
    found = answer(json.dumps({**line, "on": "2026-07-02"}))
    assert found == {
        "minimum_cycles": 6,
        "cycles_done": 1,
        "cycles_left": 2,  # 1 paid, 1 May, 1 June and 1 July come before
        "free_to_leave_on": "2026-09-02",
    }
    late = answer(json.dumps({**line, "on": "2026-10-01"}))
    assert (late["cycles_left"], late["free_to_leave_on"]) == (0, "2026-10-01")


def test_a_paused_term_has_no_day_on_which_it_is_done():
    commands = [signed_up("term"), paid(), given("2026-04-16", "pause", timing="now")]
    line = {"op": "minimum_term", "catalogue": PRICES, "commands": commands, "on": "2026-07-02"}
    assert answer(json.dumps(line))["free_to_leave_on"] is None


@pytest.mark.parametrize(
    ("fee", "changed", "yen"),
    [
        pytest.param({"kind": "fixed", "yen": 5000}, {}, 5000, id="fixed"),
        # 4 × 3,000 = 12,000, of which 12.5 %
        pytest.param({"kind": "remaining_percent", "percent": "12.5"}, {}, 1500, id="percent"),
        pytest.param({"kind": "remaining_capped", "most": 10000}, {}, 10000, id="capped"),
        pytest.param({"kind": "remaining_capped", "most": 50000}, {}, 12000, id="below the cap"),
        pytest.param({"kind": "fixed", "yen": 5000}, {"cycles_done": 6}, 0, id="term is done"),
        pytest.param(None, {}, 0, id="leaving is free"),
        pytest.param(
            {"kind": "fixed", "yen": 5000}, {"agreed": "1970-01-01"}, 5000, id="by the agreed price"
        ),
    ],
)
def test_every_formula_of_leaving(fee, changed, yen):
    plan = {k: v for k, v in PRICES["plans"][4].items() if k != "cancellation_fee"}
    plan |= {"cancellation_fee": fee} if fee else {}
    found = ask("cancellation_fee", catalogue={"plans": [plan]}, **changed)
    assert found["fee"] == yen
    assert set(found["explain"]) == {"ja", "en"}


@pytest.mark.parametrize(
    ("op", "changed", "field"),
    [
        pytest.param("life", {"commands": {}}, "commands", id="commands as an object"),
        pytest.param("life", {"commands": [1]}, "commands[0]", id="a number"),
        pytest.param("life", {"policy": {"cutoff": 1}}, "policy.cutoff", id="policy key"),
        pytest.param("life", {"policy": {"cutoff_days": -1}}, "policy.cutoff_days", id="days < 0"),
        pytest.param(
            "life", {"policy": {"quantity_min": 5, "quantity_max": 4}}, "policy.quantity_max",
            id="policy contradicts itself",
        ),
        pytest.param(
            "life", {"policy": {"refunds": ["all"]}}, "policy.refunds[0]", id="policy word"
        ),
        pytest.param(
            "life", {"policy": {"now_after_deadline": 1}}, "policy.now_after_deadline", id="flag"
        ),
        pytest.param(
            "life", {"commands": [*JOINED, given("2026-03-31", "reactivate")]}, "commands[2].on",
            id="dates out of order",
        ),
        pytest.param(
            "life",
            {"commands": [*JOINED, {**given("2026-04-01", "reactivate"),
                                    "at": "2026-04-01T09:00:00+09:00"}]},
            "commands[2].at",
            id="instants out of order",
        ),
        pytest.param(
            "life", {"commands": [{**signed_up(), "at": "2026-04-01T09:00:00"}]}, "commands[0].at",
            id="an instant without offset",
        ),
        pytest.param("life", {"commands": [signed_up(on_dat=1)]}, "commands[0].command.on_dat",
                     id="unknown key"),
        pytest.param("life", {"commands": [signed_up(quantity=0)]}, "commands[0].command.quantity",
                     id="quantity 0"),
        pytest.param("life", {"commands": [signed_up(trial_days=1.0)]},
                     "commands[0].command.trial_days", id="float"),
        pytest.param("life", {"commands": [signed_up(coupons="tenth")]},
                     "commands[0].command.coupons", id="coupons as a text"),
        pytest.param("life", {"commands": [signed_up("lage")]}, "commands[0].command.plan_code",
                     id="no such plan"),
        pytest.param("life", {"commands": [signed_up("small", "2026-02-29")]}, "commands[0].on",
                     id="no such day"),
        pytest.param("life", {"commands": [signed_up(starts_on="9999-01-01")]},
                     "commands[0].command.starts_on", id="after the years"),
        pytest.param("life", {"commands": [{**signed_up(), "actor": "me"}]}, "commands[0].actor",
                     id="actor"),
        pytest.param("life", {"commands": [given("2026-04-01", "creat")]},
                     "commands[0].command.kind", id="no such command"),
        pytest.param("life", {"catalogue": {"plans": []}}, "catalogue.plans", id="price list"),
        pytest.param("life", {"coming_before": "soon"}, "coming_before", id="coming before"),
        pytest.param("minimum_term", {"cycles_done": -1}, "cycles_done", id="cycles below 0"),
        pytest.param("minimum_term", {"on": "2026-04-16"}, "on", id="a date without a life"),
        pytest.param("cancellation_fee", {"plan": "lage"}, "plan", id="plan of the fee"),
        pytest.param("cancellation_fee", {"quantity": 0}, "quantity", id="fee for none"),
        pytest.param("cancellation_fee", {"agreed": "2026-01-01"}, "plan", id="price agreed"),
    ],
)  # fmt: skip
def test_faults_name_their_path(op, changed, field):
    found = ask(op, **changed)
    assert set(found) == {"error"}, found
    assert found["error"]["field"].startswith(field)
    assert found["error"]["reason"]


@pytest.mark.parametrize(
    ("commands", "field"),
    [
        pytest.param([], "commands", id="nobody signed up"),
        pytest.param([*JOINED, given("2026-04-16", "resume")], "commands[2]", id="refused"),
    ],
)
def test_a_term_needs_a_life_that_was_lived(commands, field):
    line = {"op": "minimum_term", "catalogue": PRICES, "commands": commands, "on": "2026-04-16"}
    assert answer(json.dumps(line))["error"]["field"] == field


@pytest.mark.parametrize("op", list(GOOD))
def test_a_good_request_is_answered(op):
    assert "error" not in ask(op)
    assert "refused" not in ask(op)
