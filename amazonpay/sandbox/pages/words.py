"""The texts of the pages in Japanese and English, and which language a reader gets.

A switch on the page wins, then the shop's `checkoutLanguage`, then the browser's wish, then
Japanese. Both choices are remembered in one cookie, the later one overwriting the earlier.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from amazonpay.sandbox.pages.words_en import ENGLISH
from amazonpay.sandbox.pages.words_ja import JAPANESE

LANGUAGE_COOKIE: Final = "local_amazon_pay_language"
_TEXTS: Final = {"ja": JAPANESE, "en": ENGLISH}
LANGUAGES: Final = tuple(_TEXTS)
_DEFAULT: Final = "ja"


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; calling it with a key gives the text with its gaps filled."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key; KeyError for one that no language has."""
        return _TEXTS[self.language][key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a text of that key."""
        return key in _TEXTS[self.language]


def of_checkout_language(code: str | None) -> str | None:
    """The language of a button's `checkoutLanguage`; every European one is shown in English."""
    if not code:
        return None
    return "ja" if code.startswith("ja") else "en"


def words_for(request: Request) -> Words:
    """The language of one reader."""
    wishes = (
        request.query_params.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        *_accepted(request.headers.get("accept-language", "")),
    )
    return Words(next((wish for wish in wishes if wish in _TEXTS), _DEFAULT))


def _accepted(header: str) -> list[str]:
    """The languages of an `Accept-Language` header, best first; what is unreadable is left out."""
    weighted = []
    for position, part in enumerate(header[:512].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        digits = (weight or "1").strip().ljust(5, "0").replace(".", "")[:4]
        if digits.isascii() and digits.isdigit():
            weighted.append((-int(digits), position, tag[:2].lower()))
    return [language for _, _, language in sorted(weighted)]
