"""Which tax rates of an invoice a part of it reverses. Pure: no database, no clock."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from plans import split_yen


@dataclass(frozen=True, slots=True)
class TaxPart:
    """Yen of one tax rate: gross, and the tax inside it."""

    tax_category: str
    rate_percent: str
    gross_yen: int
    tax_yen: int

    @property
    def net_yen(self) -> int:
        """The part without its tax."""
        return self.gross_yen - self.tax_yen


def split_by_rate(
    amount_yen: int, *, invoiced: Sequence[TaxPart], returned: Mapping[str, int]
) -> tuple[TaxPart, ...]:
    """Split what is given back of an invoice over its rates, in proportion to what is left.

    `returned` is the gross yen per category that were given back before. The tax follows the
    invoice's own: refunds that together give an invoice back reverse its tax to the yen, and
    each single one is within a yen of its exact share (Consumption Tax Act, article 57-4 (3):
    a return is stated per rate). Rates without a part are left out.
    """
    left = [max(0, part.gross_yen - returned.get(part.tax_category, 0)) for part in invoiced]
    if sum(left) < amount_yen:
        # More was given back elsewhere, as credit for example: the invoice's own mix stands.
        left = [part.gross_yen for part in invoiced]
    shares = split_yen(amount_yen, left)
    return tuple(
        TaxPart(
            tax_category=part.tax_category,
            rate_percent=part.rate_percent,
            gross_yen=share,
            tax_yen=_tax_of(part, returned.get(part.tax_category, 0), share),
        )
        for part, share in zip(invoiced, shares, strict=True)
        if share
    )


def _tax_of(part: TaxPart, before_yen: int, share_yen: int) -> int:
    """The tax between two marks of the invoice's gross, so that the parts sum to its whole tax."""
    through = (before_yen + share_yen) * part.tax_yen // part.gross_yen
    return through - before_yen * part.tax_yen // part.gross_yen


def taxes_to_json(parts: Sequence[TaxPart]) -> str:
    """The parts as they are stored with a refund."""
    return json.dumps([asdict(part) | {"net_yen": part.net_yen} for part in parts])


def taxes_from_json(text: str) -> tuple[TaxPart, ...]:
    """The parts of a stored refund."""
    names = ("tax_category", "rate_percent", "gross_yen", "tax_yen")
    return tuple(TaxPart(**{name: row[name] for name in names}) for row in json.loads(text))
