"""Signing up: plans, the choice with every price before Amazon's button, and the way back."""

from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from amazonpay import FrequencyUnit, RecurringMetadata
from app.web.mypage.amazon_button import at_public_host, checkout
from app.web.mypage.browser_secret import keep_secret, mark
from app.web.mypage.returning import Returned, returned
from app.web.mypage.sign_up_offer import TimeWords
from app.web.mypage.signing_in import sign_in_customer
from app.web.shell import OPEN, SIGN_IN, FormReader, Room, SentForm, Shell, known_customer
from billing import civil_date, load_catalogue, load_merchant
from billing.checkouts import Offer, Wanted, plans_for_sale, session_amount_yen, sign_up_offer
from billing.customers import customer_of_buyer
from plans import Catalogue, PlansError, Price, Unit

JOIN = "/my/join"
RETURN = "/my/join/return"
PLAN = "/my/join/plans/{plan_code}"
PURPOSE = "sign_up"
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
        page = shell.pages.page(
            request,
            "mypage/plans.html",
            plans=plans_for_sale(catalogue, on=on),
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
) -> Offer:
    """What a choice means now, by the merchant's rules of now; raises PlansError."""
    return sign_up_offer(
        connection,
        load_merchant(connection, shell.merchant.id),
        wanted=wanted,
        subscription_id=subscription_id,
        at=shell.clock.now(),
        buyer_id=buyer_id,
    )


def _choose(shell: Shell, request: Request, plan_code: str) -> Response:
    on = civil_date(at=shell.clock.now(), timezone=shell.merchant.timezone)
    catalogue = shell.read(lambda c: load_catalogue(c, shell.merchant.id))
    try:
        plan, price = catalogue.plan(plan_code), catalogue.price_on(plan_code, on)
    except PlansError:
        raise HTTPException(404) from None
    form = FormReader(SentForm(fields=tuple(request.query_params.multi_items())))
    wanted = _wanted(form, plan_code, price)
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
        action=plan_path(plan_code),
        all_plans=JOIN,
        has_coupons=_has_coupons(catalogue, plan_code),
        times=TimeWords.of(offer) if offer else None,
    )
    return keep_secret(request, page)


def _wanted(form: FormReader, plan_code: str, price: Price) -> Wanted:
    counted = price.per_seat or price.tiers is not None
    quantity = 1
    if counted and form.typed.get("quantity"):
        quantity = form.whole("quantity", least=1, most=MOST_SEATS)
    form.typed.setdefault("quantity", "1")
    coupon = form.code("coupon", required=False)
    return Wanted(plan_code=plan_code, quantity=quantity or 1, coupon=coupon)


def _offer(shell: Shell, form: FormReader, wanted: Wanted) -> Offer | None:
    try:
        return shell.read(lambda c: offer_now(c, shell, wanted))
    except PlansError as refused:
        if wanted.coupon:
            form.refuse("coupon", "join.coupon.refused", code=wanted.coupon)
        else:
            form.refuse("quantity", "join.quantity.refused", why=str(refused))
        return None


def _button(shell: Shell, request: Request, offer: Offer) -> object:
    wanted = offer.wanted
    chosen = {"plan": wanted.plan_code, "quantity": str(wanted.quantity), "coupon": wanted.coupon}
    return checkout(
        shell,
        request,
        back=RETURN,
        marked={**chosen, "state": mark(request, f"{PURPOSE} {_said(chosen)}")},
        cancel=f"{plan_path(wanted.plan_code)}?{urlencode(chosen)}",
        recurring=recurring_of(offer.price, offer),
        goods=offer.price.physical,
        amount_yen=session_amount_yen(offer),
    )


def _came_back(shell: Shell, request: Request) -> Response:
    chosen = {name: request.query_params.get(name, "") for name in ("plan", "quantity", "coupon")}
    found = returned(shell, request, purpose=f"{PURPOSE} {_said(chosen)}", again=JOIN)
    if not isinstance(found, Returned):
        return found
    quantity = chosen["quantity"]
    wanted = Wanted(
        plan_code=chosen["plan"],
        quantity=int(quantity) if quantity.isdecimal() else 1,
        coupon=chosen["coupon"],
    )
    try:
        offer = shell.read(lambda c: offer_now(c, shell, wanted, buyer_id=found.buyer_id))
    except PlansError:
        # What this very buyer has used up before: the choice again, without it.
        chosen["coupon"] = ""
        query = urlencode({**chosen, "dropped": wanted.coupon})
        return RedirectResponse(f"{plan_path(wanted.plan_code)}?{query}", status_code=303)
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


def _said(chosen: dict[str, str]) -> str:
    return urlencode(sorted(chosen.items()))


def _has_coupons(catalogue: Catalogue, plan_code: str) -> bool:
    return any(versions[-1].is_for(plan_code) for versions in catalogue.coupons.values())
