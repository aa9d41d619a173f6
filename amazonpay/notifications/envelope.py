"""The SNS envelope around a notification: strict JSON in, a frozen value out.

Nothing here is trusted yet. The value holds the signed fields and what is needed to check the
signature, nothing else: `UnsubscribeURL`, for one, is not signed, and nobody shall ever call it.
Signed fields other than Message hold no line break, because the text that is signed separates
them by line breaks only. Source: ipn §2 and §4.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from amazonpay.notifications.errors import MalformedNotification
from amazonpay.reading import MalformedResponse, optional_text, read_object, required_text

MAX_BODY_BYTES: Final = 262_144
"""SNS delivers no message above 256 KiB."""

_MESSAGE_ID: Final = re.compile(r"[0-9A-Za-z-]{1,100}")
_TOPIC_ARN: Final = re.compile(
    r"arn:aws(?:-[a-z]{2,5}){0,2}:sns:[a-z0-9-]{1,40}:[0-9]{12}:[0-9A-Za-z_-]{1,256}(?:\.fifo)?"
)
_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{1,1024}")
_ONE_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,1000}")
_URL: Final = re.compile(r"[!-~]{1,2048}")
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?Z"
)
_LONGEST_SIGNATURE_BYTES: Final = 1024
_LAMBDA_NAMES: Final = {
    "SigningCertUrl": "SigningCertURL",
    "SubscribeUrl": "SubscribeURL",
    "UnsubscribeUrl": "UnsubscribeURL",
}


class EnvelopeType(StrEnum):
    """What SNS sends; there is no fourth kind."""

    NOTIFICATION = "Notification"
    SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
    UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An SNS envelope as it was read; authentic only after its signature was verified.

    `timestamp` is aware, in UTC; `timestamp_text` is the same as it was signed. `token` and
    `subscribe_url` are set for confirmations. `signature` is decoded.
    """

    type: EnvelopeType
    message_id: str
    topic_arn: str
    message: str
    timestamp: datetime
    timestamp_text: str
    signature_version: str
    signature: bytes
    signing_cert_url: str
    subject: str | None = None
    token: str | None = None
    subscribe_url: str | None = None


def parse_envelope(body: bytes) -> Envelope:
    """The envelope in the body of an HTTP request, pretty-printed or compact.

    Raises MalformedNotification: too long, not one JSON object with unique keys, a field that is
    missing, of another shape, or given in both spellings.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MalformedNotification(f"the body is longer than {MAX_BODY_BYTES} bytes")
    try:
        source = _usual_names(read_object(body))
    except MalformedResponse:
        # The text of the cause could quote the body; the chain is cut on purpose.
        raise MalformedNotification("the body is not one JSON object with unique keys") from None
    kind = _type(source)
    confirms = kind is not EnvelopeType.NOTIFICATION
    timestamp_text = _text(source, "Timestamp")
    return Envelope(
        type=kind,
        message_id=_field(source, "MessageId", _MESSAGE_ID),
        topic_arn=_field(source, "TopicArn", _TOPIC_ARN),
        message=_text(source, "Message"),
        timestamp=_instant(timestamp_text),
        timestamp_text=timestamp_text,
        signature_version=_field(source, "SignatureVersion", _ONE_LINE),
        signature=_signature(_text(source, "Signature")),
        signing_cert_url=_text(source, "SigningCertURL"),
        subject=_optional_field(source, "Subject", _ONE_LINE),
        token=(_field if confirms else _optional_field)(source, "Token", _TOKEN),
        subscribe_url=(_field if confirms else _optional_field)(source, "SubscribeURL", _URL),
    )


def is_topic_arn(value: str) -> bool:
    """True for `arn:aws:sns:<region>:<account>:<name>`, also of the other AWS partitions."""
    return _TOPIC_ARN.fullmatch(value) is not None


def _usual_names(source: Mapping[str, object]) -> dict[str, object]:
    renamed = {_LAMBDA_NAMES.get(name, name): value for name, value in source.items()}
    if len(renamed) != len(source):
        raise MalformedNotification("a URL is given in both spellings, …URL and …Url")
    return renamed


def _type(source: Mapping[str, object]) -> EnvelopeType:
    try:
        return EnvelopeType(_text(source, "Type"))
    except ValueError:
        names = ", ".join(EnvelopeType)
        raise MalformedNotification(f"Type is none of {names}") from None


def _text(source: Mapping[str, object], name: str) -> str:
    try:
        return required_text(source, name)
    except MalformedResponse:
        raise MalformedNotification(f"{name} is missing, empty or no text") from None


def _field(source: Mapping[str, object], name: str, shape: re.Pattern[str]) -> str:
    return _shaped(name, _text(source, name), shape)


def _optional_field(source: Mapping[str, object], name: str, shape: re.Pattern[str]) -> str | None:
    try:
        text = optional_text(source, name)
    except MalformedResponse:
        raise MalformedNotification(f"{name} is no text") from None
    return None if text is None else _shaped(name, text, shape)


def _shaped(name: str, text: str, shape: re.Pattern[str]) -> str:
    if not shape.fullmatch(text):
        raise MalformedNotification(f"{name} does not have the shape that SNS gives it")
    return text


def _instant(text: str) -> datetime:
    match = _TIMESTAMP.fullmatch(text)
    try:
        if match is not None:
            *parts, fraction = match.groups(default="0")
            year, month, day, hour, minute, second = map(int, parts)
            microsecond = int(fraction.ljust(6, "0"))
            return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
    except ValueError:
        pass
    raise MalformedNotification("Timestamp is no instant as in 2026-04-01T00:00:01.000Z")


def _signature(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    # Encoded again, so that one signature has one spelling.
    canonical = base64.b64encode(decoded).decode() == text
    if not canonical or not 0 < len(decoded) <= _LONGEST_SIGNATURE_BYTES:
        raise MalformedNotification("Signature is not Base64 of a signature's length")
    return decoded
