"""What a bulk move is to do to each agreement, and when; kept with the job as its terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from plans import BadInput

__all__ = ["MoveTerms", "MoveWhat", "MoveWhen"]

MOST_SEATS = 999_999


class MoveWhat(StrEnum):
    """What changes."""

    PLAN = "plan"
    NEWEST_PRICE = "newest_price"
    QUANTITY = "quantity"


class MoveWhen(StrEnum):
    """When it takes effect."""

    NOW = "now"
    RENEWAL = "renewal"
    FROM = "from"  # the first renewal on a day or after it


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTerms:
    """The wish of a bulk move; raises `BadInput` for one that says too little.

    A dearer one needs `notice_days` between today and the day it takes effect, unless the
    customers have `agreed`. `sets_aside` lets it pass a minimum term or a deadline, as a person
    may for one agreement; `reason` is kept in the history of each.
    """

    what: MoveWhat
    when: MoveWhen
    plan: str = ""
    quantity: int = 0
    from_day: date | None = None
    reason: str
    agreed: bool = False
    sets_aside: bool = False
    notice_days: int = 0

    def __post_init__(self) -> None:
        if self.what is MoveWhat.PLAN and not self.plan:
            raise _missing("to_plan", "a move to another plan names that plan")
        if self.what is MoveWhat.QUANTITY and not 1 <= self.quantity <= MOST_SEATS:
            raise _missing("quantity", f"seats are a whole number from 1 to {MOST_SEATS:,}")
        if self.when is MoveWhen.FROM and self.from_day is None:
            raise _missing("from_day", "a move from a day on names that day")
        if not self.reason.strip():
            raise _missing("reason", "what changes many agreements has a reason")

    def facts(self) -> dict[str, Any]:
        """As a job keeps them."""
        return {
            "what": str(self.what),
            "when": str(self.when),
            "plan": self.plan,
            "quantity": self.quantity,
            "from_day": None if self.from_day is None else self.from_day.isoformat(),
            "reason": self.reason,
            "agreed": self.agreed,
            "sets_aside": self.sets_aside,
            "notice_days": self.notice_days,
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> MoveTerms:
        """Read what `facts` wrote; what a job keeps beside it is left alone."""
        day = facts["from_day"]
        return cls(
            what=MoveWhat(facts["what"]),
            when=MoveWhen(facts["when"]),
            plan=facts["plan"],
            quantity=facts["quantity"],
            from_day=None if day is None else date.fromisoformat(day),
            reason=facts["reason"],
            agreed=facts["agreed"],
            sets_aside=facts["sets_aside"],
            notice_days=facts["notice_days"],
        )


def _missing(field: str, rule: str) -> BadInput:
    return BadInput(field=field, value="", rule=rule, remedy="fill it in")
