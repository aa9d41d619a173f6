"""A merchant's subscribers as a CSV file: read whole, checked whole, every bad row told at once.

Codes and numbers are normalised (full-width digits, long-vowel marks typed as hyphens); names and
notes are kept as they were typed. Nothing here reads a clock or a database.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from amazonpay import is_charge_permission_id, is_recurring_permission_id
from app.catalogue_file import (
    FileNote,
    Unfit,
    as_code,
    as_shown,
    as_typed,
    check_readable,
    decode_file,
)
from billing import (
    CapRule,
    ImportStatus,
    PriceList,
    RowRefused,
    SubscriberRow,
    check_subscriber,
    yearly_yen,
)

__all__ = ["COLUMNS", "FileNote", "ParsedFile", "RowProblem", "read_subscribers"]

T = TypeVar("T")

COLUMNS = (
    *("external_id", "name", "kana", "email", "plan", "quantity", "started_on", "anchor_day"),
    *("next_charge_on", "status", "resume_on", "charge_permission_id", "buyer_id"),
    *("postal_code", "minimum_cycles_done", "note"),
)

# A value in quotes may run over lines by mistake; looking further would cost more than it tells.
_LINES_PER_ROW_MAX = 5
_ROWS_PER_REPORT = 500
_EARLIEST, _LATEST = date(1970, 1, 1), date(2199, 12, 31)

# A colon would end the identity that the parts of a split charge are named by.
_EXTERNAL_ID = re.compile(r"[\w.@+-]{1,64}")
# Old mobile addresses such as a..b.@docomo.ne.jp break the standard and are in daily use.
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)+")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_POSTAL_CODE = re.compile(r"([0-9]{3})-?([0-9]{4})")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row is not taken; `also` holds further faults of the same row.

    `line` counts from 1, the header; `column` is "row" or "file" where no single one is at fault.
    """

    line: int
    column: str
    value: str
    rule: str
    remedy: str
    ja: str
    also: tuple[RowProblem, ...] = ()

    @property
    def text_en(self) -> str:
        """Say it in English, in one sentence."""
        return f"line {self.line}, {self.column} '{self.value}': {self.rule}; {self.remedy}"

    @property
    def text_ja(self) -> str:
        """Say it in Japanese."""
        return f"{self.line}行目 {self.column}「{self.value}」: {self.ja}"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The good rows, and one problem per bad one, both in the order of the file."""

    rows: tuple[SubscriberRow, ...]
    problems: tuple[RowProblem, ...]
    notes: tuple[FileNote, ...] = ()


@dataclass(slots=True)
class _Seen:
    """The merchant's terms, and what the rows above used: ids, buyers, and room under the cap."""

    prices: PriceList
    cap_yen: int
    cap_rule: CapRule
    line_of_id: dict[str, int] = field(default_factory=dict)
    buyer: dict[str, tuple[str, int]] = field(default_factory=dict)
    yearly_yen: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Cells:
    """The values of one line as typed, and the faults found in them."""

    line: int
    typed: dict[str, str]
    faults: list[RowRefused] = field(default_factory=list)

    def take(self, column: str, read: Callable[[str], T], stand_in: T) -> T:
        """Read a value; a fault is noted and gives the stand-in, so that one pass finds all."""
        try:
            check_readable(self.typed[column])
            return read(self.typed[column])
        except Unfit as unfit:
            self.faults.append(unfit.of(column, self.typed[column]))
            return stand_in


def read_subscribers(
    data: bytes,
    *,
    prices: PriceList,
    cap_yen: int,
    cap_rule: CapRule,
    on_progress: Callable[[int], None] = lambda done: None,
) -> ParsedFile:
    """Read a file of subscribers under a merchant's prices and monthly cap in yen.

    Never raises for what is in the file. A fault of the file as a whole, such as its header,
    leaves no rows. `on_progress` is told now and then how many rows are done.
    """
    try:
        text, notes = decode_file(data)
    except Unfit as unfit:
        return ParsedFile((), (_problem(1, [unfit.of("file", "")]),))
    lines = _lines(text)
    header, faults = _header(lines)
    if faults:
        return ParsedFile((), tuple(_problem(1, [fault]) for fault in faults), notes)
    seen, done = _Seen(prices, cap_yen, cap_rule), 0
    judged: list[SubscriberRow | RowProblem] = []
    for done, (line, record) in enumerate(_records(lines, header), start=1):
        judged.append(_judge(line, record, seen))
        if done % _ROWS_PER_REPORT == 0:
            on_progress(done)
    on_progress(done)
    return ParsedFile(
        rows=tuple(entry for entry in judged if isinstance(entry, SubscriberRow)),
        problems=tuple(entry for entry in judged if isinstance(entry, RowProblem)),
        notes=notes,
    )


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n")
    return (text if "\n" in text else text.replace("\r", "\n")).split("\n")


