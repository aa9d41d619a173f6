"""How a subscription is paid: Amazon's own page for it, or a new consent here and now.

With a new consent count, price and history stay; a delivery goes to the address that is chosen
with it. A payment method can also be saved for later, without a charge.
"""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from amazonpay import FrequencyUnit, RecurringMetadata
from app.web.mypage.amazon_button import at_public_host, checkout
from app.web.mypage.browser_secret import keep_secret, mark
from app.web.mypage.last_screen import SAVED_AMOUNT_YEN
from app.web.mypage.owned import OwnSubscription, own_subscription
from app.web.mypage.returning import Returned, returned
from app.web.mypage.sign_up import UNITS
from app.web.shell import CUSTOMERS, Room, Shell, customer_of
from billing.checkouts import Wanted
from billing.deliveries import load_notice_rules
from plans import Unit

PAYMENT = "/my/payment/{subscription_id}"
PAYMENT_BACK = "/my/payment/{subscription_id}/return"
SAVE = "/my/saved-methods/new"
SAVE_BACK = "/my/saved-methods/return"


def payment_path(subscription_id: str) -> str:
    """The payment page of a subscription."""
    return PAYMENT.replace("{subscription_id}", subscription_id)


def add_payment_method(room: Room, shell: Shell) -> None:
    """Declare the routes of payment methods."""

    def payment(request: Request, subscription_id: str) -> Response:
        """Both ways to change it."""
        return at_public_host(shell, request) or _payment(shell, request, subscription_id)

    def payment_back(request: Request, subscription_id: str) -> Response:
        """Back from Amazon with a new consent for this subscription."""
        mine = own_subscription(shell, request, subscription_id)
        return _came_back(
            shell,
            request,
            mark_of=_purpose(request, mine.id),
            purpose="replace",
            wanted=Wanted(subscription=mine.id),
            amount_yen=mine.price_yen * mine.quantity,
            again=payment_path(mine.id),
        )

    def save(request: Request) -> Response:
        """Save a payment method for later."""
        return at_public_host(shell, request) or _save(shell, request)

    def save_back(request: Request) -> Response:
        """Back from Amazon with a payment method to save."""
        return _came_back(
            shell,
            request,
            mark_of=_purpose(request, ""),
            purpose="save",
            wanted=Wanted(),
            amount_yen=SAVED_AMOUNT_YEN,
            again=SAVE,
        )

    room.get(PAYMENT, payment, access=CUSTOMERS)
    room.get(PAYMENT_BACK, payment_back, access=CUSTOMERS)
    room.get(SAVE, save, access=CUSTOMERS)
    room.get(SAVE_BACK, save_back, access=CUSTOMERS)


def _payment(shell: Shell, request: Request, subscription_id: str) -> Response:
    mine = own_subscription(shell, request, subscription_id)
    rules = shell.read(lambda c: load_notice_rules(c, shell.merchant.id))
    button = None
    if mine.state != "canceled":
        button = checkout(
            shell,
            request,
            back=PAYMENT_BACK.replace("{subscription_id}", mine.id),
            marked={"state": mark(request, _purpose(request, mine.id))},
            cancel=payment_path(mine.id),
            recurring=_recurring(mine),
            goods=mine.goods,
        )
    page = shell.pages.page(
        request,
        "mypage/payment_method.html",
        mine=mine,
        amazon_page=rules.buyer_link(mine.charge_permission_id),
        button=button,
    )
    return keep_secret(request, page)


def _save(shell: Shell, request: Request) -> Response:
    button = checkout(
        shell,
        request,
        back=SAVE_BACK,
        marked={"state": mark(request, _purpose(request, ""))},
        cancel="/my/account",
        recurring=RecurringMetadata(
            frequency_unit=FrequencyUnit.VARIABLE, frequency_value=0, amount_yen=None
        ),
        goods=False,
    )
    page = shell.pages.page(request, "mypage/save_method.html", button=button)
    return keep_secret(request, page)


def _came_back(
    shell: Shell,
    request: Request,
    *,
    mark_of: str,
    purpose: str,
    wanted: Wanted,
    amount_yen: int,
    again: str,
) -> Response:
    found = returned(shell, request, purpose=mark_of, again=again)
    if not isinstance(found, Returned):
        return found
    begun = found.begin(
        shell,
        request,
        purpose=purpose,
        wanted=wanted,
        amount_yen=amount_yen,
        customer_id=customer_of(request).customer_id,
    )
    return RedirectResponse(f"/my/checkout/{begun.id}", status_code=303)


def _purpose(request: Request, subscription_id: str) -> str:
    mine = customer_of(request).customer_id
    return f"replace {mine} {subscription_id}" if subscription_id else f"save {mine}"


def _recurring(mine: OwnSubscription) -> RecurringMetadata:
    """No amount: it may differ with every charge, and Amazon only tells it."""
    return RecurringMetadata(
        frequency_unit=UNITS[Unit(mine.interval_unit)],
        frequency_value=mine.interval_count,
        amount_yen=None,
    )
