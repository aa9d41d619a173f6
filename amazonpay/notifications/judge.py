"""The order in which a delivery is judged; the same for threads and for an event loop. No I/O.

What is cheap and needs no certificate comes first, so that a stranger who does not even know the
topic cannot make us download anything. What the message says is read after the signature only.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.notifications.certificates import SigningCertificate, check_certificate
from amazonpay.notifications.cv1 import read_v1
from amazonpay.notifications.envelope import Envelope, EnvelopeType, parse_envelope
from amazonpay.notifications.errors import MalformedNotification, WrongTopic
from amazonpay.notifications.message import Notification, members_of, read_v2
from amazonpay.notifications.rules import (
    NotificationRules,
    Recipient,
    check_recipient,
    check_time,
)
from amazonpay.notifications.urls import PinnedUrl, certificate_url, confirmation_url
from amazonpay.notifications.verification import check_signature, check_version

_REMEMBERED_CONFIRMATIONS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionConfirmed:
    """The subscription to this topic was confirmed, now or by an earlier delivery. Answer 200."""

    topic_arn: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionUnconfirmed:
    """A genuine wish to subscribe us to a topic that is not listed; nothing was done.

    Answer 200, and show the topic to the operator.
    """

    topic_arn: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """SNS says that our endpoint no longer gets this topic. Answer 200, and alert the operator.

    Subscribing again is for a person to decide; nothing does it by itself.
    """

    topic_arn: str
    message_id: str


Received = Notification | SubscriptionConfirmed | SubscriptionUnconfirmed | Unsubscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class ToConfirm:
    """What is left to do: request `url` once, then the result is `done`."""

    url: PinnedUrl
    token: str
    done: SubscriptionConfirmed


class Judge:
    """Decides about deliveries for one recipient. Safe to share between threads."""

    def __init__(
        self,
        *,
        recipient: Recipient,
        rules: NotificationRules,
        clock: Callable[[], datetime],
    ) -> None:
        self._recipient = recipient
        self._rules = rules
        self._clock = clock
        self._confirmed: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The clock's reading. Raises InvalidArgument for one without a zone."""
        now = self._clock()
        if now.utcoffset() is None:
            raise InvalidArgument("clock", now, "it gives aware datetimes", "Use datetime.now(UTC)")
        return now

    def open(self, body: bytes, *, now: datetime) -> tuple[Envelope, PinnedUrl]:
        """The envelope, not yet authentic, and where its certificate is.

        Raises a NotificationRefused for whatever can be seen without the certificate.
        """
        envelope = parse_envelope(body)
        check_version(envelope, minimum=self._rules.minimum_signature_version)
        url = certificate_url(
            envelope.signing_cert_url,
            path=self._rules.certificate_path,
            regions=self._rules.regions,
        )
        check_time(envelope, rules=self._rules, now=now)
        # Without a list the operator is about to learn his topic, from a verified envelope only.
        if self._recipient.topic_arns and not _is_subscription(envelope):
            self._check_topic(envelope, verified=False)
        return envelope, url

    def conclude(
        self, envelope: Envelope, *, certificate: SigningCertificate, now: datetime
    ) -> Received | ToConfirm:
        """What the envelope means, once it is proven genuine. Raises a NotificationRefused."""
        check_certificate(certificate, rule=self._rules.certificate, now=now)
        check_signature(
            envelope,
            public_key=certificate.public_key,
            minimum=self._rules.minimum_signature_version,
        )
        if _is_subscription(envelope):
            return self._subscription(envelope)
        self._check_topic(envelope, verified=True)
        if envelope.type is EnvelopeType.UNSUBSCRIBE_CONFIRMATION:
            return Unsubscribed(topic_arn=envelope.topic_arn, message_id=envelope.message_id)
        notification = _read(envelope)
        check_recipient(notification, recipient=self._recipient, rules=self._rules)
        return notification

    def begin(self, step: ToConfirm) -> bool:
        """True for the first who wants to take this step; the others need not."""
        with self._lock:
            if step.token in self._confirmed:
                return False
            self._confirmed[step.token] = None
            if len(self._confirmed) > _REMEMBERED_CONFIRMATIONS:
                self._confirmed.popitem(last=False)
            return True

    def give_up(self, step: ToConfirm) -> None:
        """The step failed: the next delivery may take it again."""
        with self._lock:
            self._confirmed.pop(step.token, None)

    def _check_topic(self, envelope: Envelope, *, verified: bool) -> None:
        if envelope.topic_arn not in self._recipient.topic_arns:
            raise WrongTopic(envelope.topic_arn, verified=verified)

    def _subscription(self, envelope: Envelope) -> ToConfirm | SubscriptionUnconfirmed:
        topic_arn, message_id = envelope.topic_arn, envelope.message_id
        listed = topic_arn in self._recipient.topic_arns
        if not (listed or self._rules.confirm_unlisted_topics):
            return SubscriptionUnconfirmed(topic_arn=topic_arn, message_id=message_id)
        if envelope.subscribe_url is None or envelope.token is None:
            raise MalformedNotification("SubscribeURL or Token is missing")
        url = confirmation_url(
            envelope.subscribe_url,
            topic_arn=topic_arn,
            token=envelope.token,
            regions=self._rules.regions,
        )
        done = SubscriptionConfirmed(topic_arn=topic_arn, message_id=message_id)
        return ToConfirm(url=url, token=envelope.token, done=done)


def _is_subscription(envelope: Envelope) -> bool:
    return envelope.type is EnvelopeType.SUBSCRIPTION_CONFIRMATION


def _read(envelope: Envelope) -> Notification:
    members = members_of(envelope.message)
    # CV1 messages carry no NotificationVersion; that is how plugins tell the two apart.
    if members.optional("NotificationVersion") is None:
        return read_v1(members, envelope=envelope)
    return read_v2(members, envelope=envelope)
