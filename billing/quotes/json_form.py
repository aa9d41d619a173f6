"""A quote as one JSON document: the same quote is the same text, byte for byte."""

from __future__ import annotations

import json
from typing import Any

from billing.quotes.bills import Bill
from billing.quotes.cap import CapOutlook, CapRow
from billing.quotes.pinned import Quote
from billing.quotes.values import QuoteLine
from billing.quotes.words import explain_en, explain_ja, rate_words
from plans import Rounding, canonical_form

__all__ = ["bill_record", "quote_json", "quote_record"]


def quote_json(quote: Quote) -> str:
    """Write a quote as one line of JSON; equal quotes give equal text."""
    return json.dumps(quote_record(quote), ensure_ascii=False, separators=(",", ":"))


def quote_record(quote: Quote) -> dict[str, Any]:
    """Give the document before it is written; all amounts are whole yen with tax."""
    charge, rounding = quote.next_charge, quote.rules.tax_rounding
    return {
        "quote_id": quote.quote_id,
        "subscription": quote.subscription_id,
        "command": {"name": type(quote.decided).__name__, **canonical_form(quote.decided)},
        "actor": quote.actor.value,
        "overridden": list(quote.overridden),
        "on": quote.on.isoformat(),
        "effective_on": quote.effective_on.isoformat(),
        "expires_at": quote.expires_at.isoformat(),
        "deadline": None if quote.deadline is None else quote.deadline.isoformat(),
        "lines": [_line(line) for line in quote.lines],
        "by_rate": [rate for bill in quote.today for rate in _rates(bill, rounding)],
        "charge_today": quote.charge_today_yen,
        "credit_used": quote.credit_used_yen,
        "credit": quote.credit_yen,
        "refund": quote.refund_yen,
        "forfeited": quote.forfeited_yen,
        "banked_days": quote.banked_days,
        "today": [bill_record(bill, rounding) for bill in quote.today],
        "next_charge": None if charge is None else bill_record(charge, rounding),
        "charges": [bill_record(bill, rounding) for bill in quote.coming],
        "charges_total": sum(bill.charge_yen for bill in quote.coming),
        "charges_total_before": sum(bill.charge_yen for bill in quote.coming_before),
        "cap": _cap(quote.cap),
        "explain": {"ja": explain_ja(quote), "en": explain_en(quote)},
        "inputs": dict(quote.inputs),
    }


def bill_record(bill: Bill, rounding: Rounding) -> dict[str, Any]:
    """Give one bill: its lines, the tax per rate, and where the sum goes."""
    return {
        "on": bill.on.isoformat(),
        "purpose": bill.purpose.value,
        "cycle": bill.cycle,
        "amount": bill.charge_yen,
        "total": bill.total_yen,
        "credit_used": bill.credit_used_yen,
        "credit": bill.credit_yen,
        "refund": bill.refund_yen + bill.credit_refund_yen,
        "forfeited": bill.forfeited_yen,
        "lines": [_line(line) for line in bill.lines],
        "by_rate": _rates(bill, rounding),
    }


def _line(line: QuoteLine) -> dict[str, Any]:
    period = line.period
    return {
        "kind": line.kind,
        "amount": line.amount_yen,
        "category": line.tax_category.value,
        "from": None if period is None else period.start.isoformat(),
        "to": None if period is None else period.end.isoformat(),
        "explain": {"ja": line.text_ja, "en": line.text_en},
    }


def _rates(bill: Bill, rounding: Rounding) -> list[dict[str, Any]]:
    found = []
    for row in () if bill.tax is None else bill.tax.rates:
        ja, en = rate_words(row, rounding)
        found.append(
            {
                "category": row.category.value,
                "rate": str(row.rate_percent),
                "gross": row.gross_yen,
                "tax": row.tax_yen,
                "net": row.net_yen,
                "explain": {"ja": ja, "en": en},
            }
        )
    return found


def _cap(cap: CapOutlook) -> dict[str, Any]:
    return {
        "limit": cap.limit_yen,
        "rule": cap.rule.value,
        "verdict": cap.verdict.value,
        "verdict_before": cap.verdict_before.value,
        "allows": cap.allows,
        "hits": [_row(row) for row in cap.hits],
        "before": [_row(row) for row in cap.before],
        "after": [_row(row) for row in cap.after],
    }


def _row(row: CapRow) -> dict[str, Any]:
    return {
        "id": row.charge.id,
        "on": row.charge.on.isoformat(),
        "amount": row.charge.amount_yen,
        "verdict": row.verdict.value,
        "parts": [{"on": part.on.isoformat(), "amount": part.amount_yen} for part in row.parts],
    }
