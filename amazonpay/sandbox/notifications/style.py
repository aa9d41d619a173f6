"""How a message is written, where real deliveries differ or ipn.md leaves a choice (§10).

Every switch can be set for an endpoint, and again for one message sent by hand.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from amazonpay.sandbox.control_input import (
    ControlRefused,
    Json,
    as_object,
    flag,
    instant,
    word,
)
from amazonpay.sandbox.instants import iso

SIGNATURE_VERSIONS: Final = ("1", "2")
CERTIFICATES: Final = ("valid", "expired")
FORGERIES: Final = ("message", "signature", "certificate")
"""What is wrong with a forged copy, everything else being right: its text, signature or host."""

_TEXTS: Final = {
    "signatureVersion": SIGNATURE_VERSIONS,
    "subject": None,
    "merchantId": None,
    "certificate": CERTIFICATES,
    "forgery": FORGERIES,
}
_FLAGS: Final = ("lambdaNames", "lowerCamelKeys", "pretty", "v1")
_LONGEST_EXTRA: Final = 16_384
FIELDS: Final = (*_TEXTS, *_FLAGS, "timestamp", "extra")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The switches of one message, as the names in `FIELDS`, with their defaults.

    `signature_version` 1 is the default because receivers of all ages take it; which one Amazon
    Pay Japan uses is uncertain. `pretty` is how SNS itself writes. `v1` None follows the object:
    an agreement migrated from CV1 keeps sending CV1 messages (ipn.md §9).
    """

    signature_version: str = "1"
    subject: str | None = None
    merchant_id: str | None = None
    certificate: str = "valid"
    forgery: str | None = None
    lambda_names: bool = False
    lower_camel_keys: bool = False
    pretty: bool = True
    v1: bool | None = None
    timestamp: str | None = None
    extra: Json | None = None


def read_style(body: Json) -> Json:
    """The switches in a control call's body, checked; those left out stay out.

    Raises ControlRefused naming the switch.
    """
    style: Json = {}
    for name, allowed in _TEXTS.items():
        if name == "signatureVersion" and body.get(name) in (1, 2):
            body = {**body, name: str(body[name])}
        style[name] = word(body, name, allowed)
    for name in _FLAGS:
        style[name] = flag(body, name)
    at = instant(body, "timestamp")
    style["timestamp"] = None if at is None else iso(at)
    style["extra"] = _extra(body)
    return {name: value for name, value in style.items() if value is not None}


def _extra(body: Json) -> Json | None:
    value = body.get("extra")
    if value is None:
        return None
    extra = as_object(value, value if isinstance(value, dict) else (), "extra")
    try:
        size = len(json.dumps(extra, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise ControlRefused("extra", "holds NaN or an infinity, which JSON has not") from None
    if size > _LONGEST_EXTRA:
        raise ControlRefused("extra", f"is longer than {_LONGEST_EXTRA} bytes as JSON")
    return extra


def style_of(*layers: Json) -> Style:
    """The style that results when later layers override earlier ones."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= {_FIELD_OF[name]: value for name, value in layer.items()}
    return Style(**merged)


_FIELD_OF: Final = {
    "signatureVersion": "signature_version",
    "merchantId": "merchant_id",
    "lambdaNames": "lambda_names",
    "lowerCamelKeys": "lower_camel_keys",
    **{
        name: name
        for name in ("subject", "certificate", "forgery", "pretty", "v1", "timestamp", "extra")
    },
}
