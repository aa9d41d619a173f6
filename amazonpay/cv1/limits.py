"""Limits then (CV1) and now (CV2), for planning; Amazon's own answer is always the truth.

Source: migration reference §5 and §8.
"""

from typing import Final

from amazonpay.errors import InvalidArgument

MONTHLY_CAP_YEN_CV1: Final = 50_000
"""Per Billing Agreement and calendar month in Japan (CV1 guide on automatic payments)."""
MONTHLY_CAP_YEN_CV2: Final = 100_000
"""Per recurring Charge Permission and calendar month in Japan (Amazon Pay FAQ QA-55, QA-57)."""
AUTHORIZATIONS_PER_ORDER_REFERENCE_CV1: Final = 10
"""How often CV1 let an Order Reference be authorised (CV1 documents)."""
CHARGES_PER_ONE_TIME_PERMISSION_CV2: Final = 25
"""How many charges a one-time Charge Permission takes (seen in third-party code)."""
ORDER_REFERENCE_DAYS: Final = 180
"""Life of an Order Reference, and of a one-time Charge Permission."""
ORDER_REFERENCE_MONTHS_EXTENDED: Final = 13
"""Life of a one-time Charge Permission made with extendExpiration; CV2 only."""
AGREEMENT_EXPIRES_MONTHS_AFTER_LAST_CHARGE: Final = 13
"""A recurring Charge Permission ends this long after its last charge; CV1 stated no end."""
AUTHORIZATION_DAYS_LIVE: Final = 30
"""Life of an authorization in the live environment, then and now."""
AUTHORIZATION_DAYS_SANDBOX: Final = 2
"""Life of an authorization in the sandbox, then and now."""
SYNCHRONOUS_CAPTURE_DAYS: Final = 7
"""Days within which a capture is answered at once, then and now."""


def planning_cap_yen(amount_limit_yen: int | None) -> int:
    """The monthly cap to plan with, in yen: Amazon's `limits.amountLimit`, else the CV1 cap.

    A migrated agreement may come without limits; then the smaller, older cap is the safe one.
    """
    if amount_limit_yen is None:
        return MONTHLY_CAP_YEN_CV1
    if type(amount_limit_yen) is not int or amount_limit_yen < 0:
        raise InvalidArgument(
            "amount_limit_yen", amount_limit_yen, "whole yen from 0", "Give limits.amountLimit"
        )
    return amount_limit_yen
