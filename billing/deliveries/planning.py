"""Plans who is told of a notice: its place among the events, a mail, a webhook per endpoint.

In one transaction with the event's place, so that a webhook is planned for every event once and
for none twice. A mail about something days old would only confuse: it is not planned.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from billing.deliveries.events import event_id, place_events
from billing.deliveries.kinds import CUSTOMER, kind_of
from billing.deliveries.rules import NoticeRules, load_notice_rules
from billing.deliveries.schedule import GIVEN_UP_AFTER
from billing.deliveries.signing import message_hash
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, table_of
from billing.tables import DeliveryRow, NoticeRow, WebhookEndpointRow

__all__ = ["MAIL", "WEBHOOK", "plan_notices", "webhook_delivery"]

_notices = table_of(NoticeRow)
_deliveries = table_of(DeliveryRow)
_endpoints = table_of(WebhookEndpointRow)

MAIL, WEBHOOK = "mail", "webhook"


def plan_notices(engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 500) -> int:
    """Plan up to `limit` notices of the outbox; returns how many, 0 when none are left.

    Also 0 while another worker plans for this merchant: it does all there is.
    """
    return writing(engine, lambda connection: _plan(connection, merchant, at, limit))


def _plan(connection: Connection, merchant: Merchant, at: datetime, limit: int) -> int:
    placed = place_events(connection, merchant, limit=limit)
    if not placed:
        return 0
    rules = load_notice_rules(connection, merchant.id)
    active = select(_endpoints).where(
        _endpoints.c.merchant_id == merchant.id, _endpoints.c.state == "active"
    )
    endpoints = fetch(connection, active)
    planned = [row for notice in placed for row in _deliveries_of(notice, rules, endpoints, at)]
    insert_unless_known(connection, _deliveries, planned)
    told = {row["notice_id"] for row in planned}
    nobody = [notice["id"] for notice in placed if notice["id"] not in told]
    if nobody:
        over = update(_notices).where(_notices.c.id.in_(nobody))
        connection.execute(over.values(delivered_at=at))
    return len(placed)


def _deliveries_of(
    notice: Row, rules: NoticeRules, endpoints: Sequence[Row], at: datetime
) -> Iterator[dict[str, Any]]:
    target = kind_of(notice["kind"]).audience
    if rules.mail_from and _is_fresh(notice, at) and (target == CUSTOMER or rules.staff_email):
        yield _mail_delivery(notice, rules, target, at)
    for endpoint in endpoints:
        if notice["written_at"] >= endpoint["made_at"]:
            yield webhook_delivery(notice, endpoint, at=at)


def _is_fresh(notice: Row, at: datetime) -> bool:
    return bool(notice["written_at"] > at - GIVEN_UP_AFTER)


def _mail_delivery(notice: Row, rules: NoticeRules, target: str, at: datetime) -> dict[str, Any]:
    domain = rules.mail_from.rpartition("@")[2]
    name = message_hash(("mail-v1", notice["merchant_id"], notice["dedup_key"], target))
    return _delivery(notice, MAIL, target, at) | {"message_id": f"<{name}@{domain}>"}


def webhook_delivery(notice: Row, endpoint: Row, *, at: datetime) -> dict[str, Any]:
    """The row of a webhook about to be sent to an endpoint."""
    return _delivery(notice, WEBHOOK, endpoint["code"], at) | {
        "message_id": event_id(notice["merchant_id"], notice["dedup_key"]),
        "endpoint_id": endpoint["id"],
    }


def _delivery(notice: Row, channel: str, target: str, at: datetime) -> dict[str, Any]:
    return {
        "merchant_id": notice["merchant_id"],
        "notice_id": notice["id"],
        "channel": channel,
        "target": target,
        "endpoint_id": None,
        "message_id": "",
        "state": "waiting",
        "look_at": at,
        "tries": 0,
        "planned_at": at,
    }
