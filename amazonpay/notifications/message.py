"""What Amazon Pay says inside a verified envelope: which object to look at, never its state.

Keys are read without regard to case and in any order; words Amazon adds tomorrow are kept as
they are. Messages about objects of the old API (CV1) become the same value with CV2 ids.
Source: ipn §3, §7 and §9.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from amazonpay.ids import is_charge_id, is_charge_permission_id, is_refund_id
from amazonpay.kept import Kept
from amazonpay.notifications.envelope import Envelope
from amazonpay.notifications.errors import MalformedNotification
from amazonpay.reading import MalformedResponse, read_object
from amazonpay.states import OpenEnum

_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
_MERCHANT_ID: Final = re.compile(r"[0-9A-Z]{5,32}")


class ObjectType(OpenEnum):
    """What a notification is about. A chargeback cannot be fetched by any call."""

    CHARGE_PERMISSION = "CHARGE_PERMISSION"
    CHARGE = "CHARGE"
    REFUND = "REFUND"
    CHARGEBACK = "CHARGEBACK"


class NotificationType(OpenEnum):
    """What happened to the object. Whatever it is: fetch the object and compare."""

    STATE_CHANGE = "STATE_CHANGE"
    ATTRIBUTE_CHANGE = "ATTRIBUTE_CHANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """An authentic notification. The truth about the object comes from a Get call, not from here.

    `object_id` is a CV2 id; it is None only when a CV1 message of a kind without one (chargeback,
    unknown kinds) names no id. `cv1_id` is the id as CV1 spelt it. Deliveries repeat: drop those
    whose `message_id` is known, then those whose `notification_id` is. `sent_at` is aware; order
    of arrival means nothing. `raw` is the whole message.
    """

    message_id: str
    topic_arn: str
    sent_at: datetime
    merchant_id: str
    object_type: ObjectType
    object_id: str | None
    charge_permission_id: str | None
    notification_type: NotificationType
    notification_id: str | None
    version: str
    cv1_id: str | None = None
    release_environment: str | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


class Members:
    """The members of a message, found without regard to the case of their names.

    Raises MalformedNotification when two names differ in case only: which one would count?
    """

    def __init__(self, source: Mapping[str, object]) -> None:
        self.source = Kept(source)
        self._folded = {name.lower(): value for name, value in source.items()}
        if len(self._folded) != len(source):
            raise MalformedNotification("the message holds a key twice, in upper and lower case")

    def optional(self, name: str) -> str | None:
        """The text of a member that may be null or absent. Raises MalformedNotification."""
        value = self._folded.get(name.lower())
        if value is None or isinstance(value, str):
            return value
        raise MalformedNotification(f"{name} in the message is no text")

    def required(self, name: str) -> str:
        """The text of a member that must be there. Raises MalformedNotification."""
        value = self.optional(name)
        if not value:
            raise MalformedNotification(f"{name} is missing in the message")
        return value

    def merchant_id(self, name: str) -> str:
        """A merchant id, in its shape. Raises MalformedNotification."""
        value = self.required(name)
        if not is_merchant_id(value):
            raise MalformedNotification(f"{name} does not have the shape of a merchant id")
        return value


def is_merchant_id(value: str) -> bool:
    """True for upper-case letters and digits, as in A2EXAMPLEJP0001."""
    return _MERCHANT_ID.fullmatch(value) is not None


def members_of(message: str) -> Members:
    """The JSON object in the envelope's Message. Raises MalformedNotification."""
    try:
        return Members(read_object(message.encode()))
    except MalformedResponse:
        raise MalformedNotification("Message is not one JSON object with unique keys") from None


def read_v2(members: Members, *, envelope: Envelope) -> Notification:
    """The notification in a message of the present format. Raises MalformedNotification."""
    object_type = ObjectType(members.required("ObjectType"))
    object_id = members.required("ObjectId")
    permission_id = members.optional("ChargePermissionId")
    check_id(object_type, object_id)
    if permission_id is not None:
        check_id(ObjectType.CHARGE_PERMISSION, permission_id)
    elif object_type is ObjectType.CHARGE_PERMISSION:
        permission_id = object_id
    return Notification(
        message_id=envelope.message_id,
        topic_arn=envelope.topic_arn,
        sent_at=envelope.timestamp,
        merchant_id=members.merchant_id("MerchantID"),
        object_type=object_type,
        object_id=object_id,
        charge_permission_id=permission_id,
        notification_type=NotificationType(members.required("NotificationType")),
        notification_id=members.optional("NotificationId"),
        version=members.required("NotificationVersion"),
        raw=members.source,
    )


def check_id(object_type: ObjectType, value: str) -> None:
    """Raises MalformedNotification unless the id may stand in the path of a Get call."""
    match object_type:
        case ObjectType.CHARGE:
            fits = is_charge_id(value)
        case ObjectType.REFUND:
            fits = is_refund_id(value)
        case ObjectType.CHARGE_PERMISSION:
            fits = is_charge_permission_id(value)
        case _:
            # The shape of other ids is not documented; it must only do no harm where it is used.
            fits = _PLAIN_ID.fullmatch(value) is not None
    if not fits:
        name = object_type.value if object_type.known else "object"
        raise MalformedNotification(f"an id in the message does not have the shape of a {name} id")
