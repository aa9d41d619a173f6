"""Reads a signed button: payload, signature, key and algorithm as `checkout.js` sends them.

The signature covers the payload text exactly as it came (signing.md §8). When it does not fit,
the page says what was signed and what came, since that is what integrators debug by.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.fields import Json, canonical, read_object
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.signature import verify_text
from amazonpay.sandbox.world import World

_ALGORITHMS: Final = ("AMZN-PAY-RSASSA-PSS", "AMZN-PAY-RSASSA-PSS-V2")
# Without `algorithm` the older one is assumed (sign-in.md §2).
_DEFAULT: Final = _ALGORITHMS[0]
_NEEDED: Final = ("merchantId", "publicKeyId", "signature")
_SHOWN: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """The fields of a button as they came."""

    payload: str
    signature: str
    key_id: str
    algorithm: str


def read_payload(world: World, form: Mapping[str, str]) -> Json:
    """The payload of a button whose signature, merchant and store are good.

    Raises `PageRefused` 400 or 403 that shows what came and what would have fitted.
    """
    for name in _NEEDED:
        if not form.get(name):
            raise PageRefused(400, "button.missing", field=name)
    sent = _Sent(
        payload=_payload(form),
        signature=form["signature"],
        key_id=form["publicKeyId"],
        algorithm=form.get("algorithm") or _DEFAULT,
    )
    if sent.algorithm not in _ALGORITHMS:
        known = ", ".join(_ALGORITHMS)
        raise PageRefused(400, "button.algorithm", value=sent.algorithm[:64], known=known)
    if form["merchantId"] != world.merchant_id:
        raise PageRefused(
            403, "button.merchant", value=form["merchantId"][:64], known=world.merchant_id
        )
    _check_signature(world, sent)
    return _checked_store(world, _as_json(sent))


def _payload(form: Mapping[str, str]) -> str:
    """The payload as text. The script sends base64, since forms rewrite line breaks."""
    encoded = form.get("payloadBase64")
    if encoded is None:
        if not form.get("payloadJSON"):
            raise PageRefused(400, "button.missing", field="payloadJSON")
        return form["payloadJSON"]
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise PageRefused(400, "button.base64") from None


def _check_signature(world: World, sent: _Sent) -> None:
    key = world.keys.find(sent.key_id)
    if key is None:
        known = ", ".join(world.keys.live) or "-"
        raise PageRefused(403, "button.key", value=sent.key_id[:64], known=known)
    if _fits(world, sent):
        return
    raise PageRefused(
        403,
        "button.signature",
        facts=(
            ("button.fact.hint", _hint(world, sent)),
            ("button.fact.string_to_sign", _string_to_sign(sent)),
            ("button.fact.algorithm", sent.algorithm),
            ("button.fact.key", sent.key_id),
            ("button.fact.signature", sent.signature[:_SHOWN]),
            ("button.fact.payload", sent.payload[:_SHOWN]),
            ("button.fact.payload_bytes", str(len(sent.payload.encode()))),
        ),
    )


def _fits(world: World, sent: _Sent) -> bool:
    key = world.keys.find(sent.key_id)
    return key is not None and verify_text(
        key,
        algorithm=sent.algorithm,
        string_to_sign=_string_to_sign(sent),
        signature=sent.signature,
    )


def _string_to_sign(sent: _Sent) -> str:
    return f"{sent.algorithm}\n{hashlib.sha256(sent.payload.encode()).hexdigest()}"


def _hint(world: World, sent: _Sent) -> str:
    """The key of the likeliest cause: the first change under which the signature would fit."""
    for cause, other in _variants(world, sent):
        if _fits(world, other):
            return cause
    return "button.hint.unknown"


def _variants(world: World, sent: _Sent) -> Iterator[tuple[str, _Sent]]:
    for algorithm in _ALGORITHMS:
        yield "button.hint.algorithm", _changed(sent, algorithm=algorithm)
    for key_id in list(world.keys.live)[:4]:
        yield "button.hint.key", _changed(sent, key_id=key_id)
    for cause, payload in _texts(sent.payload):
        for algorithm in _ALGORITHMS:
            yield cause, _changed(sent, payload=payload, algorithm=algorithm)


def _texts(payload: str) -> Iterator[tuple[str, str]]:
    """The texts that were signed when the page carried another one (signing.md §8)."""
    yield "button.hint.slashes", payload.replace("\\/", "/")
    yield "button.hint.slashes", re.sub(r"(?<!\\)/", r"\\/", payload)
    yield "button.hint.backslashes", re.sub(r"\\(.)", r"\1", payload)
    yield "button.hint.spaces", payload.strip()
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return
    for ascii_only in (False, True):
        yield (
            "button.hint.encoded_again",
            json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")),
        )
        yield "button.hint.encoded_again", json.dumps(value, ensure_ascii=ascii_only)


def _changed(sent: _Sent, **changes: str) -> _Sent:
    fields = {
        "payload": sent.payload,
        "signature": sent.signature,
        "key_id": sent.key_id,
        "algorithm": sent.algorithm,
    }
    return _Sent(**(fields | changes))


def _as_json(sent: _Sent) -> Json:
    try:
        payload = read_object(sent.payload.encode())
        canonical(payload)  # refuses half surrogates, which no table can hold
    except Refused as refused:
        raise PageRefused(
            400,
            "button.json",
            facts=(
                ("button.fact.reason", refused.message),
                ("button.fact.payload", sent.payload[:_SHOWN]),
            ),
        ) from None
    return payload


def _checked_store(world: World, payload: Json) -> Json:
    store_id = payload.get("storeId")
    if store_id != world.store_id:
        raise PageRefused(
            400, "button.store", value=json.dumps(store_id)[:120], known=world.store_id
        )
    return payload
