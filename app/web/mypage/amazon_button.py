"""Amazon's buttons on our pages: the signed payload, the script, and what the browser may load."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from sqlalchemy import Connection, select
from starlette.responses import RedirectResponse, Response

from amazonpay import (
    ChargePermissionType,
    CheckoutScope,
    Credentials,
    MerchantMetadata,
    ProductType,
    RecurringMetadata,
    WebCheckoutDetails,
)
from amazonpay.buttons import (
    ButtonAccount,
    ButtonColor,
    ButtonLook,
    CheckoutLanguage,
    CheckoutSessionPayload,
    PageOptions,
    Placement,
    SignInPayload,
    checkout_button,
    script_url,
    sign_in_button,
)
from app.web.shell import Shell, allow_origins, words_of
from app.web.shell.tables import merchants
from billing import CannotUnseal, NoKeys, load_credentials
from billing.deliveries import load_notice_rules
from scheduler import BillingEngine

LONGEST_SHOP_NAME = 50
LOCAL = ("localhost", "127.0.0.1", "::1")
# What Amazon's own script loads and where its forms lead, by Amazon's front-end domains.
AMAZON_SCRIPT = "https://static-fe.payments-amazon.com"
AMAZON_PAGES = "https://*.payments-amazon.com https://*.amazon.co.jp https://*.amazon.com"
AMAZON_IMAGES = "https://m.media-amazon.com https://*.payments-amazon.com"


@dataclass(frozen=True, slots=True)
class AmazonButton:
    """A button for a page: the script to load, and its options as JSON text."""

    script: str
    options: str


@dataclass(frozen=True, slots=True)
class _Account:
    """Whose button it is."""

    button: ButtonAccount
    store_id: str
    base_url: str


def engine_of(shell: Shell) -> BillingEngine | None:
    """The engine of these pages; None where nothing can be charged: no keys, or only a viewer."""
    if shell.charging is None or shell.master_key is None:
        return None
    try:
        return shell.charging()
    except (NoKeys, CannotUnseal):
        return None


def public_address(shell: Shell, request: Request) -> str | None:
    """Where buyers reach us; in a sandbox on this machine that needs no setting.

    Never from the `Host` header of a live shop: a link in a mail must not lead elsewhere.
    """
    if shell.public_url:
        return shell.public_url
    if shell.merchant.environment == "live" or request.url.hostname not in LOCAL:
        return None
    return f"http://localhost:{request.url.port or 80}"


def at_public_host(shell: Shell, request: Request) -> Response | None:
    """To the same page at the public address, when this one has another name for this machine.

    Amazon sends buyers back to the public one, and cookies are kept by name.
    """
    address = public_address(shell, request)
    if address is None or request.url.hostname not in LOCAL:
        return None
    if urlsplit(address).hostname == request.url.hostname:
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{address}{request.url.path}{query}", status_code=303)


def sign_in(
    shell: Shell, request: Request, *, back: str, marked: Mapping[str, str]
) -> AmazonButton | None:
    """The button that signs in with Amazon and comes back to `back`; None without keys."""
    account, address = _account(shell), public_address(shell, request)
    if account is None or address is None:
        return None
    payload = SignInPayload(
        sign_in_return_url=f"{address}{back}?{urlencode(marked)}", store_id=account.store_id
    )
    options = sign_in_button(
        account=account.button, payload=payload, look=_look(request, Placement.OTHER)
    )
    return _on_page(request, account, options)


def checkout(
    shell: Shell,
    request: Request,
    *,
    back: str,
    marked: Mapping[str, str],
    cancel: str,
    recurring: RecurringMetadata,
    goods: bool,
    amount_yen: int | None = None,
) -> AmazonButton | None:
    """The button that begins a recurring checkout and comes back to `back`; None without keys.

    With `goods` the buyer chooses an address too.
    """
    account, address = _account(shell), public_address(shell, request)
    if account is None or address is None:
        return None
    payload = CheckoutSessionPayload(
        store_id=account.store_id,
        web_checkout_details=WebCheckoutDetails(
            checkout_review_return_url=f"{address}{back}?{urlencode(marked)}",
            checkout_cancel_url=f"{address}{cancel}",
        ),
        charge_permission_type=ChargePermissionType.RECURRING,
        merchant_metadata=_shop_name(shell),
        recurring_metadata=recurring,
        scopes=(
            *(CheckoutScope.NAME, CheckoutScope.EMAIL),
            *((CheckoutScope.PHONE_NUMBER, CheckoutScope.SHIPPING_ADDRESS) if goods else ()),
        ),
    )
    options = checkout_button(
        account=account.button,
        payload=payload,
        product_type=ProductType.PAY_AND_SHIP if goods else ProductType.PAY_ONLY,
        look=_look(request, Placement.CHECKOUT),
        estimated_order_amount_yen=amount_yen,
    )
    return _on_page(request, account, options)


def amazon_origin(shell: Shell) -> str:
    """Where our forms may lead on to at Amazon."""
    engine = engine_of(shell)
    base = "" if engine is None else engine.endpoint.base_url
    return base if urlsplit(base).hostname in LOCAL else AMAZON_PAGES


def _shop_name(shell: Shell) -> MerchantMetadata | None:
    """The name that the buyer reads on Amazon's pages, where the settings have one."""
    rules = shell.read(lambda c: load_notice_rules(c, shell.merchant.id))
    name = (rules.seller_name or rules.mail_name)[:LONGEST_SHOP_NAME]
    return MerchantMetadata(merchant_store_name=name) if name else None


def _account(shell: Shell) -> _Account | None:
    engine, key = engine_of(shell), shell.master_key
    if engine is None or key is None:
        return None
    seller_id, store_id, credentials = shell.read(lambda c: _keys(c, shell, key))
    if not seller_id or not store_id:
        return None
    account = ButtonAccount(
        merchant_id=seller_id, credentials=credentials, environment=shell.merchant.environment
    )
    return _Account(account, store_id, engine.endpoint.base_url)


def _keys(connection: Connection, shell: Shell, key: bytes) -> tuple[str, str, Credentials]:
    statement = select(merchants.c.seller_id, merchants.c.store_id).where(
        merchants.c.id == shell.merchant.id
    )
    seller_id, store_id = connection.execute(statement).one()
    credentials = load_credentials(connection, shell.merchant.id, master_key=key)
    return seller_id, store_id, credentials


def _look(request: Request, placement: Placement) -> ButtonLook:
    japanese = words_of(request).language == "ja"
    return ButtonLook(
        placement=placement,
        button_color=ButtonColor.GOLD,
        checkout_language=CheckoutLanguage.JA_JP if japanese else CheckoutLanguage.EN_GB,
    )


def _on_page(request: Request, account: _Account, options: PageOptions) -> AmazonButton:
    if urlsplit(account.base_url).hostname in LOCAL:
        base = account.base_url
        allow_origins(request, script_src=base, form_action=base, connect_src=base)
        return AmazonButton(f"{base}/checkout.js", options.json_text)
    allow_origins(
        request,
        script_src=AMAZON_SCRIPT,
        form_action=AMAZON_PAGES,
        connect_src=AMAZON_PAGES,
        img_src=AMAZON_IMAGES,
        # Amazon's script draws the button with styles of its own.
        style_src="'unsafe-inline'",
    )
    return AmazonButton(script_url("jp"), options.json_text)
