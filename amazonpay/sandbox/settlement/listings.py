"""Reports that list objects rather than movements of money: orders, agreements, authorizations.

Their columns are not documented for CV2; these carry what the objects know, as they stand when
the document is downloaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.settlement import report_types
from amazonpay.sandbox.settlement.instants import posted
from amazonpay.sandbox.settlement.report_store import Report
from amazonpay.sandbox.world import World

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """`values` maps column names to SQL over one table, `c` charges or `p` permissions.

    Instants are marked by a column name that ends in Timestamp.
    """

    alias: str
    values: dict[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(self.values)


_STATUS: Final = {
    "State": "{0}.state",
    "ReasonCode": "{0}.reason_code",
    "CreationTimestamp": "{0}.created_at",
    "LastUpdatedTimestamp": "{0}.changed_at",
    "ExpirationTimestamp": "{0}.expires_at",
}


def _status(alias: str) -> dict[str, str]:
    return {name: sql.format(alias) for name, sql in _STATUS.items()}


LISTINGS: Final = {
    report_types.ORDER_REFERENCE: Listing(
        "c",
        {
            "AmazonOrderReferenceId": "substr(c.id, 1, 19)",
            "AmazonChargePermissionId": "c.permission_id",
            "SellerOrderId": "c.merchant_reference_id",
            "CurrencyCode": "'JPY'",
            "OrderAmount": "c.amount",
            **_status("c"),
        },
    ),
    report_types.BILLING_AGREEMENT: Listing(
        "p",
        {
            "AmazonBillingAgreementId": "p.id",
            "SellerBillingAgreementId": "json_extract(p.metadata, '$.merchantReferenceId')",
            "CurrencyCode": "'JPY'",
            "AmountLimitPerTimePeriod": "p.amount_limit",
            **_status("p"),
        },
    ),
    report_types.AUTHORIZATION: Listing(
        "c",
        {
            "AmazonAuthorizationId": "c.id",
            "AmazonOrderReferenceId": "c.permission_id",
            "SellerReferenceId": "c.merchant_reference_id",
            "CurrencyCode": "'JPY'",
            "AuthorizationAmount": "c.amount",
            "CapturedAmount": "CASE c.state WHEN 'Captured' THEN c.capture_amount ELSE 0 END",
            "AuthorizationTimestamp": "c.authorized_at",
            **_status("c"),
        },
    ),
}


def pages(world: World, report: Report) -> Iterator[list[dict[str, str]]]:
    """The rows of a report of one of these types, in order of creation."""
    listing = LISTINGS[report.type]
    alias, at, seq = listing.alias, report.start_at, 0
    query = (
        f"SELECT {alias}.created_at, {alias}.seq, {', '.join(listing.values.values())} "
        f"{report_types.TYPES[report.type].rows} AND ({alias}.created_at, {alias}.seq) > (?3, ?4) "
        f"ORDER BY {alias}.created_at, {alias}.seq LIMIT ?5"
    )
    while True:
        found = world.store.connection.execute(
            query, (report.start_at, report.until, at, seq, _PAGE)
        ).fetchall()
        yield [_row(listing.columns, row[2:]) for row in found]
        if len(found) < _PAGE:
            return
        at, seq = found[-1][:2]


def _row(columns: tuple[str, ...], values: tuple[str | int | None, ...]) -> dict[str, str]:
    return {name: _text(name, value) for name, value in zip(columns, values, strict=True)}


def _text(name: str, value: str | int | None) -> str:
    if value is None:
        return ""
    return posted(int(value)) if name.endswith("Timestamp") else str(value)
