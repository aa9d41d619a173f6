"""Foreign text made safe for a header or a line: no breaks, no controls, no turned direction.

Names are kept in the books as they were typed; only what is sent is made plain.
"""

import unicodedata

__all__ = ["one_line", "without_controls"]

_JOINER = "\u200d"  # holds together emoji and some scripts
# They turn what follows on the line around, and so can forge it.
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029\t")


def one_line(text: str) -> str:
    """The text on one line: breaks become spaces, other invisible controls go."""
    spaced = "".join(" " if c in _BREAKS else c for c in text)
    return " ".join(without_controls(spaced).split(" ")).strip()


def without_controls(text: str) -> str:
    """The text without control and turning characters; line breaks stay, halves are replaced."""
    return "".join(_plain(c) for c in text)


def _plain(c: str) -> str:
    if c == "\n" or c == _JOINER:
        return c
    category = unicodedata.category(c)
    if category == "Cs":
        return "\ufffd"
    if category == "Cc" or c in _TURNING:
        return ""
    return c
