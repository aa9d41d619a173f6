"""Whatever a line about an agreement holds, it is answered, and its quote can be confirmed."""

import json
import random
from copy import deepcopy

import pytest
from calc_agreement_cases import (
    GOOD,
    JOINED,
    PRICES,
    given,
    later,
    places,
    signed_up,
    spoilt,
    without,
)
from hypothesis import HealthCheck, settings
from hypothesis import given as holds_for
from hypothesis import strategies as st

from app.calc import answer

# Values that reading, the calendar or the arithmetic might stumble over.
EDGES = st.sampled_from(
    [
        *(
            None,
            True,
            0,
            -1,
            1,
            10**4,
            10**7,
            10**16,
            10**30,
            1.5,
            float("nan"),
            "",
            [],
            {},
            "\ud800",
        ),
        *("0001-01-01", "1900-01-01", "2026-02-30", "2026-04-16", "2999-12-31", "9999-12-31"),
        *("2026-04-16T24:00:00Z", "now", "period_end", "on_date", "small", "year", "month", "day"),
        *("restart_cycle", "forfeit", "30", "last_day", "statute", "staff", "engine", "pause"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SPANS = (0, 1, 5, 16, 31, 45)
COMMANDS = {
    "end_trial_early": ["ends_on"],
    "extend_trial": ["ends_on"],
    "change_plan": ["plan_code", "timing", "on_date"],
    "change_quantity": ["quantity"],
    "add_add_on": ["code", "timing", "on_date"],
    "remove_add_on": ["code"],
    "add_coupon": ["coupon"],
    "skip_cycles": ["count"],
    "change_next_date": ["to"],
    "change_anchor": ["first_on"],
    "pause": ["timing", "on_date", "paid_days", "mode"],
    "resume": ["mode"],
    "cancel": ["timing", "on_date", "refund"],
    "reactivate": [],
    "permission_replaced": ["permission_id"],
    "buyer_closed_permission": [],
}
WORDS = {
    "plan_code": ["small", "large", "seats", "year", "term"],
    "timing": ["now", "period_end", "on_date"],
    "quantity": [1, 3],
    "code": ["phone"],
    "coupon": ["tenth"],
    "count": [1, 2],
    "paid_days": ["bank", "forfeit"],
    "mode": ["same_anchor", "restart"],
    "refund": ["none", "prorated", "full"],
    "permission_id": ["C00-2"],
}
RULES = {
    "change": {
        "effect": ["charge_now", "next_invoice", "restart_cycle", "none"],
        "negative": ["carry", "refund", "forfeit"],
    },
    "open_days": ["charge", "free"],
    "credit_at_end": ["refund", "forfeit"],
    "tax_rounding": ["floor", "half_up", "ceil"],
}


def drawn_command(draw, on):
    """A command that somebody might give on a day."""
    kind = draw.choice(list(COMMANDS))
    fields = {}
    for name in COMMANDS[kind]:
        if name in WORDS:
            fields["code" if name == "coupon" else name] = draw.choice(WORDS[name])
        else:
            fields[name] = later(on, draw.choice(SPANS))
    return given(on, kind, "staff", "why not", **fields)


def drawn_life(draw):
    """Commands and payments as they come, some of which will be refused; and the day after."""
    entries, on = [signed_up(draw.choice(["small", "large", "year", "term", "trial", "fixed"]))], ""
    on = entries[0]["on"]
    for cycle in range(draw.randrange(4)):
        entries.append(given(on, "charge_succeeded", cycle=cycle))
        on = later(on, draw.choice(SPANS))
        entries.append(drawn_command(draw, on))
        entries.append(given(on, "time_passed"))
    return entries, on


def drawn_rules(draw):
    """Some choice of the merchant for every setting."""
    return {
        name: {key: draw.choice(words) for key, words in choices.items()}
        if isinstance(choices, dict)
        else draw.choice(choices)
        for name, choices in RULES.items()
    }


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@holds_for(st.data())
def test_any_value_in_any_place_is_answered(data):
    request = deepcopy(data.draw(st.sampled_from(list(GOOD.values()))))
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from([each for each in places(request) if each] or [()]))
        if place and data.draw(st.booleans()):
            request = spoilt(request, place, data.draw(EDGES | JSON))
        elif place:
            request = without(request, place)
    found = answer(json.dumps(request))
    json.dumps(found)
    if "error" in found:
        assert set(found["error"]) == {"field", "reason"}


@pytest.mark.parametrize("seed", range(40))
def test_a_quote_about_any_life_is_refused_or_can_be_confirmed(seed):
    draw = random.Random(seed)
    entries, on = drawn_life(draw)
    lived = answer(json.dumps({"op": "life", "catalogue": PRICES, "commands": entries}))
    assert "error" not in lived, lived
    events = [event for step in lived["commands"] for event in step.get("events", [])]
    line = {
        **GOOD["quote"],
        "subscription": {"events": events},
        "rules": drawn_rules(draw),
        **drawn_command(draw, on),
    }
    found = answer(json.dumps(line))
    if "quote_id" in found:
        done = answer(json.dumps({**line, "confirm": {"quote_id": found["quote_id"]}}))
        assert done["good"] or done["refused"]["code"] == "cap"
    else:
        assert set(found) in ({"refused"}, {"error"}), found


def test_a_life_of_many_commands_is_quick_enough_to_wait_for():
    days = [later("2026-04-01", day) for day in range(300)]
    many = [given(on, "change_quantity", quantity=day % 7 + 1) for day, on in enumerate(days)]
    found = answer(json.dumps({**GOOD["life"], "commands": [*JOINED, *many]}))
    assert len(found["commands"]) == 302
