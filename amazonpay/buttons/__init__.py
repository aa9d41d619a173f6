"""What a page hands to Amazon's front-end script: signed payloads and the options around them.

Build a payload, give it to `checkout_button`, `sign_in_button` or `upgrade_action`, and put the
result's `to_json_script()` into the page. Everything is pure; nothing here opens a connection.
"""

from amazonpay.buttons.choices import ButtonColor, ChangeAction, CheckoutLanguage, Placement
from amazonpay.buttons.options import (
    ButtonAccount,
    ButtonLook,
    PageOptions,
    SignedPayload,
    change_action,
    checkout_button,
    script_url,
    sign_button_payload,
    sign_in_button,
    upgrade_action,
)
from amazonpay.buttons.payloads import CheckoutSessionPayload, SignInPayload, UpgradePayload

__all__ = [
    "ButtonAccount",
    "ButtonColor",
    "ButtonLook",
    "ChangeAction",
    "CheckoutLanguage",
    "CheckoutSessionPayload",
    "PageOptions",
    "Placement",
    "SignInPayload",
    "SignedPayload",
    "UpgradePayload",
    "change_action",
    "checkout_button",
    "script_url",
    "sign_button_payload",
    "sign_in_button",
    "upgrade_action",
]
