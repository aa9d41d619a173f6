"""What a checkout is for, as its row keeps it. Pure."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

__all__ = ["Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was chosen: of a sign-up plan, quantity, coupon and add-ons that recur, by their codes;
    else which subscription it is about.

    Empty texts stand for what was not chosen. Once agreed to, price and trial are named too, so
    that nothing that changes meanwhile changes what was agreed.
    """

    plan_code: str = ""
    quantity: int = 1
    coupon: str = ""
    subscription: str = ""
    price_ref: str = ""
    trial_days: int = 0
    trial_ends_on: date | None = None
    add_ons: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Canonical JSON."""
        said = asdict(self) | {
            "trial_ends_on": self.trial_ends_on and self.trial_ends_on.isoformat()
        }
        if not self.add_ons:  # as it was written before there were any
            del said["add_ons"]
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> "Wanted":
        """Read what `to_text` wrote."""
        said: dict[str, Any] = json.loads(text)
        day, add_ons = said.pop("trial_ends_on"), said.pop("add_ons", ())
        ends_on = date.fromisoformat(day) if day else None
        return cls(**said, trial_ends_on=ends_on, add_ons=tuple(add_ons))
