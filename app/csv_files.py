"""CSV for spreadsheets, in UTF-8 with BOM or in CP932; no cell runs as a formula.

Pure. Old Japanese spreadsheets and banks want CP932, which has no 𠮷 and no emoji: each such
character is named with its row and column before a file is made.
"""

import csv
import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

__all__ = [
    "BOM",
    "GETA",
    "CannotHold",
    "Encoding",
    "cannot_hold",
    "encoded_rows",
    "harmless",
]

Encoding = Literal["utf-8", "cp932"]
Cell = str | int
BOM = "\ufeff"
GETA = "〓"
"""What Japanese printers put in the place of a missing type; CP932 has it."""

# What spreadsheets take for the start of a formula, full-width forms included (OWASP).
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠−")
ROWS_AT_A_TIME = 500

# The same signs under other numbers: Unicode's and Microsoft's tables of CP932 part here.
_SAME = str.maketrans(
    {
        "\u301c": "\uff5e",  # wave dash
        "\u2212": "\uff0d",  # minus
        "\u2016": "\u2225",  # double vertical line
        "\u2014": "\u2015",  # dash
        "\u00a2": "\uffe0",  # cent
        "\u00a3": "\uffe1",  # pound
        "\u00a5": "\uffe5",  # yen
        "\u00ac": "\uffe2",  # not
        "\u00a0": " ",
    }
)


@dataclass(frozen=True, slots=True)
class CannotHold:
    """A character that CP932 has not; `row` counts from 1, the header."""

    row: int
    column: str
    character: str
    value: str

    @property
    def number(self) -> str:
        """Its number, as U+20BB7."""
        return f"U+{ord(self.character):04X}"


def harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet shows and never runs: an apostrophe goes before a formula.

    Spaces before it do not hide it; numbers of ours stay numbers.
    """
    if isinstance(cell, int):
        return cell
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) or _hides_one(cell) else cell


def _hides_one(cell: str) -> bool:
    return cell.lstrip(" \u3000\u00a0\u200b\ufeff").startswith(FORMULA_STARTS)


def cannot_hold(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, most: int
) -> list[CannotHold]:
    """The characters of a table that CP932 has not, at most so many of them."""
    return list(islice(_faults(header, rows), most))


def _faults(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[CannotHold]:
    yield from _of_row(1, header, header)
    for number, row in enumerate(rows, start=2):
        yield from _of_row(number, header, row)


def _of_row(number: int, header: Sequence[str], row: Sequence[Cell]) -> Iterator[CannotHold]:
    for column, cell in zip(header, row, strict=True):
        if isinstance(cell, int) or _fits(cell.translate(_SAME)):
            continue
        for character in dict.fromkeys(cell.translate(_SAME)):
            if not _fits(character):
                yield CannotHold(number, column, character, cell)


def _fits(text: str) -> bool:
    try:
        text.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def encoded_rows(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, encoding: Encoding
) -> Generator[bytes]:
    """The file in pieces; in CP932 a geta mark stands for each character that it has not."""
    first = _lines([[harmless(name) for name in header]])
    yield _encode((BOM if encoding == "utf-8" else "") + first, encoding)
    remaining = iter(rows)
    while chunk := list(islice(remaining, ROWS_AT_A_TIME)):
        yield _encode(_lines([harmless(cell) for cell in row] for row in chunk), encoding)


def _encode(text: str, encoding: Encoding) -> bytes:
    if encoding == "utf-8":
        return text.encode("utf-8")
    same = text.translate(_SAME)
    if _fits(same):
        return same.encode("cp932")
    return "".join(each if _fits(each) else GETA for each in same).encode("cp932")


def _lines(rows: Iterable[Iterable[Cell]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
