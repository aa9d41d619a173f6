"""The cap's rule over columns: the n-th charges of all permissions are placed in one step.

Charges of one permission must wait for each other, those of different permissions need not. This
is for charges that happen whole or not at all, where each looks at what the ones before it left.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from billing.mass_forecast.queue import Asked
from plans.columnar_calendar import Ints

__all__ = ["NOWHERE", "months_in_steps"]

NOWHERE = -1


def months_in_steps(*, asked: Asked, room_yen: Ints, moves: bool) -> Ints:
    """The month of each charge: its own, else with `moves` the first later one that takes it.

    `room_yen[permission, month]` is used up; NOWHERE means that no month laid out there does.
    """
    found = np.full(len(asked.permission), NOWHERE)
    for step in _steps(asked.permission):
        owner, month, amount = asked.permission[step], asked.month[step], asked.amount[step]
        fits = amount <= room_yen[owner, month]
        target = np.where(fits, month, NOWHERE)
        if moves and not fits.all():
            rest = np.flatnonzero(~fits)
            target[rest] = _first_with_room(room_yen[owner[rest]], month[rest], amount[rest])
        placed = target != NOWHERE
        room_yen[owner[placed], target[placed]] -= amount[placed]
        found[step] = target
    return found


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


def _first_with_room(room: Ints, own_month: Ints, amount: Ints) -> Ints:
    months = np.arange(room.shape[1])
    takes = (months >= own_month[:, np.newaxis]) & (room >= amount[:, np.newaxis])
    return np.where(takes.any(axis=1), takes.argmax(axis=1), NOWHERE)
