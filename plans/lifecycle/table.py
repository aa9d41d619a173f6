"""The one table of the life cycle: which command is possible in which state, and who gives it.

A cell is empty when the command is possible, or holds the code of why it is not. Further rules
(dates, counts, what waits already) are the deciders'; nothing is possible that this table forbids.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from plans.lifecycle import commands as c
from plans.lifecycle.refusals import NotForThisActor, NotInThisState
from plans.lifecycle.states import SubscriptionState
from plans.lifecycle.values import Actor

__all__ = ["COMMANDS", "WHY", "check_possible", "render_reasons", "render_table", "why_not"]

_S = SubscriptionState

_PEOPLE = frozenset({Actor.CUSTOMER, Actor.STAFF})
_ENGINE = frozenset({Actor.ENGINE})
# Notifications are Amazon's voice, polling is the engine's, and staff may type in what they saw.
_HEARD = frozenset({Actor.AMAZON, Actor.ENGINE, Actor.STAFF})
_CONSENT = frozenset(Actor)

# Code → rule and remedy.
WHY: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "missing": ("there is no such subscription yet", "create it first"),
        "exists": ("the subscription exists already", "use another id for another agreement"),
        "not_begun": (
            "service has not begun",
            "wait for its first day, or cancel and sign up anew",
        ),
        "in_trial": ("the trial is running", "move the end of the trial, or cancel"),
        "no_trial": ("no trial is running", "nothing needs to be done"),
        "payment_open": ("a cycle is not paid", "settle the open payment first"),
        "paused": ("it is paused", "resume it first, or move the date it resumes on"),
        "not_paused": ("it is not paused", "nothing needs to be done"),
        "no_payment_open": ("no payment is open", "nothing needs to be done"),
        "final": ("it is canceled, and that is final", "sign up anew: `successor` gives the terms"),
    }
)


class Rule(NamedTuple):
    """One line of the table: who may give the command, and the states that forbid it, with why."""

    actors: frozenset[Actor]
    forbidden: Mapping[SubscriptionState, str]


def _rule(
    actors: frozenset[Actor],
    *,
    pending: str = "",
    trialing: str = "",
    active: str = "",
    past_due: str = "",
    paused: str = "",
    canceled: str = "final",
) -> Rule:
    codes = {
        _S.PENDING: pending,
        _S.TRIALING: trialing,
        _S.ACTIVE: active,
        _S.PAST_DUE: past_due,
        _S.PAUSED: paused,
        _S.CANCELED: canceled,
    }
    return Rule(actors, MappingProxyType({state: code for state, code in codes.items() if code}))


_NEW = _rule(
    frozenset({Actor.CUSTOMER, Actor.STAFF, Actor.ENGINE}),
    pending="exists",
    trialing="exists",
    active="exists",
    past_due="exists",
    paused="exists",
    canceled="exists",
)
_TRIAL = _rule(
    _PEOPLE, pending="not_begun", active="no_trial", past_due="no_trial", paused="no_trial"
)
_TERMS = _rule(_PEOPLE, pending="not_begun", past_due="payment_open")
_DATES = _rule(
    _PEOPLE, pending="not_begun", trialing="in_trial", past_due="payment_open", paused="paused"
)
_ALWAYS = _rule(_PEOPLE)

COMMANDS: Mapping[type[c.Command], Rule] = MappingProxyType(
    {
        c.Create: _NEW,
        c.EndTrialEarly: _TRIAL,
        c.ExtendTrial: _TRIAL,
        c.ChangePlan: _TERMS,
        c.ChangeQuantity: _TERMS,
        c.AddAddOn: _TERMS,
        c.ChangeAddOn: _TERMS,
        c.RemoveAddOn: _TERMS,
        c.AddCoupon: _TERMS,
        c.RemoveCoupon: _TERMS,
        c.SkipCycles: _DATES,
        c.ChangeNextDate: _DATES,
        c.ChangeAnchor: _DATES,
        c.Pause: _DATES,
        c.Resume: _rule(
            _PEOPLE,
            pending="not_paused",
            trialing="not_paused",
            active="not_paused",
            past_due="not_paused",
        ),
        c.Cancel: _ALWAYS,
        c.Undo: _ALWAYS,
        c.Reactivate: _ALWAYS,
        c.BuyerClosedPermission: _rule(_HEARD),
        c.PermissionNotChargeable: _rule(_HEARD),
        c.PermissionChargeable: _rule(_HEARD),
        c.PermissionReplaced: _rule(_CONSENT),
        c.ChargeSucceeded: _rule(_ENGINE),
        c.ChargeDeclined: _rule(_ENGINE),
        c.DunningEnded: _rule(
            _ENGINE, trialing="no_payment_open", active="no_payment_open", paused="no_payment_open"
        ),
        c.TimePassed: _rule(_ENGINE),
    }
)


def why_not(command: type[c.Command], state: SubscriptionState | None) -> str | None:
    """Give the code of why a command is impossible in a state (None: no subscription yet)."""
    if state is None:
        return None if command is c.Create else "missing"
    return COMMANDS[command].forbidden.get(state)


def check_possible(
    command: type[c.Command], state: SubscriptionState | None, *, actor: Actor
) -> None:
    """Refuse what the table forbids; raises NotInThisState or NotForThisActor."""
    actors = COMMANDS[command].actors
    if actor not in actors:
        names = tuple(each.value for each in Actor if each in actors)
        raise NotForThisActor(command=command.__name__, actor=actor.value, allowed=names)
    code = why_not(command, state)
    if code is not None:
        rule, remedy = WHY[code]
        raise NotInThisState(
            code=code, command=command.__name__, state=state, rule=rule, remedy=remedy
        )


def render_table() -> str:
    """Write the table as Markdown, one line per command; `yes` where it is possible."""
    head = ["command", "given by", "none yet", *(state.value for state in _S)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for command, rule in COMMANDS.items():
        actors = ", ".join(each.value for each in Actor if each in rule.actors)
        cells = [why_not(command, state) or "**yes**" for state in (None, *_S)]
        lines.append("| " + " | ".join([f"`{command.__name__}`", actors, *cells]) + " |")
    return "\n".join(lines)


def render_reasons() -> str:
    """Write the reasons as Markdown, one line per code."""
    lines = ["| code | not possible because | what to do |", "|---|---|---|"]
    lines += [f"| `{code}` | {rule} | {remedy} |" for code, (rule, remedy) in WHY.items()]
    return "\n".join(lines)
