"""Messages about objects of the old API (CV1): JSON around an XML text. Only ids are taken.

The XML is not read into a tree. Document types, entities and comments are refused before the
parser sees the text, and again by the parser, so nothing is ever expanded or fetched.
Source: ipn §9, cv1-migration §3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NoReturn
from xml.parsers import expat

from amazonpay.errors import InvalidArgument
from amazonpay.ids import charge_id_from_cv1
from amazonpay.notifications.envelope import Envelope
from amazonpay.notifications.errors import MalformedNotification
from amazonpay.notifications.message import (
    Members,
    Notification,
    NotificationType,
    ObjectType,
    check_id,
)

_DEEPEST: Final = 32
"""CV1's own messages nest five levels."""

_LONGEST_ID: Final = 128
_PERMISSION_TAGS: Final = ("AmazonBillingAgreementId", "AmazonOrderReferenceId")
_CHARGEBACK_TAGS: Final = ("AmazonChargebackId", "AmazonCaptureId", *_PERMISSION_TAGS)
_ID_TAGS: Final = frozenset(
    {"AmazonAuthorizationId", "AmazonCaptureId", "AmazonRefundId", *_CHARGEBACK_TAGS}
)


@dataclass(frozen=True, slots=True)
class _Kind:
    object_type: ObjectType
    tags: tuple[str, ...]
    named_always: bool = True


_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "paymentauthorize": _Kind(ObjectType.CHARGE, ("AmazonAuthorizationId",)),
        "paymentcapture": _Kind(ObjectType.CHARGE, ("AmazonCaptureId",)),
        "paymentrefund": _Kind(ObjectType.REFUND, ("AmazonRefundId",)),
        "orderreferencenotification": _Kind(
            ObjectType.CHARGE_PERMISSION, ("AmazonOrderReferenceId",)
        ),
        # Which ids it names, and whether in XML at all, differs between accounts of it.
        "chargebackdetailednotification": _Kind(
            ObjectType.CHARGEBACK, _CHARGEBACK_TAGS, named_always=False
        ),
    }
)


def read_v1(members: Members, *, envelope: Envelope) -> Notification:
    """The notification in a CV1 message, with the CV2 id of the object.

    A kind that is not known keeps its name as the object type. Every kind counts as a change of
    state, since CV1 makes no difference. Raises MalformedNotification.
    """
    name = members.required("NotificationType")
    kind = _kind(name)
    ids = _ids(members, kind)
    old_id = _one(ids, kind)
    object_id = _new_id(kind.object_type, old_id)
    permission_id = _permission_id(ids)
    return Notification(
        message_id=envelope.message_id,
        topic_arn=envelope.topic_arn,
        sent_at=envelope.timestamp,
        merchant_id=members.merchant_id("SellerId"),
        object_type=kind.object_type,
        object_id=object_id,
        charge_permission_id=permission_id,
        notification_type=NotificationType.STATE_CHANGE,
        notification_id=members.optional("NotificationReferenceId"),
        version="V1",
        cv1_id=old_id,
        release_environment=members.optional("ReleaseEnvironment"),
        raw=members.source,
    )


def ids_in_xml(text: str) -> Mapping[str, str]:
    """The Amazon ids in a CV1 XML text, by the name of their element, in any namespace.

    Raises MalformedNotification: not well-formed, declarations of any kind, too deep, or an id
    that is given twice with different values.
    """
    if "<!" in text:
        raise MalformedNotification("NotificationData holds a declaration; only elements may be")
    reader = _IdReader()
    try:
        reader.parse(text)
    except expat.ExpatError:
        raise MalformedNotification("NotificationData is not well-formed XML") from None
    return reader.found


def _kind(name: str) -> _Kind:
    if "billingagreement" in name.lower():
        return _Kind(ObjectType.CHARGE_PERMISSION, ("AmazonBillingAgreementId",))
    known = _KINDS.get(name.lower())
    return known or _Kind(ObjectType(name), tuple(sorted(_ID_TAGS)), named_always=False)


def _ids(members: Members, kind: _Kind) -> Mapping[str, str]:
    if kind.named_always:
        return ids_in_xml(members.required("NotificationData"))
    try:
        return ids_in_xml(members.optional("NotificationData") or "")
    except MalformedNotification:
        return {}


def _one(ids: Mapping[str, str], kind: _Kind) -> str | None:
    found = next((ids[tag] for tag in kind.tags if tag in ids), None)
    if found is None and kind.named_always:
        raise MalformedNotification(f"NotificationData holds no {kind.tags[0]}")
    return found


def _new_id(object_type: ObjectType, old_id: str | None) -> str | None:
    if old_id is None:
        return None
    if object_type is ObjectType.CHARGE:
        try:
            return charge_id_from_cv1(old_id)
        except InvalidArgument:
            raise MalformedNotification(
                "NotificationData holds an id that is no CV1 authorization or capture id"
            ) from None
    check_id(object_type, old_id)
    return old_id


def _permission_id(ids: Mapping[str, str]) -> str | None:
    found = next((ids[tag] for tag in _PERMISSION_TAGS if tag in ids), None)
    if found is not None:
        check_id(ObjectType.CHARGE_PERMISSION, found)
    return found


@dataclass(slots=True)
class _IdReader:
    """Collects the text of the id elements while the XML passes by."""

    found: dict[str, str] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)
    _text: str = ""

    def parse(self, text: str) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.Parse(text, True)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(" ")[2])
        self._text = ""
        if len(self._path) > _DEEPEST:
            raise MalformedNotification("NotificationData is nested too deeply")

    def _characters(self, text: str) -> None:
        if self._path[-1] in _ID_TAGS and len(self._text) <= _LONGEST_ID:
            self._text += text

    def _end(self, _name: str) -> None:
        tag, value = self._path.pop(), self._text.strip()
        self._text = ""
        if tag not in _ID_TAGS or not value:
            return
        if self.found.setdefault(tag, value) != value:
            raise MalformedNotification(f"NotificationData holds two different {tag}")


def _refuse(*_: object) -> NoReturn:
    raise MalformedNotification("NotificationData holds a declaration; only elements may be")
