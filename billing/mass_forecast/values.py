"""Values of rows as columns of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, type_coerce
from sqlalchemy.types import NullType

from billing.dates import civil_date
from plans.columnar_calendar import Bools, Dates, Ints

__all__ = ["Days", "dates", "flags", "ints", "raw"]

_NOT_A_DAY = int(np.datetime64("NaT", "D").astype(np.int64))


class Days:
    """Civil dates of a column of instants, given raw, as the database's driver sends them.

    Charges fall on one hour of the day, so that books hold few different instants: each is read
    and worked out once.
    """

    def __init__(self, connection: Connection, column: Column[Any], *, timezone: str) -> None:
        dialect = connection.dialect
        self._read = column.type.dialect_impl(dialect).result_processor(dialect, None)
        self._timezone = timezone
        self._known: dict[object, int] = {None: _NOT_A_DAY}

    def column(self, raw: Sequence[object]) -> Dates:
        """The date of each instant, NaT where there is none."""
        for value in set(raw).difference(self._known):
            instant: Any = self._read(value) if self._read else value
            on = civil_date(at=instant, timezone=self._timezone)
            self._known[value] = int(np.datetime64(on, "D").astype(np.int64))
        return ints([self._known[value] for value in raw]).view("datetime64[D]")


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """Select a column without turning every value into one of Python, for `Days`."""
    return type_coerce(column, NullType()).label(column.name)


def ints(values: Sequence[int]) -> Ints:
    """Whole numbers."""
    return np.array(values, dtype=np.int64)


def flags(values: Sequence[object]) -> Bools:
    """What is true, or not 0."""
    return np.array(values, dtype=np.bool_)


def dates(values: Sequence[date | None]) -> Dates:
    """Dates, NaT where there is none."""
    return np.array(values, dtype="datetime64[D]")
