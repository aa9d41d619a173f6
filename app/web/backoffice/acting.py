"""What the acting pages of the back office share: whose subscription, which engine, why not."""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from amazonpay import AmazonPayError
from app.web.backoffice.desk import Desk
from app.web.shell import FormReader, Role, Shell, Words, row_number, staff, staff_of, yen
from billing import (
    CannotUnseal,
    Merchant,
    NoKeys,
    load_merchant,
    refundable_charges,
    write_audit_event,
)
from billing.agreements import (
    ChangeUnderWay,
    ChargingStopped,
    PermissionNotReady,
    QuoteOver,
)
from billing.approvals import ApprovalRefused, needs_second_person
from billing.desk import customer_of_subscription
from billing.quotes import CapRefuses, Situation, load_situation
from plans import BadInput, NoLongerSold, NoPriceYet, NotReplaceable, UnknownOffer, UnknownPlan
from plans.lifecycle import DeadlinePassed, MinimumTermOpen, Refused
from scheduler import AmazonSilent, BillingEngine, RunStopped

log = logging.getLogger(__name__)

MONEY_STAFF = staff(Role.SUPPORT, Role.FINANCE)
SUBSCRIPTION = "/subscriptions/{subscription_id}"

Said = tuple[str, Mapping[str, object]]
"""The key of words with their figures."""

_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (NotReplaceable, "not_replaceable"),
    (NoLongerSold, "not_sold"),
    (NoPriceYet, "not_sold"),
    (UnknownPlan, "not_sold"),
    (UnknownOffer, "not_sold"),
    (CapRefuses, "cap"),
    (ChangeUnderWay, "under_way"),
    (ChargingStopped, "braked"),
    (PermissionNotReady, "permission"),
    (QuoteOver, "over"),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The subscription that a page is about: `id` is its row, `name` what the merchant calls it."""

    id: int
    name: str
    customer_id: int

    def path(self, end: str = "") -> str:
        """One of its pages."""
        return f"/subscriptions/{self.id}{end}"


@dataclass(frozen=True, slots=True)
class Acting:
    """The desk, for pages that act."""

    desk: Desk

    @property
    def shell(self) -> Shell:
        """The shell of all pages."""
        return self.desk.shell

    def now(self) -> datetime:
        """The instant by the clock of the books."""
        return self.shell.clock.now()

    def merchant(self, connection: Connection) -> Merchant:
        """The merchant by its rules of now; they may have been changed since the start."""
        return load_merchant(connection, self.shell.merchant.id)

    def chosen(self, subscription_id: str) -> Chosen:
        """The subscription of an address; raises 404 when the merchant has none of that number."""
        number = row_number(subscription_id)
        found = self.shell.read(
            lambda c: customer_of_subscription(c, self.shell.merchant, subscription_id=number)
        )
        if found is None:
            raise HTTPException(404)
        return Chosen(number, found[1], found[0])

    def situation(self, chosen: Chosen) -> Situation:
        """What every question about a subscription rests on, as of now."""
        return self.shell.read(
            lambda c: load_situation(
                c, self.merchant(c), subscription_id=chosen.name, at=self.now()
            )
        )

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> Response:
        """Draw a page of the back office."""
        return self.desk.page(request, template, status=status, **values)

    def engine(self) -> BillingEngine | None:
        """The engine, where something may be charged at once; None leaves it to the worker."""
        if self.shell.charging is None:
            return None
        try:
            return self.shell.charging()
        except (NoKeys, CannotUnseal):
            return None

    def at_once(self, work: Callable[[BillingEngine], object]) -> bool:
        """Send what is in the books by now; False when a worker has to do it later.

        Nothing is lost by that: it is owed, with its key, before anything is sent.
        """
        engine = self.engine()
        if engine is None:
            return False
        try:
            work(engine)
        except (AmazonSilent, RunStopped, AmazonPayError) as hindered:
            log.warning("left to the next run: %s", hindered)
            return False
        return True

    def charge(self, slot_ids: Collection[int]) -> bool:
        """Charge slots that are due; False when a worker has to."""
        return self.at_once(lambda engine: engine.charge_now(slot_ids))

    def note(
        self,
        connection: Connection,
        request: Request,
        *,
        kind: str,
        reason: str,
        facts: Mapping[str, object],
    ) -> None:
        """Keep in the audit log which member of the staff did it."""
        write_audit_event(
            connection,
            merchant_id=self.shell.merchant.id,
            kind=kind,
            actor=staff_of(request).name,
            reason=reason or "-",
            at=self.now(),
            detail=json.dumps(facts, ensure_ascii=False, sort_keys=True),
        )


class RefundAboveLimit(Exception):
    """A change would give back more than one person may; nothing was changed."""

    def __init__(self, refund_yen: int, limit_yen: int) -> None:
        self.figures = {"amount": yen(refund_yen), "limit": yen(limit_yen)}
        super().__init__(f"{refund_yen} yen need a second person")


def given_back_yen(connection: Connection, merchant: Merchant, subscription: str) -> int:
    """What went back of the newest charge of a subscription, or is on its way."""
    try:
        newest = refundable_charges(connection, merchant, subscription_id=subscription)[0]
    except BadInput:  # nothing was captured: what goes back is credit
        return 0
    return newest.refunded_yen + newest.busy_yen


def check_alone(merchant: Merchant, *, refund_yen: int, before_yen: int) -> None:
    """Raise `RefundAboveLimit` for a change that gives back more than one person may.

    `before_yen` went back before the change: it counts, as it does for a refund by itself.
    """
    limit_yen = merchant.refund_approval_yen
    above = needs_second_person(
        amount_yen=refund_yen, given_back_yen=before_yen, limit_yen=limit_yen
    )
    if refund_yen and above:
        raise RefundAboveLimit(refund_yen, limit_yen)


def said(refused: Exception, words: Words) -> Said:
    """The words for a refusal of the engine; a code without words says what the engine said."""
    key = f"verbs.refused.{_code(refused)}"
    return (key if words.knows(key) else "verbs.refused.other"), _figures(refused, words)


def refuse(form: FormReader, refused: Exception, words: Words, *, field: str) -> None:
    """Put a refusal beside a field."""
    key, figures = said(refused, words)
    form.refuse(field, key, **figures)


def _code(refused: Exception) -> str:
    for kind, code in _BY_TYPE:
        if isinstance(refused, kind):
            return code
    if isinstance(refused, Refused | ApprovalRefused):
        return refused.code
    return "other"


def _figures(refused: Exception, words: Words) -> Mapping[str, object]:
    named = getattr(refused, "plan_code", getattr(refused, "code", ""))
    told: dict[str, object] = {"told": str(refused), "value": named}
    match refused:
        case DeadlinePassed(deadline=deadline, charge_on=charge_on):
            told |= {"deadline": words.day(deadline), "charge_on": words.day(charge_on)}
        case MinimumTermOpen(remaining_cycles=remaining):
            told |= {"remaining": f"{remaining:,}"}
        case BadInput(value=value, rule=rule, remedy=remedy):
            told |= {"value": str(value), "told": f"{rule}; {remedy}"}
        case _:
            pass
    return told
