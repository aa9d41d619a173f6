"""What ends in a page that says no, in the reader's language."""

from amazonpay.sandbox.pages.words import Words


class PageRefused(Exception):
    """A readable page with an HTTP status.

    `key` names the sentence in the words; `values` fill its gaps. `facts` are (key of the label,
    text) rows for whoever integrates a shop.
    """

    def __init__(
        self,
        status: int,
        key: str,
        *,
        facts: tuple[tuple[str, str], ...] = (),
        **values: str,
    ) -> None:
        super().__init__(f"{status} {key}")
        self.status = status
        self.key = key
        self.facts = facts
        self.values = values

    def sentence(self, words: Words) -> str:
        """The reason in the reader's language."""
        return words(self.key, **self.values)
