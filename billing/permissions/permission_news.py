"""What follows when a charge permission is read: agreements hear of it, and the outbox.

The same for whatever caused the reading. Nothing here compares with what was told before: an
agreement is told what differs from what it last heard, a notice is written once per cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.agreements.permission_told import tell_permissions
from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.notices import agreement_notice, write_notices
from billing.store.rows import Row, among, fetch, table_of
from billing.tables import SubscriptionRow

subscriptions = table_of(SubscriptionRow)

GOING_ON = ("trialing", "active", "past_due")


@dataclass(frozen=True, slots=True)
class PermissionNews:
    """The row of a charge permission before a reading, and as it is written now."""

    before: Row
    after: Row

    @property
    def closed(self) -> bool:
        """It can never be charged again, and could before."""
        return bool(self.after["state"] == "Closed" != self.before["state"])

    @property
    def suspended(self) -> bool:
        """It cannot be charged until the buyer does something, and could before."""
        moved = (self.before["state"], self.after["state"])
        return moved == ("Chargeable", "NonChargeable")

    def limit_lowered(self, cap_yen: int) -> bool:
        """Amazon's limit went down and is below the merchant's cap: less fits than was planned."""
        limit, was = self.after["amount_limit_yen"], self.before["amount_limit_yen"]
        return limit is not None and limit < cap_yen and (was is None or limit < was)

    def expires_before(self, owner: Row) -> bool:
        """The next cycle comes when the consent has lapsed."""
        expires, due = self.after["expires_at"], owner["due_at"]
        return (
            self.after["state"] != "Closed"
            and expires is not None
            and due is not None
            and expires <= due
        )


def book_news(
    connection: Connection, merchant: Merchant, news: Sequence[PermissionNews], *, at: datetime
) -> None:
    """Write notices and tell agreements; the permissions are locked and written already."""
    by_permission = {each.after["id"]: each for each in news}
    charged_to = among(connection, subscriptions.c.permission_id, by_permission)
    concerned = select(subscriptions.c.id).where(charged_to)
    lock_rows(connection, subscriptions, set(connection.execute(concerned).scalars()))
    statement = (
        select(subscriptions)
        .where(charged_to, subscriptions.c.state != "canceled")
        .order_by(subscriptions.c.id)
    )
    owners = fetch(connection, statement)
    notices = [
        notice
        for owner in owners
        if owner["state"] in GOING_ON
        for notice in _notices(by_permission[owner["permission_id"]], owner, merchant, at)
    ]
    write_notices(connection, notices)
    tell_permissions(connection, merchant, [_joined(by_permission, o) for o in owners], at=at)


def _notices(
    news: PermissionNews, owner: Row, merchant: Merchant, at: datetime
) -> list[dict[str, Any]]:
    after = news.after
    reason, cycle = after["state_reason"], owner["next_cycle"]
    told: list[tuple[str, str, str | None]] = []
    if news.closed:
        told.append(("permission_closed", after["amazon_id"], reason))
    if news.suspended:
        told.append(("permission_suspended", f"{cycle}/{reason}", reason))
    if news.limit_lowered(merchant.cap_yen):
        limit = after["amount_limit_yen"]
        told.append(("limit_lowered", f"{after['amazon_id']}/{limit}", None))
    if news.expires_before(owner):
        day = after["expires_at"].date().isoformat()
        told.append(("permission_expires", f"{after['amazon_id']}/{day}", None))
    return [
        agreement_notice(owner, kind=kind, at=at, step=step, reason=why, facts=_facts(kind, after))
        for kind, step, why in told
    ]


def _facts(kind: str, after: Row) -> dict[str, Any]:
    facts: dict[str, Any] = {"charge_permission_id": after["amazon_id"]}
    if kind == "limit_lowered":
        facts["limit_yen"] = after["amount_limit_yen"]
    if kind == "permission_expires":
        facts["expires_at"] = after["expires_at"].isoformat()
    return facts


def _joined(news: Mapping[int, PermissionNews], owner: Row) -> Row:
    after = news[owner["permission_id"]].after
    return dict(owner) | {
        "amazon_id": after["amazon_id"],
        "permission_state": after["state"],
        "state_reason": after["state_reason"],
    }
