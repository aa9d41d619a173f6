"""What each agreement's cycles cost, as a small table that the columns point into.

The amounts are those of `cycle_lines`, asked once per price, quantity and group of subscribers
that a price migration moves alike: no price is worked out a second way here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection, select

from billing.catalogue.price_moves import PriceMoves, load_price_moves, price_steps
from billing.catalogue.terms import Terms, terms_of
from billing.mass_forecast.values import ints
from billing.store.rows import table_of
from billing.tables import PriceRow
from plans import Period, Price, cycle_lines
from plans.columnar_calendar import RULES, UNITS, Dates, Ints

__all__ = ["PriceColumns", "Priced"]

prices = table_of(PriceRow)

# The amount of a line does not depend on its dates.
_SOME_PERIOD = Period(date(2026, 1, 1), date(2026, 2, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """Calendar terms of each row, and where its amounts stand in `price_yen`.

    `price_yen`, `price_from` and `moved_on` are as in `Agreements`.
    """

    rule: Ints
    unit: Ints
    count: Ints
    price: Ints
    price_yen: Ints
    price_from: Ints
    moved_on: Dates


@dataclass(frozen=True, slots=True)
class _Costs:
    """What rows of one price, quantity and group pay: first as agreed, then from each day on."""

    moved_on: tuple[date, ...]
    amounts_yen: tuple[tuple[int, ...], ...]


class PriceColumns:
    """Every price of one merchant by id, with the amounts of the quantities met so far."""

    def __init__(self, terms_by_id: Mapping[int, Terms], moves: PriceMoves) -> None:
        self._terms = sorted(terms_by_id.items())
        self._ids = ints([price_id for price_id, _ in self._terms])
        every = [terms for _, terms in self._terms]
        self._rule = ints([RULES.index(terms.plan.anchor_rule) for terms in every])
        self._unit = ints([UNITS.index(terms.price.interval.unit) for terms in every])
        self._count = ints([terms.price.interval.count for terms in every])
        self._price_from = sorted({0} | {nth for terms in every for nth in _turns(terms.price)})
        self._moves = moves
        self._group_from = [moves.group_days(terms) for terms in every]
        self._costs: dict[tuple[int, int, int], _Costs] = {}

    @classmethod
    def read(cls, connection: Connection, merchant_id: str) -> PriceColumns:
        """Read prices and migrations of a merchant."""
        own = connection.execute(select(prices.c.id).where(prices.c.merchant_id == merchant_id))
        terms = terms_of(connection, own.scalars())
        return cls(terms, load_price_moves(connection, merchant_id))

    def of(
        self, price_ids: Sequence[int], quantities: Sequence[int], started_on: Sequence[object]
    ) -> Priced:
        """Look rows up; raises BadInput for a quantity that a price does not allow, or its move.

        `started_on` are dates, or their ISO text, as the database's driver gives them.
        """
        place = np.searchsorted(self._ids, ints(price_ids))
        quantity, group = ints(quantities), self._groups(place, started_on)
        sizes = (len(self._ids), int(group.max(initial=0)) + 1, int(quantity.max(initial=0)) + 1)
        every = np.ravel_multi_index((place, group, quantity), sizes)
        keys, price = np.unique(every, return_inverse=True)
        found = zip(*(column.tolist() for column in np.unravel_index(keys, sizes)), strict=True)
        costs = [self._costs_of(*key) for key in found]
        moves = max((len(each.moved_on) for each in costs), default=0)
        return Priced(
            rule=self._rule[place],
            unit=self._unit[place],
            count=self._count[place],
            price=price,
            price_yen=_table_yen(costs, moves, len(self._price_from)),
            price_from=ints(self._price_from),
            moved_on=_table_days(costs, moves),
        )

    def _groups(self, place: Ints, started_on: Sequence[object]) -> Ints:
        """Number the subscribers of each price whom its migrations treat alike."""
        group = np.zeros(len(place), dtype=np.int64)
        if not any(self._group_from):
            return group
        days = np.array(started_on, dtype="datetime64[D]")
        for number, group_from in enumerate(self._group_from):
            edges = np.array(group_from, dtype="datetime64[D]")
            rows = np.flatnonzero(place == number) if len(edges) else ints([])
            group[rows] = np.searchsorted(edges, days[rows], side="right")
        return group

    def _costs_of(self, number: int, group: int, quantity: int) -> _Costs:
        key = (number, group, quantity)
        if key not in self._costs:
            agreed, since = self._terms[number][1], [date.min, *self._group_from[number]]
            steps = price_steps(agreed=agreed, moves=self._moves, subscribed_on=since[group])
            terms = [agreed, *(step.terms for step in steps)]
            self._costs[key] = _Costs(
                tuple(step.since for step in steps),
                tuple(
                    tuple(_cycle_yen(each, quantity, n) for n in self._price_from) for each in terms
                ),
            )
        return self._costs[key]


def _table_yen(costs: Sequence[_Costs], moves: int, columns: int) -> Ints:
    """Amounts by price, move and paid cycle; a move that never comes has none."""
    table = np.zeros((len(costs), moves + 1, columns), dtype=np.int64)
    for price, each in enumerate(costs):
        table[price, : len(each.amounts_yen)] = each.amounts_yen
    return table


def _table_days(costs: Sequence[_Costs], moves: int) -> Dates:
    table = np.full((len(costs), moves), np.datetime64("NaT", "D"))
    for price, each in enumerate(costs):
        table[price, : len(each.moved_on)] = each.moved_on
    return table


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
