"""Examples of the paths of a customer's subscriptions: the first customer's own rows."""

from datetime import UTC, date, datetime

from sqlalchemy import Connection
from web_books import TABLES, WebBooks

from billing import reading, writing
from billing.agreements import keep_quote
from billing.quotes import load_situation, quote
from plans.lifecycle import SkipCycles

AT = datetime(2026, 12, 10, 3, tzinfo=UTC)


def examples(books: WebBooks) -> dict[str, str]:
    """A subscription, its paid charge and a quote of leaving one cycle out."""
    books.add_charge()
    # The walk is the first customer's; another merchant's rows are anybody's.
    number = 1 if books.merchant_id == "web" else books.added
    with reading(books.database) as connection:
        subscription, charge = _rows(connection, books, number)
    quote_id = _quote(books, number)
    own = f"/my/subscriptions/{subscription}"
    pattern = "/my/subscriptions/{subscription_id}"
    pages = {f"{pattern}{page}": own + page for page in ("", "/change", "/pause", "/cancel")}
    return pages | {
        f"{pattern}/undo": f"{own}/undo",
        f"{pattern}/decide": f"{own}/decide?kind=cancel",
        "/my/quotes/{quote_id}": f"/my/quotes/{quote_id}",
        "/my/charges/{charge_id}/pay": f"/my/charges/{charge}/pay",
        "/my/charges/{charge_id}/receipt": f"/my/charges/{charge}/receipt",
    }


def _rows(connection: Connection, books: WebBooks, number: int) -> tuple[int, int]:
    tables = {name: TABLES[name] for name in ("subscription", "slot")}
    found = connection.execute(
        tables["subscription"]
        .select()
        .where(tables["subscription"].c.external_id == f"s-{number}")
        .where(tables["subscription"].c.merchant_id == books.merchant_id)
    ).one()
    slot = connection.execute(
        tables["slot"].select().where(tables["slot"].c.subscription_id == found.id)
    ).first()
    assert slot is not None
    return found.id, slot.id


def _quote(books: WebBooks, number: int) -> str:
    with reading(books.database) as connection:
        situation = load_situation(connection, books.merchant, subscription_id=f"s-{number}", at=AT)
    asked = quote(situation, SkipCycles(1), on=date(2026, 12, 10), at=AT)
    writing(books.database, lambda connection: keep_quote(connection, books.merchant, asked))
    return asked.quote_id
