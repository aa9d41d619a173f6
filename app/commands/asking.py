"""Asking what a change would bring, and keeping the answer so that it can be confirmed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from app.context import Books
from app.problems import Refused
from billing import civil_date, reading, writing
from billing.agreements import keep_quote
from billing.quotes import CapRefuses, Quote, Situation, existing, load_situation, quote
from plans import PlansError
from plans.lifecycle import Actor, Command

__all__ = ["Asks", "Question", "asked", "existing", "kept", "plain_refusals", "situation_of"]

Asks = Callable[[Situation, date], Command]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about which subscription, by whom; `reason` may be empty."""

    subscription: str
    asks: Asks
    actor: Actor
    reason: str


def asked(books: Books, question: Question, *, at: datetime) -> Quote:
    """Answer a question as of an instant; nothing is written. Raises PlansError."""
    situation = situation_of(books, question.subscription, at=at)
    today = civil_date(at=at, timezone=books.merchant.timezone)
    return quote(
        situation,
        question.asks(situation, today),
        on=today,
        at=at,
        actor=question.actor,
        reason=question.reason,
    )


def situation_of(books: Books, subscription: str, *, at: datetime) -> Situation:
    """What a question of a subscription rests on; raises `UnknownSubscription`."""
    with reading(books.database) as connection:
        return load_situation(connection, books.merchant, subscription_id=subscription, at=at)


def kept(books: Books, answer: Quote) -> Quote:
    """Store a quote so that it can be confirmed; storing it again changes nothing."""
    writing(books.database, lambda connection: keep_quote(connection, books.merchant, answer))
    return answer


@contextmanager
def plain_refusals() -> Iterator[None]:
    """Turn what the life cycle, the catalogue and the cap refuse into `Refused`."""
    try:
        yield
    except (PlansError, CapRefuses) as refused:
        raise Refused(str(refused)) from refused
