"""Laws of the life cycle, over random lives of random agreements."""

import os
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_cases import Stage
from lifecycle_moves import Move, agreements, command_of, customer_moves, kind_of, moves

from plans import TRANSITIONS, BadInput, PlansError, SubscriptionState
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    Canceled,
    ChangeQuantity,
    ChargeSucceeded,
    CyclePaid,
    Event,
    Paused,
    PauseInForce,
    Policy,
    Resumed,
    Scheduled,
    TimePassed,
    Timing,
    Undo,
    coming_charges,
    event_from_json,
    event_to_json,
    evolve,
    replay,
    why_not,
)

ENGINE_OR_AMAZON = {
    "TimePassed": Actor.ENGINE,
    "ChargeDeclined": Actor.ENGINE,
    "DunningEnded": Actor.ENGINE,
    "BuyerClosedPermission": Actor.AMAZON,
    "PermissionNotChargeable": Actor.AMAZON,
    "PermissionChargeable": Actor.AMAZON,
}


def lives(steps=moves, most=12):
    return st.tuples(agreements, st.lists(steps, max_size=most))


def begun(agreement, policy: Policy | None = None) -> Stage | None:
    try:
        return Stage.begun(policy or Policy(), **agreement)
    except BadInput:
        return None  # the calendar refuses some anchors


def step(stage: Stage, move: Move, *, pays: bool = True) -> bool:
    """Let the days of a move pass and say it; whether it was carried out."""
    stage.until(stage.on + timedelta(days=move.days), pays=pays)
    command = command_of(move, stage)
    try:
        stage.say(command, actor=ENGINE_OR_AMAZON.get(type(command).__name__, move.actor))
    except PlansError:
        return False
    return True


def live(life, **how) -> Stage | None:
    agreement, steps = life
    stage = begun(agreement, how.pop("policy", None))
    for move in steps if stage else []:
        step(stage, move, **how)
    return stage


@given(lives())
def test_no_life_leaves_the_state_graph_or_the_table(life):
    agreement, steps = life
    stage = begun(agreement)
    for move in steps if stage else []:
        stage.until(stage.on + timedelta(days=move.days))
        before, kind = stage.sub.state, kind_of(move, stage)
        if step(stage, replace(move, days=0)):
            assert why_not(kind, before) is None
    states = states_of(stage.events) if stage else []
    for old, new in pairwise(states):
        assert new is old or new in TRANSITIONS[old]


@given(lives())
def test_events_replay_to_the_same_value_and_survive_json(life):
    stage = live(life)
    if stage is None:
        return
    assert replay(stage.events) == stage.sub
    assert [event.sequence for event in stage.events] == list(range(1, len(stage.events) + 1))
    read = [event_from_json(event_to_json(event)) for event in stage.events]
    assert read == stage.events
    assert replay(read) == stage.sub


@given(lives())
def test_a_cycle_number_is_paid_once_and_numbers_rise(life):
    stage = live(life)
    facts = [event.fact for event in stage.events] if stage else []
    paid = [fact.cycle for fact in facts if isinstance(fact, CyclePaid)]
    assert all(later > earlier for earlier, later in pairwise(paid))


@given(lives())
def test_cycles_are_paid_in_the_order_of_their_days(life):
    stage = live(life)
    for (_, earlier), (_, later) in pairwise(paid_periods(stage.events if stage else [])):
        assert earlier.start < earlier.end
        assert later.start < later.end
        # Equal only when a change restarts the calendar on the very day a cycle began.
        assert later.start >= earlier.start


@given(lives())
def test_banked_days_are_given_back_once_and_never_exceed_the_paid(life):
    stage = live(life)
    pause: PauseInForce | None = None
    before = None
    for event in stage.events if stage else []:
        match event.fact:
            case Paused(pause=pause):
                ahead = before.paid_through - pause.began_on if before.paid_through else None
                assert pause.banked_days in (0, max(0, ahead.days) if ahead else 0)
            case CyclePaid(banked_days=days) if pause is not None:
                pause = replace(pause, banked_days=pause.banked_days + days)
            case Resumed(served_days=served, credit_days=credit, open_days=opened) as resumed:
                assert served + credit == pause.banked_days
                assert min(served, credit, opened) >= 0
                pause = None
                assert resumed.next_cycle >= before.next_cycle
            case Canceled(unused_days=unused):
                assert unused >= 0
                pause = None
        before = evolve(before, event)


