"""A quote in words, Japanese and English: each amount beside the arithmetic that gave it.

Lines bring the words of `plans`; here is only what becomes of the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from billing.cap.plan import Verdict
from billing.quotes.bills import Bill
from billing.quotes.cap import CapRow
from billing.quotes.pinned import Quote
from billing.tax import RateTotal
from plans import ROUNDING_EN, ROUNDING_JA, Rounding, TaxCategory, number_text, yen_en, yen_ja

__all__ = ["explain_en", "explain_ja", "rate_words"]

_VERDICT_JA = {
    Verdict.OK: "月間上限の範囲内です",
    Verdict.DEFERRED: "月間上限のため繰り延べます",
    Verdict.SPLIT: "月間上限のため分割します",
    Verdict.REFUSED: "月間上限を超えるため請求できません",
    Verdict.IMPOSSIBLE: "どの月の上限にも収まりません",
}
_VERDICT_EN = {
    Verdict.OK: "it fits under the monthly cap",
    Verdict.DEFERRED: "the monthly cap moves it",
    Verdict.SPLIT: "the monthly cap splits it",
    Verdict.REFUSED: "it is over the monthly cap and is not charged",
    Verdict.IMPOSSIBLE: "no month's cap could ever take it",
}
# The reduced rate must be recognisable on documents; 8 % alone could be the old standard rate.
_REDUCED_JA, _REDUCED_EN = "(軽減税率)", " (reduced)"


def explain_ja(quote: Quote) -> str:
    """Explain the whole quote in Japanese, a sentence for each amount."""
    return "\n".join(_sentences_ja(quote))


def explain_en(quote: Quote) -> str:
    """Explain the whole quote in English, a sentence for each amount."""
    return "\n".join(_sentences_en(quote))


def rate_words(row: RateTotal, rounding: Rounding) -> tuple[str, str]:
    """Say the tax of one rate, in Japanese and English."""
    reduced = row.category is TaxCategory.REDUCED
    rate = number_text(row.rate_percent)
    mark_ja, mark_en = (_REDUCED_JA, _REDUCED_EN) if reduced else ("", "")
    return (
        f"{rate}%対象{mark_ja} {yen_ja(row.gross_yen)}"
        f"(うち消費税 {yen_ja(row.tax_yen)}、{ROUNDING_JA[rounding]})",
        f"at {rate} %{mark_en} {yen_en(row.gross_yen)}, "
        f"tax {yen_en(row.tax_yen)} included ({ROUNDING_EN[rounding]})",
    )


def _sentences_ja(quote: Quote) -> Iterator[str]:
    yield f"変更日: {_day_ja(quote.effective_on)}。"
    for bill in quote.today:
        yield from _bill_ja(quote, bill)
    if not quote.today:
        yield "本日のお支払い 0円。"
    if quote.banked_days:
        yield f"お支払い済みの残り{quote.banked_days}日分は、再開時に引き継ぎます。"
    charge = quote.next_charge
    if charge is None:
        yield "今後12か月のご請求はありません。"
    else:
        yield f"次回のご請求: {_day_ja(charge.on)} {yen_ja(charge.charge_yen)}。"
        yield from _bill_ja(quote, charge)
        total = sum(bill.charge_yen for bill in quote.coming)
        count = sum(1 for bill in quote.coming if bill.charge_yen)
        yield f"今後12か月のご請求: {count}回、合計 {yen_ja(total)}。"
    for row in quote.cap.hits:
        yield f"{_day_ja(row.charge.on)}の{yen_ja(row.charge.amount_yen)}: {_cap_ja(row)}。"
    if not quote.cap.hits:
        yield f"月間上限 {yen_ja(quote.cap.limit_yen)}: {_VERDICT_JA[Verdict.OK]}。"
    if quote.deadline is not None:
        yield f"次回ご請求分の変更締切: {_day_ja(quote.deadline.date())} {quote.deadline:%H:%M}。"


def _sentences_en(quote: Quote) -> Iterator[str]:
    yield f"Takes effect on {quote.effective_on}."
    for bill in quote.today:
        yield from _bill_en(quote, bill)
    if not quote.today:
        yield "¥0 is charged today."
    if quote.banked_days:
        yield f"The {quote.banked_days} paid days that are left are kept for the resumption."
    charge = quote.next_charge
    if charge is None:
        yield "Nothing is charged in the next 12 months."
    else:
        yield f"Next charge: {yen_en(charge.charge_yen)} on {charge.on}."
        yield from _bill_en(quote, charge)
        total = sum(bill.charge_yen for bill in quote.coming)
        count = sum(1 for bill in quote.coming if bill.charge_yen)
        yield f"Next 12 months: {count} charges, {yen_en(total)}."
    for row in quote.cap.hits:
        yield f"{yen_en(row.charge.amount_yen)} on {row.charge.on}: {_cap_en(row)}."
    if not quote.cap.hits:
        yield f"Monthly cap {yen_en(quote.cap.limit_yen)}: {_VERDICT_EN[Verdict.OK]}."
    if quote.deadline is not None:
        yield f"The next charge can be changed until {_minute(quote.deadline)}."


def _bill_ja(quote: Quote, bill: Bill) -> Iterator[str]:
    for line in bill.lines:
        yield f"・{line.text_ja}"
    for row in () if bill.tax is None else bill.tax.rates:
        yield f"・{rate_words(row, quote.rules.tax_rounding)[0]}"
    day = "本日" if bill.on == quote.on else _day_ja(bill.on)
    goes = (
        (bill.credit_used_yen, "お預かり金から{}を充当"),
        (bill.credit_yen, "{}を次回以降のお支払いに充当"),
        (bill.refund_yen, "{}を返金"),
        (bill.credit_refund_yen, "お預かり金{}を返金"),
        (bill.forfeited_yen, "{}は返金されません"),
    )
    said = [words.format(yen_ja(yen)) for yen, words in goes if yen]
    yield "、".join([*said, f"{day}のお支払い {yen_ja(bill.charge_yen)}"]) + "。"


def _bill_en(quote: Quote, bill: Bill) -> Iterator[str]:
    for line in bill.lines:
        yield f"- {line.text_en}"
    for row in () if bill.tax is None else bill.tax.rates:
        yield f"- {rate_words(row, quote.rules.tax_rounding)[1]}"
    day = "today" if bill.on == quote.on else f"on {bill.on}"
    goes = (
        (bill.credit_used_yen, "{} of credit is used"),
        (bill.credit_yen, "{} is kept as credit for later invoices"),
        (bill.refund_yen, "{} is refunded"),
        (bill.credit_refund_yen, "{} of open credit is refunded"),
        (bill.forfeited_yen, "{} is not returned"),
    )
    said = [words.format(yen_en(yen)) for yen, words in goes if yen]
    yield "; ".join([*said, f"{yen_en(bill.charge_yen)} is charged {day}"]) + "."


def _cap_ja(row: CapRow) -> str:
    parts = "、".join(f"{_day_ja(part.on)} {yen_ja(part.amount_yen)}" for part in row.parts)
    return _VERDICT_JA[row.verdict] + (f"({parts})" if parts else "")


def _cap_en(row: CapRow) -> str:
    parts = ", ".join(f"{yen_en(part.amount_yen)} on {part.on}" for part in row.parts)
    return _VERDICT_EN[row.verdict] + (f" ({parts})" if parts else "")


def _day_ja(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
