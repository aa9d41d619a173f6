"""The rules that every paged list shares. Source: API reference §11 and §12."""

from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.requests.common import check_text

Query = tuple[tuple[str, str], ...]
"""Names and values of a query, neither encoded nor sorted."""

_LARGEST_PAGE: Final = 100
_LONGEST_TOKEN: Final = 4096


def check_page(page_size: int | None, next_token: str | None, *filters: object) -> None:
    """Refuses a page size outside 1 to 100, and a token that is not alone."""
    if page_size is not None and (
        type(page_size) is not int or not 1 <= page_size <= _LARGEST_PAGE
    ):
        raise InvalidArgument(
            "page_size", page_size, f"from 1 to {_LARGEST_PAGE}", "Leave it out for 10"
        )
    check_text("next_token", next_token, at_least=1, at_most=_LONGEST_TOKEN)
    if next_token is not None and any(given for given in (page_size, *filters)):
        raise InvalidArgument(
            "next_token",
            next_token,
            "the token already holds the filters, Amazon refuses both together",
            "Give the token alone",
        )


def query(**members: str | None) -> Query:
    """The members that have a value, in the order given."""
    return tuple((name, value) for name, value in members.items() if value is not None)
