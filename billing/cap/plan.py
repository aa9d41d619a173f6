"""Plan charges under the monthly cap of a charge permission before Amazon has to refuse them.

Earlier charges take their room first, and a moved charge takes its room before later ones are
looked at. What does not fit its month follows the merchant's rule: refuse, defer to the first
day with room, or split over months.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date
from enum import StrEnum

from plans import BadInput, BeyondCalendar, Month

__all__ = [
    "CapPart",
    "CapRule",
    "CapVerdict",
    "PlannedCharge",
    "Verdict",
    "first_day_with_room",
    "plan_charges",
]

_LAST_MONTH = MAXYEAR * 12 + 11


class CapRule(StrEnum):
    """The merchant's rule for a charge that does not fit its month."""

    REFUSE = "refuse"
    DEFER = "defer"
    SPLIT = "split"


class Verdict(StrEnum):
    """What becomes of a charge; the last two have no parts."""

    OK = "ok"  # whole, on its day
    DEFERRED = "deferred"  # whole, on a later day
    SPLIT = "split"  # over several days
    REFUSED = "refused"  # its month has no room, by the merchant's rule
    IMPOSSIBLE = "impossible"  # no month could ever take it


@dataclass(frozen=True, slots=True)
class PlannedCharge:
    """A charge that is to be made on a day; at least 1 yen."""

    id: str
    on: date
    amount_yen: int


@dataclass(frozen=True, slots=True)
class CapPart:
    """What is charged on one day."""

    on: date
    amount_yen: int


@dataclass(frozen=True, slots=True)
class CapVerdict:
    """What becomes of a charge; the parts sum to its amount unless there are none."""

    id: str
    parts: tuple[CapPart, ...]
    verdict: Verdict


def plan_charges(
    *,
    limit_yen: int,
    used_yen_by_month: Mapping[Month, int],
    rule: CapRule,
    charges: Sequence[PlannedCharge],
) -> tuple[CapVerdict, ...]:
    """Place charges under the cap; verdicts come in the order the charges were given in.

    `used_yen_by_month` is what is taken already; a month left out is empty. The work grows with
    charges and months touched, not with their product. Raises BadInput for a negative limit or
    use or an amount below 1, BeyondCalendar when the plan would run past the year 9999.
    """
    _check_yen("limit", limit_yen, least=0)
    for month, used_yen in used_yen_by_month.items():
        _check_yen(f"used.{month}", used_yen, least=0)
    for index, charge in enumerate(charges):
        _check_yen(f"charges[{index}].amount", charge.amount_yen, least=1)
    if not charges:
        return ()
    rooms = _rooms(limit_yen, used_yen_by_month, charges)
    verdicts: dict[int, CapVerdict] = {}
    for index in sorted(range(len(charges)), key=lambda i: charges[i].on):  # stable: ties in order
        verdicts[index] = _place(charges[index], index, rule, limit_yen, rooms)
    return tuple(verdicts[index] for index in range(len(charges)))


def first_day_with_room(
    *, amount_yen: int, on: date, limit_yen: int, used_by_month: Mapping[Month, int]
) -> date | None:
    """Find the first day from `on` with room for the whole amount, or None if no month has it.

    It is `on` itself or the 1st of a later month. Raises as `plan_charges` does.
    """
    (verdict,) = plan_charges(
        limit_yen=limit_yen,
        used_yen_by_month=used_by_month,
        rule=CapRule.DEFER,
        charges=[PlannedCharge("", on, amount_yen)],
    )
    return verdict.parts[0].on if verdict.parts else None


