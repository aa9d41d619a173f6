"""Reading a transaction report of Amazon as far as proofs need it: what it names. Pure.

Only the columns of settlement reports are documented, and every type names a transaction and the
seller's reference alike. A text without these columns is no report, and proves nothing.
"""

import re
from dataclasses import dataclass

TRANSACTIONS = ("AmazonTransactionId", "AmazonAuthorizationId")
"""How the types of reports call the column of Amazon's id."""

REFERENCE, KIND = "SellerReferenceId", "TransactionType"
OF_A_CHARGE = ("", "Authorization", "Capture")
_LINE_END = re.compile(r"\r\n|\n|\r")


class UnreadableReport(ValueError):
    """The document is no report that names transactions and references."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One transaction: Amazon's id of it, our reference, and its type where the report has one."""

    amazon_id: str
    reference: str
    kind: str = ""

    @property
    def is_of_a_charge(self) -> bool:
        """It shows that a charge was made; refunds and disputes have references as well."""
        return self.kind in OF_A_CHARGE


def report_lines(content: bytes) -> list[ReportLine]:
    """The transactions of a report in UTF-8; raises `UnreadableReport`.

    A line that is cut off or has cells too many makes the whole of it unreadable: what is missing
    might be the very charge that is looked for.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableReport(f"not UTF-8 at byte {error.start}") from error
    rows = [[_cell(cell) for cell in line.split("\t")] for line in _LINE_END.split(text)]
    rows = [row for row in rows if any(row)]
    for at, names in enumerate(rows):
        transaction = next((name for name in TRANSACTIONS if name in names), None)
        if transaction is not None and REFERENCE in names:
            return [_line(names, row, transaction) for row in rows[at + 1 :]]
    raise UnreadableReport(f"no line names {' or '.join(TRANSACTIONS)}, and {REFERENCE}")


def _line(names: list[str], row: list[str], transaction: str) -> ReportLine:
    if len(row) != len(names):
        raise UnreadableReport(f"a line has {len(row)} cells of {len(names)}")
    cells = dict(zip(names, row, strict=True))
    return ReportLine(cells[transaction], cells[REFERENCE], cells.get(KIND, ""))


def _cell(text: str) -> str:
    cell = text.strip()
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
