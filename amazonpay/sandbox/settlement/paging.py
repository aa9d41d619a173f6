"""Query parameters of lists, and tokens from which the next page is found without a memory.

A token carries the whole question and the last position; it is made of letters, digits, `_` and
`-` only, because SDKs put it into URLs and signatures as it is.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from amazonpay.sandbox.refusals import Refused, invalid_value, unrecognized

_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,2048}", re.ASCII)
_LARGEST_WHOLE: Final = 1 << 62


def known_only(query: Mapping[str, str], allowed: Collection[str]) -> dict[str, str]:
    """The parameters that have a value; a name that is not allowed is refused."""
    for name in query:
        if name not in allowed:
            raise unrecognized(name[:64].encode("ascii", "backslashreplace").decode())
    return {name: value for name, value in query.items() if value}


def page_size(query: Mapping[str, str], *, default: int = 10) -> int:
    """`pageSize`, 1 to 100 (api.md §11)."""
    text = query.get("pageSize", str(default))
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= 100:
        raise invalid_value("pageSize", " It is a whole number from 1 to 100.")
    return int(text)


def listed(query: Mapping[str, str], name: str, allowed: Collection[str]) -> list[str]:
    """A comma-separated list of known words; empty when absent."""
    words = [word.strip() for word in query.get(name, "").split(",") if word.strip()]
    for word in words:
        if word not in allowed:
            raise invalid_value(name, " Known are " + ", ".join(allowed) + ".")
    return list(dict.fromkeys(words))


def alone(query: Mapping[str, str]) -> None:
    """Refuses parameters beside `nextToken`."""
    if len(query) > 1:
        raise Refused(
            400,
            "InvalidParameterCombination",
            "The parameter [nextToken] cannot be combined with others.",
        )


def to_token(question: Mapping[str, Any]) -> str:
    """The question as a token."""
    text = json.dumps(question, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_token(token: str, shape: Mapping[str, type]) -> dict[str, Any]:
    """The question of a token; what is no token of ours, of this shape, is a 400."""
    question = _decoded(token)
    if not isinstance(question, dict) or set(question) != set(shape):
        raise _bad_token()
    if not all(_fits(question[name], kind) for name, kind in shape.items()):
        raise _bad_token()
    return question


def _fits(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(word, str) for word in value)
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return 0 <= value < _LARGEST_WHOLE


def _decoded(token: str) -> Any:
    if not _TOKEN.fullmatch(token):
        raise _bad_token()
    try:
        return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        raise _bad_token() from None


def _bad_token() -> Refused:
    return invalid_value("nextToken", " It is none that was answered here.")
