"""Coupons on the lines of a cycle: split by largest remainder, one negative line per tax category.

An order-level discount over two rates is split in proportion to the tax-inclusive amounts
(japan.md §1.6), so neither rate's total falls below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from plans.calendar import Period
from plans.catalogue.coupons import (
    AmountOff,
    Coupon,
    CouponScope,
    check_stacking,
    in_stacking_order,
)
from plans.errors import BadInput
from plans.lines.line import PLAN_KINDS, Line, LineKind
from plans.money_words import ROUNDING_EN, ROUNDING_JA, number_text, yen_en, yen_ja
from plans.tax_category import TaxCategory

__all__ = ["discount_lines", "split_yen"]

_CATEGORY_WORDS = {
    TaxCategory.STANDARD: ("標準税率", "standard rate"),
    TaxCategory.REDUCED: ("軽減税率", "reduced rate"),
    TaxCategory.EXEMPT: ("免税", "exempt"),
    TaxCategory.NON_TAXABLE: ("非課税", "non-taxable"),
    TaxCategory.OUT_OF_SCOPE: ("対象外", "out of scope"),
}


def split_yen(total_yen: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split yen (0 or more) in proportion to weights (0 or more) by largest remainder.

    The parts sum to the total, and each is within one yen of its exact share. Of equal remainders
    the earlier weight gets the yen. With a total no larger than the sum of the weights no part
    exceeds its weight. Raises BadInput for what is below 0, or yen to split over nothing.
    """
    whole = sum(weights)
    if total_yen < 0 or any(weight < 0 for weight in weights) or (total_yen and not whole):
        raise BadInput(
            field="weights",
            value=list(weights),
            rule=f"{total_yen} yen are split over amounts of 0 or more, not all of them 0",
            remedy="leave negative lines out",
        )
    if not whole:
        return (0,) * len(weights)
    shares = [divmod(total_yen * weight, whole) for weight in weights]
    parts = [share for share, _ in shares]
    by_remainder = sorted(range(len(weights)), key=lambda index: -shares[index][1])
    for index in by_remainder[: total_yen - sum(parts)]:
        parts[index] += 1
    return tuple(parts)


def discount_lines(
    *, lines: Sequence[Line], coupons: Sequence[Coupon], period: Period
) -> tuple[Line, ...]:
    """Give the discount lines of coupons on the lines of a cycle, in the order they take off.

    No total of a tax category falls below 0. Raises CouponsDoNotStack.
    """
    check_stacking(coupons)
    left = [max(0, line.amount_yen) for line in lines]
    found: list[Line] = []
    for coupon in in_stacking_order(coupons):
        open_now = [
            yen if _takes_from(coupon, line) else 0 for line, yen in zip(lines, left, strict=True)
        ]
        taken = _take(coupon, lines, open_now)
        left = [yen - part for yen, part in zip(left, taken, strict=True)]
        found.extend(_lines_of(coupon, lines, open_now, taken, period))
    return tuple(found)


def _takes_from(coupon: Coupon, line: Line) -> bool:
    return coupon.scope is CouponScope.ORDER or line.kind in PLAN_KINDS


def _take(coupon: Coupon, lines: Sequence[Line], open_now: Sequence[int]) -> list[int]:
    """Split a coupon over the categories, and each category's part over its lines."""
    groups = _by_category(lines, open_now)
    totals = [sum(open_now[index] for index in group) for group in groups.values()]
    discount = coupon.discount_yen(base_yen=sum(totals))
    taken = [0] * len(lines)
    for group, part in zip(groups.values(), split_yen(discount, totals), strict=True):
        shares = split_yen(part, [open_now[index] for index in group])
        for index, share in zip(group, shares, strict=True):
            taken[index] = share
    return taken


def _by_category(lines: Sequence[Line], open_now: Sequence[int]) -> dict[TaxCategory, list[int]]:
    """Group the lines that have something left; categories in the order they first stand."""
    groups: dict[TaxCategory, list[int]] = {}
    for index, line in enumerate(lines):
        if open_now[index]:
            groups.setdefault(line.tax_category, []).append(index)
    return groups


@dataclass(frozen=True, slots=True)
class _Part:
    coupon: Coupon
    base_yen: int
    category: TaxCategory
    category_yen: int
    is_split: bool

    @property
    def words_ja(self) -> str:
        base = f"対象{yen_ja(self.base_yen)}"
        if self.is_split:
            base += f"のうち{_CATEGORY_WORDS[self.category][0]}{yen_ja(self.category_yen)}分"
        return f"クーポン「{self.coupon.name_ja}」 {_off_ja(self.coupon, self.base_yen)}({base})"

    @property
    def words_en(self) -> str:
        base = f"on {yen_en(self.base_yen)}"
        if self.is_split:
            name = _CATEGORY_WORDS[self.category][1]
            base += f", part of {yen_en(self.category_yen)} at {name}"
        off = _off_en(self.coupon, self.base_yen)
        return f'Coupon "{self.coupon.name_en}", {off} ({base})'


def _lines_of(
    coupon: Coupon,
    lines: Sequence[Line],
    open_now: Sequence[int],
    taken: Sequence[int],
    period: Period,
) -> list[Line]:
    groups = _by_category(lines, open_now)
    found = []
    for category, group in groups.items():
        yen = sum(taken[index] for index in group)
        category_yen = sum(open_now[index] for index in group)
        part = _Part(coupon, sum(open_now), category, category_yen, len(groups) > 1)
        if yen:
            found.append(_line(part, yen, period))
    return found


def _line(part: _Part, yen: int, period: Period) -> Line:
    return Line(
        kind=LineKind.DISCOUNT,
        description_ja=part.words_ja,
        description_en=part.words_en,
        quantity=1,
        unit_yen=-yen,
        amount_yen=-yen,
        tax_category=part.category,
        period=period,
    )


def _off_ja(coupon: Coupon, base_yen: int) -> str:
    if isinstance(coupon.off, AmountOff):
        lid = "・対象額が上限" if coupon.off.yen > base_yen else ""
        return f"{yen_ja(coupon.off.yen)}引き{lid}"
    how = (
        f"・{ROUNDING_JA[coupon.off.rounding]}"
        if _has_fraction(coupon.off.percent, base_yen)
        else ""
    )
    return f"{number_text(coupon.off.percent)}%引き{how}"


def _off_en(coupon: Coupon, base_yen: int) -> str:
    if isinstance(coupon.off, AmountOff):
        lid = ", at most what it applies to" if coupon.off.yen > base_yen else ""
        return f"{yen_en(coupon.off.yen)} off{lid}"
    how = (
        f", {ROUNDING_EN[coupon.off.rounding]}"
        if _has_fraction(coupon.off.percent, base_yen)
        else ""
    )
    return f"{number_text(coupon.off.percent)} % off{how}"


def _has_fraction(percent: Decimal, base_yen: int) -> bool:
    return (percent * base_yen) % 100 != 0
