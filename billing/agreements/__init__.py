"""Agreements that somebody has changed: stored life cycle, confirmed quotes, their bills.

A plain subscription lives in its own row and renews in the fast path of
`billing.charging.opening`. Its first change gives it an agreement: the life cycle's value and the
account of its money. From then on the very functions that answer quotes decide what it is charged.
"""

from billing.agreements.acting import act
from billing.agreements.changing import Confirmation, confirm_quote, keep_quote
from billing.agreements.refusals import (
    AgreementRefused,
    ChangeUnderWay,
    ChargingStopped,
    PermissionNotReady,
    QuoteOver,
    UnknownQuote,
)
from billing.quotes.agreement import Agreement, load_agreements

__all__ = [
    "Agreement",
    "AgreementRefused",
    "ChangeUnderWay",
    "ChargingStopped",
    "Confirmation",
    "PermissionNotReady",
    "QuoteOver",
    "UnknownQuote",
    "act",
    "confirm_quote",
    "keep_quote",
    "load_agreements",
]
