"""The audit events of a merchant to be read page by page, and how far the chain proves them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from sqlalchemy import Column, Connection, Select, func, select
from sqlalchemy.sql.elements import ColumnElement

from billing.audit.chain import chain_heads
from billing.store.rows import Row, fetch, table_of
from billing.tables import AuditEventRow, ChainLinkRow

__all__ = [
    "AuditEntry",
    "AuditWish",
    "ChainedUpTo",
    "audit_actors",
    "audit_entries",
    "audit_kinds",
    "chained_up_to",
]

_events = table_of(AuditEventRow)
_links = table_of(ChainLinkRow)
_BOOK = "audit_event"
MOST_NAMES = 200


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what and when; `of_all` when it concerned every merchant of the database.

    `detail` is what the event holds besides, by name.
    """

    id: int
    at: datetime
    kind: str
    actor: str
    reason: str
    detail: Mapping[str, object]
    of_all: bool


@dataclass(frozen=True, slots=True)
class AuditWish:
    """Which events are asked for; empty texts and None do not matter. `until` is exclusive."""

    actor: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChainedUpTo:
    """The newest event under a link of the hash chain; 0 and None before the first link."""

    event_id: int
    chained_at: datetime | None


def audit_entries(
    connection: Connection, *, merchant_id: str, wish: AuditWish, before_id: int | None, limit: int
) -> list[AuditEntry]:
    """Up to `limit` events below an id, newest first."""
    rows: list[Row] = []
    for whose in _of(merchant_id):
        statement = _wished(select(_events).where(whose), wish)
        if before_id is not None:
            statement = statement.where(_events.c.id < before_id)
        rows += fetch(connection, statement.order_by(_events.c.id.desc()).limit(limit))
    rows.sort(key=itemgetter("id"), reverse=True)
    return [_entry(row) for row in rows[:limit]]


def audit_actors(connection: Connection, *, merchant_id: str) -> list[str]:
    """Whoever stands in the events, by name."""
    return _names(connection, merchant_id, "actor")


def audit_kinds(connection: Connection, *, merchant_id: str) -> list[str]:
    """The kinds of events that there are."""
    return _names(connection, merchant_id, "kind")


def chained_up_to(connection: Connection) -> ChainedUpTo:
    """How far the hash chain covers the audit events of the database."""
    head = next(head for head in chain_heads(connection) if head.book == _BOOK)
    newest = select(func.max(_links.c.chained_at)).where(_links.c.book == _BOOK)
    return ChainedUpTo(head.last_id, connection.execute(newest).scalar())


def _of(merchant_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The merchant's own events and those about all: asked apart, each is one range of an index."""
    return _events.c.merchant_id == merchant_id, _events.c.merchant_id.is_(None)


def _names(connection: Connection, merchant_id: str, column: str) -> list[str]:
    found: set[str] = set()
    for whose in _of(merchant_id):
        rows = connection.execute(_each_name(_events.c[column], whose))
        found.update(row.name for row in rows)
    return sorted(found)[:MOST_NAMES]


def _each_name(column: Column[str], whose: ColumnElement[bool]) -> Select[tuple[str]]:
    """Every value once, from one to the next by the index: events in between are not read."""
    found = select(func.min(column).label("name")).where(whose).cte(recursive=True)
    following = select(func.min(column)).where(whose, column > found.c.name).scalar_subquery()
    found = found.union_all(select(following).where(found.c.name.is_not(None)))
    return select(found.c.name).where(found.c.name.is_not(None)).limit(MOST_NAMES)


def _wished(statement: Select[tuple[object, ...]], wish: AuditWish) -> Select[tuple[object, ...]]:
    if wish.actor:
        statement = statement.where(_events.c.actor == wish.actor)
    if wish.kind:
        statement = statement.where(_events.c.kind == wish.kind)
    if wish.since is not None:
        statement = statement.where(_events.c.at >= wish.since)
    if wish.until is not None:
        statement = statement.where(_events.c.at < wish.until)
    return statement


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        kind=row["kind"],
        actor=row["actor"],
        reason=row["reason"],
        detail=_detail(row["detail"]),
        of_all=row["merchant_id"] is None,
    )


def _detail(text: str | None) -> Mapping[str, object]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {"detail": found}
