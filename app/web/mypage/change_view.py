"""A quote as pages show it; every figure and every word of it is the engine's."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.web.shell import Words
from billing.quotes import BillAhead, Quote, explain_en, explain_ja, under_cap
from plans.lifecycle import Cancel


@dataclass(frozen=True, slots=True)
class QuoteView:
    """A quote as a page shows it; every figure and every word of it is the engine's."""

    quote: Quote
    ahead: tuple[BillAhead, ...]
    explained: Sequence[str]

    @classmethod
    def of(cls, quote: Quote, words: Words) -> "QuoteView":
        """Of a quote, in the reader's language."""
        explained = explain_ja(quote) if words.language == "ja" else explain_en(quote)
        ahead = under_cap(quote.subscription_id, quote.coming, quote.cap.after)
        return cls(quote, ahead, explained.splitlines())

    @property
    def total_yen(self) -> int:
        """The charges of the twelve months after today."""
        return sum(bill.charge_yen for bill in self.quote.coming)

    @property
    def total_before_yen(self) -> int:
        """The charges of twelve months without the change."""
        return sum(bill.charge_yen for bill in self.quote.coming_before)

    @property
    def today_ahead(self) -> tuple[BillAhead, ...]:
        """Today's charges that the monthly cap takes in parts or later; empty when it is whole."""
        quote = self.quote
        bills = under_cap(quote.subscription_id, quote.today, quote.cap.after)
        return tuple(each for each in bills if each.parts and each.verdict != "ok")

    @property
    def pays_yen(self) -> int:
        """What confirming takes; a renewal that is due today is charged without it too."""
        return sum(bill.charge_yen for bill in self.quote.today if bill.cycle is None)

    @property
    def fee_yen(self) -> int:
        """What leaving early costs."""
        decided = self.quote.decided
        return (decided.fee_yen or 0) if isinstance(decided, Cancel) else 0
