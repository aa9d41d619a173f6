"""Examples of the acting pages' paths: a quote, a captured charge, a request for approval."""

from datetime import timedelta

from examples_backoffice import newest
from sqlalchemy import Connection
from web_books import NOW, WebBooks

from billing import civil_date, writing
from billing.agreements import keep_quote
from billing.quotes import load_situation, quote
from plans.lifecycle import Actor, SkipCycles


def examples(books: WebBooks) -> dict[str, str]:
    """All of these books' merchant."""
    attempt = books.add_charge(amount_yen=29_800)
    subscription = newest(books, "subscription")
    slot = newest(books, "slot")
    approval = books.insert(
        "refund_approval",
        attempt_id=attempt,
        request_id=f"example-{books.merchant_id}",
        amount_yen=29_800,
        reason="<b>破損</b>",
        state="waiting",
        asked_by="someone",
        asked_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )
    return {
        "/subscriptions/{subscription_id}/act": f"/subscriptions/{subscription}/act",
        "/subscriptions/{subscription_id}/decide": (
            f"/subscriptions/{subscription}/decide?verb=skip&number=1"
        ),
        "/subscriptions/{subscription_id}/charge": f"/subscriptions/{subscription}/charge",
        "/subscriptions/{subscription_id}/charge/confirm": (
            f"/subscriptions/{subscription}/charge/confirm"
        ),
        "/subscriptions/{subscription_id}/charges": f"/subscriptions/{subscription}/charges",
        "/quotes/{quote_id}": f"/quotes/{kept_quote(books, subscription)}",
        "/charges/{attempt_id}/refund": f"/charges/{attempt}/refund",
        "/refunds/{approval_id}": f"/refunds/{approval}",
        "/refunds/{approval_id}/decide": f"/refunds/{approval}/decide",
        "/refunds/{approval_id}/withdraw": f"/refunds/{approval}/withdraw",
        "/slots/{slot_id}/retry": f"/slots/{slot}/retry",
    }


def kept_quote(books: WebBooks, subscription: int) -> str:
    """A quote of skipping a cycle, asked for by the staff."""
    merchant = books.merchant

    def work(connection: Connection) -> str:
        name = connection.exec_driver_sql(
            f"SELECT external_id FROM subscription WHERE id = {subscription}"
        ).scalar_one()
        situation = load_situation(connection, merchant, subscription_id=name, at=NOW)
        found = quote(
            situation,
            SkipCycles(1),
            on=civil_date(at=NOW, timezone=merchant.timezone),
            at=NOW,
            actor=Actor.STAFF,
            reason="例",
        )
        keep_quote(connection, merchant, found)
        return found.quote_id

    return writing(books.database, work)
