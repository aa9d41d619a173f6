"""One subscription: its card, its terms, the charges of the coming year, and its history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.mypage.home import Card, card_of, charges_to_pay
from app.web.mypage.subscription_mine import SUBSCRIPTION, Held, Mine
from app.web.mypage.subscription_words import waiting_words
from app.web.shell import CUSTOMERS, Room, Words, words_of
from billing import EventStory
from billing.desk import Step, StepKind, timeline
from billing.quotes import BillAhead, bills_ahead
from plans import Catalogue
from plans.lifecycle import Scheduled, Withdrawn

STEPS = 60
# What a customer is told of in the words of the pages; the rest is the merchant's own affair.
TOLD_EVENTS = frozenset(
    {
        *("imported", "created", "started", "past_due", "recovered", "terms_changed"),
        *("scheduled", "withdrawn", "paused", "resumed", "canceled", "next_date_moved"),
        *("permission_replaced", "anchor_changed", "trial_end_moved", "pause_end_moved"),
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened; `detail` says which change was planned or taken back."""

    at: datetime
    kind: str
    name: str
    amount_yen: int | None = None
    reason: str | None = None
    why: tuple[tuple[str, str, int], ...] = ()
    before: str = ""
    after: str = ""
    detail: str = ""


def add_subscription(room: Room, mine: Mine) -> None:
    """Declare the page of one subscription."""

    def show(request: Request, subscription_id: str) -> Response:
        """Everything about it."""
        words = words_of(request)
        card, ahead, told = mine.shell.read(
            lambda c: _load(c, mine, request, mine.find(c, request, subscription_id), words)
        )
        return mine.page(
            request,
            "subscription.html",
            card=card,
            held=card.held,
            ahead=ahead,
            ahead_yen=sum(each.bill.charge_yen for each in ahead),
            steps=told,
        )

    room.get(SUBSCRIPTION, show, access=CUSTOMERS)


def _load(
    connection: Connection, mine: Mine, request: Request, held: Held, words: Words
) -> tuple[Card, tuple[BillAhead, ...], list[Told]]:
    card = card_of(connection, mine, held, charges_to_pay(connection, mine, request), words)
    steps = timeline(connection, subscription_ids=[held.owned.id], limit=STEPS)
    money = [_money(each) for each in steps if each.kind in (StepKind.CHARGE, StepKind.REFUND)]
    if card.story is None or card.situation is None:
        return card, (), money
    told = [*money, *_events(card.story.events, card.situation.catalogue, words)]
    newest = sorted(told, key=attrgetter("at"), reverse=True)[:STEPS]
    return card, bills_ahead(card.situation, on=mine.today()), newest


def _money(step: Step) -> Told:
    return Told(
        at=step.at,
        kind=step.kind.value,
        name=step.name,
        amount_yen=step.amount_yen,
        reason=step.reason,
        why=step.why,
    )


def _events(events: Sequence[EventStory], catalogue: Catalogue, words: Words) -> Iterator[Told]:
    """The newest first; a change that was taken back is told by what was planned."""
    planned: dict[str, str] = {}
    told = []
    for each in events:
        fact = None if each.event is None else each.event.fact
        detail = ""
        if isinstance(fact, Scheduled):
            change = waiting_words(fact.entry.change, catalogue, words)
            detail = words("my.history.on", day=words.day(fact.entry.on), change=change)
            planned[fact.entry.id] = detail
        elif isinstance(fact, Withdrawn):
            detail = planned.get(fact.schedule_id, "")
        if each.kind in TOLD_EVENTS:
            told.append(
                Told(
                    at=each.at,
                    kind="event",
                    name=each.kind,
                    before=each.state_before,
                    after=each.state_after,
                    detail=detail,
                )
            )
    return reversed(told)
