"""Errors of the ground floor: each names the field, its value, the rule and what to do.

PlansError
├── BadInput            a value that breaks a rule of the calendar, proration or lines
│   ├── BeyondCalendar  a date before year 1 or after year 9999
│   ├── CouponRefused   a coupon that may not be used here (in `coupons`)
│   ├── NotReplaceable  a plan that may not replace another (in `families`)
│   └── UsageRefused    a usage record that cannot count (in `usage`)
├── UnknownPlan         no plan of that code in the catalogue
├── UnknownOffer        no add-on or coupon of that code (in `catalogue`)
├── NoPriceYet          the plan has no price on that date
├── NoLongerSold        the plan's last price has ended (in `catalogue`)
├── CatalogueProblems   every fault of a price list at once (in `catalogue_file`)
└── ForbiddenTransition a subscription may not go from one state to the other
"""

from __future__ import annotations

__all__ = ["BadInput", "BeyondCalendar", "NoPriceYet", "PlansError", "UnknownPlan"]

# A hostile value (a number of a thousand digits) must not flood a log or a screen.
_SHOWN_CHARACTERS = 60


class PlansError(ValueError):
    """Anything the plans room refuses."""


class BadInput(PlansError):
    """A value that breaks a rule; `field` is the name of the argument that must change."""

    def __init__(self, *, field: str, value: object, rule: str, remedy: str) -> None:
        self.field = field
        self.value = value
        self.rule = rule
        self.remedy = remedy
        super().__init__(f"{field} {shown(value)}: {rule}; {remedy}")

    @property
    def reason(self) -> str:
        """Say rule and remedy without repeating the field's name."""
        return f"{self.rule}; {self.remedy} (got {shown(self.value)})"


class BeyondCalendar(BadInput):
    """A cycle would start after 9999-12-31, the last date that exists here."""


class UnknownPlan(PlansError):
    """The catalogue sells no plan of this code."""

    def __init__(self, *, plan_code: str, known: tuple[str, ...]) -> None:
        self.plan_code = plan_code
        self.known = known
        sold = ", ".join(known) or "none"
        super().__init__(
            f"plan {shown(plan_code)}: not in the catalogue; use one of: {sold}, "
            "or import a price list that has it"
        )


class NoPriceYet(PlansError):
    """The plan exists, but no price of it is valid on the date asked for."""

    def __init__(self, *, plan_code: str, on: object, first: object) -> None:
        self.plan_code = plan_code
        self.on = on
        super().__init__(
            f"plan {shown(plan_code)}: no price is valid on {on}, the first one starts on {first}; "
            "ask for a later date or import a price that is valid earlier"
        )


def shown(value: object) -> str:
    """Write a value for an error message, cut where it would flood the reader."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write integers of more than 4,300 digits.
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
