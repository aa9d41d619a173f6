"""What is told to whom, as it stands: for the back office, and figures for watchdogs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from billing.deliveries.composing import composed, load_mail_facts
from billing.deliveries.kinds import kind_of, known_kind
from billing.deliveries.own_words import load_own_words
from billing.deliveries.planning import MAIL, WEBHOOK
from billing.deliveries.rules import load_notice_rules
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import DeliveryRow, NoticeRow, SubscriptionRow
from plans import BadInput

__all__ = [
    "MailPreview",
    "OutboxHealth",
    "StoredDelivery",
    "StoredNotice",
    "list_notices",
    "outbox_health",
    "preview_notice",
]

_deliveries = table_of(DeliveryRow)
_notices = table_of(NoticeRow)
_subscriptions = table_of(SubscriptionRow)


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One delivery of a notice; `next_try_at` is None once it is over."""

    channel: str
    target: str
    state: str
    tries: int
    next_try_at: datetime | None
    settled_at: datetime | None
    detail: str | None
    message_id: str


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """One notice and its deliveries; `position` is None until it is planned."""

    id: int
    position: int | None
    kind: str
    audience: str
    subscription: str | None
    reference: str | None
    amount_yen: int | None
    reason: str | None
    written_at: datetime
    delivered_at: datetime | None
    deliveries: tuple[StoredDelivery, ...]


@dataclass(frozen=True, slots=True)
class MailPreview:
    """The mail of a notice: frozen (as sent) when it was planned, else as it would be sent now."""

    notice_id: int
    frozen: bool
    recipient: str
    language: str
    version: int
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """The outbox in figures: notices waiting, seconds since the oldest, deliveries given up."""

    waiting: int
    oldest_seconds: int
    mails_waiting: int
    webhooks_waiting: int
    mails_dead: int
    webhooks_dead: int


def list_notices(
    connection: Connection,
    merchant: Merchant,
    *,
    subscription_id: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    limit: int = 50,
) -> list[StoredNotice]:
    """The newest notices; `state` asks for those with a delivery in that state.

    Raises BadInput for a kind that does not exist, or a subscription the merchant does not have.
    """
    if kind is not None:
        known_kind(kind)
    if subscription_id is not None:
        _check_subscription(connection, merchant, subscription_id)
    statement = (
        select(_notices, _subscriptions.c.external_id.label("subscription"))
        .outerjoin(_subscriptions, _subscriptions.c.id == _notices.c.subscription_id)
        .where(_notices.c.merchant_id == merchant.id)
        .order_by(_notices.c.id.desc())
        .limit(limit)
    )
    if subscription_id is not None:
        statement = statement.where(_subscriptions.c.external_id == subscription_id)
    if kind is not None:
        statement = statement.where(_notices.c.kind == kind)
    if state is not None:
        having = select(_deliveries.c.notice_id).where(
            _deliveries.c.merchant_id == merchant.id, _deliveries.c.state == state
        )
        statement = statement.where(_notices.c.id.in_(having))
    rows = fetch(connection, statement)
    deliveries = _deliveries_by_notice(connection, [row["id"] for row in rows])
    return [_stored(row, deliveries.get(row["id"], [])) for row in rows]


def _check_subscription(connection: Connection, merchant: Merchant, subscription_id: str) -> None:
    same = (
        _subscriptions.c.merchant_id == merchant.id,
        _subscriptions.c.external_id == subscription_id,
    )
    if connection.execute(select(_subscriptions.c.id).where(*same)).first() is None:
        raise BadInput(
            field="subscription",
            value=subscription_id,
            rule="is not in the books of this merchant",
            remedy="look it up with: autopay charges --search TEXT",
        )


def _deliveries_by_notice(connection: Connection, ids: list[int]) -> dict[int, list[Row]]:
    statement = (
        select(_deliveries).where(_deliveries.c.notice_id.in_(ids)).order_by(_deliveries.c.id)
    )
    found: dict[int, list[Row]] = {}
    for row in fetch(connection, statement):
        found.setdefault(row["notice_id"], []).append(row)
    return found


def _stored(row: Row, deliveries: list[Row]) -> StoredNotice:
    return StoredNotice(
        id=row["id"],
        position=row["position"],
        kind=row["kind"],
        audience=kind_of(row["kind"]).audience,
        subscription=row["subscription"],
        reference=row["reference"],
        amount_yen=row["amount_yen"],
        reason=row["reason"],
        written_at=row["written_at"],
        delivered_at=row["delivered_at"],
        deliveries=tuple(
            StoredDelivery(
                channel=each["channel"],
                target=each["target"],
                state=each["state"],
                tries=each["tries"],
                next_try_at=each["look_at"] if each["state"] == "waiting" else None,
                settled_at=each["settled_at"],
                detail=each["detail"],
                message_id=each["message_id"],
            )
            for each in deliveries
        ),
    )


def preview_notice(connection: Connection, merchant: Merchant, *, notice_id: int) -> MailPreview:
    """The mail of a notice; raises BadInput for a notice the merchant does not have."""
    facts = load_mail_facts(connection, [notice_id]).get(notice_id)
    if facts is None or facts.notice["merchant_id"] != merchant.id:
        raise BadInput(
            field="notice",
            value=notice_id,
            rule="no notice of this merchant has that number",
            remedy="look it up with: autopay notices list",
        )
    statement = select(_deliveries).where(
        _deliveries.c.notice_id == notice_id, _deliveries.c.body.is_not(None)
    )
    sent = fetch(connection, statement)
    if sent:
        row = sent[0]
        return MailPreview(
            notice_id,
            True,
            row["recipient"],
            row["language"],
            row["template_version"],
            row["subject"],
            row["body"],
        )
    rules = load_notice_rules(connection, merchant.id)
    words = load_own_words(connection, merchant.id)
    target = kind_of(facts.notice["kind"]).audience
    mail = composed(facts, merchant, rules, words, target=target)
    return MailPreview(
        notice_id, False, mail.recipient, mail.language, mail.version, mail.subject, mail.body
    )


def outbox_health(connection: Connection, merchant: Merchant, *, at: datetime) -> OutboxHealth:
    """Figures of the outbox as of `at`."""
    waiting, oldest = connection.execute(
        select(func.count(), func.min(_notices.c.written_at)).where(
            _notices.c.merchant_id == merchant.id, _notices.c.delivered_at.is_(None)
        )
    ).one()
    age = 0 if oldest is None else max(0, (at - oldest) // timedelta(seconds=1))
    sending = _counted(connection, merchant, "waiting")
    dead = _counted(connection, merchant, "dead")
    return OutboxHealth(
        waiting=waiting,
        oldest_seconds=age,
        mails_waiting=sending.get(MAIL, 0),
        webhooks_waiting=sending.get(WEBHOOK, 0),
        mails_dead=dead.get(MAIL, 0),
        webhooks_dead=dead.get(WEBHOOK, 0),
    )


def _counted(connection: Connection, merchant: Merchant, state: str) -> dict[str, int]:
    statement = (
        select(_deliveries.c.channel, func.count())
        .where(_deliveries.c.merchant_id == merchant.id, is_word(_deliveries.c.state, state))
        .group_by(_deliveries.c.channel)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}
