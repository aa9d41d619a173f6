"""The Amazon SNS envelope around a message, signed, as it goes over the wire (ipn.md §2, §3, §10).

Everything is derived from what is stored, so a redelivery is the same envelope, byte for byte.
"""

import json
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from amazonpay.sandbox.control_input import Json
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.notifications.cv1 import cv1_message, dump
from amazonpay.sandbox.notifications.outbox import Endpoint, Message, as_uuid
from amazonpay.sandbox.notifications.seal import Seal
from amazonpay.sandbox.notifications.style import Style

SIGNED_KEYS: Final = (
    *("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)
# The top-level domain is reserved (RFC 2606): nobody can ever answer there.
_FOREIGN_DOMAIN: Final = ".attacker.example"
_AGENT: Final = "Amazon Simple Notification Service Agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: the topic, the merchant account and the key."""

    topic_arn: str
    merchant_id: str
    environment: str
    seal: Seal

    @property
    def host(self) -> str:
        """The SNS host of the topic's region."""
        return f"sns.{self.topic_arn.split(':')[3]}.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Post:
    """A request body and its headers."""

    body: bytes
    headers: dict[str, str]


def compose(message: Message, style: Style, *, sender: Sender, endpoint: Endpoint) -> Post:
    """The request that delivers a message to an endpoint; the message must be dated."""
    signed = _signed_part(message, style, sender)
    version = style.signature_version
    sealed = string_to_sign(signed) + ("forged" if style.forgery == "signature" else "")
    signature = sender.seal.sign(sealed, version=version)
    if style.forgery == "message":
        signed["Message"] = _message_text(_forged(message), style, sender)
    subscription_arn = f"{sender.topic_arn}:{endpoint.id}"
    envelope = {
        **signed,
        "SignatureVersion": version,
        "Signature": signature,
        "SigningCertURL": _certificate_url(style, sender),
    }
    if message.type == "Notification":
        action = f"?Action=Unsubscribe&SubscriptionArn={quote(subscription_arn, safe=':')}"
        envelope["UnsubscribeURL"] = f"https://{sender.host}/{action}"
    return Post(_encode(envelope, style), _headers(message, sender, subscription_arn))


def string_to_sign(fields: Json) -> str:
    """What SNS signs: names and values in a fixed order, those present only (ipn.md §4)."""
    return "".join(f"{key}\n{fields[key]}\n" for key in SIGNED_KEYS if key in fields)


def token_of(message: Message) -> str:
    """The token that confirms a subscription; derived, so it needs no place of its own."""
    return message.message_id + message.notification_id


def _signed_part(message: Message, style: Style, sender: Sender) -> Json:
    """The signed members, in the order in which SNS writes them."""
    fields: Json = {"Type": message.type, "MessageId": as_uuid(message.message_id)}
    is_notification = message.type == "Notification"
    if not is_notification:
        fields["Token"] = token_of(message)
    fields["TopicArn"] = sender.topic_arn
    if style.subject is not None and is_notification:
        fields["Subject"] = style.subject
    fields["Message"] = _message_text(message, style, sender)
    if not is_notification:
        topic = quote(sender.topic_arn, safe=":")
        fields["SubscribeURL"] = (
            f"https://{sender.host}/?Action=ConfirmSubscription&TopicArn={topic}"
            f"&Token={token_of(message)}"
        )
    fields["Timestamp"] = style.timestamp or iso(message.at or 0)
    return fields


def _message_text(message: Message, style: Style, sender: Sender) -> str:
    if message.type != "Notification":
        return (
            f"{message.type} for the topic {sender.topic_arn}: open SubscribeURL once if this "
            "endpoint is to receive its notifications."
        )
    return dump({**_members(message, style, sender), **(style.extra or {})})


def _members(message: Message, style: Style, sender: Sender) -> Json:
    merchant_id = style.merchant_id or sender.merchant_id
    if message.cv1 if style.v1 is None else style.v1:
        return cv1_message(
            object_type=message.object_type or "",
            object_id=message.object_id or "",
            reference=as_uuid(message.notification_id),
            merchant_id=merchant_id,
            environment=sender.environment,
            at=iso(message.at or 0),
        )
    members = {
        "MerchantID": merchant_id,
        "ChargePermissionId": message.permission_id,
        "ObjectType": message.object_type,
        "ObjectId": message.object_id,
        "NotificationType": message.notification_type,
        "NotificationId": as_uuid(message.notification_id),
        "NotificationVersion": "V2",
    }
    if not style.lower_camel_keys:
        return members
    return {key[0].lower() + key[1:]: value for key, value in members.items()}


def _forged(message: Message) -> Message:
    """The message about another object of the same shape: its last digit is another one."""
    head, last = (message.object_id or "-")[:-1], (message.object_id or "-")[-1]
    return replace(message, object_id=head + ("0" if last != "0" else "1"))


def _certificate_url(style: Style, sender: Sender) -> str:
    domain = _FOREIGN_DOMAIN if style.forgery == "certificate" else ""
    return f"https://{sender.host}{domain}/{sender.seal.file_names[style.certificate]}"


def _encode(envelope: Json, style: Style) -> bytes:
    if style.lambda_names:
        envelope = {
            key[:-3] + "Url" if key.endswith("URL") else key: value
            for key, value in envelope.items()
        }
    if style.pretty:
        # SNS itself writes a space before the colon as well.
        return json.dumps(envelope, ensure_ascii=False, indent=2, separators=(",", " : ")).encode()
    return dump(envelope).encode()


def _headers(message: Message, sender: Sender, subscription_arn: str) -> dict[str, str]:
    headers = {
        "x-amz-sns-message-type": message.type,
        "x-amz-sns-message-id": as_uuid(message.message_id),
        "x-amz-sns-topic-arn": sender.topic_arn,
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": _AGENT,
    }
    if message.type == "Notification":
        headers["x-amz-sns-subscription-arn"] = subscription_arn
    return headers
