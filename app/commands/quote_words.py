"""How a quote is shown to people: its tables, its words, and the four things to decide by."""

from collections.abc import Iterator, Sequence
from typing import Literal

from app.output import say, write_table
from billing.quotes import Bill, CapOutlook, Quote, explain_en, explain_ja

__all__ = ["Language", "differences_line", "show_differences", "show_quote", "show_summary"]

Language = Literal["ja", "en"]

_LINE_COLUMNS = {"ja": ("本日の明細", "税区分", "円"), "en": ("Today's lines", "Tax", "Yen")}
_COMING_COLUMNS = {
    "ja": ("ご請求日", "種類", "円", "内訳"),
    "en": ("Charged on", "For", "Yen", "Lines"),
}
_SUMMARY_COLUMNS = {"ja": ("項目", "内容"), "en": ("What", "Answer")}
_VERDICTS = {
    "ok": ("範囲内", "fits"),
    "deferred": ("繰り延べ", "moved to a later month"),
    "split": ("分割", "split over months"),
    "refused": ("請求不可", "refused"),
    "impossible": ("請求不可(上限超過)", "impossible under any month's cap"),
}


def show_quote(asked: Quote, language: Language, *, confirmable: bool = True) -> None:
    """The lines of today, the charges of twelve months, the explanation, and the quote's id."""
    japanese = language == "ja"
    rows = [
        (line.text_ja if japanese else line.text_en, line.tax_category, line.amount_yen)
        for line in asked.lines
    ]
    if rows:
        write_table(_LINE_COLUMNS[language], rows)
    write_table(_COMING_COLUMNS[language], _coming_rows(asked, language))
    say(explain_ja(asked) if japanese else explain_en(asked))
    if asked.overridden:
        names = ", ".join(asked.overridden)
        say(
            f"お客様にはできない変更です ({names})。"
            if japanese
            else f"Customers may not do this themselves ({names})."
        )
    if confirmable:
        say(
            f"見積番号 {asked.quote_id} (有効期限 {_until(asked)})"
            if japanese
            else f"Quote {asked.quote_id}, good until {_until(asked)}."
        )
    else:
        say(
            "確定するには理由が必要です。--reason を付けてもう一度お尋ねください。"
            if japanese
            else "Confirming it needs a reason: ask again with --reason."
        )


def show_summary(asked: Quote, language: Language) -> None:
    """What people decide by: charge today, next charge, deadline, cap verdict."""
    charge = asked.next_charge
    following = "-" if charge is None else f"{charge.on} {_yen(charge.charge_yen, language)}"
    deadline = "-" if asked.deadline is None else f"{asked.deadline:%Y-%m-%d %H:%M}"
    names = (
        ("変更日", "本日のご請求", "返金", "次回のご請求", "変更締切", "月間上限")
        if language == "ja"
        else ("Takes effect", "Charged today", "Refund", "Next charge", "Deadline", "Monthly cap")
    )
    values = (
        asked.effective_on.isoformat(),
        _yen(asked.charge_today_yen, language),
        _yen(asked.refund_yen, language),
        following,
        deadline,
        _cap(asked.cap, language),
    )
    write_table(_SUMMARY_COLUMNS[language], zip(names, values, strict=True))


def show_differences(differences: Sequence[tuple[str, str]], language: Language) -> None:
    """What changed since a quote was made, (Japanese, English) each."""
    say("見積もりの後に変わったこと:" if language == "ja" else "Changed since the quote:")
    for japanese, english in differences:
        say(f"・{japanese}" if language == "ja" else f"- {english}")


def differences_line(differences: Sequence[tuple[str, str]]) -> str:
    """The differences as one line in English, for refusals."""
    return "; ".join(english for _, english in differences)


def _yen(yen: int, language: Language) -> str:
    return f"{yen:,}円" if language == "ja" else f"{yen:,} yen"


def _cap(cap: CapOutlook, language: Language) -> str:
    word = _VERDICTS[cap.verdict.value][0 if language == "ja" else 1]
    if not cap.allows:
        word += "、この変更はできません" if language == "ja" else ", the change is not possible"
    return f"{word} ({_yen(cap.limit_yen, language)})"


def _coming_rows(asked: Quote, language: Language) -> Iterator[tuple[object, ...]]:
    for bill in (*asked.today, *asked.coming):
        if bill.charge_yen or bill.credit_used_yen:
            yield bill.on, bill.purpose.value, bill.charge_yen, _lines(bill, language)


def _lines(bill: Bill, language: Language) -> str:
    if language == "ja":
        return "、".join(line.text_ja for line in bill.lines)
    return "; ".join(line.text_en for line in bill.lines)


def _until(asked: Quote) -> str:
    return asked.expires_at.isoformat(timespec="minutes")
