"""Who decides when, and under which rules: what every decision is given beside its command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from plans.lifecycle.policy import Policy
from plans.lifecycle.refusals import WrongMoment
from plans.lifecycle.values import Actor

__all__ = ["Context"]

# No place on earth is further from UTC than this.
_WEST, _EAST = timedelta(hours=-12), timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of a command; refuses a date that no time zone has at that instant."""

    actor: Actor
    reason: str
    at: datetime
    on: date
    policy: Policy
    quote_id: str | None

    def __post_init__(self) -> None:
        if self.at.utcoffset() != timedelta(0):
            raise WrongMoment(
                field="at",
                value=self.at.isoformat(),
                rule="an instant is aware and in UTC",
                remedy="convert it to UTC",
            )
        if not (self.at + _WEST).date() <= self.on <= (self.at + _EAST).date():
            raise WrongMoment(
                field="on",
                value=self.on.isoformat(),
                rule=f"no place on earth has that date at {self.at.isoformat()}",
                remedy="give the merchant's civil date at that instant",
            )
