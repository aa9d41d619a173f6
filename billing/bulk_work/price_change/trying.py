"""The dry run of a price change: written, asked about, taken back; nothing is worked out twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from billing.bulk_work.price_change.changing import store_price_change
from billing.bulk_work.price_change.payers import price_payers
from billing.bulk_work.price_change.values import CapMet, PriceTrial, PriceWish
from billing.dates import civil_date
from billing.mass_forecast import forecast_in_mass
from billing.store.merchants import Merchant

__all__ = ["try_price_change"]

_DAYS_AFTER = 400
_DAYS_MOST = 1_100
_HITS = 5_000


def try_price_change(
    connection: Connection, merchant: Merchant, wish: PriceWish, *, at: datetime
) -> PriceTrial:
    """Say what a price change would do; what is written for that is taken back.

    Raises `BadInput` for a wish that breaks a rule of the price list or is too soon.
    """
    before = {met.subscription_id for met in _cap_met(connection, merchant, wish, at)}
    with connection.begin_nested() as savepoint:
        migration, makes_price = store_price_change(connection, merchant, wish, at)
        payers = tuple(price_payers(connection, merchant, migration))
        after = _cap_met(connection, merchant, wish, at)
        savepoint.rollback()
    new = tuple(met for met in after if met.subscription_id not in before)
    return PriceTrial(migration, makes_price, payers, new)


def _cap_met(
    connection: Connection, merchant: Merchant, wish: PriceWish, at: datetime
) -> list[CapMet]:
    """The first charge of each permission that the cap does not take as it is due."""
    today = civil_date(at=at, timezone=merchant.timezone)
    days = min(max((wish.effective_on - today).days, 0) + _DAYS_AFTER, _DAYS_MOST)
    found = forecast_in_mass(connection, merchant, at=at, days=days, top=_HITS)
    return [
        CapMet(hit.on, hit.subscription, hit.amount_yen, hit.verdict.value) for hit in found.hits
    ]
