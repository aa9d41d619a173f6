"""The words that explain a proration, written from the very numbers that were charged."""

from __future__ import annotations

from dataclasses import dataclass

from plans.proration_rule import RoundAt, Side
from plans.rounding import Rounding

__all__ = ["Share", "explain_en", "explain_ja"]

_ROUNDING_JA = {
    Rounding.FLOOR: "1円未満切捨て",
    Rounding.HALF_UP: "1円未満四捨五入",
    Rounding.CEIL: "1円未満切上げ",
}
_ROUNDING_EN = {
    Rounding.FLOOR: "rounded down",
    Rounding.HALF_UP: "rounded half up",
    Rounding.CEIL: "rounded up",
}


@dataclass(frozen=True, slots=True)
class Share:
    """`left` of `days` days of one side, and the whole yen they come to."""

    side: Side
    left: int
    days: int
    round_at: RoundAt
    rounding: Rounding
    amount_yen: int
    capped: bool  # the whole cycle's price was the lid


def explain_ja(*, credit: Share | None, charge: Share | None) -> str:
    """Explain a change in Japanese."""
    parts = []
    if credit:
        parts.append(f"変更前の未使用分 {_formula_ja(credit)}を差し引き")
    if charge:
        parts.append(f"変更後の残り期間分 {_formula_ja(charge)}を加算")
    return f"{'、'.join(parts)}。差引 {_yen_ja(_net(credit, charge))}。"


def explain_en(*, credit: Share | None, charge: Share | None) -> str:
    """Explain a change in English."""
    parts = []
    if credit:
        parts.append(f"less the unused part of the old terms: {_formula_en(credit)}")
    if charge:
        parts.append(f"plus the rest of the period on the new terms: {_formula_en(charge)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}. Net {_yen_en(_net(credit, charge))}."


def _net(credit: Share | None, charge: Share | None) -> int:
    return (charge.amount_yen if charge else 0) - (credit.amount_yen if credit else 0)


def _formula_ja(share: Share) -> str:
    side, how = share.side, _ROUNDING_JA[share.rounding]
    price = _yen_ja(side.price_yen) + (f"×{side.quantity}" if side.quantity > 1 else "")
    lid = f"、1期間分の{_yen_ja(side.cycle_yen)}を上限" if share.capped else ""
    if share.round_at is RoundAt.DAILY_RATE:
        formula = f"({price}÷{share.days}日、{how})×{share.left}日{lid}"
    else:
        formula = f"{price}×{share.left}日÷{share.days}日({how}{lid})"
    return f"{formula}={_yen_ja(share.amount_yen)}"


def _formula_en(share: Share) -> str:
    side, how = share.side, _ROUNDING_EN[share.rounding]
    price = _yen_en(side.price_yen) + (f" × {side.quantity}" if side.quantity > 1 else "")
    lid = f", at most {_yen_en(side.cycle_yen)}" if share.capped else ""
    if share.round_at is RoundAt.DAILY_RATE:
        formula = f"({price} ÷ {share.days} days, {how}) × {share.left} days{lid}"
    else:
        formula = f"{price} × {share.left} ÷ {share.days} days ({how}{lid})"
    return f"{formula} = {_yen_en(share.amount_yen)}"


def _yen_ja(amount_yen: int) -> str:
    return f"{amount_yen:,}円" if amount_yen >= 0 else f"−{-amount_yen:,}円"


def _yen_en(amount_yen: int) -> str:
    return f"¥{amount_yen:,}" if amount_yen >= 0 else f"−¥{-amount_yen:,}"