def _header(lines: Sequence[str]) -> tuple[list[str], list[RowRefused]]:
    """Name the columns of the file, and everything that is wrong with them."""
    try:
        names = [as_code(name) for name in _split(lines[:1])]
    except csv.Error:
        names = []
    if not set(names) & set(COLUMNS):
        unfit = Unfit(
            "its first line names no known column",
            f"start the file with the line {','.join(COLUMNS)}",
            f"1行目に列名がありません。{','.join(COLUMNS)} と書いてください。",
        )
        return names, [unfit.of("file", lines[0])]
    unknown = Unfit("is not a known column", "remove it", "不明な列です。削除してください。")
    twice = Unfit("stands twice", "keep one of the two", "同じ列が2つあります。")
    missing = Unfit("is missing", "add the column, if need be empty", "列がありません。")
    faults = [unknown.of(name or "(empty)", name) for name in names if name not in COLUMNS]
    faults += [twice.of(name, name) for name in COLUMNS if names.count(name) > 1]
    faults += [missing.of(name, "") for name in COLUMNS if name not in names]
    return names, faults


def _records(
    lines: Sequence[str], header: Sequence[str]
) -> Iterator[tuple[int, dict[str, str] | RowRefused]]:
    """Give every row that is not blank with the line it starts on."""
    index = 1
    while index < len(lines):
        taken, record = _record(lines[index : index + _LINES_PER_ROW_MAX], header)
        if lines[index].strip(" \t\u3000"):
            yield index + 1, record
        index += taken


def _record(lines: Sequence[str], header: Sequence[str]) -> tuple[int, dict[str, str] | RowRefused]:
    """Split the row on the first line; an open quote must not swallow the rest of the file."""
    for taken in range(1, len(lines) + 1):
        with suppress(csv.Error):
            values = _split(lines[:taken])
            if len(values) == len(header):
                return taken, dict(zip(header, values, strict=True))
            if taken == 1:
                return 1, _ragged(len(values), len(header)).of("row", lines[0])
    unfit = Unfit(
        "cannot be split into columns",
        "put a value with a comma or a quote in double quotes, and double each quote inside",
        '列に分けられません。カンマや引用符を含む値は "…" で囲んでください。',
    )
    return 1, unfit.of("row", lines[0])


def _split(lines: Sequence[str]) -> list[str]:
    return next(csv.reader([line + "\n" for line in lines], strict=True))


def _ragged(found: int, wanted: int) -> Unfit:
    return Unfit(
        f"has {found} values, the header has {wanted} columns",
        "add what is missing, or put a value with a comma in double quotes",
        f'列数が{found}です ({wanted}列が必要)。カンマを含む値は "…" で囲んでください。',
    )


def _judge(
    line: int, record: dict[str, str] | RowRefused, seen: _Seen
) -> SubscriberRow | RowProblem:
    if isinstance(record, RowRefused):
        return _problem(line, [record])
    cells = _Cells(line, record)
    row = _read_row(cells)
    faults = [*_repeated(row, seen), *cells.faults]
    if faults:
        return _problem(line, faults)
    try:
        check_subscriber(row, prices=seen.prices, cap_yen=seen.cap_yen, cap_rule=seen.cap_rule)
        _check_shared_permission(row, seen)
    except RowRefused as refused:
        return _problem(line, [refused])
    return row


def _repeated(row: SubscriberRow, seen: _Seen) -> Iterator[RowRefused]:
    first = seen.line_of_id.setdefault(row.external_id, row.line) if row.external_id else row.line
    if first != row.line:
        unfit = Unfit(
            f"stands on line {first} already",
            "remove one of the two rows, or correct the id",
            f"{first}行目と同じIDです。どちらかを削除または修正してください。",
        )
        yield unfit.of("external_id", row.external_id)


def _check_shared_permission(row: SubscriberRow, seen: _Seen) -> None:
    """Refuse a second buyer of a charge permission, and the row that its cap has no room for."""
    permission = row.charge_permission_id
    buyer, first = seen.buyer.setdefault(permission, (row.buyer_id, row.line))
    if buyer != row.buyer_id:
        raise Unfit(
            f"differs from the buyer of the same charge permission on line {first}",
            "correct the buyer or the charge permission",
            f"同じ支払い許可の購入者が{first}行目と異なります。どちらかを直してください。",
        ).of("buyer_id", row.buyer_id)
    if not row.will_be_charged:
        return
    price = seen.prices.at_start(row.plan_code, started_on=row.started_on).terms.price
    total = seen.yearly_yen.get(permission, 0) + yearly_yen(price=price, quantity=row.quantity)
    if total > seen.cap_yen * 12:
        raise Unfit(
            f"with this row its subscriptions come to {total:,} yen a year, more than the cap of "
            f"{seen.cap_yen:,} yen a month can ever take",
            "move one of them to a charge permission of its own",
            f"この支払い許可の合計は年{total:,}円で、月間上限{seen.cap_yen:,}円に収まりません。",
        ).of("charge_permission_id", permission)
    seen.yearly_yen[permission] = total


