"""Reading the text of a settlement report. Pure: text in, rows or an exact complaint out.

The file begins with a block of three facts (seller, start, end), then comes a line of column names
and one line per transaction. Columns are found by name, never by position; names that are not
known here are kept. Amounts are exact decimals, and whole yen where the currency is the yen.
Source: API reference §11.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from amazonpay.errors import AmazonPayError, shown
from amazonpay.kept import Kept
from amazonpay.states import SettlementTransactionType

T = TypeVar("T")

_KEY_COLUMN: Final = "TransactionPostedDate"
"""The line that holds this name is the line of column names."""

_FACTS: Final = ("SellerId", "SettlementStartDate", "SettlementEndDate")
_COLUMNS: Final = (
    "TransactionPostedDate",
    "SettlementId",
    "AmazonTransactionId",
    "SellerReferenceId",
    "TransactionType",
    "AmazonOrderReferenceId",
    "SellerOrderId",
    "StoreName",
    "CurrencyCode",
    "TransactionDescription",
    "TransactionAmount",
    "TransactionPercentageFee",
    "TransactionFixedFee",
    "TotalTransactionFee",
    "NetTransactionAmount",
)
_REQUIRED: Final = (
    "TransactionPostedDate",
    "SettlementId",
    "TransactionType",
    "CurrencyCode",
    "TransactionAmount",
    "NetTransactionAmount",
)
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,9})?")


class UnreadableSettlement(AmazonPayError, ValueError):
    """The text is no settlement report as documented.

    `line` counts from 1, `column` is a column's name or None, `value` is what stood there and
    `rule` what should.
    """

    def __init__(self, line: int, column: str | None, value: object, rule: str) -> None:
        super().__init__(line, column, value, rule)
        self.line = line
        self.column = column
        self.value = value
        self.rule = rule

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return (
            f"{place}: {shown(self.value)}: {self.rule}. "
            "Fetch the report again, and give its text unchanged."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRow:
    """One movement of money; `line` is its place in the file, for complaints.

    Amounts are exact in any currency; the properties that end in `_yen` are whole yen, or None
    where the row has another currency or the file has no such column. `others` holds the columns
    that are not known here, by name.
    """

    line: int
    posted_at: datetime
    settlement_id: str
    transaction_type: SettlementTransactionType
    currency_code: str
    transaction_amount: Decimal
    net_transaction_amount: Decimal
    transaction_percentage_fee: Decimal | None = None
    transaction_fixed_fee: Decimal | None = None
    total_transaction_fee: Decimal | None = None
    amazon_transaction_id: str | None = None
    seller_reference_id: str | None = None
    amazon_order_reference_id: str | None = None
    seller_order_id: str | None = None
    store_name: str | None = None
    transaction_description: str | None = None
    others: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def transaction_amount_yen(self) -> int | None:
        """The amount that moved, before fees."""
        return self._yen(self.transaction_amount)

    @property
    def net_transaction_amount_yen(self) -> int | None:
        """What the merchant gets (or pays, when negative)."""
        return self._yen(self.net_transaction_amount)

    @property
    def transaction_percentage_fee_yen(self) -> int | None:
        """The part of the fee that is a percentage of the amount."""
        return self._yen(self.transaction_percentage_fee)

    @property
    def transaction_fixed_fee_yen(self) -> int | None:
        """The part of the fee that is the same for every transaction."""
        return self._yen(self.transaction_fixed_fee)

    @property
    def total_transaction_fee_yen(self) -> int | None:
        """The whole fee."""
        return self._yen(self.total_transaction_fee)

    def _yen(self, amount: Decimal | None) -> int | None:
        return int(amount) if amount is not None and self.currency_code == "JPY" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementReport:
    """A whole report; `columns` are the names as the file has them, `header` its other facts."""

    seller_id: str
    settlement_start: datetime
    settlement_end: datetime
    rows: tuple[SettlementRow, ...]
    columns: tuple[str, ...]
    header: Mapping[str, str] = field(default_factory=dict, hash=False)


def parse_settlement_report(content: str | bytes) -> SettlementReport:
    """The report in a text, or in the bytes of `download_report_document` (UTF-8).

    The block of facts may hold one fact per line, or a line of names above a line of values.
    Raises UnreadableSettlement naming line, column, value and rule.
    """
    text = _decoded(content)
    lines = list(_cells(text))
    at = _line_of_names(lines)
    facts = _facts(lines[:at])
    number, names = lines[at]
    _check_names(number, names)
    rows = tuple(_row(line, names, cells) for line, cells in lines[at + 1 :])
    return SettlementReport(
        seller_id=_fact(facts, "SellerId", _text),
        settlement_start=_fact(facts, "SettlementStartDate", _instant),
        settlement_end=_fact(facts, "SettlementEndDate", _instant),
        rows=rows,
        columns=tuple(names),
        header=Kept({n: value for n, (_, value) in facts.items() if n not in _FACTS}),
    )


_Line = tuple[int, list[str]]
_Fact = tuple[int, str]


def _decoded(content: str | bytes) -> str:
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise UnreadableSettlement(
            line, None, content[problem.start : problem.start + 8], "the text is UTF-8"
        ) from problem


def _cells(text: str) -> Iterator[_Line]:
    """The cells of each line that is not empty, with the line's number."""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        cells = [_cell(cell) for cell in line.split("\t")]
        if any(cells):
            yield number, cells


