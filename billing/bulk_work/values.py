"""What bulk work is made of, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from billing.store.merchants import Merchant

__all__ = [
    "Act",
    "BulkFigure",
    "BulkJob",
    "BulkKind",
    "BulkRow",
    "BulkState",
    "Look",
    "PlannedRow",
    "RowOutcome",
    "RowState",
    "UnknownBulkJob",
]


class UnknownBulkJob(Exception):
    """The merchant has no bulk work of that number."""


class BulkState(StrEnum):
    """Where a piece of bulk work stands.

    draft ─► ready ─► done ─► undoing ─► undone;  draft ─► withdrawn
    ready ⇄ stopped ─► undoing
    """

    DRAFT = "draft"
    READY = "ready"
    DONE = "done"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    UNDOING = "undoing"
    UNDONE = "undone"

    @property
    def is_under_way(self) -> bool:
        """Workers have something to do for it."""
        return self in (BulkState.READY, BulkState.UNDOING)


class RowState(StrEnum):
    """What became of a row: `left_out` by the dry run, `refused` in its turn, `kept` by an undo."""

    WAITING = "waiting"
    LEFT_OUT = "left_out"
    DONE = "done"
    REFUSED = "refused"
    UNDONE = "undone"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class BulkJob:
    """One piece of bulk work; `terms` are what its kind needs to know."""

    id: int
    kind: str
    request_id: str
    state: BulkState
    terms: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row as the dry run sees it; with a `reason` it is left out, unless it `goes` all the same.

    `subject` is what people call it, `amount_yen` whole yen, `detail` a name or figure that goes
    with the reason, `before` what an undo needs to know.
    """

    subject: str
    subject_id: int | None = None
    amount_yen: int | None = None
    reason: str | None = None
    detail: str | None = None
    before: Mapping[str, Any] | None = None
    goes: bool = False

    @property
    def state(self) -> RowState:
        """Waiting for its turn, or left out."""
        waits = self.reason is None or self.goes
        return RowState.WAITING if waits else RowState.LEFT_OUT


@dataclass(frozen=True, slots=True)
class BulkRow:
    """A row as it stands; `position` counts from 1 within its job."""

    position: int
    subject: str
    subject_id: int | None
    state: RowState
    amount_yen: int | None
    reason: str | None
    detail: str | None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What an act made of one row; a refusal says why."""

    position: int
    state: RowState
    reason: str | None = None
    detail: str | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BulkFigure:
    """Rows of one job in one state for one reason, and their yen."""

    state: RowState
    reason: str | None
    rows: int
    amount_yen: int


Act = Callable[[Connection, Merchant, BulkJob, Sequence[BulkRow], datetime], Sequence[RowOutcome]]
"""Does one slice of rows within the caller's transaction and says what became of each.

It must be safe to run again when the transaction is: it touches nothing but its connection.
"""


Look = Callable[[Connection, Merchant, BulkJob, Sequence[BulkRow], datetime], Sequence[PlannedRow]]
"""Tries some rows dry, in their order; it writes nothing."""


@dataclass(frozen=True, slots=True)
class BulkKind:
    """What is done to a row of this kind, and how that is taken back where it can be.

    A kind with a `look` is drafted with rows that nobody has tried: the workers try them slice by
    slice, and only then it can begin. Without one the draft is the dry run.
    """

    do: Act
    undo: Act | None = None
    look: Look | None = None
