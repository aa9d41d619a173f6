"""Signing up: plans, the choice with every price before Amazon's button, and the way back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from amazonpay import FrequencyUnit, RecurringMetadata
from app.web.mypage.amazon_button import at_public_host, checkout
from app.web.mypage.browser_secret import keep_secret, mark
from app.web.mypage.returning import Returned, returned, stopped
from app.web.mypage.signing_in import sign_in_customer
from app.web.shell import OPEN, SIGN_IN, FormReader, Room, SentForm, Shell, known_customer
from billing import civil_date, load_catalogue, load_merchant
from billing.checkouts import (
    Offer,
    Wanted,
    add_ons_for_sale,
    least_quantity,
    not_tested,
    plans_for_sale,
    session_amount_yen,
    sign_up_offer,
)
from billing.customers import customer_of_buyer
from plans import AddOn, Catalogue, CouponRefused, PlansError, Price, Unit, UnknownOffer

JOIN = "/my/join"
RETURN = "/my/join/return"
PLAN = "/my/join/plans/{plan_code}"
PURPOSE = "sign_up"
CHOSEN = ("plan", "quantity", "coupon", "add_ons")
MOST_SEATS = 1000

UNITS = {
    Unit.YEAR: FrequencyUnit.YEAR,
    Unit.MONTH: FrequencyUnit.MONTH,
    Unit.WEEK: FrequencyUnit.WEEK,
    Unit.DAY: FrequencyUnit.DAY,
}


def add_sign_up(room: Room, shell: Shell) -> None:
    """Declare the routes of signing up."""

    def plans(request: Request) -> Response:
        """What is for sale today."""
        on = civil_date(at=shell.clock.now(), timezone=shell.merchant.timezone)
        catalogue = shell.read(lambda c: load_catalogue(c, shell.merchant.id))
        off = shell.read(lambda c: not_tested(c, shell.merchant))
        page = shell.pages.page(
            request,
            "mypage/plans.html",
            plans=[each for each in plans_for_sale(catalogue, on=on) if each[0].code not in off],
            sign_in=SIGN_IN,
        )
        return keep_secret(request, page)

    def choose(request: Request, plan_code: str) -> Response:
        """One plan: how many, with which coupon, what that costs and when; then the button."""
        return at_public_host(shell, request) or _choose(shell, request, plan_code)

    def back(request: Request) -> Response:
        """Amazon sends the browser here when the buyer has chosen how to pay."""
        return _came_back(shell, request)

    room.get(JOIN, plans, access=OPEN)
    room.get(PLAN, choose, access=OPEN)
    room.get(RETURN, back, access=OPEN)


def plan_path(plan_code: str) -> str:
    """The page of a plan."""
    return PLAN.replace("{plan_code}", plan_code)


def recurring_of(price: Price, offer: Offer | None = None) -> RecurringMetadata:
    """How often and how much Amazon tells the buyer; no amount where it is not always the same."""
    return RecurringMetadata(
        frequency_unit=UNITS[price.interval.unit],
        frequency_value=price.interval.count,
        amount_yen=None if offer is None or offer.varies else offer.regular_yen,
    )


def offer_now(
    connection: Connection,
    shell: Shell,
    wanted: Wanted,
    *,
    subscription_id: str = "preview",
    buyer_id: str = "",
    at: datetime | None = None,
) -> Offer:
    """What a choice means now, or at `at`, by the merchant's rules of now; raises PlansError."""
    return sign_up_offer(
        connection,
        load_merchant(connection, shell.merchant.id),
        wanted=wanted,
        subscription_id=subscription_id,
        at=at or shell.clock.now(),
        buyer_id=buyer_id,
    )


def not_sold(shell: Shell, request: Request, *, status: int = 410) -> Response:
    """Say that what was chosen is not sold any more; the plans are one click away."""
    return stopped(shell, request, "join.not_sold", JOIN, status=status)


def _choose(shell: Shell, request: Request, plan_code: str) -> Response:
    on = civil_date(at=shell.clock.now(), timezone=shell.merchant.timezone)
    catalogue = shell.read(lambda c: load_catalogue(c, shell.merchant.id))
    dropped = request.query_params.get("dropped", "")
    try:
        plan, price = catalogue.plan(plan_code), catalogue.price_on(plan_code, on)
    except PlansError:
        return not_sold(shell, request, status=404)
    if plan_code in shell.read(lambda c: not_tested(c, shell.merchant)):
        return not_sold(shell, request, status=404)
    form = FormReader(SentForm(fields=tuple(request.query_params.multi_items())))
    sold = add_ons_for_sale(catalogue, plan_code=plan_code, on=on)
    wanted = _wanted(form, plan_code, price, sold)
    offer = None if form.problems else _offer(shell, form, wanted)
    button = None
    if offer is not None and offer.fits:
        button = _button(shell, request, offer)
    page = shell.pages.page(
        request,
        "mypage/plan.html",
        status=422 if form.problems else 200,
        plan=plan,
        price=price,
        offer=offer,
        form=form,
        button=button,
        add_ons=[(each, each.amount(quantity=least_quantity(each)).yen) for each in sold],
        action=plan_path(plan_code),
        all_plans=JOIN,
        has_coupons=_has_coupons(catalogue, plan_code),
        # The address is anybody's to write: only a coupon of ours is named on the page.
        dropped=dropped if dropped in catalogue.coupons else "",
    )
    return keep_secret(request, page)


