"""Checkouts at Amazon Pay: somebody signs up, saves a payment method, or changes to a new one.

    offer ─► the buyer's return (open) ─► consent stored (agreed) ─► completing ─► completed
                                                                          │
                                                                          └──► failed

Completing never moves money: it gives a charge permission, and the first charge goes the way of
every other one. A checkout acts once: what it brought about is written in one transaction.
"""

from billing.checkouts.booking import Booked, book_checkout, booked_before, fail_checkout
from billing.checkouts.consents import (
    Consent,
    ConsentShown,
    record_consent,
    record_text,
    stored_consents,
)
from billing.checkouts.extras import extra_item, extras_for_sale
from billing.checkouts.holding import SamePlan, SavedMethod, same_plan, saved_methods
from billing.checkouts.offering import (
    Offer,
    add_ons_for_sale,
    least_quantity,
    not_tested,
    offer_record,
    plans_for_sale,
    session_amount_yen,
    sign_up_offer,
)
from billing.checkouts.outcome import FirstCharge, first_charge
from billing.checkouts.stored import (
    Checkout,
    CheckoutRefused,
    agree_checkout,
    begin_checkout,
    checkout_of_browser,
    claim_completion,
    completion_key,
    load_checkout,
    merchants_with_open_checkouts,
    unfinished_checkouts,
)
from billing.checkouts.wanted import Wanted

__all__ = [
    "Booked",
    "Checkout",
    "CheckoutRefused",
    "Consent",
    "ConsentShown",
    "FirstCharge",
    "Offer",
    "SamePlan",
    "SavedMethod",
    "Wanted",
    "add_ons_for_sale",
    "agree_checkout",
    "begin_checkout",
    "book_checkout",
    "booked_before",
    "checkout_of_browser",
    "claim_completion",
    "completion_key",
    "extra_item",
    "extras_for_sale",
    "fail_checkout",
    "first_charge",
    "least_quantity",
    "load_checkout",
    "merchants_with_open_checkouts",
    "not_tested",
    "offer_record",
    "plans_for_sale",
    "record_consent",
    "record_text",
    "same_plan",
    "saved_methods",
    "session_amount_yen",
    "sign_up_offer",
    "stored_consents",
    "unfinished_checkouts",
]
