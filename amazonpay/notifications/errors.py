"""Why a notification was not accepted, sorted by what to answer to the sender.

    NotificationRefused          AmazonPayError; `http_status` is the answer, 4xx ends redelivery
    ├── MalformedNotification    400  not an SNS envelope, or not a message of Amazon Pay
    ├── UntrustedUrl             403  a URL leads elsewhere than to Amazon SNS: never requested
    ├── UntrustedCertificate     403  the certificate is expired, too weak or not Amazon's
    ├── BadSignature             403  the text was not signed by that certificate
    ├── OutsideTimeWindow        403  too old or from the future
    ├── WrongTopic               403  sent by a topic that the operator has not listed
    ├── WrongMerchant            403  meant for another merchant
    ├── WrongEnvironment         403  sandbox ids for live, or the other way round
    └── TryLater                 503  nothing is known yet; Amazon shall deliver it again

A reason never repeats free text of the sender, so it is safe to log.
"""

from functools import partial
from typing import ClassVar

from amazonpay.errors import AmazonPayError


class NotificationRefused(AmazonPayError):
    """A notification that must not be acted upon.

    `http_status` is what to answer; `reason` says which rule was broken and is safe to log.
    """

    http_status: ClassVar[int] = 403

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedNotification(NotificationRefused):
    """The bytes are no SNS envelope, or the message in it is none of Amazon Pay's."""

    http_status: ClassVar[int] = 400


class UntrustedUrl(NotificationRefused):
    """A URL in the envelope is not exactly one that Amazon SNS uses. Nothing was requested."""


class UntrustedCertificate(NotificationRefused):
    """The signing certificate breaks a rule: dates, key, name or chain."""


class BadSignature(NotificationRefused):
    """The signature is not one of this envelope, or its version is not accepted."""


class OutsideTimeWindow(NotificationRefused):
    """The envelope's timestamp is too old or lies in the future."""


class WrongTopic(NotificationRefused):
    """The topic is not in the operator's list.

    `verified` is True when the signature was found valid: then, and only then, `topic_arn` is
    worth showing to the operator as a candidate for the list.
    """

    def __init__(self, topic_arn: str, *, verified: bool) -> None:
        seen = "after its signature was verified" if verified else "before any other check"
        super().__init__(
            f"TopicArn {topic_arn} is not in topic_arns ({seen}). "
            "Add it only if Seller Central shows that it belongs to your account"
        )
        self.topic_arn = topic_arn
        self.verified = verified

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), verified=self.verified), (self.topic_arn,), vars(self)


class WrongMerchant(NotificationRefused):
    """The message names another merchant."""


class WrongEnvironment(NotificationRefused):
    """The message names objects of the other environment."""


class TryLater(NotificationRefused):
    """Whether the notification is genuine could not be found out now.

    Answer 503, so that it is delivered again. `retry_after_seconds` is when it may succeed.
    """

    http_status: ClassVar[int] = 503

    def __init__(self, reason: str, *, retry_after_seconds: int) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[object, ...]:
        again = partial(type(self), retry_after_seconds=self.retry_after_seconds)
        return again, (self.reason,), vars(self)