@given(lives())
def test_canceled_is_final(life):
    states = states_of(stage.events) if (stage := live(life)) else []
    if SubscriptionState.CANCELED in states:
        assert states.index(SubscriptionState.CANCELED) == len(states) - 1


@given(lives(), moves)
def test_undo_gives_back_the_value_before(life, move):
    stage = live(life)
    if stage is None or stage.sub.state is SubscriptionState.CANCELED:
        return
    before = stage.sub
    facts = stage.say(TimePassed())
    before = stage.sub
    if not step(stage, replace(move, days=0, actor=Actor.STAFF)):
        return
    facts = [event.fact for event in stage.events[before.sequence :]]
    if len(facts) == 1 and isinstance(facts[0], Scheduled):
        stage.staff(Undo(facts[0].entry.id))
        assert replace(stage.sub, sequence=before.sequence) == before


@given(agreements, st.permutations(range(5)), st.integers(1, 60))
def test_changes_of_one_date_that_commute_give_one_result(agreement, order, days):
    first, second = begun(agreement), begun(agreement)
    if first is None or second is None:
        return
    due = first.on + timedelta(days=days)
    at = {"timing": Timing.ON_DATE, "on_date": due}
    asked = [
        ChangeQuantity(3, **at),
        AddAddOn("a", 2, **at),
        AddAddOn("b", 1, **at),
        AddCoupon("x", **at),
        AddCoupon("y", **at),
    ]
    for stage, numbers in ((first, range(5)), (second, order)):
        stage.say(ChargeSucceeded(0))
        for number in numbers:
            stage.staff(asked[number])
        stage.until(due)
    assert first.sub == second.sub


@given(lives(customer_moves, most=8))
def test_customers_never_shorten_the_minimum_term(life):
    agreement, _ = life
    stage = live(life)
    if stage is None:
        return
    paid = sum(1 for event in stage.events if isinstance(event.fact, CyclePaid))
    if stage.sub.state is SubscriptionState.CANCELED and paid:
        assert paid >= agreement["minimum_cycles"]


@given(lives(customer_moves, most=8))
def test_what_is_forecast_is_what_is_charged(life):
    stage = live(life)
    if stage is None:
        return
    # What is due today is told first, as the engine does before it looks ahead.
    if stage.sub.state is not SubscriptionState.CANCELED:
        stage.day()
    last = stage.on + timedelta(days=70)
    forecast = [cycle for cycle, _ in coming_charges(stage.sub, before=last + timedelta(days=1))]
    known = len(stage.events)
    stage.until(last)
    paid = [each.fact.cycle for each in stage.events[known:] if isinstance(each.fact, CyclePaid)]
    assert paid == forecast


@given(lives(most=6))
def test_a_late_engine_comes_to_the_same_agreement(life):
    """An outage between two charges changes nothing: what waited is applied by its own date."""
    stage = live(life)
    if stage is None or stage.sub.state is SubscriptionState.CANCELED:
        return
    late = Stage(stage.on, stage.policy, list(stage.events), stage.sub)
    last = stage.on + timedelta(days=25)
    while stage.on < last:
        stage.on += timedelta(days=1)
        stage.day(pays=False)
    late.on = last
    late.say(TimePassed())
    assert replace(late.sub, sequence=0) == replace(stage.sub, sequence=0)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
def test_no_result_depends_on_the_machines_time_zone(zone, monkeypatch):
    def told() -> list[str]:
        stage = Stage.active(trial_days=0)
        stage.staff(AddAddOn("a"))
        stage.until(stage.on + timedelta(days=120))
        return [event_to_json(event) for event in stage.events]

    here = told()
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        assert told() == here
    finally:
        monkeypatch.undo()
        time.tzset()


def states_of(events: list[Event]) -> list[SubscriptionState]:
    states, value = [], None
    for event in events:
        value = evolve(value, event)
        states.append(value.state)
    return states


def paid_periods(events: list[Event]):
    facts = [event.fact for event in events if isinstance(event.fact, CyclePaid)]
    assert not [cycle for cycle, times in Counter(f.cycle for f in facts).items() if times > 1]
    return [(fact.cycle, fact.period) for fact in facts]
