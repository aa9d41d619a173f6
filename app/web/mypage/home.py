"""The first page of My Page: a card per subscription that says what comes next and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.mypage.charges_owned import OwnCharge, open_charges
from app.web.mypage.payment_method import payment_path
from app.web.mypage.subscription_mine import (
    CANCEL,
    CHANGE,
    PAUSE,
    SUBSCRIPTION,
    UNDO,
    Held,
    Mine,
    held_of,
)
from app.web.mypage.subscription_words import waiting_words
from app.web.shell import CUSTOMERS, Room, Words, customer_of, row_number, words_of
from billing import SubscriptionStory, subscription_story
from billing.quotes import Situation, existing
from plans import BadInput
from plans.lifecycle import Actor, Cancellation

HOME = "/my/"
AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for its day; `mine` when the customer may take it back herself."""

    id: str
    on: date
    words: str
    cancels: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One subscription as its card tells it; no story where the price list lacks its terms.

    `situation` is what the story rests on.
    """

    held: Held
    situation: Situation | None
    story: SubscriptionStory | None
    waiting: Sequence[Waiting]
    open: Sequence[OwnCharge]

    @property
    def links(self) -> dict[str, str]:
        """Where its buttons lead."""
        held = self.held
        return {
            "more": held.path(SUBSCRIPTION),
            "change": held.path(CHANGE),
            "pause": held.path(PAUSE),
            "cancel": held.path(CANCEL),
            "undo": held.path(UNDO),
            "payment": payment_path(held.id),
        }


@dataclass(frozen=True, slots=True)
class Glance:
    """What the first page shows: `cards` of the `count` subscriptions there are."""

    name: str
    count: int
    cards: Sequence[Card]


def add_home(room: Room, mine: Mine) -> None:
    """Declare the first page."""

    def home(request: Request) -> Response:
        """What the customer has, at a glance."""
        words = words_of(request)
        begin = row_number(request.query_params.get("from", "0"))
        found = mine.shell.read(lambda c: _some(c, mine, request, words, begin))
        following = begin + AT_ONCE
        return mine.page(
            request,
            "home.html",
            name=found.name,
            cards=found.cards,
            several=found.count > 1,
            first=HOME if begin else "",
            following=f"{HOME}?from={following}" if following < found.count else "",
        )

    room.get(HOME, home, access=CUSTOMERS)


def card_of(
    connection: Connection,
    mine: Mine,
    held: Held,
    charges: Sequence[OwnCharge],
    words: Words,
) -> Card:
    """What the card of one subscription says."""
    situation, story = told_of(connection, mine, held)
    return Card(
        held=held,
        situation=situation,
        story=story,
        waiting=() if situation is None else _waiting(situation, words),
        open=[each for each in charges if each.subscription_row == held.owned.id],
    )


def charges_to_pay(connection: Connection, mine: Mine, request: Request) -> list[OwnCharge]:
    """What the customer has to pay and has not."""
    return open_charges(
        connection,
        merchant_id=mine.shell.merchant.id,
        customer_id=customer_of(request).customer_id,
    )


def _some(connection: Connection, mine: Mine, request: Request, words: Words, begin: int) -> Glance:
    """A page of cards, those with something to pay first: each asks the engine for its future."""
    charges = charges_to_pay(connection, mine, request)
    owing = {each.subscription_row for each in charges}
    card = mine.card(connection, request)
    held = held_of(card)
    held.sort(key=lambda each: each.owned.id not in owing)
    shown = held[begin : begin + AT_ONCE] or held[:AT_ONCE]
    return Glance(
        name=card.name,
        count=len(held),
        cards=[card_of(connection, mine, each, charges, words) for each in shown],
    )


def told_of(
    connection: Connection, mine: Mine, held: Held
) -> tuple[Situation, SubscriptionStory] | tuple[None, None]:
    """What the engine tells of it; nothing where the price list lacks what it is on."""
    try:
        situation = mine.situation_of(connection, held)
        return situation, subscription_story(
            connection,
            mine.shell.merchant,
            subscription_id=held.id,
            at=mine.now(),
            charges=1,
            situation=situation,
        )
    except BadInput:
        return None, None


def _waiting(situation: Situation, words: Words) -> list[Waiting]:
    return [
        Waiting(
            id=each.id,
            on=each.on,
            words=waiting_words(each.change, situation.catalogue, words),
            cancels=isinstance(each.change, Cancellation),
            mine=each.actor is Actor.CUSTOMER,
        )
        for each in existing(situation).queue
    ]
