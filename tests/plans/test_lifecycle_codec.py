"""Events as JSON: exact, stable, and strict about what is read."""

import json
from dataclasses import replace
from datetime import date

import pytest
from lifecycle_cases import YEARLY, Stage

from plans import BadInput, Replacement
from plans.lifecycle import (
    AddAddOn,
    Cancel,
    ChangePlan,
    Pause,
    SkipCycles,
    Timing,
    Undo,
    event_from_json,
    event_to_json,
    evolve,
    replay,
)


def long_life() -> Stage:
    stage = Stage.active(coupons=("welcome",))
    stage.say(SkipCycles())
    stage.say(AddAddOn("a", 2, Timing.ON_DATE, date(2026, 4, 1)), quote_id="q-1")
    stage.say(Undo(stage.sub.queue[0].id))
    stage.staff(
        ChangePlan(
            *("basic", "pro", "pro@1", Replacement.CROSS_GRADE, Timing.PERIOD_END), interval=YEARLY
        )
    )
    stage.until(date(2026, 3, 5))
    stage.say(Pause(Timing.NOW, until=date(2026, 6, 1)), reason="海外出張")
    stage.until(date(2026, 7, 1))
    stage.staff(Cancel(Timing.NOW))
    return stage


STAGE = long_life()


@pytest.mark.parametrize("event", STAGE.events, ids=lambda event: event.fact.kind)
def test_round_trip(event):
    text = event_to_json(event)
    assert event_from_json(text) == event
    assert event_to_json(event_from_json(text)) == text


def test_the_books_make_the_value_again():
    assert replay(event_from_json(event_to_json(event)) for event in STAGE.events) == STAGE.sub


def test_a_stored_event_is_read_for_ever():
    """The stored form of version 1, written down: a change of it needs a new version."""
    stored = (
        '{"actor":"staff","at":"2026-02-10T03:00:00+00:00","fact":{"fee_yen":0,"kind":"canceled",'
        '"on":"2026-02-10","refund":"prorated","schedule_id":null,"unused_days":18},'
        '"on":"2026-02-10","overridden":["refund_not_offered"],"quote_id":"q-1",'
        '"reason":"解約","sequence":4,"subscription_id":"sub-1","v":1}'
    )
    event = event_from_json(stored)
    assert event_to_json(event) == stored
    assert event.fact.unused_days == 18


def broken(**changes) -> str:
    shape = json.loads(event_to_json(STAGE.events[-1]))
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = shape
        for parent in parents:
            target = target[parent]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return json.dumps(shape)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("{", "event", id="no JSON"),
        pytest.param("[]", "event", id="no object"),
        pytest.param(broken(v=2), "v", id="of the future"),
        pytest.param(broken(v=True), "v", id="odd version"),
        pytest.param(broken(sequence="7"), "event.sequence", id="text for a number"),
        pytest.param(broken(sequence=True), "event.sequence", id="truth for a number"),
        pytest.param(broken(sequence=1.0), "event.sequence", id="float"),
        pytest.param(broken(reason=...), "event.reason", id="missing"),
        pytest.param(broken(mood="good"), "event.mood", id="unknown"),
        pytest.param(broken(actor="robot"), "event.actor", id="actor"),
        pytest.param(broken(on="2026-02-30"), "event.on", id="no such date"),
        pytest.param(broken(at="2026-02-10T03:00:00"), "event.at", id="naive instant"),
        pytest.param(broken(overridden="x"), "event.overridden", id="no list"),
        pytest.param(broken(fact=None), "event.fact.kind", id="no fact"),
        pytest.param(broken(fact__kind="exploded"), "event.fact.kind", id="kind"),
        pytest.param(broken(fact__refund=1), "event.fact.refund", id="inner field"),
    ],
)
def test_what_is_not_an_event_is_refused(text, field):
    with pytest.raises(BadInput) as refused:
        event_from_json(text)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("events", "field"),
    [
        pytest.param([], "events", id="none"),
        pytest.param(STAGE.events[1:], "sequence", id="beginning lost"),
        pytest.param([STAGE.events[0], STAGE.events[2]], "sequence", id="gap"),
        pytest.param([STAGE.events[0], STAGE.events[0]], "sequence", id="twice"),
    ],
)
def test_books_with_gaps_are_refused(events, field):
    with pytest.raises(BadInput) as refused:
        replay(events)
    assert refused.value.field == field


def test_another_subscriptions_event_is_refused():
    first, second = STAGE.events[0], STAGE.events[1]
    stranger = replace(second, subscription_id="sub-2")
    with pytest.raises(BadInput, match="this is sub-1"):
        evolve(evolve(None, first), stranger)


def test_only_creation_comes_first_and_only_once():
    first, second = STAGE.events[0], STAGE.events[1]
    with pytest.raises(BadInput, match="creates it"):
        evolve(None, replace(first, fact=second.fact))
    with pytest.raises(BadInput, match="created once"):
        evolve(evolve(None, first), replace(first, sequence=2))
