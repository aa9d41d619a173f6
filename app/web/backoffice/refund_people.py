"""Who asked and who decides about a refund: two people of the staff, by more than two names."""

import json

from sqlalchemy import Connection, select

from app.web.shell.tables import TABLES
from app.web.shell.tables import staff_users as users
from billing.approvals import Approval, ApprovalRefused

audit = TABLES["audit_event"]

HANDED_OUT = ("staff_added", "staff_password", "staff_totp")
"""What gives somebody an account, or the means to open one."""

NEWEST = 500


def check_people(connection: Connection, *, merchant_id: str, found: Approval, by: str) -> None:
    """Raise `ApprovalRefused` unless two people stand behind the two names.

    Who asked must still work here. An account that somebody else made, or opened with another
    password or factor, after the request was asked may be the one who asked; it does not approve.
    """
    asker = select(users.c.state).where(
        users.c.merchant_id == merchant_id, users.c.name == found.asked_by
    )
    if connection.execute(asker).scalar_one_or_none() == "disabled":
        raise ApprovalRefused(
            code="asker_gone",
            field="by",
            value=found.asked_by,
            rule="who asked for it does not work here any more",
            remedy="decline it, and ask anew if the money shall go back",
        )
    asked = _asked_event(connection, merchant_id, found)
    if asked and _handed_out(connection, merchant_id, by, since=asked):
        raise ApprovalRefused(
            code="fresh_account",
            field="by",
            value=by,
            rule="this account was made or reset after the refund was asked for",
            remedy="let somebody decide whose account is older than the request",
        )


def _asked_event(connection: Connection, merchant_id: str, found: Approval) -> int:
    """The audit event of the request; 0 for one that left none."""
    statement = (
        select(audit.c.id, audit.c.detail)
        .where(audit.c.merchant_id == merchant_id, audit.c.kind == "refund_approval_asked")
        .order_by(audit.c.id.desc())
        .limit(NEWEST)
    )
    for event_id, detail in connection.execute(statement):
        if json.loads(detail or "{}").get("approval") == found.id:
            return int(event_id)
    return 0


def _handed_out(connection: Connection, merchant_id: str, name: str, *, since: int) -> bool:
    statement = (
        select(audit.c.id)
        .where(
            audit.c.merchant_id == merchant_id,
            audit.c.id > since,
            audit.c.kind.in_(HANDED_OUT),
            audit.c.actor != name,
            audit.c.reason.startswith(f"{name}: ", autoescape=True),
        )
        .limit(1)
    )
    return connection.execute(statement).first() is not None
