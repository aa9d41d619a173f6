"""Which plans may replace each other, and which way is up.

A family ranks plans from the smallest to the largest; plans of one rank are equals, as the
monthly and the yearly price of the same thing. Without any family every plan may replace every
other, and the yearly amount says which way is up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from plans.calendar import Interval, Unit
from plans.catalogue.bounds import check_code, check_date
from plans.catalogue.canonical import canonical_hash, fields_given
from plans.catalogue.prices import Price
from plans.errors import BadInput

__all__ = ["NotReplaceable", "PlanFamily", "Replacement", "rank_cycle", "replacement"]


class Replacement(StrEnum):
    """What a change from one plan to another is."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    CROSS_GRADE = "cross_grade"  # to an equal, usually with another interval


@dataclass(frozen=True, slots=True)
class PlanFamily:
    """Plans that may replace each other, from `valid_from` on; `ranks` ascend."""

    section: ClassVar[str] = "families"
    code: str
    valid_from: date
    ranks: tuple[frozenset[str], ...]

    def __post_init__(self) -> None:
        check_code("code", self.code)
        check_date("valid_from", self.valid_from)
        if not self.ranks or not all(self.ranks):
            raise BadInput(
                field="plans",
                value=self.code,
                rule="a family has ranks, and each of them names a plan",
                remedy="take the empty rank out",
            )

    @property
    def content_hash(self) -> str:
        """Fingerprint the terms (64 hex digits)."""
        return canonical_hash("family-v1", fields_given(self))

    @property
    def plans(self) -> frozenset[str]:
        """All plans of the family."""
        return frozenset().union(*self.ranks)

    def rank(self, plan_code: str) -> int | None:
        """Give the rank of a plan from 0 up, or None when it is no member."""
        ranked = (index for index, codes in enumerate(self.ranks) if plan_code in codes)
        return next(ranked, None)


class NotReplaceable(BadInput):
    """No family holds both plans, so one may not replace the other."""


def replacement(*, families: Sequence[PlanFamily], old: Price, new: Price) -> Replacement:
    """Say what replacing one price by another is; raises NotReplaceable.

    `families` are those in force on the day of the change. Prices of one plan are equals.
    """
    if old.plan_code == new.plan_code:
        return Replacement.CROSS_GRADE
    if not families:
        return _direction(_yearly(old), _yearly(new))
    for family in families:
        low, high = family.rank(old.plan_code), family.rank(new.plan_code)
        if low is not None and high is not None:
            return _direction(Fraction(low), Fraction(high))
    raise _not_replaceable(families, old.plan_code, new.plan_code)


def rank_cycle(families: Sequence[PlanFamily]) -> tuple[frozenset[str], ...]:
    """Find plans each of which would be below the next, and the first one last; () when none.

    Two families may share plans, but must agree which of them is the larger; each entry holds a
    plan and those that some family calls its equals.
    """
    equals = _equals(families)
    above: dict[str, set[str]] = {}
    for family in families:
        for lower, higher in zip(family.ranks, family.ranks[1:], strict=False):
            for code in lower:
                above.setdefault(min(equals[code]), set()).update(min(equals[c]) for c in higher)
    return tuple(equals[code] for code in _find_cycle(above))


def _equals(families: Iterable[PlanFamily]) -> dict[str, frozenset[str]]:
    """Give every plan with all that stand in one rank with it, through any number of families."""
    found: dict[str, frozenset[str]] = {}
    for family in families:
        for rank in family.ranks:
            together = rank.union(*(found.get(code, rank) for code in rank))
            found.update(dict.fromkeys(together, together))
    return found


def _find_cycle(above: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Peel off what nothing lies above; what remains holds a cycle, and is walked until it closes.

    No recursion: a family may rank a thousand plans.
    """
    left = {code: set(higher) for code, higher in above.items()}
    while tops := [code for code, higher in left.items() if not higher & left.keys()]:
        for code in tops:
            del left[code]
    if not left:
        return ()
    walk = [min(left)]
    while walk.count(walk[-1]) == 1:
        walk.append(min(left[walk[-1]] & left.keys()))
    return tuple(walk[walk.index(walk[-1]) :])


def _direction(old: Fraction, new: Fraction) -> Replacement:
    if old == new:
        return Replacement.CROSS_GRADE
    return Replacement.UPGRADE if new > old else Replacement.DOWNGRADE


def _yearly(price: Price) -> Fraction:
    return price.amount_yen * _cycles_a_year(price.interval)


def _cycles_a_year(interval: Interval) -> Fraction:
    per_year = {Unit.YEAR: 1, Unit.MONTH: 12, Unit.DAY: 365}
    if interval.unit is Unit.WEEK:
        return Fraction(365, 7 * interval.count)
    return Fraction(per_year[interval.unit], interval.count)


def _not_replaceable(families: Sequence[PlanFamily], old: str, new: str) -> NotReplaceable:
    others = {code for family in families if old in family.plans for code in family.plans} - {old}
    return NotReplaceable(
        field="plan",
        value=new,
        rule=f"no family of plans holds both {old!r} and {new!r}",
        remedy=f"choose one of {', '.join(sorted(others)) or '(none)'}, or cancel and sign up anew",
    )