def _wanted(form: FormReader, plan_code: str, price: Price, sold: Sequence[AddOn]) -> Wanted:
    counted = price.per_seat or price.tiers is not None
    quantity = 1
    if counted and form.typed.get("quantity"):
        quantity = form.whole("quantity", least=1, most=MOST_SEATS)
    form.typed.setdefault("quantity", "1")
    coupon = form.code("coupon", required=False)
    return Wanted(
        plan_code=plan_code,
        quantity=quantity or 1,
        coupon=coupon,
        add_ons=tuple(form.choices("add_on", [each.code for each in sold])),
    )


def _offer(shell: Shell, form: FormReader, wanted: Wanted) -> Offer | None:
    try:
        return shell.read(lambda c: offer_now(c, shell, wanted))
    except (CouponRefused, UnknownOffer):
        form.refuse("coupon", "join.coupon.refused", code=wanted.coupon)
    except PlansError:
        form.refuse("quantity", "join.quantity.refused", number=f"{wanted.quantity:,}")
    return None


def _button(shell: Shell, request: Request, offer: Offer) -> object:
    wanted = offer.wanted
    chosen = _chosen(wanted)
    return checkout(
        shell,
        request,
        back=RETURN,
        marked={**chosen, "state": mark(request, f"{PURPOSE} {_said(chosen)}")},
        cancel=_choice_path(wanted),
        recurring=recurring_of(offer.price, offer),
        goods=offer.price.physical,
        amount_yen=session_amount_yen(offer),
    )


def _came_back(shell: Shell, request: Request) -> Response:
    chosen = {name: request.query_params.get(name, "") for name in CHOSEN}
    found = returned(shell, request, purpose=f"{PURPOSE} {_said(chosen)}", again=JOIN)
    if not isinstance(found, Returned):
        return found
    quantity = chosen["quantity"]
    wanted = Wanted(
        plan_code=chosen["plan"],
        quantity=int(quantity) if quantity.isdecimal() else 1,
        coupon=chosen["coupon"],
        add_ons=tuple(chosen["add_ons"].split()),
    )
    try:
        offer = shell.read(lambda c: offer_now(c, shell, wanted, buyer_id=found.buyer_id))
    except (CouponRefused, UnknownOffer):
        if not wanted.coupon:
            return not_sold(shell, request)
        # What this very buyer has used up before: the choice again, without it.
        dropped = urlencode({"dropped": wanted.coupon})
        without = f"{_choice_path(replace(wanted, coupon=''))}&{dropped}"
        return RedirectResponse(without, status_code=303)
    except PlansError:
        return not_sold(shell, request)
    mine = known_customer(request)
    owner = shell.read(lambda c: customer_of_buyer(c, shell.merchant, buyer_id=found.buyer_id))
    begun = found.begin(
        shell,
        request,
        purpose="sign_up",
        wanted=wanted,
        amount_yen=session_amount_yen(offer),
        customer_id=mine.customer_id if mine else owner,
    )
    path = f"/my/checkout/{begun.id}"
    if mine is None and owner is not None:
        # Amazon has just told us who this browser's buyer is: no second sign-in is needed.
        return sign_in_customer(shell, request, customer_id=owner, wanted=path)
    return RedirectResponse(path, status_code=303)


def _chosen(wanted: Wanted) -> dict[str, str]:
    """A choice as it goes to Amazon and back, in one line per part."""
    return {
        "plan": wanted.plan_code,
        "quantity": str(wanted.quantity),
        "coupon": wanted.coupon,
        "add_ons": " ".join(wanted.add_ons),
    }


def _choice_path(wanted: Wanted) -> str:
    """The page of the plan with everything that was chosen."""
    chosen = [("quantity", str(wanted.quantity)), ("coupon", wanted.coupon)]
    chosen += [("add_on", code) for code in wanted.add_ons]
    return f"{plan_path(wanted.plan_code)}?{urlencode(chosen)}"


def _said(chosen: dict[str, str]) -> str:
    return urlencode(sorted(chosen.items()))


def _has_coupons(catalogue: Catalogue, plan_code: str) -> bool:
    return any(versions[-1].is_for(plan_code) for versions in catalogue.coupons.values())