def _problem(line: int, faults: Sequence[RowRefused]) -> RowProblem:
    first, *others = faults
    return RowProblem(
        line=line,
        column=as_shown(first.column),
        value=as_shown(first.value),
        rule=first.rule,
        remedy=first.remedy,
        ja=first.ja,
        also=tuple(_problem(line, [other]) for other in others),
    )


def _read_row(cells: _Cells) -> SubscriberRow:
    take = cells.take
    return SubscriberRow(
        line=cells.line,
        external_id=take("external_id", _external_id, ""),
        name=take("name", _name, ""),
        kana=take("kana", as_typed, ""),
        email=take("email", _email, ""),
        plan_code=take("plan", _filled, ""),
        quantity=take("quantity", _whole(1, 999_999), 1),
        started_on=take("started_on", _date, _EARLIEST),
        anchor_day=take("anchor_day", _or_empty(_whole(1, 31)), None),
        next_charge_on=take("next_charge_on", _or_empty(_date), None),
        status=take("status", _status, ImportStatus.ACTIVE),
        resume_on=take("resume_on", _or_empty(_date), None),
        charge_permission_id=take("charge_permission_id", _permission_id, ""),
        buyer_id=take("buyer_id", _filled, ""),
        postal_code=take("postal_code", _postal_code, ""),
        minimum_cycles_done=take("minimum_cycles_done", _or_empty(_whole(0, 9_999)), None),
        note=take("note", as_typed, ""),
    )


def _name(typed: str) -> str:
    return as_typed(typed) or _filled("")


def _filled(typed: str) -> str:
    if not (given := as_code(typed)):
        raise Unfit("is empty", "fill it in", "空欄です。入力してください。")
    return given


def _external_id(typed: str) -> str:
    if not _EXTERNAL_ID.fullmatch(given := _filled(typed)):
        rule = "is not 1 to 64 letters, digits or . _ @ + -"
        ja = "IDは文字・数字・記号 (. _ @ + -) の64文字以内にしてください。"
        raise Unfit(rule, "give such an id", ja)
    return given


def _email(typed: str) -> str:
    if not _EMAIL.fullmatch(given := as_code(typed)) or len(given) > 254:
        ja = "メールアドレスの形式ではありません。修正してください。"
        raise Unfit("is not an e-mail address", "correct it, as in name@example.jp", ja)
    return given


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(typed: str) -> int:
        given = as_code(typed)
        if not re.fullmatch(r"-?[0-9]{1,9}", given) or not least <= int(given) <= most:
            rule = f"is not a whole number from {least} to {most}"
            ja = f"{least}から{most}までの整数を入力してください。"
            raise Unfit(rule, "write it in plain digits", ja)
        return int(given)

    return read


def _or_empty(read: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda typed: read(typed) if as_code(typed) else None


def _date(typed: str) -> date:
    given = as_code(typed)
    if _ISO_DATE.fullmatch(given):
        with suppress(ValueError):
            found = date.fromisoformat(given)
            if _EARLIEST <= found <= _LATEST:
                return found
    rule = f"is not a date from {_EARLIEST} to {_LATEST}"
    ja = "正しい日付ではありません。YYYY-MM-DD の形で入力してください。"
    raise Unfit(rule, "write a real date as YYYY-MM-DD", ja)


def _status(typed: str) -> ImportStatus:
    with suppress(ValueError):
        return ImportStatus(as_code(typed))
    known = ", ".join(ImportStatus)
    ja = f"不明な状態です。{known} のいずれかにしてください。"
    raise Unfit("is not a known status", f"use one of {known}", ja)


def _permission_id(typed: str) -> str:
    given = as_code(typed)
    if is_recurring_permission_id(given):
        return given
    if is_charge_permission_id(given):
        ja = "1回払いの注文番号です。定期支払いの許可番号 (B または C) を入力してください。"
        raise Unfit("is a one-time order, not an agreement", "give the recurring id (B… or C…)", ja)
    rule = "is no charge permission id (B or C, two digits, then -1234567-1234567)"
    ja = "支払い許可番号の形式ではありません。B03-1234567-1234567 の形で入力してください。"
    raise Unfit(rule, "copy the id that Amazon Pay gave", ja)


def _postal_code(typed: str) -> str:
    """Read a postal code as 153-0064; it may be empty, since not everything is shipped."""
    given = as_code(typed)
    if not given:
        return ""
    if (parts := _POSTAL_CODE.fullmatch(as_code(given.removeprefix("〒")))) is None:
        ja = "郵便番号は7桁の数字で入力してください (例 153-0064)。"
        raise Unfit("is not a postal code of 7 digits", "write it as 153-0064", ja)
    return f"{parts[1]}-{parts[2]}"
