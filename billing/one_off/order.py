"""What is to be charged once, under which reference. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from billing.charging.one_off_purpose import ONE_OFF
from plans import BadInput, TaxCategory

# It becomes a part of Amazon's own reference of the charge, which has 127 characters.
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
LONGEST_WORDS = 200
MOST_ITEMS = 50
MOST_YEN = 1_000_000_000


@dataclass(frozen=True, slots=True)
class OneOffItem:
    """One line: words in both languages, how many, and what one costs with tax, in yen."""

    description_ja: str
    description_en: str
    unit_yen: int
    quantity: int = 1
    tax_category: TaxCategory = TaxCategory.STANDARD

    @property
    def amount_yen(self) -> int:
        """What the line costs with tax."""
        return self.quantity * self.unit_yen

    def __post_init__(self) -> None:
        for field, words in (("name_ja", self.description_ja), ("name_en", self.description_en)):
            if not words.strip() or len(words) > LONGEST_WORDS or not words.isprintable():
                rule = f"says what is sold, in one line of 1 to {LONGEST_WORDS} characters"
                raise _refused(field, words, rule, "name it as the invoice is to show it")
        if not 1 <= self.quantity <= MOST_YEN:
            raise _refused("quantity", self.quantity, "is 1 or more", "give how many are sold")
        if not 1 <= self.unit_yen <= MOST_YEN:
            raise _refused("unit_yen", self.unit_yen, "is 1 yen or more", "give what one costs")


@dataclass(frozen=True, slots=True)
class OneOff:
    """What one subscription's permission is to be charged once.

    `reference` is the caller's own (the id of a form, of a purchase): the same one again is the
    same charge, so that neither a second click nor a repeated command charges twice.
    """

    subscription_id: str
    reference: str
    items: tuple[OneOffItem, ...]

    def __post_init__(self) -> None:
        if not REFERENCE.fullmatch(self.reference):
            rule = "has 1 to 40 letters, digits, - and _, and does not begin with - or _"
            raise _refused("reference", self.reference, rule, "give the id of your own order")
        if not 1 <= len(self.items) <= MOST_ITEMS:
            rule = f"is 1 to {MOST_ITEMS} lines"
            raise _refused("items", len(self.items), rule, "say what is charged")
        if self.total_yen > MOST_YEN:
            rule = f"comes to {MOST_YEN} yen at most"
            raise _refused("items", self.total_yen, rule, "correct quantity and price")

    @property
    def total_yen(self) -> int:
        """What is charged, with tax."""
        return sum(item.amount_yen for item in self.items)

    @property
    def purpose(self) -> str:
        """The purpose of its slot, a pure function of the reference."""
        return f"{ONE_OFF}{self.reference}"

    @property
    def number(self) -> str:
        """The number of its invoice and the reference of its slot, the same for ever."""
        return f"{self.subscription_id}-{self.purpose}"


def words_of(items: Sequence[OneOffItem]) -> tuple[tuple[str, str, int, int, str], ...]:
    """What two requests are compared by."""
    return tuple(
        (
            item.description_ja,
            item.description_en,
            item.quantity,
            item.unit_yen,
            item.tax_category.value,
        )
        for item in items
    )


def _refused(field: str, value: object, rule: str, remedy: str) -> BadInput:
    return BadInput(field=field, value=value, rule=rule, remedy=remedy)
