"""What stands in a report document: a header block for settlements, column names, rows.

Tab separated, except the CSV type. Source of the settlement columns: api.md §11; yen are whole.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from amazonpay.sandbox.settlement import book, listings, report_types
from amazonpay.sandbox.settlement.book import Entry
from amazonpay.sandbox.settlement.closing import settlement
from amazonpay.sandbox.settlement.instants import in_japan, posted
from amazonpay.sandbox.settlement.numbers import settlement_id
from amazonpay.sandbox.settlement.options import SettlementOptions, read_options
from amazonpay.sandbox.settlement.report_store import Report
from amazonpay.sandbox.world import World

Row = Mapping[str, str]

SETTLEMENT_COLUMNS: Final = (
    *("TransactionPostedDate", "SettlementId", "AmazonTransactionId", "SellerReferenceId"),
    *("TransactionType", "AmazonOrderReferenceId", "SellerOrderId", "StoreName", "CurrencyCode"),
    *("TransactionDescription", "TransactionAmount", "TransactionPercentageFee"),
    *("TransactionFixedFee", "TotalTransactionFee", "NetTransactionAmount"),
)
_SETTLEMENT_TYPES: Final = (report_types.SETTLEMENT, report_types.SANDBOX_SETTLEMENT)
_BOOKED: Final = {
    report_types.CAPTURE: ("Capture",),
    report_types.REFUND: ("Refund",),
}


def parts(world: World, report: Report) -> Iterator[str]:
    """The document in pieces of some hundred rows."""
    line = _csv_line if report.type == report_types.PAYMENTS else _tab_line
    if report.type in _SETTLEMENT_TYPES:
        head = ("SellerId", "SettlementStartDate", "SettlementEndDate")
        span = (in_japan(report.start_at), in_japan(report.end_at))
        yield line(head) + line((world.merchant_id, *span)) + "\n"
    columns, pages = _body(world, report)
    yield line(columns)
    for page in pages:
        yield "".join(line([row.get(name, "") for name in columns]) for row in page)


def _body(world: World, report: Report) -> tuple[Sequence[str], Iterator[Sequence[Row]]]:
    listing = listings.LISTINGS.get(report.type)
    if listing is not None:
        return listing.columns, listings.pages(world, report)
    return SETTLEMENT_COLUMNS, _booked(world, report)


def _booked(world: World, report: Report) -> Iterator[Sequence[Row]]:
    options = read_options(world)
    kinds = _BOOKED.get(report.type)
    own = None if report.settlement is None else settlement(world, report.settlement)
    pages = book.window(world, report.start_at, report.until)
    if own is not None:
        pages = book.of_settlement(world, own)
    for page in pages:
        yield [
            row
            for entry in page
            if (kinds is None or entry.type in kinds)
            and (report.type != report_types.PAYMENTS or entry.charge_id is not None)
            for row in _rows(entry, report, options)
        ]


def _rows(entry: Entry, report: Report, options: SettlementOptions) -> Iterator[Row]:
    """The row of an entry; the sandbox also shows the authorization before its capture."""
    shows = options.authorization_rows and report.type == report_types.SANDBOX_SETTLEMENT
    if shows and entry.type == "Capture":
        at = entry.posted_at if entry.authorized_at is None else entry.authorized_at
        # An authorization costs nothing in Japan and moves no money.
        free = {"TransactionPostedDate": posted(at), "TransactionType": "Authorization"}
        yield {**_row(entry, options, amount=0, fee=0), **free}
    yield _row(entry, options, amount=entry.amount, fee=entry.fee)


def _row(entry: Entry, options: SettlementOptions, *, amount: int, fee: int) -> dict[str, str]:
    shown_fee = str(fee if options.fee_sign == "negative" else -fee)
    return {
        "TransactionPostedDate": posted(entry.posted_at),
        "SettlementId": settlement_id(entry.settlement),
        "AmazonTransactionId": entry.object_id or "",
        "SellerReferenceId": entry.reference or "",
        "TransactionType": entry.type,
        "AmazonOrderReferenceId": entry.permission_id or "",
        "SellerOrderId": entry.reference or "",
        "StoreName": entry.store_name or "",
        "CurrencyCode": "JPY",
        "TransactionDescription": entry.description or "",
        "TransactionAmount": str(amount),
        "TransactionPercentageFee": shown_fee,
        "TransactionFixedFee": "0",
        "TotalTransactionFee": shown_fee,
        "NetTransactionAmount": str(amount + fee),
    }


def _tab_line(values: Sequence[str]) -> str:
    return "\t".join(v if v.isprintable() else _flattened(v) for v in values) + "\n"


def _flattened(value: str) -> str:
    """Tabs and line ends of a merchant's own text would break the table."""
    return "".join(c if c.isprintable() else " " for c in value)


def _csv_line(values: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(values)
    return text.getvalue()
