"""A situation from stored events is the one that the same life leaves step by step."""

import pytest
from quote_cases import CATALOGUE, FIRST, OPEN, asked, happen, instant, paid, signed_up, stranger

from billing.quotes import played
from plans import BadInput, PlansError, Replacement
from plans.lifecycle import Actor, AddAddOn, ChangePlan, ChargeSucceeded, Timing, decide, evolve


def _lived(*commands):
    """The events of commands, all given on the first day; the engine reports the charges."""
    events, was = [], None
    for command in commands:
        actor = Actor.ENGINE if isinstance(command, ChargeSucceeded) else Actor.CUSTOMER
        new = decide(was, command, actor=actor, reason="", at=instant(FIRST), on=FIRST, policy=OPEN)
        for event in new:
            was = evolve(was, event)
        events += new
    return events


def test_nothing_happened_yet():
    assert played(stranger(), []) == stranger()


@pytest.mark.parametrize(
    "coupons", [pytest.param((), id="full price"), pytest.param(("tenth",), id="discounted")]
)
def test_a_paid_cycle_buys_its_time(coupons):
    create = signed_up(coupons=coupons)
    by_events = played(stranger(), _lived(create, ChargeSucceeded(0)))
    step_by_step = paid(happen(stranger(), create, FIRST))
    assert by_events == step_by_step
    assert by_events.paid[0].time.paid_yen == (2700 if coupons else 3000)


def test_changes_are_settled_as_they_were_quoted():
    price = CATALOGUE.price_on("large", FIRST)
    up = ChangePlan("small", "large", "large@1970-01-01", Replacement.UPGRADE, Timing.NOW)
    commands = (AddAddOn("support"), up)
    by_events = played(stranger(), _lived(signed_up(), ChargeSucceeded(0), *commands))
    view = paid(happen(stranger(), signed_up(), FIRST))
    for command in commands:
        view = happen(view, command, FIRST)
    assert by_events == view
    assert by_events.paid[0].time.paid_yen == price.amount_yen
    assert asked(by_events, AddAddOn("snack")) == asked(view, AddAddOn("snack"))


def test_what_the_price_list_lacks_is_refused():
    events = _lived(signed_up(coupons=("none",)), ChargeSucceeded(0))
    with pytest.raises(PlansError, match="none"):
        played(stranger(), events)
    with pytest.raises(BadInput, match="sequence"):
        played(stranger(), events[1:])
