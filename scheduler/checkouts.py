"""Finishes checkouts: intent written, Amazon asked to complete, the outcome booked, then charged.

Whoever dies on the way leaves the checkout `completing`: the buyer's next look or the janitor asks
again with the same key, and Amazon gives the same answer.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from amazonpay import (
    AmazonPayClient,
    AmazonPayError,
    CheckoutSession,
    CheckoutSessionState,
    CompleteCheckoutSession,
    DefiniteRefusal,
    Misconfigured,
)
from billing import Merchant, writing
from billing.checkouts import (
    Booked,
    Checkout,
    book_checkout,
    booked_before,
    claim_completion,
    completion_key,
    fail_checkout,
)
from plans import BadInput
from scheduler.meters import count_set_aside

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a checkout stands after a look: `state` is completed, failed, or completing when Amazon
    gave no definite answer; `booked` what it brought about, once completed."""

    state: str
    booked: Booked | None = None
    reason: str | None = None


def finish_checkout(
    *,
    engine: Engine,
    merchant: Merchant,
    make_client: Callable[[], AmazonPayClient],
    now: Callable[[], datetime],
    checkout_id: str,
) -> Finished:
    """Complete a checkout that its buyer has agreed to, and book it; again it changes nothing.

    Nothing is charged here: `booked.slot_ids` are to be. Raises `CheckoutRefused` for one that
    nobody has agreed to, `LookupError` for an unknown one.
    """
    found = writing(engine, lambda c: claim_completion(c, merchant, checkout_id=checkout_id))
    if found.state != "completing":
        return Finished(found.state, booked_before(found), found.reason)
    try:
        with make_client() as client:
            permission = client.get_charge_permission(_completed(client, found))
    except _NotCompleted as refused:
        return _failed(engine, merchant, found, refused.reason)
    except AmazonPayError as error:
        log.warning("checkout %s has no definite answer yet: %s", found.id, error)
        return Finished("completing", reason=type(error).__name__)
    booked = writing(
        engine,
        lambda c: book_checkout(
            c, merchant, checkout_id=checkout_id, permission=permission, at=now()
        ),
    )
    return Finished("completed", booked)


class _NotCompleted(Exception):
    """Amazon will not complete it, for good."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _completed(client: AmazonPayClient, found: Checkout) -> str:
    """The permission that completing gave, now or at an earlier try."""
    request = CompleteCheckoutSession(amount_yen=found.amount_yen)
    try:
        session = client.complete_checkout_session(
            found.session_id, request, idempotency_key=completion_key(found)
        )
    except Misconfigured:
        raise  # nothing happened, and a person must act; it stays as it is
    except DefiniteRefusal as refused:
        # An answer that got lost may have been the one that completed it.
        session = client.get_checkout_session(found.session_id)
        if session.charge_permission_id is None:
            _check_over(session, refused)
    if session.charge_permission_id is None:
        raise _NotCompleted("NoPermission")
    return session.charge_permission_id


def _check_over(session: CheckoutSession, refused: DefiniteRefusal) -> None:
    if session.state == CheckoutSessionState.CANCELED:
        raise _NotCompleted(str(session.reason_code or refused.reason_code))
    raise _NotCompleted(str(refused.reason_code))


def _failed(engine: Engine, merchant: Merchant, found: Checkout, reason: str) -> Finished:
    writing(
        engine,
        lambda c: fail_checkout(c, merchant, checkout_id=found.id, reason=reason),
    )
    return Finished("failed", reason=reason)


def try_finish(finish: Callable[[str], Finished], checkout_id: str) -> Finished | None:
    """Finish one of many: what it fails with is logged and counted, and keeps no other one waiting.

    Raises `OperationalError` only: the database is away, and away for all of them.
    """
    try:
        return finish(checkout_id)
    except OperationalError:
        raise
    except BadInput as refused:
        log.error("checkout %s cannot be booked: %s", checkout_id, refused)
    except Exception:
        log.exception("checkout %s cannot be finished; the next look tries again", checkout_id)
    count_set_aside()
    return None
