"""Tells agreements what Amazon says of their charge permission.

An agreement keeps what it last heard, so telling it again is nothing and a missed change is caught
up by the next reading. A plain subscription has no memory: only the end of its permission changes
it, and gives it an agreement as every other change does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from billing.agreements.giving_up import charge_under_way
from billing.agreements.running import AgreementRun, permission_told
from billing.catalogue.catalogue_store import load_catalogue
from billing.quotes.agreement import Agreement, load_agreements
from billing.quotes.books import load_situation
from billing.quotes.stored import permission_of
from billing.store.merchants import Merchant
from billing.store.rows import Row, table_of
from billing.tables import InvoiceRow
from plans.lifecycle import (
    BuyerClosedPermission,
    Command,
    Permission,
    PermissionChargeable,
    PermissionNotChargeable,
    PermissionState,
    Refused,
)

__all__ = ["tell_permissions"]

log = logging.getLogger(__name__)

_invoices = table_of(InvoiceRow)

# Other words mean a state that Amazon added: the charge itself will tell what it allows.
_UNDERSTOOD = ("Chargeable", "NonChargeable", "Closed")
_PLAIN_THAT_END = ("trialing", "active")


def tell_permissions(
    connection: Connection, merchant: Merchant, rows: Sequence[Row], *, at: datetime
) -> None:
    """Tell each subscription that differs; rows are joined with their permissions, under its lock.

    An agreement whose change waits for its charge is told later: nothing else may happen to it.
    """
    known = [row for row in rows if row["permission_state"] in _UNDERSTOOD]
    agreements = load_agreements(connection, [row["id"] for row in known])
    told = [row for row in known if _news_for(row, agreements.get(row["id"])) is not None]
    if not told:
        return
    run = AgreementRun(connection, merchant, load_catalogue(connection, merchant.id), at)
    for row in told:
        _tell(run, row, agreements)


def _news_for(row: Row, agreement: Agreement | None) -> Command | None:
    """Say what differs from what the subscription last heard; None for nothing."""
    now = permission_of(row)
    if agreement is None:
        ends = now.state is PermissionState.CLOSED and row["state"] in _PLAIN_THAT_END
        return BuyerClosedPermission(now.reason) if ends else None
    if agreement.pending_quote_id is not None:
        return None
    return _command(agreement.subscription.permission, now)


def _command(heard: Permission, now: Permission) -> Command | None:
    if heard.state is PermissionState.CLOSED:
        return None  # only a new consent helps, and that is another permission
    match now.state:
        case PermissionState.CLOSED:
            return BuyerClosedPermission(now.reason)
        case PermissionState.NOT_CHARGEABLE if heard != now:
            return PermissionNotChargeable(now.reason)
        case PermissionState.CHARGEABLE if heard.state is not PermissionState.CHARGEABLE:
            return PermissionChargeable()
        case _:
            return None


def _tell(run: AgreementRun, row: Row, agreements: Mapping[int, Agreement]) -> None:
    agreement = agreements.get(row["id"])
    command = _news_for(row, agreement)
    if agreement is None:
        agreement = _first_agreement(run, row)
    if agreement is None or command is None:
        return
    try:
        permission_told(run, row, agreement, command, row["state_reason"] or "")
    except Refused as refused:
        # The life cycle has its own reasons; what Amazon says of the permission is kept anyway.
        log.warning("%s was not told of its permission: %s", row["external_id"], refused)


def _first_agreement(run: AgreementRun, row: Row) -> Agreement | None:
    """Make the agreement of a plain subscription, as it was while its permission was open.

    One that owes money keeps its course: dunning ends it by the merchant's rule.
    """
    if _owes(run, row) or charge_under_way(run.connection, row):
        return None
    view = load_situation(
        run.connection, run.merchant, subscription_id=row["external_id"], at=run.at
    )
    if view.subscription is None:
        raise AssertionError(f"subscription {row['external_id']} without a value")
    was = Permission(row["amazon_id"], PermissionState.CHARGEABLE)
    return Agreement(replace(view.subscription, permission=was), view.account)


def _owes(run: AgreementRun, row: Row) -> bool:
    statement = select(_invoices.c.id).where(
        _invoices.c.subscription_id == row["id"], _invoices.c.state == "open"
    )
    return run.connection.execute(statement.limit(1)).first() is not None
