"""Changing the price that subscribers pay: tried dry, announced, withdrawn before it begins.

What changes a price is a migration of the price list; this writes one as an import would. It is a
door of its own, because the dry run needs numpy and bulk work does not.
"""

from billing.bulk_work.price_change.changing import (
    price_changes,
    schedule_price_change,
    withdraw_price_change,
)
from billing.bulk_work.price_change.payers import PricePayer, price_payers, told_of
from billing.bulk_work.price_change.trying import try_price_change
from billing.bulk_work.price_change.values import (
    CapMet,
    PriceChange,
    PriceChangeState,
    PriceTrial,
    PriceWish,
    SeenOtherwise,
)

__all__ = [
    "CapMet",
    "PriceChange",
    "PriceChangeState",
    "PricePayer",
    "PriceTrial",
    "PriceWish",
    "SeenOtherwise",
    "price_changes",
    "price_payers",
    "schedule_price_change",
    "told_of",
    "try_price_change",
    "withdraw_price_change",
]
