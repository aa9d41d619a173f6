"""Makes a slot due now because a person says so; the charge itself goes the way of every charge."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.rows import is_word, table_of
from billing.tables import AttemptRow, ChargePermissionRow, SlotRow, SubscriptionRow
from billing.views.charge_story import ChargeStory, charge_story
from plans import BadInput

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)

UNSETTLED = ("intended", "in_doubt", "pending")
CHARGEABLE = ("trialing", "active", "past_due")
# Why a slot in this state may not be charged now, and what to do instead.
_REFUSALS = {
    "paid": ("it is paid already", "give money back with: autopay charge refund"),
    "open": (
        "a charge of it is under way or in doubt, and a new one could take the money twice",
        "wait: the same key is sent again until Amazon gives a definite answer",
    ),
    "authorized": (
        "it is authorised and waits for its shipment",
        "tell that it was shipped with: autopay shipment ship",
    ),
    "quarantined": (
        "it is set aside for a person: Amazon's answer contradicts our books",
        "compare the charge with Seller Central first, see: autopay charge show",
    ),
    "refused": (
        "the monthly cap and the merchant's rule refused it",
        "change the cap rule for later cycles, or collect it another way",
    ),
    "uncollectible": ("it was given up and written off", "collect it another way"),
}


def check_retry(story: ChargeStory) -> None:
    """Raise `BadInput`, with the reason, for a slot that may not be made due now."""
    if story.state in _REFUSALS:
        rule, remedy = _REFUSALS[story.state]
        raise _refusal(story, rule, remedy)
    if story.subscription_state not in CHARGEABLE:
        raise _refusal(
            story,
            f"its subscription is {story.subscription_state}, and nothing is charged for that",
            "resume the subscription first",
        )


def make_due(connection: Connection, merchant: Merchant, *, reference: str, at: datetime) -> None:
    """Make a waiting slot due at `at`; nothing is sent here, and no new key is made.

    Raises `BadInput` for a slot that is paid, under way, in doubt, set aside or given up, and for
    a permission that cannot be charged or has another charge under way.
    """
    story = _locked_story(connection, merchant, reference)
    check_retry(story)
    permission = select(permissions.c.state).where(permissions.c.id == story.permission_id)
    state = connection.execute(permission).scalar_one()
    if state != "Chargeable":
        raise _refusal(
            story,
            f"its charge permission is {state} at Amazon",
            "the buyer must choose another payment method on the Amazon Pay site first",
        )
    _check_alone(connection, story)
    connection.execute(
        update(slots)
        .where(slots.c.id == story.slot_id, is_word(slots.c.state, "due", "waiting_buyer"))
        # The decline of this very attempt uses up no try of the dunning schedule.
        .values(state="due", due_at=at, asked_attempt=slots.c.attempts + 1)
    )


def _locked_story(connection: Connection, merchant: Merchant, reference: str) -> ChargeStory:
    """The story of a slot that nobody else charges, changes or gives up from now on."""
    story = charge_story(connection, merchant, reference=reference)
    owner = select(slots.c.subscription_id).where(slots.c.id == story.slot_id)
    lock_rows(connection, permissions, [story.permission_id])
    lock_rows(connection, subscriptions, [connection.execute(owner).scalar_one()])
    held, story = story.permission_id, charge_story(connection, merchant, reference=reference)
    if story.permission_id != held:
        # Its payment method was replaced while we waited; see `billing.store.locking`.
        lock_rows(connection, permissions, [story.permission_id])
    return story


def _check_alone(connection: Connection, story: ChargeStory) -> None:
    in_flight = (
        select(slots.c.reference)
        .join(attempts, attempts.c.slot_id == slots.c.id)
        .where(attempts.c.permission_id == story.permission_id)
        .where(is_word(attempts.c.state, *UNSETTLED), slots.c.state != "quarantined")
    )
    other = connection.execute(in_flight).scalar()
    if other is not None:
        raise _refusal(
            story,
            f"{other} of the same charge permission has no definite answer yet, and charges of a "
            "permission go one after another",
            "try again once that one is settled",
        )


def _refusal(story: ChargeStory, rule: str, remedy: str) -> BadInput:
    return BadInput(field="reference", value=story.reference, rule=rule, remedy=remedy)
