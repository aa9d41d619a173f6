"""Charges beside the cycles: a purchase on a subscription's permission, a charge of the staff.

    preview ─► request (invoice and slot, by a reference of the caller) ─► the path of every charge
                                                                             │
                                                    paid ◄───────────────────┴──► called off, void

The same reference is the same charge for ever. A one-off is charged whole and at once or not at
all, shares the cap with the renewals, and never touches the cycle that runs.
"""

from billing.one_off.order import OneOff, OneOffItem
from billing.one_off.preview import OneOffPreview, preview_one_off
from billing.one_off.requesting import OneOffCharge, one_off_charge, request_one_off

__all__ = [
    "OneOff",
    "OneOffCharge",
    "OneOffItem",
    "OneOffPreview",
    "one_off_charge",
    "preview_one_off",
    "request_one_off",
]
