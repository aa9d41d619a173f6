"""`autopay quote`: what a change would cost, pinned and kept, before anybody agrees to it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from app.commands.asking import Question, asked, kept, plain_refusals
from app.commands.questions import moment_of, to_plan
from app.commands.quote_words import Language, show_quote
from app.context import Books, opened_books
from app.output import say, write_json
from app.settings import load_settings
from billing import StoredQuote, latest_moment, reading, stored_quote
from billing.quotes import Quote, quote_record
from plans.lifecycle import Actor, ReasonNeeded
from scheduler import SystemClock

__all__ = ["kept_record", "quote_change", "quote_show", "show_kept"]

# Only lets a "what if" be answered; nothing is confirmed under it.
_WHAT_IF = "autopay quote"
_STATES = {
    "open": ("未確定", "open"),
    "charging": ("お支払い処理中", "its charge is under way"),
    "confirmed": ("確定済み", "confirmed"),
    "declined": ("お支払い不可のため不成立", "declined, nothing was changed"),
}


def quote_change(
    *,
    subscription: str,
    plan: str,
    quantity: int | None,
    on_date: date | None,
    when: str | None,
    at: datetime | None,
    actor: str,
    reason: str,
    language: Language,
    as_json: bool,
) -> None:
    """Print the quote of moving a subscription to a plan, and keep it.

    What staff may do only with a reason is answered without one too, but not kept then.
    """
    asks = to_plan(plan, quantity=quantity, moment=moment_of(when, on_date))
    question = Question(subscription, asks, Actor(actor), reason)
    with opened_books(load_settings()) as books, plain_refusals():
        found, confirmable = _answered(books, question, at=_now(books, at))
    if as_json:
        write_json(quote_record(found) | {"state": "open" if confirmable else None})
    else:
        show_quote(found, language, confirmable=confirmable)


def _answered(books: Books, question: Question, *, at: datetime) -> tuple[Quote, bool]:
    try:
        return kept(books, asked(books, question, at=at)), True
    except ReasonNeeded:
        return asked(books, replace(question, reason=_WHAT_IF), at=at), False


def _now(books: Books, at: datetime | None) -> datetime:
    if at is not None:
        return at.astimezone(UTC)
    with reading(books.database) as connection:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        return max(SystemClock().now(), latest_moment(connection, books.merchant.id))


def quote_show(*, quote_id: str, language: Language, as_json: bool) -> None:
    """Print a quote that was kept, and what became of it; raises `UnknownQuote`."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        found = stored_quote(connection, books.merchant, quote_id=quote_id)
    if as_json:
        write_json(kept_record(found))
    else:
        show_kept(found, language)


def kept_record(found: StoredQuote) -> dict[str, Any]:
    """A kept quote for programs: the quote's own document, and what became of it."""
    settled, zone = found.settled_at, found.quote.expires_at.tzinfo
    return quote_record(found.quote) | {
        "state": found.state,
        "result": found.result,
        "settled_at": None if settled is None else settled.astimezone(zone).isoformat(),
        "reason": found.quote.reason,
    }


def show_kept(found: StoredQuote, language: Language) -> None:
    """A kept quote for people."""
    show_quote(found.quote, language)
    words = _STATES.get(found.state, (found.state, found.state))
    result = f" ({found.result})" if found.result else ""
    say(f"状態: {words[0]}{result}" if language == "ja" else f"State: {words[1]}{result}")
