"""Every state × every command: what the table allows is possible, what it forbids is refused."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from lifecycle_cases import Stage, a_plan, speaker
from support.house import ROOT

from plans import Replacement, SubscriptionState
from plans.lifecycle import (
    COMMANDS,
    WHY,
    Actor,
    AddAddOn,
    AddCoupon,
    BuyerClosedPermission,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    ChargeDeclined,
    ChargeSucceeded,
    DunningEnded,
    DunningOutcome,
    EndTrialEarly,
    ExtendTrial,
    NotForThisActor,
    NotInThisState,
    Pause,
    PermissionChargeable,
    PermissionNotChargeable,
    PermissionReplaced,
    Reactivate,
    Refused,
    RemoveAddOn,
    RemoveCoupon,
    Resume,
    SkipCycles,
    TimePassed,
    Timing,
    Undo,
    render_reasons,
    render_table,
    why_not,
)

PAGE = ROOT / "docs" / "life-of-a-subscription.md"
S = SubscriptionState

# The table written down a second time, on purpose: states in which each command is possible.
# p pending, t trialing, a active, d past due, z paused, n none yet.
POSSIBLE = {
    "Create": "n",
    "EndTrialEarly": "t",
    "ExtendTrial": "t",
    "ChangePlan": "taz",
    "ChangeQuantity": "taz",
    "AddAddOn": "taz",
    "ChangeAddOn": "taz",
    "RemoveAddOn": "taz",
    "AddCoupon": "taz",
    "RemoveCoupon": "taz",
    "SkipCycles": "a",
    "ChangeNextDate": "a",
    "ChangeAnchor": "a",
    "Pause": "a",
    "Resume": "z",
    "Cancel": "ptadz",
    "Undo": "ptadz",
    "Reactivate": "ptadz",
    "BuyerClosedPermission": "ptadz",
    "PermissionNotChargeable": "ptadz",
    "PermissionChargeable": "ptadz",
    "PermissionReplaced": "ptadz",
    "ChargeSucceeded": "ptadz",
    "ChargeDeclined": "ptadz",
    "DunningEnded": "pd",
    "TimePassed": "ptadz",
}
LETTER = {None: "n", S.PENDING: "p", S.TRIALING: "t", S.ACTIVE: "a", S.PAST_DUE: "d"} | {
    S.PAUSED: "z",
    S.CANCELED: "c",
}

# A command of each kind that fits the stages below wherever the table lets it pass.
LATER = date(2026, 3, 20)
SAMPLES = [
    a_plan(),
    EndTrialEarly(date(2026, 2, 20)),
    ExtendTrial(date(2026, 3, 31)),
    ChangePlan("basic", "pro", "pro@1", Replacement.UPGRADE, Timing.NOW),
    ChangeQuantity(7),
    AddAddOn("mail"),
    ChangeAddOn("phone", 2),
    RemoveAddOn("phone"),
    AddCoupon("spring"),
    RemoveCoupon("welcome"),
    SkipCycles(),
    ChangeNextDate(LATER),
    ChangeAnchor(LATER),
    Pause(Timing.NOW),
    Resume(),
    Cancel(Timing.NOW),
    Undo("chg-9"),
    Reactivate(),
    BuyerClosedPermission(),
    PermissionNotChargeable("PaymentMethodInvalid"),
    PermissionChargeable(),
    PermissionReplaced("C00-2"),
    ChargeSucceeded(0),
    ChargeDeclined(0, "HardDeclined"),
    DunningEnded(DunningOutcome.CANCEL),
    TimePassed(),
]
# Possible by the table, and refused here by a rule of its own, because this stage has no reason.
NOTHING_TO_DO = {
    "Undo": "unknown_schedule",
    "Reactivate": "already_done",
    "PermissionChargeable": "already_done",
}


def at_state(state: SubscriptionState | None) -> Stage:
    """A subscription in a state, on 10 February 2026, by way of its own commands."""
    if state is None:
        return Stage()
    trial = {"trial_days": 45} if state is S.TRIALING else {}
    stage = Stage.begun(coupons=("welcome",), **trial)
    if state not in (S.PENDING, S.TRIALING):
        stage.say(ChargeSucceeded(0))
    stage.on = date(2026, 2, 10)
    if state is not S.PENDING:
        stage.staff(AddAddOn("phone"))
    if state is S.PAST_DUE:
        stage.on = date(2026, 2, 28)
        stage.say(ChargeDeclined(1, "HardDeclined"))
    elif state is S.PAUSED:
        stage.staff(Pause(Timing.NOW))
    elif state is S.CANCELED:
        stage.staff(Cancel(Timing.NOW))
    return stage


def fitting(sample, stage):
    if isinstance(sample, ChargeSucceeded | ChargeDeclined) and stage.now is not None:
        return replace(sample, cycle=stage.sub.next_cycle)
    return sample


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
@pytest.mark.parametrize("state", [None, *S], ids=str)
def test_the_table_is_what_happens(state, sample):
    stage = at_state(state)
    name = type(sample).__name__
    actor = Actor.STAFF if Actor.STAFF in COMMANDS[type(sample)].actors else Actor.ENGINE
    command = fitting(sample, stage)
    if LETTER[state] not in POSSIBLE[name]:
        with pytest.raises(NotInThisState) as refused:
            stage.ask(command, actor=actor)
        assert refused.value.code in WHY
        assert refused.value.state is state
    elif name in NOTHING_TO_DO:
        with pytest.raises(Refused) as refused:
            stage.ask(command, actor=actor)
        assert refused.value.code == NOTHING_TO_DO[name]
    else:
        facts = stage.say(command, actor=actor)
        assert facts or name == "TimePassed"


def test_the_samples_and_the_second_table_cover_every_command():
    assert {type(sample) for sample in SAMPLES} == set(COMMANDS)
    assert set(POSSIBLE) == {command.__name__ for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_canceled_is_final(command):
    assert why_not(command, S.CANCELED) in ("final", "exists")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_only_some_may_give_a_command(sample):
    for actor in Actor:
        if actor not in COMMANDS[type(sample)].actors:
            with pytest.raises(NotForThisActor, match=f"actor '{actor.value}'"):
                at_state(S.ACTIVE).ask(sample, actor=actor)


def test_everybody_who_speaks_for_a_command_may_give_it():
    assert all(speaker(sample) in COMMANDS[type(sample)].actors for sample in SAMPLES)


@pytest.mark.parametrize("state", S, ids=str)
def test_the_stages_are_in_the_state_they_claim(state):
    assert at_state(state).sub.state is state


def test_every_reason_is_used():
    used = {why_not(command, state) for command, state in product(COMMANDS, [None, *S])}
    assert used - {None} == set(WHY)


def test_the_page_shows_this_table():
    page = PAGE.read_text(encoding="utf-8")
    for rendered in (render_table(), render_reasons()):
        assert rendered in page, f"put this into {PAGE.name}:\n{rendered}"
