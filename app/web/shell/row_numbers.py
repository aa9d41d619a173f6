"""Numbers of rows in addresses and forms."""

from starlette.exceptions import HTTPException

LARGEST_ID = 2**31 - 1  # PostgreSQL's INTEGER refuses to compare with more


def row_number(text: str) -> int:
    """The number of a row in an address; raises 404 for what can be none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST_ID):
        raise HTTPException(404)
    return int(text)
