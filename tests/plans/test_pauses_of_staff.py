"""Who made a pause: a customer does not end one that staff made."""

from datetime import date

import pytest
from lifecycle_cases import Stage

from plans.lifecycle import (
    Actor,
    Cancel,
    ChargeDeclined,
    DunningEnded,
    DunningOutcome,
    GuardRefused,
    Pause,
    Reactivate,
    Resume,
    SkipCycles,
    TimePassed,
    Timing,
    event_from_json,
    event_to_json,
    replay,
)

FEB_10, FEB_20, APR_01 = date(2026, 2, 10), date(2026, 2, 20), date(2026, 4, 1)


def paused_by(actor: Actor, command=None) -> Stage:
    stage = Stage.active()
    stage.on = FEB_10
    stage.say(command or Pause(Timing.NOW), actor=actor)
    return stage


@pytest.mark.parametrize(
    "command", [Resume(), Resume(APR_01)], ids=["resume now", "resume on a date"]
)
def test_a_customer_does_not_end_a_pause_of_staff(command):
    stage = paused_by(Actor.STAFF)
    assert stage.sub.pause.by is Actor.STAFF
    with pytest.raises(GuardRefused) as refused:
        stage.say(command)
    assert (refused.value.code, refused.value.field) == ("not_yours", "pause")
    assert "ask the shop" in str(refused.value)


def test_staff_end_it_and_override_nothing():
    stage = paused_by(Actor.STAFF)
    stage.say(Resume(), actor=Actor.STAFF, reason="")
    assert stage.sub.state == "active"
    assert stage.events[-1].overridden == ()


@pytest.mark.parametrize("who", [Actor.CUSTOMER, Actor.STAFF])
def test_anybody_ends_a_pause_of_the_customer(who):
    stage = paused_by(Actor.CUSTOMER)
    assert stage.sub.pause.by is Actor.CUSTOMER
    stage.say(Resume(), actor=who)
    assert stage.sub.state == "active"


@pytest.mark.parametrize(
    "command",
    [Pause(Timing.ON_DATE, FEB_20), SkipCycles()],
    ids=["a pause that waited", "a skip"],
)
def test_what_waited_is_of_who_asked_for_it(command):
    stage = paused_by(Actor.STAFF, command)
    stage.on = stage.sub.queue[0].on
    stage.say(TimePassed())
    assert stage.sub.pause.by is Actor.STAFF
    with pytest.raises(GuardRefused) as refused:
        stage.say(Resume())
    assert refused.value.code == "not_yours"


def test_a_customer_may_still_leave():
    stage = paused_by(Actor.STAFF)
    stage.say(Cancel(Timing.NOW))
    assert stage.sub.state == "canceled"


def test_what_dunning_paused_a_customer_lifts_as_before():
    stage = Stage.active()
    stage.on = date(2026, 2, 28)
    stage.say(ChargeDeclined(1, "HardDeclined"))
    stage.say(DunningEnded(DunningOutcome.PAUSE))
    assert stage.sub.pause.by is Actor.ENGINE
    stage.say(Reactivate())
    assert stage.sub.state == "active"


def test_a_pause_of_older_books_is_anybodys():
    """Events of before this rule do not say who paused."""
    stage = paused_by(Actor.STAFF)
    texts = [event_to_json(each).replace(',"by":"staff"', "") for each in stage.events]
    texts = [text.replace('"by":"staff",', "") for text in texts]
    assert all('"by"' not in text for text in texts)
    stage.now = replay(map(event_from_json, texts))
    assert stage.sub.pause.by is None
    stage.say(Resume())
    assert stage.sub.state == "active"
