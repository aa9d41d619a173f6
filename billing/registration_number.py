"""Registration number of a qualified-invoice issuer (インボイスの登録番号): T and 13 digits.

For a corporation the digits are its corporate number (法人番号), whose first digit checks the
rest. Whether sole proprietors' numbers obey the same check is not known: for them a bad check
digit is a warning, never a refusal.
"""

from __future__ import annotations

import re
import unicodedata

from stdnum.jp import cn

__all__ = ["check_digit_holds", "normalise_registration_number"]

# NFKC leaves these as they are; people type them all for a hyphen.
_HYPHENS = "-‐‑‒–—―−ーｰ－"
_INVISIBLE = "\u200b\ufeff"
_SHAPE = re.compile(r"T?([0-9]{13})")


def normalise_registration_number(value: str) -> str | None:
    """Bring a number as typed to the form T1234567890123, or give None when it has another shape.

    Full-width characters, spaces, hyphens and lower case are accepted; 13 digits without the T
    are taken as if it stood there.
    """
    folded = unicodedata.normalize("NFKC", value).upper()
    kept = (sign for sign in folded if sign not in _HYPHENS + _INVISIBLE and not sign.isspace())
    match = _SHAPE.fullmatch("".join(kept))
    return f"T{match[1]}" if match else None


def check_digit_holds(number: str) -> bool:
    """Tell whether the first of the 13 digits of a normalised number checks the other twelve."""
    return bool(cn.is_valid(number.removeprefix("T")))
