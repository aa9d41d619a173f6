"""The cap's rule over columns: the n-th charges of all permissions are placed in one step.

Charges of one permission must wait for each other, those of different permissions need not. The
rule is that of `plan_charges`, and a test holds every row of a sample against it. What does not
find its place within the months laid out is left to `plan_charges` itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from billing.cap_plan import CapRule, Verdict
from plans.columnar_calendar import Bools, Ints

__all__ = ["VERDICTS", "Asked", "Placed", "place_in_steps"]

# A column of verdicts holds positions in this.
VERDICTS = tuple(Verdict)
_OK, _DEFERRED, _SPLIT, _REFUSED, _IMPOSSIBLE = (
    VERDICTS.index(verdict)
    for verdict in (
        Verdict.OK,
        Verdict.DEFERRED,
        Verdict.SPLIT,
        Verdict.REFUSED,
        Verdict.IMPOSSIBLE,
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Charges of permissions numbered from 0, each with its month's position.

    Sorted by permission and, within one, in the order in which they take room.
    """

    permission: Ints
    month: Ints
    amount_yen: Ints


@dataclass(slots=True, eq=False)
class Placed:
    """Verdicts by charge, and the parts of charges that are not made whole on their day.

    Parts are in three lists of columns: charge, position of the month, yen. Verdicts and parts of
    a permission that is `unplaced` mean nothing.
    """

    verdict: Ints
    unplaced: Bools
    charge: list[Ints] = field(default_factory=list)
    month: list[Ints] = field(default_factory=list)
    amount_yen: list[Ints] = field(default_factory=list)


def place_in_steps(*, asked: Asked, room_yen: Ints, limit_yen: Ints, rule: CapRule) -> Placed:
    """Place charges under the cap; `room_yen[permission, month]` is used up, 0 or more."""
    placed = Placed(
        verdict=np.full(len(asked.permission), _OK),
        unplaced=np.zeros(len(limit_yen), dtype=np.bool_),
    )
    for step in _steps(asked.permission):
        owner, month, amount_yen = asked.permission[step], asked.month[step], asked.amount_yen[step]
        fits = amount_yen <= room_yen[owner, month]
        room_yen[owner[fits], month[fits]] -= amount_yen[fits]
        rest = step[~fits]
        limits, amounts = limit_yen[asked.permission[rest]], asked.amount_yen[rest]
        hopeless = (limits == 0) | ((amounts > limits) & (rule is not CapRule.SPLIT))
        placed.verdict[rest[hopeless]] = _IMPOSSIBLE
        rest = rest[~hopeless]
        if rule is CapRule.REFUSE:
            placed.verdict[rest] = _REFUSED
        elif len(rest):
            _move(rest, asked, room_yen, rule, placed)
    return placed


def _steps(permission: Ints) -> Iterator[Ints]:
    """The first charges of all permissions, then the second ones, and so on."""
    begins = np.flatnonzero(np.diff(permission, prepend=-1))
    counts = np.diff(begins, append=len(permission))
    turn = np.arange(len(permission)) - np.repeat(begins, counts)
    by_turn = np.argsort(turn, kind="stable")
    end = 0
    for size in np.bincount(turn).tolist():
        begin, end = end, end + size
        yield by_turn[begin:end]


def _move(rest: Ints, asked: Asked, room_yen: Ints, rule: CapRule, placed: Placed) -> None:
    """Fill months from the own one on; a deferred charge looks only at room for all of it."""
    owner, amount_yen = asked.permission[rest], asked.amount_yen[rest, np.newaxis]
    room = room_yen[owner]
    least_yen = amount_yen if rule is CapRule.DEFER else np.ones_like(amount_yen)
    months = np.arange(room.shape[1])
    closed = (months < asked.month[rest, np.newaxis]) | (room < least_yen)
    filled = np.minimum(np.cumsum(np.where(closed, 0, room), axis=1), amount_yen)
    parts = np.diff(filled, axis=1, prepend=0)
    placed.unplaced[owner[filled[:, -1] < amount_yen[:, 0]]] = True
    room_yen[owner] = room - parts
    row, month = np.nonzero(parts)
    whole = np.count_nonzero(parts, axis=1) == 1
    placed.verdict[rest] = np.where(whole, _DEFERRED, _SPLIT)
    placed.charge.append(rest[row])
    placed.month.append(month)
    placed.amount_yen.append(parts[row, month])
