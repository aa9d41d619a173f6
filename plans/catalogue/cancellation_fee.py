"""What leaving before the shortest term costs, and the formula in words (japan.md §2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from plans.catalogue.price_models import Amount
from plans.catalogue.price_terms import FixedFee, RemainingCapped, RemainingPercent
from plans.catalogue.prices import Price
from plans.errors import BadInput
from plans.money_words import ROUNDING_EN, ROUNDING_JA, number_text, yen_en, yen_ja
from plans.rounding import Rounding, round_yen
from plans.tax_category import TaxCategory

__all__ = ["CancellationFee", "cancellation_fee"]


@dataclass(frozen=True, slots=True)
class CancellationFee:
    """The fee (0 when leaving is free), the cycles it is for, and the arithmetic in words."""

    yen: int
    cycles_left: int
    tax_category: TaxCategory
    words_ja: str
    words_en: str


def cancellation_fee(*, price: Price, quantity: int, cycles_done: int) -> CancellationFee:
    """Give the fee for leaving after `cycles_done` paid cycles.

    Raises BadInput for less than 0 cycles, or a quantity that the price is not sold in.
    """
    if cycles_done < 0:
        raise BadInput(
            field="cycles_done",
            value=cycles_done,
            rule="cycles_done is a whole number from 0 up",
            remedy="correct it",
        )
    price.cycle_amount(quantity=quantity)
    left = max(0, price.minimum_cycles - cycles_done)
    terms = price.cancellation
    if terms is None or left == 0:
        return CancellationFee(
            0, left, TaxCategory.OUT_OF_SCOPE, "解約料 0円", "Cancellation fee ¥0"
        )
    rest = _rest(price, quantity, cycles_done, left)
    match terms:
        case FixedFee(yen):
            fee = Amount(yen, f"定額{yen_ja(yen)}", f"fixed {yen_en(yen)}")
        case RemainingPercent(percent):
            yen = round_yen(Fraction(percent) * Fraction(rest.yen, 100), Rounding.FLOOR)
            share = number_text(percent)
            ja, en = ROUNDING_JA[Rounding.FLOOR], ROUNDING_EN[Rounding.FLOOR]
            fee = Amount(
                yen,
                f"{rest.words_ja}の{share}%={yen_ja(yen)}({ja})",
                f"{share} % of {rest.words_en} = {yen_en(yen)} ({en})",
            )
        case RemainingCapped(most_yen):
            yen = min(rest.yen, most_yen)
            fee = Amount(
                yen,
                f"{rest.words_ja}、上限{yen_ja(most_yen)}→{yen_ja(yen)}",
                f"{rest.words_en}, at most {yen_en(most_yen)}: {yen_en(yen)}",
            )
        case _:
            assert_never(terms)
    return CancellationFee(
        fee.yen,
        left,
        terms.tax_category,
        f"解約料 {fee.words_ja}",
        f"Cancellation fee: {fee.words_en}",
    )


def _rest(price: Price, quantity: int, cycles_done: int, left: int) -> Amount:
    """Add up what the remaining cycles would have cost, each at its own price.

    A customer who leaves must not owe more than one who stays.
    """
    cycles = range(cycles_done + 1, price.minimum_cycles + 1)
    amounts = [price.cycle_yen(quantity=quantity, nth=nth) for nth in cycles]
    total = sum(amounts)
    if len(set(amounts)) > 1:
        return Amount(
            total,
            f"残り{left}回の合計{yen_ja(total)}",
            f"{yen_en(total)} for {left} remaining cycles",
        )
    one = amounts[0]
    return Amount(
        total,
        f"残り{left}回×{yen_ja(one)}={yen_ja(total)}",
        f"{left} remaining × {yen_en(one)} = {yen_en(total)}",
    )