class _Rooms:
    """Room per month from a first month on, as a tree of maxima.

    The tree finds the first month with enough room in logarithmic time; a plain walk would visit
    every full month again for every charge.
    """

    def __init__(self, *, first: int, room_yen: Sequence[int]) -> None:
        self._first = first
        self._leaves = 1 << (len(room_yen) - 1).bit_length()
        self._tree = [0] * self._leaves + [*room_yen] + [0] * (self._leaves - len(room_yen))
        for node in range(self._leaves - 1, 0, -1):
            self._tree[node] = max(self._tree[2 * node], self._tree[2 * node + 1])

    def room_in(self, month: int) -> int:
        return self._tree[self._leaves + month - self._first]

    def take(self, month: int, amount_yen: int) -> None:
        node = self._leaves + month - self._first
        self._tree[node] -= amount_yen
        while node > 1:
            node //= 2
            self._tree[node] = max(self._tree[2 * node], self._tree[2 * node + 1])

    def first_with(self, amount_yen: int, *, since: int) -> int | None:
        """Find the first month from `since` on with that much room, or None."""
        node = self._leaves + since - self._first
        while self._tree[node] < amount_yen:
            # Up past every subtree that ends here, then one to the right.
            while node & 1:
                node //= 2
            if node == 0:
                return None
            node += 1
        while node < self._leaves:
            node *= 2
            if self._tree[node] < amount_yen:
                node += 1
        return node - self._leaves + self._first


def _place(
    charge: PlannedCharge, index: int, rule: CapRule, limit_yen: int, rooms: _Rooms
) -> CapVerdict:
    """Decide one charge and take its room."""
    month = _number(Month.of(charge.on))
    if charge.amount_yen <= rooms.room_in(month):
        rooms.take(month, charge.amount_yen)
        return CapVerdict(charge.id, (CapPart(charge.on, charge.amount_yen),), Verdict.OK)
    if limit_yen == 0 or (charge.amount_yen > limit_yen and rule is not CapRule.SPLIT):
        return CapVerdict(charge.id, (), Verdict.IMPOSSIBLE)
    if rule is CapRule.REFUSE:
        return CapVerdict(charge.id, (), Verdict.REFUSED)
    # A deferred charge moves whole, a split one takes whatever room there is.
    at_least_yen = charge.amount_yen if rule is CapRule.DEFER else 1
    parts = _move(charge, index, at_least_yen, rooms)
    return CapVerdict(charge.id, parts, Verdict.DEFERRED if len(parts) == 1 else Verdict.SPLIT)


def _move(
    charge: PlannedCharge, index: int, at_least_yen: int, rooms: _Rooms
) -> tuple[CapPart, ...]:
    """Fill months with at least that much room, from the charge's own month on."""
    own_month = _number(Month.of(charge.on))
    parts: list[CapPart] = []
    left_yen = charge.amount_yen
    while left_yen > 0:
        month = rooms.first_with(at_least_yen, since=own_month)
        if month is None:
            raise _no_month_left(charge, index)
        part_yen = min(left_yen, rooms.room_in(month))
        rooms.take(month, part_yen)
        left_yen -= part_yen
        day = charge.on if month == own_month else date(month // 12, month % 12 + 1, 1)
        parts.append(CapPart(day, part_yen))
    return tuple(parts)


def _rooms(
    limit_yen: int, used_yen_by_month: Mapping[Month, int], charges: Sequence[PlannedCharge]
) -> _Rooms:
    """Lay out enough months for every charge to find its place, up to the calendar's end."""
    own_months = [_number(Month.of(charge.on)) for charge in charges]
    first, last = min(own_months), max(own_months)
    # Past the last own month a charge meets months in use, months other charges were moved to,
    # and then an empty one: as many as there are charges (defer), or as full caps (split).
    total_yen = sum(charge.amount_yen for charge in charges)
    full_months = total_yen // limit_yen if limit_yen else 0
    longest = last + len(used_yen_by_month) + len(charges) + full_months + 1
    months = range(first, min(longest, _LAST_MONTH) + 1)
    used = {_number(month): used_yen for month, used_yen in used_yen_by_month.items()}
    return _Rooms(
        first=first, room_yen=[max(0, limit_yen - used.get(month, 0)) for month in months]
    )


def _number(month: Month) -> int:
    return month.year * 12 + month.month - 1


def _no_month_left(charge: PlannedCharge, index: int) -> BeyondCalendar:
    return BeyondCalendar(
        field=f"charges[{index}].amount",
        value=charge.amount_yen,
        rule="the plan would run past the year 9999",
        remedy="raise the limit or lower the amount",
    )


def _check_yen(field: str, amount_yen: int, *, least: int) -> None:
    if amount_yen < least:
        raise BadInput(
            field=field,
            value=amount_yen,
            rule=f"yen here are a whole number from {least} up",
            remedy="correct the amount",
        )
