"""Ids of this room in Amazon's shapes, each made from a running number, so that runs repeat."""

import re
from typing import Final, Literal

_SPACE: Final = 10**14
_STRIDE: Final = 61_803_398_874_989
_BACK: Final = pow(_STRIDE, -1, _SPACE)
_ENDINGS: Final = {"report": "RPTJS8", "document": "DOCJS8", "schedule": "SCHJS8"}
_ID: Final = re.compile(r"A(\d{14})([A-Z0-9]{6})", re.ASCII)


def settlement_id(number: int) -> str:
    """Eleven digits, as in Amazon's samples."""
    return f"6{(number * 6_180_339_887) % 10**10:010d}"


def disbursement_reference(number: int) -> str:
    """The text that stands on the bank statement of a payout."""
    return f"AMZNPAYJP{(number * 6_180_339_887) % 10**10:010d}"


def chargeback_id(charge_id: str, number: int) -> str:
    """The order part of its charge and `Bdddddd`."""
    return f"{charge_id[:19]}-B{(number * 648_391) % 1_000_000:06d}"


def to_id(kind: Literal["report", "document", "schedule"], number: int) -> str:
    """Twenty-one capitals and digits."""
    return f"A{(number * _STRIDE) % _SPACE:014d}{_ENDINGS[kind]}"


def from_id(kind: Literal["report", "document", "schedule"], text: str) -> int | None:
    """The number an id was made from, None for what is no such id."""
    match = _ID.fullmatch(text)
    if match is None or match[2] != _ENDINGS[kind]:
        return None
    return int(match[1]) * _BACK % _SPACE
