"""A permission's months as one line of room: each charge takes what follows the one before it.

That is the rule of a split, which fills month after month, and of charges that are moved whole
when all of a permission's are alike: then room is counted in charges. All charges of all
permissions find their places at once, however far they are pushed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plans.columnar_calendar import Bools, Ints

__all__ = ["Asked", "Queued", "Room", "Runs", "queued", "runs_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Charges of permissions numbered from 0, each with its month's position.

    Sorted by permission and, within one, in the order in which they take room.
    """

    permission: Ints
    month: Ints
    amount: Ints

    def take(self, charges: Ints | Bools) -> Asked:
        """The given charges."""
        return Asked(self.permission[charges], self.month[charges], self.amount[charges])


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """Room by permission: `head[permission, month]`, and `later` (1 or more) in every month after.

    In yen, or in charges of one amount.
    """

    head: Ints
    later: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Queued:
    """The first and the last month of each charge, and what they take of it."""

    first: Ints
    last: Ints
    in_first: Ints
    in_last: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Parts of charges: `amount` in the month at a position, and in each that follows it.

    `months` counts them all. Sorted by charge and then by month.
    """

    charge: Ints
    month: Ints
    months: Ints
    amount: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """The line of room: where each permission's part begins, and its first months within that.

    Permissions lie one after the other, each with more room than it is asked for, so that one
    running maximum serves them all.
    """

    begin: Ints
    edge: Ints  # [permission, month], counted from `begin`
    later: Ints

    @property
    def head(self) -> int:
        return int(self.edge.shape[1]) - 1

    def begins(self, permission: Ints, month: Ints) -> Ints:
        """Where a month begins."""
        edge = self.edge[permission, np.minimum(month, self.head)]
        beyond: Ints = np.maximum(month - self.head, 0)
        begins: Ints = self.begin[permission] + edge + beyond * self.later[permission]
        return begins

    def month_at(self, permission: Ints, place: Ints) -> Ints:
        """The month that holds a place; a month without room holds none."""
        edges = (self.begin[:, np.newaxis] + self.edge).ravel()
        nth = np.searchsorted(edges, place, side="right") - 1 - permission * self.edge.shape[1]
        tail: Ints = place - self.begin[permission] - self.edge[permission, -1]
        month: Ints = np.where(nth < self.head, nth, self.head + tail // self.later[permission])
        return month


def queued(*, asked: Asked, room: Room) -> Queued:
    """Give every charge the room from its own month on that charges before it have left."""
    line = _line(asked, room)
    own = line.begins(asked.permission, asked.month)
    # Where a charge ends is where the one before it ended, or its month begins, and its amount.
    total = np.cumsum(asked.amount)
    end = total + np.maximum.accumulate(own - (total - asked.amount))
    begin = end - asked.amount
    first = line.month_at(asked.permission, begin)
    last = line.month_at(asked.permission, end - 1)
    in_first = np.minimum(end, line.begins(asked.permission, first + 1)) - begin
    in_last = end - np.maximum(begin, line.begins(asked.permission, last))
    return Queued(first, last, in_first, in_last)


def _line(asked: Asked, room: Room) -> _Line:
    """Lay permissions out. More room than is asked for changes nothing, and sums stay small."""
    total = np.zeros(len(room.later), dtype=np.int64)
    np.add.at(total, asked.permission, asked.amount)
    head = np.minimum(room.head, total[:, np.newaxis])
    later = np.clip(room.later, 1, np.maximum(total, 1))
    edge = np.pad(np.cumsum(head, axis=1), ((0, 0), (1, 0)))
    months = max(int(asked.month.max(initial=0)) - head.shape[1], 0)
    length = edge[:, -1] + months * later + total + 1
    return _Line(np.cumsum(length) - length, edge, later)


def runs_of(*, charge: Ints, asked: Asked, room: Room, found: Queued) -> Runs:
    """List the parts of `charge` (numbers of those asked) in the order of their months."""
    permission, first, last = asked.permission[charge], found.first[charge], found.last[charge]
    one = np.ones(len(charge), dtype=np.int64)
    runs = [Runs(charge, first, one, found.in_first[charge])]
    runs += _between(charge, permission, first, last, room)
    more = np.flatnonzero(last > first)
    runs.append(Runs(charge[more], last[more], one[more], found.in_last[charge[more]]))
    return joined(runs)


def _between(charge: Ints, permission: Ints, first: Ints, last: Ints, room: Room) -> Iterator[Runs]:
    """Whole months between the first and the last one: those with room of their own, then runs."""
    head = room.head.shape[1]
    for month in range(1, head):
        own = room.head[permission, month]
        within = np.flatnonzero((first < month) & (month < last) & (own > 0))
        same = np.full(len(within), month)
        yield Runs(charge[within], same, np.ones_like(same), own[within])
    begin = np.maximum(first + 1, head)
    rest = np.flatnonzero(begin < last)
    months = (last - begin)[rest]
    yield Runs(charge[rest], begin[rest], months, room.later[permission[rest]])


def joined(parts: list[Runs]) -> Runs:
    """All runs by charge; those of one charge keep their order."""
    charge = np.concatenate([part.charge for part in parts])
    order = np.argsort(charge, kind="stable")
    return Runs(
        charge[order],
        np.concatenate([part.month for part in parts])[order],
        np.concatenate([part.months for part in parts])[order],
        np.concatenate([part.amount for part in parts])[order],
    )
