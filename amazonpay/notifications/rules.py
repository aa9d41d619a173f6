"""Who a notification may come from and be meant for; the settings with their safe defaults.

Anybody with an AWS account can have SNS sign anything for a topic of his own. So the list of
topics is what tells Amazon Pay from a stranger; the signature only tells that the list is obeyed.
Source: ipn §4, point 6.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from amazonpay.errors import InvalidArgument
from amazonpay.keys import Environment
from amazonpay.notifications.certificates import CertificateRule
from amazonpay.notifications.envelope import Envelope, is_topic_arn
from amazonpay.notifications.errors import OutsideTimeWindow, WrongEnvironment, WrongMerchant
from amazonpay.notifications.message import Notification, is_merchant_id
from amazonpay.notifications.urls import CERTIFICATE_PATH

_LETTERS: Final = MappingProxyType({"sandbox": "SC", "live": "PB"})
_ORDER_STYLE: Final = re.compile(r"[A-Z][0-9]{2}-.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRules:
    """What may be relaxed or tightened; every default is the safe choice.

    `max_age` and `max_ahead` bound the timestamp; redelivery goes on for three hours.
    `minimum_signature_version` 2 refuses SHA-1. `regions` limits the AWS regions of URLs (None:
    any). `check_environment_letter` compares the first letter of ids with the environment.
    `confirm_unlisted_topics` confirms any verified subscription: for the minutes of a first setup.
    Raises InvalidArgument for values that would refuse everything.
    """

    max_age: timedelta = timedelta(hours=24)
    max_ahead: timedelta = timedelta(minutes=5)
    minimum_signature_version: Literal[1, 2] = 1
    certificate: CertificateRule = field(default_factory=CertificateRule)
    certificate_path: str = CERTIFICATE_PATH
    regions: frozenset[str] | None = None
    check_environment_letter: bool = True
    confirm_unlisted_topics: bool = False

    def __post_init__(self) -> None:
        for name in ("max_age", "max_ahead"):
            if getattr(self, name) < timedelta(0):
                raise InvalidArgument(name, getattr(self, name), "not negative", "Use the default")
        if self.minimum_signature_version not in (1, 2):
            value = self.minimum_signature_version
            raise InvalidArgument("minimum_signature_version", value, "1 or 2", "Use 1")
        try:
            re.compile(self.certificate_path)
        except re.error:
            raise InvalidArgument(
                "certificate_path", self.certificate_path, "a regular expression", "Leave it out"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The merchant that notifications must be meant for, and the topics they may come from.

    Raises InvalidArgument for a value that does not have its shape.
    """

    merchant_id: str
    environment: Environment
    topic_arns: frozenset[str]

    def __post_init__(self) -> None:
        if not is_merchant_id(self.merchant_id):
            raise InvalidArgument(
                "merchant_id",
                self.merchant_id,
                "upper-case letters and digits",
                "Copy the merchant id from Seller Central",
            )
        if self.environment not in _LETTERS:
            raise InvalidArgument(
                "environment", self.environment, "sandbox or live", "Correct it in the settings"
            )
        for topic_arn in self.topic_arns:
            if not is_topic_arn(topic_arn):
                raise InvalidArgument(
                    "topic_arns",
                    topic_arn,
                    "each is arn:aws:sns:<region>:<account>:<name>",
                    "Copy it from Seller Central or from the first verified notification",
                )


def checked_topics(topic_arns: Collection[str]) -> frozenset[str]:
    """The topics as a set. Raises InvalidArgument for one text in place of a list."""
    if isinstance(topic_arns, str):
        raise InvalidArgument("topic_arns", topic_arns, "a list of topics", "Put it into a list")
    return frozenset(topic_arns)


def check_time(envelope: Envelope, *, rules: NotificationRules, now: datetime) -> None:
    """Raises OutsideTimeWindow unless the timestamp is within the window around `now`."""
    age = now - envelope.timestamp
    if age > rules.max_age:
        raise OutsideTimeWindow(f"the notification is older than {rules.max_age}")
    if -age > rules.max_ahead:
        raise OutsideTimeWindow(
            f"the notification is more than {rules.max_ahead} in the future. "
            "Check this machine's clock"
        )


def check_recipient(
    notification: Notification, *, recipient: Recipient, rules: NotificationRules
) -> None:
    """Raises WrongMerchant or WrongEnvironment unless the message is meant for the recipient."""
    if notification.merchant_id != recipient.merchant_id:
        raise WrongMerchant(
            f"the message is for merchant {notification.merchant_id}, not {recipient.merchant_id}"
        )
    wrong = WrongEnvironment(
        f"the message names objects of another environment than {recipient.environment}. "
        "Check which endpoints Seller Central lists for live and for sandbox"
    )
    said = notification.release_environment
    if said is not None and (said.lower() == "sandbox") != (recipient.environment == "sandbox"):
        raise wrong
    ids = (notification.object_id, notification.charge_permission_id, notification.cv1_id)
    if rules.check_environment_letter and not all(
        _fits(value, recipient.environment) for value in ids if value is not None
    ):
        raise wrong


def _fits(value: str, environment: Environment) -> bool:
    # Ids of unknown kinds may have a shape of their own, which says nothing about environments.
    return not _ORDER_STYLE.fullmatch(value) or value[0] in _LETTERS[environment]
