"""A small stage for the life-cycle tests: a subscription, a day, and what people say to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from plans import Interval, Unit
from plans.lifecycle import (
    Actor,
    ChargeSucceeded,
    Command,
    Create,
    Event,
    Fact,
    Policy,
    Subscription,
    TimePassed,
    charge_on,
    decide,
    evolve,
    next_due,
)

MONTHLY = Interval(Unit.MONTH, 1)
YEARLY = Interval(Unit.YEAR, 1)
SIGN_UP = date(2026, 1, 31)

ENGINE_REPORTS = frozenset({"ChargeSucceeded", "ChargeDeclined", "DunningEnded", "TimePassed"})
AMAZON_SAYS = frozenset(
    {"BuyerClosedPermission", "PermissionNotChargeable", "PermissionChargeable"}
)


def a_plan(starts_on: date = SIGN_UP, /, **terms) -> Create:
    """Plan `basic`, monthly from 31 January 2026, consent given, unless told otherwise."""
    given = {
        "id": "sub-1",
        "plan_code": "basic",
        "price_ref": "basic@1",
        "interval": MONTHLY,
        "starts_on": starts_on,
        "permission_id": "C00-1",
        **terms,
    }
    return Create(**given)


@dataclass
class Stage:
    """A subscription through its events; `on` is the merchant's date (noon in Japan)."""

    on: date = SIGN_UP
    policy: Policy = field(default_factory=Policy)
    events: list[Event] = field(default_factory=list)
    now: Subscription | None = None

    @classmethod
    def begun(cls, policy: Policy | None = None, /, **terms) -> Stage:
        """Create it on its first day; what it costs then is not charged yet."""
        command = a_plan(**terms)
        stage = cls(on=command.starts_on, policy=policy or Policy())
        stage.say(command)
        return stage

    @classmethod
    def active(cls, policy: Policy | None = None, /, **terms) -> Stage:
        """Create it and pay the first cycle."""
        stage = cls.begun(policy, **terms)
        stage.say(ChargeSucceeded(0))
        return stage

    @property
    def sub(self) -> Subscription:
        assert self.now is not None
        return self.now

    def say(self, command: Command, **circumstances) -> tuple[Fact, ...]:
        """Decide a command as the actor it is made for, and apply its events."""
        events = self.ask(command, **circumstances)
        for event in events:
            self.now = evolve(self.now, event)
        self.events += events
        return tuple(event.fact for event in events)

    def ask(self, command: Command, *, actor: Actor | None = None, reason: str = "test", **more):
        """Decide a command without applying anything."""
        return decide(
            self.now,
            command,
            actor=actor or speaker(command),
            reason=reason,
            at=instant(self.on),
            on=self.on,
            policy=self.policy,
            **more,
        )

    def staff(self, command: Command, reason: str = "agreed on the phone") -> tuple[Fact, ...]:
        """Say it as staff."""
        return self.say(command, actor=Actor.STAFF, reason=reason)

    def until(self, on: date, *, pays: bool = True) -> Stage:
        """Let time pass up to `on`, as the engine would: each due day, first what waits for it."""
        while (day := self._next_day(pays)) is not None and day <= on:
            self.on = max(self.on, day)
            self.day(pays=pays)
        self.on = on
        return self

    def _next_day(self, pays: bool) -> date | None:
        charge = charge_on(self.sub) if pays and self.sub.chargeable else None
        return min((day for day in (next_due(self.sub), charge) if day), default=None)

    def day(self, *, pays: bool = True) -> None:
        """Do what the engine does on one day."""
        if self.sub.state.value == "canceled":
            return
        self.say(TimePassed())
        due = charge_on(self.sub)
        if pays and self.sub.chargeable and due is not None and due <= self.on:
            self.say(ChargeSucceeded(self.sub.next_cycle))

    @property
    def waiting(self) -> Sequence[tuple[str, date]]:
        """Kinds and dates of what waits."""
        return [(entry.change.kind, entry.on) for entry in self.sub.queue]


def speaker(command: Command) -> Actor:
    """The actor a command is made for."""
    name = type(command).__name__
    if name in ENGINE_REPORTS:
        return Actor.ENGINE
    return Actor.AMAZON if name in AMAZON_SAYS else Actor.CUSTOMER


def instant(on: date) -> datetime:
    """Noon in Japan on a date, in UTC."""
    return datetime.combine(on, time(3), UTC)
