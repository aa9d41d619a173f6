"""Pieces of mails in both languages: yen, days, an invoice's lines and tax, whom one writes to.

The words of lines and taxes are those of invoices and quotes; nothing is worked out anew here.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from billing.quotes.words import rate_words
from billing.store.rows import Row
from billing.tax import RateTotal, TaxRounding
from plans import TaxCategory, yen_en, yen_ja

__all__ = [
    "addressed",
    "day_words",
    "lines_words",
    "part_words",
    "tax_words",
    "yen_words",
]

# 御中 for organisations, 様 for persons; never both.
_ORGANISATIONS = (
    *("株式会社", "有限会社", "合同会社", "合資会社", "合名会社", "(株)", "（株）", "㈱"),
    *("(有)", "（有）", "㈲", "法人", "組合", "協会", "学校", "大学", "病院", "商店", "事務所"),
)


def addressed(name: str, language: str) -> str:
    """How a letter begins: 「山田 太郎 様」, 「株式会社山田 御中」, "Dear Taro Yamada,"."""
    if not name:
        return "お客様各位" if language == "ja" else "Dear customer,"
    if language == "en":
        return f"Dear {name},"
    if name.endswith(("様", "御中")):
        return name
    organisation = any(mark in name for mark in _ORGANISATIONS)
    return f"{name} 御中" if organisation else f"{name} 様"


def yen_words(amount: int | None, language: str) -> str:
    """Yen as people read them; empty for none."""
    if amount is None:
        return ""
    return yen_ja(amount) if language == "ja" else yen_en(amount)


def day_words(on: date | None, language: str) -> str:
    """A day as people read it; empty for none."""
    if on is None:
        return ""
    return f"{on.year}年{on.month}月{on.day}日" if language == "ja" else on.isoformat()


def lines_words(lines: Sequence[Row], told: Iterable[Sequence[str]], language: str) -> str:
    """An invoice's lines with their arithmetic; else those that the notice itself brought."""
    japanese = language == "ja"
    if not lines:
        return "\n".join(f"・{ja}" if japanese else f"- {en}" for ja, en in told)
    return "\n".join(line_words(row)[0 if japanese else 1] for row in lines)


def line_words(row: Row) -> tuple[str, str]:
    """One line of an invoice in Japanese and English."""
    ja, en = yen_ja(row["amount_yen"]), yen_en(row["amount_yen"])
    if row["quantity"] != 1:
        ja = f"{yen_ja(row['unit_yen'])}×{row['quantity']}={ja}"
        en = f"{yen_en(row['unit_yen'])} × {row['quantity']} = {en}"
    return f"・{row['description_ja']} {ja}", f"- {row['description_en']}: {en}"


def tax_words(taxes: Sequence[Row], rounding: TaxRounding, language: str) -> str:
    """Tax per rate, as on the invoice."""
    japanese = language == "ja"
    said = (rate_words(_rate(row), rounding)[0 if japanese else 1] for row in taxes)
    return "\n".join(f"・{each}" if japanese else f"- {each}" for each in said)


def _rate(row: Row) -> RateTotal:
    return RateTotal(
        category=TaxCategory(row["tax_category"]),
        rate_percent=Decimal(row["rate_percent"]),
        gross_yen=row["gross_yen"],
        tax_yen=row["tax_yen"],
        net_yen=row["net_yen"],
    )


def part_words(invoice: Row | None, amount_yen: int | None, language: str) -> str:
    """Says so when the charge is only a part of its invoice, or credit paid the rest."""
    if invoice is None or amount_yen is None or amount_yen == invoice["total_yen"]:
        return ""
    total_yen, credit_yen = invoice["total_yen"], invoice["offset_yen"]
    owed_yen = total_yen - credit_yen
    japanese = language == "ja"
    said = []
    if credit_yen > 0:
        said.append(
            f"合計{yen_ja(total_yen)}のうち{yen_ja(credit_yen)}はお預かり金を充当"
            if japanese
            else f"Of {yen_en(total_yen)} in all, {yen_en(credit_yen)} were paid from your credit"
        )
    if amount_yen != owed_yen:
        said.append(
            f"ご請求{yen_ja(owed_yen)}のうち今回分{yen_ja(amount_yen)}(分割)"
            if japanese
            else f"{yen_en(amount_yen)} is one part of {yen_en(owed_yen)}"
        )
    return "\n".join(said)
