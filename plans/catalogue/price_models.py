"""How a quantity or a metered use becomes yen: flat, per seat, tiered, metered. A closed union.

`amount_of` is the one function over all of them, and writes the words beside the amount. Bounds
of tiers are inclusive and the last tier is open. Whole yen with tax included; a metered product
is rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Protocol, TypeVar, assert_never

from plans.catalogue.bounds import INCLUDED, LATE, UP_TO, check_text
from plans.errors import BadInput
from plans.money_words import (
    DECIMALS_MAX,
    ROUNDING_EN,
    ROUNDING_JA,
    YEN_MAX,
    check_yen,
    decimals,
    number_text,
    yen_en,
    yen_ja,
)
from plans.rounding import Rounding, round_yen

__all__ = [
    "EXACT",
    "LATE_DAYS",
    "Aggregation",
    "Amount",
    "Flat",
    "PerSeat",
    "PriceModel",
    "Tier",
    "TierMode",
    "Tiered",
    "UsageTerms",
    "UsageTier",
    "amount_of",
]

# A month and its longest tail: what comes later is for a person to settle.
LATE_DAYS = 31

# Far above any meter, and in EXACT's reach together with 9 decimals.
_USAGE_MAX = 10**30
# Whatever context the caller has: no product or difference of a meter is ever rounded.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


class TierMode(StrEnum):
    """What a tier's price applies to."""

    GRADUATED = "graduated"  # to the units inside the tier; each tier reached adds its flat fee
    VOLUME = "volume"  # to every unit, once the quantity lies in the tier


class Aggregation(StrEnum):
    """How the records of one cycle become one quantity."""

    SUM = "sum"  # calls, gigabytes sent
    MAX = "max"  # the highest level seen, as of users or storage
    LAST = "last"  # the level at the end


@dataclass(frozen=True, slots=True)
class Flat:
    """One amount for a cycle, sold once."""

    kind: ClassVar[str] = "flat"
    amount_yen: int

    def __post_init__(self) -> None:
        check_yen("price", self.amount_yen)


