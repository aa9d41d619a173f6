"""What each agreement's cycles cost, as a small table that the columns point into.

The amounts are those of `cycle_lines`, asked once per price and quantity: no price is worked out
a second way here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection, select

from billing.mass_values import ints
from billing.rows import table_of
from billing.tables import PriceRow
from billing.terms import Terms, terms_of
from plans import Period, Price, cycle_lines
from plans.columnar_calendar import RULES, UNITS, Ints

__all__ = ["PriceColumns", "Priced"]

prices = table_of(PriceRow)

# The amount of a line does not depend on its dates.
_SOME_PERIOD = Period(date(2026, 1, 1), date(2026, 2, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """Calendar terms of each row, and where its amounts stand in `price_yen`.

    A column of `price_yen` holds for the paid cycles from its `price_from` on, counted from 0.
    """

    rule: Ints
    unit: Ints
    count: Ints
    price: Ints
    price_yen: Ints
    price_from: Ints


class PriceColumns:
    """Every price of one merchant, with the amounts of the quantities met so far."""

    def __init__(self, connection: Connection, merchant_id: str) -> None:
        own = connection.execute(select(prices.c.id).where(prices.c.merchant_id == merchant_id))
        self._terms = sorted(terms_of(connection, own.scalars()).items())
        self._ids = ints([price_id for price_id, _ in self._terms])
        every = [terms for _, terms in self._terms]
        self._rule = ints([RULES.index(terms.plan.anchor_rule) for terms in every])
        self._unit = ints([UNITS.index(terms.price.interval.unit) for terms in every])
        self._count = ints([terms.price.interval.count for terms in every])
        self._price_from = sorted({0} | {nth for terms in every for nth in _turns(terms.price)})
        self._amounts: dict[tuple[int, int], list[int]] = {}

    def of(self, price_ids: Sequence[int], quantities: Sequence[int]) -> Priced:
        """Look rows up; raises BadInput for a quantity that a price does not allow."""
        place = np.searchsorted(self._ids, ints(price_ids))
        quantity = ints(quantities)
        more = int(quantity.max(initial=0)) + 1
        pairs, price = np.unique(place * more + quantity, return_inverse=True)
        amounts = [self._amounts_of(*divmod(pair, more)) for pair in pairs.tolist()]
        return Priced(
            rule=self._rule[place],
            unit=self._unit[place],
            count=self._count[place],
            price=price,
            price_yen=np.array(amounts, dtype=np.int64),
            price_from=ints(self._price_from),
        )

    def _amounts_of(self, number: int, quantity: int) -> list[int]:
        pair = (number, quantity)
        if pair not in self._amounts:
            terms = self._terms[number][1]
            self._amounts[pair] = [_cycle_yen(terms, quantity, nth) for nth in self._price_from]
        return self._amounts[pair]


def _turns(price: Price) -> Iterator[int]:
    """The paid cycles (from 0) from which on a cycle may cost something else than before."""
    yield 1  # a first price and a set-up fee are those of cycle 0 alone
    for special in price.cycle_prices:
        yield special.cycle - 1
        yield special.last


def _cycle_yen(terms: Terms, quantity: int, nth: int) -> int:
    """What paid cycle `nth` (from 0) costs."""
    lines = cycle_lines(
        plan=terms.plan,
        price=terms.price,
        quantity=quantity,
        cycle=nth,
        first_cycle=0,
        period=_SOME_PERIOD,
    )
    return sum(line.amount_yen for line in lines)
