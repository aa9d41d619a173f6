"""One subscription to look at: its terms, what comes next and why, its history.

The verbs (change, pause, refund …) are forms of their own; `ACTIONS` is the place of their buttons.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.desk import Desk
from app.web.shell import ANY_STAFF, Access, Room, row_number, staff_of
from billing import NextCharge, SubscriptionStory, subscription_story
from billing.desk import (
    CustomerCard,
    Step,
    customer_card,
    customer_of_subscription,
    timeline,
)
from plans import BadInput

STEPS = 100
OFTEN = frozenset(
    {
        *("manual.title", "manual.charges"),
        *("verbs.name.plan", "verbs.name.quantity", "verbs.name.cancel"),
    }
)


@dataclass(frozen=True, slots=True)
class Action:
    """A verb's button: the key of its words, where it leads, and who may press it.

    `fits` says of a subscription's state whether the button is shown.
    """

    key: str
    path: Callable[[int], str]
    access: Access
    fits: Callable[[str], bool] = lambda state: state != "canceled"


ACTIONS: list[Action] = []
"""Buttons of the subscription page, in their order; whoever adds a verb adds a line."""


def add_subscription(room: Room, desk: Desk) -> None:
    """`/subscriptions/{subscription_id}`, by the number of its row."""
    page = SubscriptionPage(desk)
    room.get("/subscriptions/{subscription_id}", page.show, access=ANY_STAFF)


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """Reading only."""

    desk: Desk

    def show(self, request: Request, subscription_id: str) -> Response:
        """Terms, the next charge with its arithmetic, the permission's room, and the history."""
        number = row_number(subscription_id)
        found = self.desk.shell.read(lambda connection: self._load(connection, number))
        if found is None:
            raise HTTPException(404)
        story, card, steps = found
        owned = next(each for each in card.subscriptions if each.id == number)
        permission = next(each for each in card.permissions if each.id == owned.permission_id)
        role = staff_of(request).role
        return self.desk.page(
            request,
            "subscription.html",
            card=card,
            owned=owned,
            permission=permission,
            story=story,
            next_charge=_fitting(story),
            steps=steps,
            actions=[
                (action.key, action.path(number), action.key in _often(owned.state))
                for action in ACTIONS
                if action.access.admits(role) and action.fits(owned.state)
            ],
        )

    def _load(
        self, connection: Connection, number: int
    ) -> tuple[SubscriptionStory | None, CustomerCard, list[Step]] | None:
        shell, at = self.desk.shell, self.desk.shell.clock.now()
        whose = customer_of_subscription(connection, shell.merchant, subscription_id=number)
        if whose is None:
            return None
        customer_id, external_id = whose
        card = customer_card(connection, shell.merchant, customer_id=customer_id, at=at)
        assert card is not None, "a subscription has a customer"  # noqa: S101 - the key's promise
        story = _story(connection, self.desk, external_id)
        return story, card, timeline(connection, subscription_ids=[number], limit=STEPS)


def _often(state: str) -> frozenset[str]:
    """Keys of what is done often in a state; the rest is one click further."""
    return OFTEN | {"verbs.name.resume" if state == "paused" else "verbs.name.pause"}


def _story(connection: Connection, desk: Desk, external_id: str) -> SubscriptionStory | None:
    """What the engine tells; None where the price list lacks what the agreement is on."""
    at = desk.shell.clock.now()
    try:
        return subscription_story(
            connection, desk.shell.merchant, subscription_id=external_id, at=at, charges=1
        )
    except BadInput:
        return None


def _fitting(story: SubscriptionStory | None) -> NextCharge | None:
    return None if story is None else story.next_charge
