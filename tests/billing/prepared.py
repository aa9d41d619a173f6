"""A migrated database to write rows into, with foreign keys and every constraint in force."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from small_books import SmallBooks
from sqlalchemy import Engine
from support.schema import at_head

from billing.store.database import open_engine


@contextmanager
def migrated(url: str) -> Iterator[Engine]:
    """An engine on the newest schema; its connections are closed afterwards."""
    engine = open_engine(url)
    try:
        at_head(engine)
        yield engine
    finally:
        engine.dispose()


def one_invoice(books: SmallBooks, *, total_yen: int = 3_000) -> tuple[int, int, int]:
    """Ids of a subscription, its permission and an invoice that nothing was booked for yet."""
    permission = books.permission()
    owner = books.subscription("one", price=books.price(), permission=permission)
    invoice = books.add(
        "invoice",
        subscription_id=owner,
        cycle=1,
        number="one-0001",
        state="open",
        issued_on=date(2026, 11, 20),
        period_start=date(2026, 11, 20),
        period_end=date(2026, 12, 20),
        total_yen=total_yen,
        paid_yen=0,
    )
    return owner, permission, invoice
