"""The objects handed to Amazon's script: `renderButton`, `bindUpgradeAction`, `bindChangeAction`.

The text that was signed is the text that is sent: it is made once and put into the options as it
is. Source: sign-in reference §2, signing reference §8, recurring reference §3 and §7, Amazon's
page on its front-end script and a public copy of that script (option names and checks).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from amazonpay.buttons.checks import (
    check_environment_of_url,
    check_merchant_id,
)
from amazonpay.buttons.choices import (
    ButtonColor,
    ChangeAction,
    CheckoutLanguage,
    Placement,
)
from amazonpay.buttons.payloads import CheckoutSessionPayload, SignInPayload, UpgradePayload, Urls
from amazonpay.errors import InvalidArgument
from amazonpay.keys import Environment, environment_of_key_id
from amazonpay.requests.common import check_optional_yen, optional_price, without_none
from amazonpay.signing import sign_payload
from amazonpay.states import ProductType
from amazonpay.wire import Credentials

Region = Literal["jp", "na", "eu"]

_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "jp": "https://static-fe.payments-amazon.com/checkout.js",
        "na": "https://static-na.payments-amazon.com/checkout.js",
        "eu": "https://static-eu.payments-amazon.com/checkout.js",
    }
)
_UPGRADE: Final = "recurringUpgrade"
"""The word by which Amazon's script knows the way from one-time to recurring."""
_SESSION_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_KEY_ID: Final = re.compile(r"[0-9A-Za-z-]+")
# What could end a script element, begin a comment or leave a quoted attribute. Each stands only
# inside JSON strings, where the escape means the very same character.
_UNSAFE_IN_HTML: Final = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonAccount:
    """Whose button it is: the merchant id, the keys and the environment they belong to.

    Raises InvalidArgument when a prefixed key id names the other environment.
    """

    merchant_id: str
    credentials: Credentials
    environment: Environment

    def __post_init__(self) -> None:
        check_merchant_id(self.merchant_id)
        key_id = self.credentials.public_key_id
        if self.environment not in ("sandbox", "live"):
            raise InvalidArgument(
                "environment", self.environment, "sandbox or live", "Correct it in the settings"
            )
        if not _KEY_ID.fullmatch(key_id):
            raise InvalidArgument(
                "public_key_id",
                key_id,
                "letters, digits and hyphens only",
                "Copy it from Seller Central",
            )
        if environment_of_key_id(key_id) not in (None, self.environment):
            raise InvalidArgument(
                "public_key_id",
                key_id,
                f"a key of the environment {self.environment}",
                "Use the other key pair, or correct the environment",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonLook:
    """How the button looks and where it stands."""

    placement: Placement
    button_color: ButtonColor = ButtonColor.GOLD
    checkout_language: CheckoutLanguage = CheckoutLanguage.JA_JP


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayload:
    """A payload with its signature, as the script calls it: a button configuration."""

    payload_json: str
    signature: str
    algorithm: str
    public_key_id: str

    def to_json(self) -> dict[str, str]:
        """The members under the names the script reads."""
        return {
            "payloadJSON": self.payload_json,
            "signature": self.signature,
            "algorithm": self.algorithm,
            "publicKeyId": self.public_key_id,
        }


@dataclass(frozen=True, slots=True)
class PageOptions:
    """The second argument of a call to Amazon's script, ready for a page."""

    json_text: str

    def to_json(self) -> dict[str, object]:
        """The object, anew each time: changing it does not change the options."""
        value: dict[str, object] = json.loads(self.json_text)
        return value

    def to_json_script(self) -> str:
        """JSON that can stand in an HTML `<script>` element, and in a quoted attribute's script.

        It is an ASCII text and at the same time a JavaScript expression. `</`, `<!--`, `&`,
        apostrophes and U+2028/U+2029 do not appear; parsed, it is exactly `to_json()`.
        """
        return self.json_text.translate(_UNSAFE_IN_HTML)


def script_url(region: Region = "jp") -> str:
    """The address of Amazon's `checkout.js` for a region."""
    url = _SCRIPTS.get(region)
    if url is None:
        raise InvalidArgument("region", region, "jp, na or eu", "Use jp for Amazon Pay Japan")
    return url


def sign_button_payload(*, credentials: Credentials, payload_json: str) -> SignedPayload:
    """Any payload text, signed as it stands; for texts that were made elsewhere.

    Raises InvalidArgument when it is not a JSON object in text that UTF-8 can hold.
    """
    _check_payload_text(payload_json)
    signature = sign_payload(
        private_key=credentials.private_key, algorithm=credentials.algorithm, payload=payload_json
    )
    return SignedPayload(
        payload_json=payload_json,
        signature=signature,
        algorithm=credentials.algorithm.value,
        public_key_id=credentials.public_key_id,
    )


def checkout_button(
    *,
    account: ButtonAccount,
    payload: CheckoutSessionPayload,
    product_type: ProductType,
    look: ButtonLook,
    estimated_order_amount_yen: int | None = None,
) -> PageOptions:
    """The options of `amazon.Pay.renderButton` for a checkout.

    A one-page checkout (ProcessOrder) of goods needs the address in the payload; digital goods
    and subscriptions without delivery are PayOnly.
    """
    check_optional_yen("estimated_order_amount_yen", estimated_order_amount_yen)
    _check_product_type(product_type)
    _check_urls(payload.urls(), account.environment)
    _check_address(payload, product_type)
    signed = sign_button_payload(
        credentials=account.credentials, payload_json=payload.to_json_text()
    )
    return _options(
        **_environment(account),
        **_appearance(look, product_type.value),
        estimatedOrderAmount=optional_price(estimated_order_amount_yen),
        createCheckoutSessionConfig=signed.to_json(),
    )


def sign_in_button(
    *, account: ButtonAccount, payload: SignInPayload, look: ButtonLook
) -> PageOptions:
    """The options of `amazon.Pay.renderButton` for Amazon Sign-in."""
    _check_urls(payload.urls(), account.environment)
    signed = sign_button_payload(
        credentials=account.credentials, payload_json=payload.to_json_text()
    )
    return _options(
        **_environment(account),
        **_appearance(look, "SignIn"),
        signInConfig=signed.to_json(),
    )


def upgrade_action(
    *,
    account: ButtonAccount,
    payload: UpgradePayload,
    product_type: ProductType,
    checkout_language: CheckoutLanguage = CheckoutLanguage.JA_JP,
) -> PageOptions:
    """The options of `amazon.Pay.bindUpgradeAction`: from one-time to recurring after checkout."""
    _check_product_type(product_type)
    _check_urls(payload.urls(), account.environment)
    text = payload.to_json_text(
        merchant_id=account.merchant_id,
        checkout_language=checkout_language.value,
        product_type=product_type.value,
    )
    signed = sign_button_payload(credentials=account.credentials, payload_json=text)
    return _options(**signed.to_json(), upgradeAction=_UPGRADE)


def change_action(*, checkout_session_id: str, change: ChangeAction) -> PageOptions:
    """The options of `amazon.Pay.bindChangeAction`.

    It works on a Checkout Session that is Open; it cannot change an existing Charge Permission.
    """
    if not _SESSION_ID.fullmatch(checkout_session_id):
        raise InvalidArgument(
            "checkout_session_id",
            checkout_session_id,
            "letters, digits and hyphens, at most 64",
            "Give the amazonCheckoutSessionId that came back in the address",
        )
    return _options(amazonCheckoutSessionId=checkout_session_id, changeAction=change.value)


def _environment(account: ButtonAccount) -> dict[str, object]:
    # A prefixed key id says the environment itself, and the script complains when the flag
    # contradicts it; without a prefix only the flag can say it.
    key_id = account.credentials.public_key_id
    prefixed = environment_of_key_id(key_id) is not None
    return without_none(
        merchantId=account.merchant_id,
        publicKeyId=key_id if prefixed else None,
        ledgerCurrency="JPY",
        sandbox=None if prefixed else account.environment == "sandbox",
    )


def _appearance(look: ButtonLook, product_type: str) -> dict[str, object]:
    return {
        "checkoutLanguage": look.checkout_language.value,
        "productType": product_type,
        "placement": look.placement.value,
        "buttonColor": look.button_color.value,
    }


def _options(**members: object) -> PageOptions:
    return PageOptions(json.dumps(without_none(**members), separators=(",", ":")))


def _check_urls(urls: Urls, environment: Environment) -> None:
    for field, url in urls:
        check_environment_of_url(field, url, environment)


def _check_product_type(product_type: ProductType) -> None:
    if product_type not in (ProductType.PAY_AND_SHIP, ProductType.PAY_ONLY):
        raise InvalidArgument(
            "product_type",
            product_type.value,
            "a checkout is PayAndShip or PayOnly",
            "For Amazon Sign-in use sign_in_button",
        )


def _check_address(payload: CheckoutSessionPayload, product_type: ProductType) -> None:
    ships = product_type == ProductType.PAY_AND_SHIP
    if (payload.address_details is not None) != (ships and payload.is_one_page):
        raise InvalidArgument(
            "address_details",
            payload.address_details,
            "given for a one-page checkout (ProcessOrder) with PayAndShip, and only there",
            "Give the buyer's address, or take PayOnly, or let the buyer choose it at Amazon",
        )


def _check_payload_text(text: str) -> None:
    try:
        text.encode()
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidArgument(
            "payload_json",
            text,
            "a JSON object, in text that UTF-8 can hold",
            "Give the payload as JSON text, exactly as the page will carry it",
        )


def _refuse_constant(word: str) -> None:
    # Python reads NaN and Infinity; no browser does.
    raise ValueError(word)
