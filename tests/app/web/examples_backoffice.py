"""Examples of the back office's paths."""

from datetime import date

from web_books import NOW, WebBooks

from billing import writing
from billing.bulk_work import CHARGE_AGAIN, PlannedRow, draft_bulk
from billing.catalogue.offers_store import store_offers
from plans import PriceMigration, PriceRef


def examples(books: WebBooks) -> dict[str, str]:
    """A customer with a subscription, and a dry run, all of these books' merchant."""
    books.add_charge(amount_yen=4_440, state="declined", reason_code="SoftDeclined")
    job = writing(
        books.database,
        lambda connection: draft_bulk(
            connection,
            books.merchant,
            kind=CHARGE_AGAIN,
            request_id=f"example-{books.merchant_id}",
            terms={},
            planned=[PlannedRow("s-1", amount_yen=4_440), PlannedRow("s-2", reason="is_paid")],
            by="test",
            at=NOW,
        ),
    )
    change = price_change(books)
    customer = newest(books, "customer")
    subscription = newest(books, "subscription")
    return {
        "/customers/{customer_id}": f"/customers/{customer}",
        "/subscriptions/{subscription_id}": f"/subscriptions/{subscription}",
        "/bulk/{job_id}": f"/bulk/{job.id}",
        "/bulk/{job_id}/progress": f"/bulk/{job.id}/progress",
        "/bulk/{job_id}/rows.csv": f"/bulk/{job.id}/rows.csv",
        "/price-moves/{code}": f"/price-moves/{change}",
        "/price-moves/{code}/rows.csv": f"/price-moves/{change}/rows.csv",
        "/price-moves/{code}/withdraw": f"/price-moves/{change}/withdraw",
        "/bulk/{job_id}/decide": f"/bulk/{job.id}/decide",
    }


def price_change(books: WebBooks) -> str:
    """The code of a price change that these books' merchant has announced."""
    books.insert(
        "price",
        plan_id=newest(books, "plan"),
        valid_from=date(2027, 2, 1),
        amount_yen=2_480,
        tax_category="standard",
        interval_unit="month",
        interval_count=1,
        anchor_rule="keep_day",
        per_seat=False,
        trial_days=0,
        minimum_cycles=0,
        physical=False,
        content_hash="later",
    )
    change = PriceMigration(
        code=f"example-{books.merchant_id}",
        valid_from=date(2026, 12, 1),
        old=PriceRef("light", date(2026, 1, 1)),
        new=PriceRef("light", date(2027, 2, 1)),
        notice_on=date(2026, 12, 20),
        effective_on=date(2027, 2, 1),
    )
    writing(books.database, lambda c: store_offers(c, books.merchant_id, [change]))
    return change.code


def newest(books: WebBooks, table: str) -> int:
    """The newest row of the merchant in a table."""
    sql = f"SELECT max(id) FROM {table} WHERE merchant_id = '{books.merchant_id}'"
    with books.database.connect() as connection:
        return int(connection.exec_driver_sql(sql).scalar_one())
