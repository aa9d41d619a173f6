"""Walking from page to page by the tokens Amazon gives."""

from amazonpay.errors import UnknownOutcome


class TokenWalk:
    """The tokens of one walk: a list that leads back to itself must not be walked for ever."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def onward(self, token: str | None) -> str | None:
        """The token of the next page, or None at the end. Raises UnknownOutcome on a circle."""
        if token is None:
            return None
        if token in self._seen:
            raise UnknownOutcome("a page's nextToken leads back to an earlier page")
        self._seen.add(token)
        return token