@dataclass(frozen=True, slots=True)
class PerSeat:
    """An amount for each seat (or piece)."""

    kind: ClassVar[str] = "per_seat"
    unit_yen: int

    def __post_init__(self) -> None:
        check_yen("price", self.unit_yen)


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: all further ones) cost `unit_yen` each."""

    up_to: int | None
    unit_yen: int
    flat_fee_yen: int = 0

    def __post_init__(self) -> None:
        UP_TO.check("up_to", self.up_to)
        check_yen("unit_price", self.unit_yen, least=0)
        check_yen("flat_fee", self.flat_fee_yen, least=0)


@dataclass(frozen=True, slots=True)
class Tiered:
    """A unit price that depends on the quantity."""

    kind: ClassVar[str] = "tiered"
    mode: TierMode
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        _check_bounds("tiers", self.tiers)
        # One unit pays the first tier; by volume, any tier may be the only one that is paid.
        alone = self.tiers if self.mode is TierMode.VOLUME else self.tiers[:1]
        for tier in alone:
            check_yen("tiers", tier.unit_yen + tier.flat_fee_yen)


@dataclass(frozen=True, slots=True)
class UsageTier:
    """Metered units up to and including `up_to` cost `unit_price` yen each, an exact decimal."""

    up_to: int | None
    unit_price: Decimal

    def __post_init__(self) -> None:
        UP_TO.check("up_to", self.up_to)
        _check_unit_price(self.unit_price)


@dataclass(frozen=True, slots=True)
class UsageTerms:
    """What is metered: `included` units of each cycle are free, each further one is charged.

    `unit_price` is in yen and may have 9 decimals ("0.5"); the product is rounded once per line.
    With `tiers` the units beyond the included ones are graduated and `unit_price` is the first
    tier's. A record may arrive `late_days` after the day it tells of, and no later.
    """

    kind: ClassVar[str] = "metered"
    meter: str
    included: int
    unit_price: Decimal
    tiers: tuple[UsageTier, ...] = ()
    aggregation: Aggregation = Aggregation.SUM
    rounding: Rounding = Rounding.FLOOR
    late_days: int = LATE_DAYS

    def __post_init__(self) -> None:
        check_text("meter", self.meter)
        INCLUDED.check("included", self.included)
        LATE.check("late_days", self.late_days)
        _check_unit_price(self.unit_price)
        if not self.tiers:
            return
        _check_bounds("tiers", self.tiers)
        if self.unit_price != self.tiers[0].unit_price:
            raise _two_unit_prices(self.unit_price)

    @property
    def all_tiers(self) -> tuple[UsageTier, ...]:
        """The tiers, one open tier where the terms have none."""
        return self.tiers or (UsageTier(None, self.unit_price),)


PriceModel = Flat | PerSeat | Tiered | UsageTerms


@dataclass(frozen=True, slots=True)
class Amount:
    """Whole yen, and the arithmetic that gave them."""

    yen: int
    words_ja: str
    words_en: str


def amount_of(model: PriceModel, *, quantity: int = 1, usage: int | Decimal = 0) -> Amount:
    """Price one cycle: `quantity` seats or pieces or, when metered, `usage` units.

    Raises BadInput for a quantity below 1 or above 1 of what is sold once, and for a use that is
    below 0, no number, or finer than 9 decimals.
    """
    if quantity < 1:
        raise _no_quantity(quantity, "at least 1 is sold", "give a whole number from 1 up")
    match model:
        case Flat(amount_yen):
            if quantity > 1:
                raise _no_quantity(quantity, "a flat price is sold once", "use quantity 1")
            return Amount(amount_yen, yen_ja(amount_yen), yen_en(amount_yen))
        case PerSeat(unit_yen):
            return _added([_Part(Decimal(quantity), Decimal(unit_yen))])
        case Tiered():
            return _added(_tiered_parts(model, quantity))
        case UsageTerms():
            return _metered(model, Decimal(usage))
        case _:
            assert_never(model)


@dataclass(frozen=True, slots=True)
class _Part:
    count: Decimal
    unit: Decimal
    fee_yen: int = 0

    @property
    def exact(self) -> Fraction:
        return Fraction(self.count) * Fraction(self.unit) + self.fee_yen


class _Bounded(Protocol):
    @property
    def up_to(self) -> int | None: ...


_T = TypeVar("_T", bound=_Bounded)


def _spread(quantity: Decimal, tiers: Sequence[_T]) -> Iterator[tuple[Decimal, _T]]:
    """Give how many units lie in each tier that is reached."""
    below = Decimal(0)
    for tier in tiers:
        top = quantity if tier.up_to is None else min(quantity, Decimal(tier.up_to))
        if top > below:
            yield EXACT.subtract(top, below), tier
            below = top


def _tiered_parts(model: Tiered, quantity: int) -> list[_Part]:
    reached = list(_spread(Decimal(quantity), model.tiers))
    if model.mode is TierMode.VOLUME:
        reached = [(Decimal(quantity), reached[-1][1])]
    return [_Part(count, Decimal(tier.unit_yen), tier.flat_fee_yen) for count, tier in reached]


def _metered(terms: UsageTerms, used: Decimal) -> Amount:
    if not (used.is_finite() and 0 <= used <= _USAGE_MAX and decimals(used) <= DECIMALS_MAX):
        raise BadInput(
            field="usage",
            value=str(used),
            rule=f"is a number from 0 up with at most {DECIMALS_MAX} decimals",
            remedy="give the units that were used",
        )
    billable = max(Decimal(0), EXACT.subtract(used, Decimal(terms.included)))
    parts = [_Part(count, tier.unit_price) for count, tier in _spread(billable, terms.all_tiers)]
    product = _added(parts, rounding=terms.rounding)
    total, free = number_text(used), number_text(terms.included)
    if not parts:
        return Amount(0, f"利用{total}(無料枠{free}以内)=0円", f"{total} used ({free} free) = ¥0")
    return Amount(
        product.yen,
        f"利用{total}−無料枠{free}={number_text(billable)}、{product.words_ja}",
        f"{total} used − {free} free = {number_text(billable)}; {product.words_en}",
    )


def _added(parts: Sequence[_Part], *, rounding: Rounding = Rounding.FLOOR) -> Amount:
    exact = sum((part.exact for part in parts), Fraction(0))
    yen = round_yen(exact, rounding)
    how_ja, how_en = ("", "")
    if exact.denominator != 1:
        how_ja, how_en = f"({ROUNDING_JA[rounding]})", f" ({ROUNDING_EN[rounding]})"
    ja = "+".join(text for part in parts for text in _terms_ja(part))
    en = " + ".join(text for part in parts for text in _terms_en(part))
    return Amount(yen, f"{ja}={yen_ja(yen)}{how_ja}", f"{en} = {yen_en(yen)}{how_en}")


def _terms_ja(part: _Part) -> list[str]:
    fee = [f"基本料{yen_ja(part.fee_yen)}"] if part.fee_yen else []
    return [f"{yen_ja(part.unit)}×{number_text(part.count)}", *fee]


def _terms_en(part: _Part) -> list[str]:
    fee = [f"flat fee {yen_en(part.fee_yen)}"] if part.fee_yen else []
    return [f"{yen_en(part.unit)} × {number_text(part.count)}", *fee]


def _check_bounds(field: str, tiers: Sequence[_Bounded]) -> None:
    bounds = [tier.up_to for tier in tiers]
    closed = [bound for bound in bounds[:-1] if bound is not None]
    ascending = all(low < high for low, high in zip([0, *closed], closed, strict=False))
    if not bounds or bounds[-1] is not None or len(closed) < len(bounds) - 1 or not ascending:
        raise BadInput(
            field=field,
            value=bounds,
            rule="the upper bounds of tiers ascend from 1 up, and only the last tier is open",
            remedy="give every tier but the last an up_to above the one before it",
        )


def _check_unit_price(price: Decimal) -> None:
    if not price.is_finite() or not 0 < price <= YEN_MAX or decimals(price) > DECIMALS_MAX:
        raise BadInput(
            field="unit_price",
            value=str(price),
            rule=f"is above 0 and at most {YEN_MAX:,} yen, with at most {DECIMALS_MAX} decimals",
            remedy="correct it, as in '0.5'",
        )


def _no_quantity(quantity: int, rule: str, remedy: str) -> BadInput:
    return BadInput(field="quantity", value=quantity, rule=rule, remedy=remedy)


def _two_unit_prices(price: Decimal) -> BadInput:
    return BadInput(
        field="unit_price",
        value=str(price),
        rule="is not that of the first tier, and a unit has one price",
        remedy="give the first tier's, as a price list does that leaves unit_price out",
    )
