"""The words of a settled change: each line with its arithmetic, and what becomes of the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from plans.calendar import Period
from plans.money_words import yen_en, yen_ja
from plans.proration.words import Share, formula_en, formula_ja

__all__ = ["LineWords", "joined_en", "joined_ja"]

# Which amount of a settlement is told how; amounts of 0 are not told.
_OUTCOMES = {
    "today": ("本日のお支払い {}", "{} is charged today"),
    "next": ("次回のご請求に{}を加算", "{} is added to the next invoice"),
    "off_next": ("次回のご請求から{}を減額", "{} is taken off the next invoice"),
    "lot": ("{}を次回以降のお支払いに充当", "{} is kept as credit for later invoices"),
    "refund": ("{}を返金", "{} is refunded"),
    "forfeited": ("{}は返金されません", "{} is not returned"),
    "restored": ("返金されないはずだった{}を元に戻します", "the lost {} is restored"),
}


@dataclass(frozen=True, slots=True)
class LineWords:
    """One thing said in both languages."""

    text_ja: str
    text_en: str

    @classmethod
    def credit(cls, name_ja: str, name_en: str, share: Share) -> LineWords:
        """Explain what the unused part of the old terms gives back."""
        if share.paid_yen == 0 and share.side.cycle_yen:
            return cls(
                f"{_of_ja(name_ja)}変更前の期間は未払いのため差し引きなし",
                f"{_of_en(name_en)}nothing was paid for the old terms, so nothing comes back",
            )
        if share.whole:
            return cls(
                f"{_of_ja(name_ja)}変更前の分は未使用のため全額"
                f"{yen_ja(share.amount_yen)}を差し引き",
                f"{_of_en(name_en)}less all of the unused old terms, {yen_en(share.amount_yen)}",
            )
        return cls(
            f"{_of_ja(name_ja)}変更前の未使用分 {formula_ja(share)}を差し引き",
            f"{_of_en(name_en)}less the unused part of the old terms: {formula_en(share)}",
        )

    @classmethod
    def charge(cls, name_ja: str, name_en: str, share: Share) -> LineWords:
        """Explain what the new terms cost until the cycle's end."""
        if share.whole:
            return cls(
                f"{_of_ja(name_ja)}変更後の1期間分{yen_ja(share.amount_yen)}を加算",
                f"{_of_en(name_en)}plus a whole period on the new terms, "
                f"{yen_en(share.amount_yen)}",
            )
        return cls(
            f"{_of_ja(name_ja)}変更後の残り期間分 {formula_ja(share)}を加算",
            f"{_of_en(name_en)}plus the rest of the period on the new terms: {formula_en(share)}",
        )

    @classmethod
    def taken_back(cls, name_ja: str, name_en: str, amount_yen: int) -> LineWords:
        """Explain that a change of the same day is undone."""
        return cls(
            f"{_of_ja(name_ja)}同じ日の変更の取り消しにより{yen_ja(amount_yen)}を差し引き",
            f"{_of_en(name_en)}less the change of the same day that is undone, "
            f"{yen_en(amount_yen)}",
        )

    @classmethod
    def restored(cls, name_ja: str, name_en: str, amount_yen: int) -> LineWords:
        """Explain that the terms before it go on as if nothing had happened."""
        return cls(
            f"{_of_ja(name_ja)}差し引き済みの{yen_ja(amount_yen)}を戻して元の契約を継続",
            f"{_of_en(name_en)}plus the {yen_en(amount_yen)} that had been given back, "
            "as the terms before go on",
        )

    @classmethod
    def no_money(cls, cycle_end: date, *, same: bool) -> LineWords:
        """Explain a change that moves no money."""
        if same:
            return cls("変更はありません。", "Nothing changes.")
        day_ja = f"{cycle_end.year}年{cycle_end.month}月{cycle_end.day}日"
        return cls(
            f"差額の精算はありません。{day_ja}から新しい料金です。",
            f"No difference is charged; the new price counts from {cycle_end.isoformat()}.",
        )

    @classmethod
    def outcome(
        cls, *, today_yen: int, next_yen: int, lot_yen: int, refund_yen: int, forfeited_yen: int
    ) -> LineWords:
        """Say where the sum of a change goes; what is 0 is not told."""
        amounts = {
            "today": today_yen,
            "next": max(0, next_yen),
            "off_next": max(0, -next_yen),
            "lot": lot_yen,
            "refund": refund_yen,
            "forfeited": max(0, forfeited_yen),
            "restored": max(0, -forfeited_yen),
        }
        told = {key: yen for key, yen in amounts.items() if yen}
        said_ja = [_OUTCOMES[key][0].format(yen_ja(yen)) for key, yen in told.items()]
        said_en = [_OUTCOMES[key][1].format(yen_en(yen)) for key, yen in told.items()]
        return cls(
            joined_ja(said_ja or ["差額なし"]),
            joined_en(said_en or ["no difference"]),
        )

    @classmethod
    def cycle(cls, cycle: Period) -> LineWords:
        """Say which cycle runs from the change on."""
        return cls(f"契約期間は {cycle.text_ja}。", f"The period is {cycle.text_en}.")


def joined_ja(lines: Sequence[str]) -> str:
    """Join the words of the lines in Japanese."""
    return f"{'、'.join(lines)}。"


def joined_en(lines: Sequence[str]) -> str:
    """Join the words of the lines in English."""
    return _sentence_en("; ".join(lines))


def _sentence_en(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _of_ja(name: str) -> str:
    return f"{name}: " if name else ""


def _of_en(name: str) -> str:
    return f"{name}: " if name else ""
