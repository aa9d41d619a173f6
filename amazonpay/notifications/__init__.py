"""Instant Payment Notifications, receiving side: verified first, read second, never the truth.

This is the public door. `NotificationReceiver.receive` is what a web hook needs; the rest are its
settings, its answers and its refusals (`amazonpay.notifications.errors` draws their tree).
"""

from amazonpay.notifications.certificates import SNS_NAMES, CertificateRule
from amazonpay.notifications.envelope import Envelope, EnvelopeType, parse_envelope
from amazonpay.notifications.errors import (
    BadSignature,
    MalformedNotification,
    NotificationRefused,
    OutsideTimeWindow,
    TryLater,
    UntrustedCertificate,
    UntrustedUrl,
    WrongEnvironment,
    WrongMerchant,
    WrongTopic,
)
from amazonpay.notifications.fetching import (
    AsyncCertificateFetcher,
    AsyncHttpsCertificateFetcher,
    AsyncLocalCertificateFetcher,
    CertificateFetcher,
    FetchFailed,
    HttpsCertificateFetcher,
    LocalCertificateFetcher,
)
from amazonpay.notifications.judge import (
    Received,
    SubscriptionConfirmed,
    SubscriptionUnconfirmed,
    Unsubscribed,
)
from amazonpay.notifications.message import Notification, NotificationType, ObjectType
from amazonpay.notifications.receiver import AsyncNotificationReceiver, NotificationReceiver
from amazonpay.notifications.rules import NotificationRules
from amazonpay.notifications.shelf import CacheLimits
from amazonpay.notifications.urls import CERTIFICATE_PATH, PinnedUrl, certificate_url
from amazonpay.notifications.verification import string_to_sign

__all__ = [
    "CERTIFICATE_PATH",
    "SNS_NAMES",
    "AsyncCertificateFetcher",
    "AsyncHttpsCertificateFetcher",
    "AsyncLocalCertificateFetcher",
    "AsyncNotificationReceiver",
    "BadSignature",
    "CacheLimits",
    "CertificateFetcher",
    "CertificateRule",
    "Envelope",
    "EnvelopeType",
    "FetchFailed",
    "HttpsCertificateFetcher",
    "LocalCertificateFetcher",
    "MalformedNotification",
    "Notification",
    "NotificationReceiver",
    "NotificationRefused",
    "NotificationRules",
    "NotificationType",
    "ObjectType",
    "OutsideTimeWindow",
    "PinnedUrl",
    "Received",
    "SubscriptionConfirmed",
    "SubscriptionUnconfirmed",
    "TryLater",
    "Unsubscribed",
    "UntrustedCertificate",
    "UntrustedUrl",
    "WrongEnvironment",
    "WrongMerchant",
    "WrongTopic",
    "certificate_url",
    "parse_envelope",
    "string_to_sign",
]
