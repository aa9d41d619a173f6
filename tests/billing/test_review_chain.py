"""Books that were never chained are long: they are counted in steps, each entry once."""

from importlib import import_module

import pytest

from billing.books.chain import Entry
from billing.books.chain_books import BOOKS


def test_what_waits_for_a_link_is_counted_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    auditing = import_module("billing.audit.chain")
    asked: list[tuple[int, int]] = []

    def entries_of(_connection: object, _book: object, *, after: int, upto: int) -> list[Entry]:
        asked.append((after, upto))
        return [(key, b"") for key in range(after + 1, upto + 1)]

    monkeypatch.setattr(auditing, "entries_of", entries_of)
    monkeypatch.setattr(auditing, "IDS_AT_A_TIME", 5)
    assert auditing._waiting(None, BOOKS[0], 3, 15) == 12
    assert asked == [(3, 8), (8, 13), (13, 15)]
