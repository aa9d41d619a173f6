"""Examples of the back office's paths."""

from web_books import NOW, WebBooks

from billing import writing
from billing.bulk_work import CHARGE_AGAIN, PlannedRow, draft_bulk


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
    customer = newest(books, "customer")
    subscription = newest(books, "subscription")
    return {
        "/customers/{customer_id}": f"/customers/{customer}",
        "/subscriptions/{subscription_id}": f"/subscriptions/{subscription}",
        "/bulk/{job_id}": f"/bulk/{job.id}",
        "/bulk/{job_id}/progress": f"/bulk/{job.id}/progress",
        "/bulk/{job_id}/decide": f"/bulk/{job.id}/decide",
    }


def newest(books: WebBooks, table: str) -> int:
    """The newest row of the merchant in a table."""
    sql = f"SELECT max(id) FROM {table} WHERE merchant_id = '{books.merchant_id}'"
    with books.database.connect() as connection:
        return int(connection.exec_driver_sql(sql).scalar_one())
