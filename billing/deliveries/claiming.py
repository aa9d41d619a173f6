"""Claims what is due to be sent: mails with their words frozen, webhooks with their bytes.

A claim holds for a lease. Whoever dies with a claim leaves it to be found again when the lease is
over, with the same message id and the same words.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from billing.deliveries.composing import Composed, composed, load_mail_facts
from billing.deliveries.endpoints import endpoint_secrets
from billing.deliveries.events import event_body, events_selected
from billing.deliveries.links import link_facts, with_link
from billing.deliveries.mails import LinkFacts, OutgoingMail
from billing.deliveries.own_words import load_own_words
from billing.deliveries.planning import MAIL, WEBHOOK
from billing.deliveries.rules import NoticeRules, load_notice_rules
from billing.deliveries.schedule import LEASE, STALE_AFTER
from billing.deliveries.settling import settle_notices
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of, update_many
from billing.tables import DeliveryRow, NoticeRow, WebhookEndpointRow

__all__ = ["OutgoingWebhook", "claim_mails", "claim_webhooks"]

log = logging.getLogger(__name__)

_deliveries = table_of(DeliveryRow)
_notices = table_of(NoticeRow)
_endpoints = table_of(WebhookEndpointRow)


@dataclass(frozen=True, slots=True)
class OutgoingWebhook:
    """One webhook about to be sent; `secrets` sign it, the newest first, and stay out of its repr.

    `tries` counts this one.
    """

    delivery_id: int
    tries: int
    message_id: str
    endpoint: str
    url: str
    body: bytes = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


def claim_mails(
    engine: Engine,
    merchant: Merchant,
    *,
    worker_id: str,
    at: datetime,
    limit: int = 20,
    master_key: bytes = b"",
) -> list[OutgoingMail]:
    """Claim up to `limit` mails that are due. Whoever cannot be written to is given up, logged.

    `master_key` makes the secrets of sign-in links.
    """
    mails = writing(engine, lambda c: _mails(c, merchant, worker_id, at, limit))
    return [with_link(mail, merchant, master_key=master_key) for mail in mails]


def _mails(
    connection: Connection, merchant: Merchant, worker_id: str, at: datetime, limit: int
) -> list[OutgoingMail]:
    claimed = _claim(connection, merchant, MAIL, worker_id, at, limit)
    rows = [row for row in claimed if row["planned_at"] > at - STALE_AFTER]
    stale = [row for row in claimed if row["planned_at"] <= at - STALE_AFTER]
    _give_up(connection, stale, at, "it waited for too long")
    if not rows:
        return []
    rules = load_notice_rules(connection, merchant.id)
    words = _composed(connection, merchant, rules, rows)
    unwritten = [row for row in rows if row["id"] not in words]
    _give_up(connection, unwritten, at, "the mail cannot be written")
    links = link_facts(connection, rows)
    return [
        _mail(row, words[row["id"]], rules, links.get(row["notice_id"]))
        for row in rows
        if row["id"] in words
    ]


def _give_up(connection: Connection, rows: Sequence[Row], at: datetime, why: str) -> None:
    gone = {"state": "dead", "settled_at": at, "detail": why}
    update_many(connection, _deliveries, [{"id": row["id"], **gone} for row in rows])
    settle_notices(connection, [row["notice_id"] for row in rows], at=at)


def _composed(
    connection: Connection, merchant: Merchant, rules: NoticeRules, rows: Sequence[Row]
) -> dict[int, Composed]:
    """The words by delivery: frozen before, or written and frozen now."""
    words = {row["id"]: _frozen(row) for row in rows if row["body"] is not None}
    fresh = [row for row in rows if row["body"] is None]
    if not fresh:
        return words
    facts = load_mail_facts(connection, [row["notice_id"] for row in fresh])
    own = load_own_words(connection, merchant.id)
    for row in fresh:
        try:
            words[row["id"]] = composed(
                facts[row["notice_id"]], merchant, rules, own, target=row["target"]
            )
        except Exception:
            log.exception("the mail of delivery %d cannot be written", row["id"])
    update_many(
        connection,
        _deliveries,
        [_freezing(row["id"], words[row["id"]]) for row in fresh if row["id"] in words],
    )
    return words


def _freezing(delivery_id: int, mail: Composed) -> dict[str, Any]:
    return {
        "id": delivery_id,
        "recipient": mail.recipient,
        "language": mail.language,
        "template_version": mail.version,
        "subject": mail.subject,
        "body": mail.body,
    }


def _frozen(row: Row) -> Composed:
    return Composed(
        row["recipient"], row["language"], row["template_version"], row["subject"], row["body"]
    )


def _mail(row: Row, words: Composed, rules: NoticeRules, link: LinkFacts | None) -> OutgoingMail:
    return OutgoingMail(
        delivery_id=row["id"],
        tries=row["tries"],
        message_id=row["message_id"],
        written_at=row["written_at"],
        language=words.language,
        subject=words.subject,
        body=words.body,
        recipient=words.recipient,
        sender=rules.mail_from,
        sender_name=rules.mail_name,
        reply_to=rules.reply_to,
        link=link,
    )


def claim_webhooks(
    engine: Engine,
    merchant: Merchant,
    *,
    worker_id: str,
    at: datetime,
    master_key: bytes,
    besides: Collection[str] = (),
    limit: int = 32,
) -> list[OutgoingWebhook]:
    """Claim up to `limit` webhooks that are due, of all endpoints but `besides`.

    Raises CannotUnseal under another master key.
    """

    def claimed(connection: Connection) -> list[OutgoingWebhook]:
        rows = _claim(connection, merchant, WEBHOOK, worker_id, at, limit, besides=besides)
        return _webhooks(connection, merchant, rows, at, master_key) if rows else []

    return writing(engine, claimed)


def _webhooks(
    connection: Connection,
    merchant: Merchant,
    rows: Sequence[Row],
    at: datetime,
    master_key: bytes,
) -> list[OutgoingWebhook]:
    bodies = {
        row["id"]: event_body(row)
        for row in fetch(
            connection,
            events_selected(merchant.id).where(
                _notices.c.id.in_([row["notice_id"] for row in rows])
            ),
        )
    }
    wanted = {row["endpoint_id"] for row in rows}
    endpoints = fetch(connection, select(_endpoints).where(_endpoints.c.id.in_(wanted)))
    by_id = {row["id"]: row for row in endpoints}
    secrets = {row["id"]: endpoint_secrets(row, at=at, master_key=master_key) for row in endpoints}
    return [
        OutgoingWebhook(
            delivery_id=row["id"],
            tries=row["tries"],
            message_id=row["message_id"],
            endpoint=row["target"],
            url=by_id[row["endpoint_id"]]["url"],
            body=bodies[row["notice_id"]],
            secrets=secrets[row["endpoint_id"]],
        )
        for row in rows
    ]


def _claim(
    connection: Connection,
    merchant: Merchant,
    channel: str,
    worker_id: str,
    at: datetime,
    limit: int,
    *,
    besides: Collection[str] = (),
) -> list[Row]:
    """The rows taken, their tries counted up, the oldest first."""
    statement = (
        select(_deliveries, _notices.c.written_at)
        .join(_notices, _notices.c.id == _deliveries.c.notice_id)
        .where(_deliveries.c.merchant_id == merchant.id, _deliveries.c.channel == channel)
        .where(is_word(_deliveries.c.state, "waiting"), _deliveries.c.look_at <= at)
        .order_by(_deliveries.c.look_at, _deliveries.c.id)
        .limit(limit)
        .with_for_update(of=_deliveries, skip_locked=True)
    )
    if besides:
        statement = statement.where(_deliveries.c.target.not_in(sorted(besides)))
    rows: list[Row] = [{**row, "tries": row["tries"] + 1} for row in fetch(connection, statement)]
    taken = {"worker_id": worker_id, "look_at": at + LEASE}
    update_many(
        connection,
        _deliveries,
        [{"id": row["id"], "tries": row["tries"], **taken} for row in rows],
    )
    return rows
