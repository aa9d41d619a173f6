"""Quotes: the exact, pinned answer to every "what if" of a subscription, and its confirmation.

Pure functions over one frozen `Situation`, which `load_situation` and what it calls read from the
books. Nothing here writes: confirming gives the events and bills that the charging spine then
carries out.
"""

from billing.quotes.agreed import price_ref, price_ref_text
from billing.quotes.asking import add_on_change, existing, plan_change
from billing.quotes.bills import Bill, BillPurpose
from billing.quotes.books import UnknownSubscription, load_situation
from billing.quotes.cap import CapOutlook, CapRow
from billing.quotes.confirming import CapRefuses, Confirmed, Difference, StaleQuote, confirm
from billing.quotes.json_form import quote_json, quote_record
from billing.quotes.looking_ahead import BillAhead, bills_ahead, under_cap
from billing.quotes.pinned import Quote, quote
from billing.quotes.played import played
from billing.quotes.terms_after import TermsAfter, terms_after
from billing.quotes.values import (
    Account,
    CapRoom,
    ClosedCycle,
    CreditAtEnd,
    OpenDays,
    PaidPart,
    QuoteLine,
    QuoteRules,
    Situation,
)
from billing.quotes.words import explain_en, explain_ja

__all__ = [
    "Account",
    "Bill",
    "BillAhead",
    "BillPurpose",
    "CapOutlook",
    "CapRefuses",
    "CapRoom",
    "CapRow",
    "ClosedCycle",
    "Confirmed",
    "CreditAtEnd",
    "Difference",
    "OpenDays",
    "PaidPart",
    "Quote",
    "QuoteLine",
    "QuoteRules",
    "Situation",
    "StaleQuote",
    "TermsAfter",
    "UnknownSubscription",
    "add_on_change",
    "bills_ahead",
    "confirm",
    "existing",
    "explain_en",
    "explain_ja",
    "load_situation",
    "plan_change",
    "played",
    "price_ref",
    "price_ref_text",
    "quote",
    "quote_json",
    "quote_record",
    "terms_after",
    "under_cap",
]
