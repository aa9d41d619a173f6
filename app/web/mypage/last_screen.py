"""What the last screen of each kind of checkout shows, warns of and asks for."""

from dataclasses import dataclass, field
from datetime import date

from fastapi import Request
from sqlalchemy import Connection

from amazonpay import RecurringMetadata
from app.web.mypage.owned import OwnSubscription, own_subscription
from app.web.mypage.sign_up import offer_now, recurring_of
from app.web.mypage.sign_up_offer import consent_shown
from app.web.shell import Shell, known_customer
from billing import civil_date
from billing.checkouts import (
    Checkout,
    ConsentShown,
    Offer,
    SamePlan,
    Wanted,
    offer_record,
    same_plan,
    session_amount_yen,
)
from billing.customers import buyer_of_customer, customer_of_buyer
from billing.deliveries import load_notice_rules

# Amazon wants a positive amount even where nothing is charged; the least there is.
SAVED_AMOUNT_YEN = 1


@dataclass(frozen=True, slots=True)
class LastScreen:
    """The screen: what is shown and kept, the session's amount, and what must be ticked.

    `warnings` are names of boxes; `refused` says by a key of words why it cannot go on.
    """

    shown: ConsentShown
    wanted: Wanted
    amount_yen: int
    recurring: RecurringMetadata | None
    offer: Offer | None = None
    subscription: OwnSubscription | None = None
    warnings: tuple[str, ...] = ()
    refused: str = ""
    held: SamePlan | None = field(default=None)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the books say of the buyer and the customer."""

    other_owner: bool
    other_buyer: bool
    held: SamePlan | None = None


def last_screen(shell: Shell, request: Request, found: Checkout) -> LastScreen:
    """Work out the last screen of a checkout as things stand now; once agreed to, as they stood.

    Raises PlansError when what was chosen is not for sale any more.
    """
    make = {"sign_up": _of_sign_up, "replace": _of_replacing, "save": _of_saving}[found.purpose]
    return make(shell, request, found)


def _of_sign_up(shell: Shell, request: Request, found: Checkout) -> LastScreen:
    settled = found.state not in ("open", "agreed")
    # Before anybody agrees, price and trial are those of now, not of an earlier look.
    wanted = (
        found.wanted
        if settled
        else Wanted(
            plan_code=found.wanted.plan_code,
            quantity=found.wanted.quantity,
            coupon=found.wanted.coupon,
            add_ons=found.wanted.add_ons,
        )
    )
    offer = shell.read(
        lambda c: offer_now(
            c,
            shell,
            wanted,
            subscription_id=found.subscription,
            buyer_id=found.buyer_id,
            at=found.agreed_at if settled else None,
        )
    )
    rules = shell.read(lambda c: load_notice_rules(c, shell.merchant.id))
    known = shell.read(lambda c: _known(c, shell, request, found, wanted.plan_code))
    shown = consent_shown(
        shell,
        request,
        kind="sign_up",
        rules=rules,
        offer=offer,
        figures=offer_record(offer),
        extra={"purpose": "sign_up", "subscription": None, "today": _today(shell)},
    )
    refused = "" if offer.fits else "join.cap.refused"
    if known.held is not None and known.held.is_unpaid:
        refused = "join.held.unpaid"
    return LastScreen(
        shown=shown,
        wanted=offer.wanted,
        amount_yen=session_amount_yen(offer),
        recurring=recurring_of(offer.price, offer),
        offer=offer,
        warnings=_warnings(known),
        refused=refused,
        held=known.held,
    )


def _of_replacing(shell: Shell, request: Request, found: Checkout) -> LastScreen:
    mine = own_subscription(shell, request, found.wanted.subscription)
    known = shell.read(lambda c: _known(c, shell, request, found, ""))
    warnings = list(_warnings(known))
    if mine.buyer_id and mine.buyer_id != found.buyer_id and "other_buyer" not in warnings:
        warnings.append("other_buyer")
    return _without_offer(shell, request, found, mine, tuple(warnings))


def _of_saving(shell: Shell, request: Request, found: Checkout) -> LastScreen:
    known = shell.read(lambda c: _known(c, shell, request, found, ""))
    return _without_offer(shell, request, found, None, _warnings(known))


def _without_offer(
    shell: Shell,
    request: Request,
    found: Checkout,
    mine: OwnSubscription | None,
    warnings: tuple[str, ...],
) -> LastScreen:
    rules = shell.read(lambda c: load_notice_rules(c, shell.merchant.id))
    figures = {"subscription": found.wanted.subscription, "amount_yen": found.amount_yen}
    shown = consent_shown(
        shell,
        request,
        kind=found.purpose,
        rules=rules,
        offer=None,
        figures=figures,
        extra={"purpose": found.purpose, "subscription": mine, "today": _today(shell)},
    )
    return LastScreen(
        shown=shown,
        wanted=found.wanted,
        amount_yen=found.amount_yen,
        recurring=None,
        subscription=mine,
        warnings=warnings,
    )


def _warnings(known: _Known) -> tuple[str, ...]:
    found = {
        "other_owner": known.other_owner,
        "other_buyer": known.other_buyer,
        "same_plan": known.held is not None and not known.held.is_unpaid,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _known(
    connection: Connection, shell: Shell, request: Request, found: Checkout, plan_code: str
) -> _Known:
    """Whose Amazon account this is, and what the customer has already."""
    mine = known_customer(request)
    owner = customer_of_buyer(connection, shell.merchant, buyer_id=found.buyer_id)
    customer_id = mine.customer_id if mine else owner
    if customer_id is None:
        return _Known(other_owner=False, other_buyer=False)
    linked = buyer_of_customer(connection, shell.merchant, customer_id=customer_id)
    held = None
    if plan_code:
        held = same_plan(connection, shell.merchant, customer_id=customer_id, plan_code=plan_code)
    return _Known(
        other_owner=owner is not None and owner != customer_id,
        other_buyer=linked is not None and linked.buyer_id != found.buyer_id,
        held=held,
    )


def _today(shell: Shell) -> date:
    return civil_date(at=shell.clock.now(), timezone=shell.merchant.timezone)
