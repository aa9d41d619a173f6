"""A subscription's life out of a line: commands one after the other, or its stored events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from app.calc.catalogue_reading import dated
from app.calc.command_reading import read_command
from app.calc.reading import Input, Refusal
from app.calc.typed_reading import instant, located, read_as, written
from billing.quotes import QuoteRules
from plans import Catalogue, PlansError
from plans.lifecycle import (
    COMMANDS,
    Actor,
    Command,
    Event,
    Policy,
    Subscription,
    decide,
    evolve,
)

__all__ = [
    "Asked",
    "Step",
    "asked_at",
    "event_record",
    "events_of",
    "read_asked",
    "read_policy",
    "steps",
]

# Whoever may give a command and comes first here is taken to give it.
_USUAL_ACTORS = (Actor.CUSTOMER, Actor.AMAZON, Actor.ENGINE)
# Noon in Japan, where no instant is given: an instant that is that date nearly everywhere.
_NOON_IN_JAPAN = time(3)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and its circumstances."""

    command: Command
    actor: Actor
    reason: str
    at: datetime
    on: date
    quote_id: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one command brought: events, or why it was refused; and the subscription after it."""

    path: str
    events: tuple[Event, ...]
    refused: PlansError | None
    after: Subscription | None


def read_policy(request: Input) -> Policy:
    """Read `policy`, the merchant's rules; those that are left out keep their defaults."""
    return read_as(Policy, request.nested("policy")) if "policy" in request.values else Policy()


def steps(
    request: Input,
    *,
    policy: Policy,
    catalogue: Catalogue | None = None,
    rules: QuoteRules | None = None,
) -> list[Step]:
    """Carry out `commands` in order; a refused one changes nothing, and the next one is tried.

    Raises Refusal for what is no command, and for one that is older than the one before it.
    """
    found: list[Step] = []
    subscription: Subscription | None = None
    last: Asked | None = None
    for entry in request.nested_list("commands"):
        entry.only("command", "actor", "reason", "at", "on", "quote_id")
        last = _in_order(
            entry,
            read_asked(entry, subscription=subscription, catalogue=catalogue, rules=rules),
            last,
        )
        step = _step(entry.path, subscription, last, policy)
        subscription = step.after
        found.append(step)
    return found


def events_of(
    request: Input, *, policy: Policy, catalogue: Catalogue, rules: QuoteRules
) -> tuple[Event, ...]:
    """Read a subscription that is told by `commands` or by `events`; none of them is refused."""
    request.only("commands", "events")
    if "events" in request.values:
        return _stored(request)
    found: list[Event] = []
    for step in steps(request, policy=policy, catalogue=catalogue, rules=rules):
        if step.refused is not None:
            raise Refusal(step.path, f"is refused: {step.refused}")
        found.extend(step.events)
    if not found:
        raise Refusal(request.at("commands"), "begins with a command of the kind create")
    return tuple(found)


def read_asked(
    entry: Input,
    *,
    subscription: Subscription | None,
    catalogue: Catalogue | None,
    rules: QuoteRules | None,
) -> Asked:
    """Read a command, who gives it, and when; `at` left out is noon in Japan."""
    on = dated(entry, "on")
    command = read_command(
        entry.nested("command"), on=on, subscription=subscription, catalogue=catalogue, rules=rules
    )
    actors = COMMANDS[type(command)].actors
    usual = next(actor for actor in _USUAL_ACTORS if actor in actors)
    quote_id = entry.values.get("quote_id")
    return Asked(
        command=command,
        actor=entry.choice("actor", Actor, usual),
        reason=entry.text("reason", default=""),
        at=asked_at(entry, on),
        on=on,
        quote_id=None if quote_id is None else entry.text("quote_id"),
    )


def asked_at(entry: Input, on: date) -> datetime:
    """Read the instant `at`, or take noon in Japan."""
    if "at" not in entry.values:
        return datetime.combine(on, _NOON_IN_JAPAN, UTC)
    return instant(entry, "at")


def event_record(event: Event) -> dict[str, Any]:
    """Write an event in the shape that the books keep."""
    return {"v": Event.version, **written(event)}


def _in_order(entry: Input, asked: Asked, last: Asked | None) -> Asked:
    for key, now, before in (
        ()
        if last is None
        else (
            ("on", asked.on, last.on),
            ("at", asked.at, last.at),
        )
    ):
        if now < before:
            raise Refusal(entry.at(key), f"lies before that of the command before it, {before}")
    return asked


def _step(path: str, was: Subscription | None, asked: Asked, policy: Policy) -> Step:
    try:
        events = decide(
            was,
            asked.command,
            actor=asked.actor,
            reason=asked.reason,
            at=asked.at,
            on=asked.on,
            policy=policy,
            quote_id=asked.quote_id,
        )
        after = was
        for event in events:
            after = evolve(after, event)
    except PlansError as refused:
        return Step(path, (), refused, was)
    return Step(path, events, None, after)


def _stored(request: Input) -> tuple[Event, ...]:
    """Read stored events, in order and without a gap."""
    if not request.nested_list("events"):
        raise Refusal(request.at("events"), "begins with the event that created the subscription")
    subscription: Subscription | None = None
    found: list[Event] = []
    for entry in request.nested_list("events"):
        if entry.whole("v") != Event.version:
            raise Refusal(entry.at("v"), f"this program reads version {Event.version} of events")
        fields = {key: value for key, value in entry.values.items() if key != "v"}
        event = read_as(Event, Input(fields, entry.path))
        with located(entry.path):
            subscription = evolve(subscription, event)
        found.append(event)
    return tuple(found)