def _cell(text: str) -> str:
    """A cell without the quotes that stand around the whole of it.

    Amazon's flat files do not quote; a quote inside a shop's name is a part of the name.
    """
    cell = text.strip()
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"').strip()
    return cell


def _line_of_names(lines: Sequence[_Line]) -> int:
    for at, (_, cells) in enumerate(lines):
        if _KEY_COLUMN in cells:
            return at
    last = lines[-1][0] if lines else 1
    raise UnreadableSettlement(
        last, _KEY_COLUMN, None, f"a line of column names, separated by tabs, has {_KEY_COLUMN}"
    )


def _facts(lines: Sequence[_Line]) -> dict[str, _Fact]:
    """The facts by name, each with its line, in either layout of the block."""
    facts: dict[str, _Fact] = {}
    for name, number, value in _pairs(lines):
        if name in facts:
            raise UnreadableSettlement(number, name, value, "each fact stands there once")
        facts[name] = (number, value)
    return facts


def _pairs(lines: Sequence[_Line]) -> Iterator[tuple[str, int, str]]:
    if lines and len(set(lines[0][1]) & set(_FACTS)) > 1:
        yield from _below_names(lines)
        return
    for number, cells in lines:
        if len(cells) < 2 or any(cells[2:]):
            raise UnreadableSettlement(
                number, None, cells, "a line of the first block holds a name and a value"
            )
        yield cells[0], number, cells[1]


def _below_names(lines: Sequence[_Line]) -> Iterator[tuple[str, int, str]]:
    _, names = lines[0]
    if len(lines) != 2:
        raise UnreadableSettlement(
            lines[-1][0], None, len(lines), "the first block is a line of names and one of values"
        )
    number, values = lines[1]
    _check_width(number, names, values)
    for name, value in zip(names, values, strict=True):
        yield name, number, value


def _fact(facts: Mapping[str, _Fact], name: str, read: Callable[[int, str, str], T]) -> T:
    if name not in facts:
        raise UnreadableSettlement(1, name, None, "the first block names it")
    number, value = facts[name]
    return read(number, name, value)


def _check_names(number: int, names: Sequence[str]) -> None:
    for name in _REQUIRED:
        if name not in names:
            raise UnreadableSettlement(number, name, None, "the report has this column")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UnreadableSettlement(number, name, name, "column names differ")
        seen.add(name)


def _check_width(number: int, names: Sequence[str], cells: Iterable[str]) -> None:
    found = len(list(cells))
    if found != len(names):
        raise UnreadableSettlement(number, None, found, f"the line has {len(names)} cells")


def _row(number: int, names: Sequence[str], cells: Sequence[str]) -> SettlementRow:
    _check_width(number, names, cells)
    row = dict(zip(names, cells, strict=True))
    currency = _text(number, "CurrencyCode", row["CurrencyCode"])

    def required(name: str) -> Decimal:
        return _amount(number, name, row[name], currency)

    def optional(name: str) -> Decimal | None:
        return required(name) if row.get(name) else None

    return SettlementRow(
        line=number,
        posted_at=_instant(number, _KEY_COLUMN, row[_KEY_COLUMN]),
        settlement_id=_text(number, "SettlementId", row["SettlementId"]),
        transaction_type=SettlementTransactionType(
            _text(number, "TransactionType", row["TransactionType"])
        ),
        currency_code=currency,
        transaction_amount=required("TransactionAmount"),
        net_transaction_amount=required("NetTransactionAmount"),
        transaction_percentage_fee=optional("TransactionPercentageFee"),
        transaction_fixed_fee=optional("TransactionFixedFee"),
        total_transaction_fee=optional("TotalTransactionFee"),
        amazon_transaction_id=row.get("AmazonTransactionId") or None,
        seller_reference_id=row.get("SellerReferenceId") or None,
        amazon_order_reference_id=row.get("AmazonOrderReferenceId") or None,
        seller_order_id=row.get("SellerOrderId") or None,
        store_name=row.get("StoreName") or None,
        transaction_description=row.get("TransactionDescription") or None,
        others=Kept({n: value for n, value in row.items() if n not in _COLUMNS}),
    )


def _text(number: int, name: str, value: str) -> str:
    if value:
        return value
    raise UnreadableSettlement(number, name, value, "it is never empty")


def _instant(number: int, name: str, value: str) -> datetime:
    try:
        if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise UnreadableSettlement(
        number, name, value, "an instant with its offset, as in 2015-05-18T14:37:01-0700"
    )


def _amount(number: int, name: str, value: str, currency: str) -> Decimal:
    if not _AMOUNT.fullmatch(value):
        raise UnreadableSettlement(number, name, value, "a plain number, as in -1234.00")
    amount = Decimal(value)
    if currency == "JPY" and amount != amount.to_integral_value():
        raise UnreadableSettlement(number, name, value, "an amount in JPY is whole yen")
    return amount
