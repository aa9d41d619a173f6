"""Examples of the finance room's paths."""

from web_books import WebBooks


def examples(books: WebBooks) -> dict[str, str]:
    """A charge that is there."""
    return {"/charges/{attempt_id}": f"/charges/{books.add_charge(amount_yen=29_800)}"}
