"""Which tax rates of an invoice an unshipped part of it takes back. Pure."""

from collections.abc import Sequence

from billing.store.rows import Row
from plans import split_yen


def taken_back(rest_yen: int, taxes: Sequence[Row]) -> list[tuple[str, int, int]]:
    """(category, net yen, tax yen) per rate, in proportion to the invoice's own rates.

    The tax that stays is the share of what was shipped, rounded down as a part; what is taken
    back is the rest of the invoice's own tax, so that both sum to it to the yen.
    """
    shares = split_yen(rest_yen, [row["gross_yen"] for row in taxes])
    return [
        (row["tax_category"], share - tax, tax)
        for row, share in zip(taxes, shares, strict=True)
        if share
        for tax in [_tax_of(row, share)]
    ]


def _tax_of(row: Row, share_yen: int) -> int:
    gross_yen: int = row["gross_yen"]
    tax_yen: int = row["tax_yen"]
    return tax_yen - (gross_yen - share_yen) * tax_yen // gross_yen
