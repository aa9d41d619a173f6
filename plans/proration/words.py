"""The words that explain a proration, written from the very numbers that were charged."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from plans.money_words import ROUNDING_EN, ROUNDING_JA, yen_en, yen_ja
from plans.proration.rule import RoundAt, Side
from plans.rounding import Rounding

__all__ = ["Share", "explain_en", "explain_ja", "formula_en", "formula_ja"]


@dataclass(frozen=True, slots=True)
class Share:
    """`left` of `days` days of one side, and the whole yen they come to."""

    side: Side
    left: int
    days: int
    round_at: RoundAt
    rounding: Rounding
    amount_yen: int
    capped: bool  # a lid was lower than the formula
    paid_yen: int | None = None  # what the days were paid with when that is not their price
    whole: bool = False  # all of it, without counting days

    @property
    def base_yen(self) -> int:
        """The yen that are divided by the days."""
        return self.side.cycle_yen if self.paid_yen is None else self.paid_yen

    @property
    def exact_yen(self) -> Fraction:
        """The amount before it was rounded, or held down by a lid."""
        if self.whole:
            return Fraction(self.base_yen)
        return Fraction(self.base_yen * self.left, self.days)


def explain_ja(*, credit: Share | None, charge: Share | None) -> str:
    """Explain a change in Japanese."""
    parts = []
    if credit:
        parts.append(f"変更前の未使用分 {formula_ja(credit)}を差し引き")
    if charge:
        parts.append(f"変更後の残り期間分 {formula_ja(charge)}を加算")
    return f"{'、'.join(parts)}。差引 {yen_ja(_net(credit, charge))}。"


def explain_en(*, credit: Share | None, charge: Share | None) -> str:
    """Explain a change in English."""
    parts = []
    if credit:
        parts.append(f"less the unused part of the old terms: {formula_en(credit)}")
    if charge:
        parts.append(f"plus the rest of the period on the new terms: {formula_en(charge)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}. Net {yen_en(_net(credit, charge))}."


def _net(credit: Share | None, charge: Share | None) -> int:
    return (charge.amount_yen if charge else 0) - (credit.amount_yen if credit else 0)


def formula_ja(share: Share) -> str:
    """Write the arithmetic of one share in Japanese, with divisor, rounding and result."""
    side, how = share.side, ROUNDING_JA[share.rounding]
    price = yen_ja(side.price_yen) + (f"×{side.quantity}" if side.quantity > 1 else "")
    if share.paid_yen is not None:
        price = f"お支払い済みの{yen_ja(share.paid_yen)}"
    whole = share.paid_yen is None and share.amount_yen == side.cycle_yen
    lid = "、1期間分の" if whole else "、その日数分のお支払い額"
    lid = f"{lid}{yen_ja(share.amount_yen)}を上限" if share.capped else ""
    if share.round_at is RoundAt.DAILY_RATE:
        formula = f"({price}÷{share.days}日、{how})×{share.left}日{lid}"
    else:
        formula = f"{price}×{share.left}日÷{share.days}日({how}{lid})"
    return f"{formula}={yen_ja(share.amount_yen)}"


def formula_en(share: Share) -> str:
    """Write the arithmetic of one share in English, with divisor, rounding and result."""
    side, how = share.side, ROUNDING_EN[share.rounding]
    price = yen_en(side.price_yen) + (f" × {side.quantity}" if side.quantity > 1 else "")
    if share.paid_yen is not None:
        price = f"{yen_en(share.paid_yen)} paid"
    whole = share.paid_yen is None and share.amount_yen == side.cycle_yen
    lid = ", at most " if whole else ", at most what these days were paid with, "
    lid = f"{lid}{yen_en(share.amount_yen)}" if share.capped else ""
    if share.round_at is RoundAt.DAILY_RATE:
        formula = f"({price} ÷ {share.days} days, {how}) × {share.left} days{lid}"
    else:
        formula = f"{price} × {share.left} ÷ {share.days} days ({how}{lid})"
    return f"{formula} = {yen_en(share.amount_yen)}"
