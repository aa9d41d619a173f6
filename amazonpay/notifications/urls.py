"""URLs inside an envelope, pinned to Amazon SNS before anything connects to them.

An envelope is not authentic until its certificate was fetched, so its URLs are a stranger's wish.
One anchored pattern decides over the whole text: no URL library gets to read it differently than
we did. The region must look like a region, because the looser pattern in circulation also admits
`sns.s3-us-west-2.amazonaws.com`, which is anybody's storage bucket called "sns".
Source: ipn §4 and §8.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from amazonpay.notifications.errors import UntrustedUrl

CERTIFICATE_PATH: Final = r"/SimpleNotificationService-[0-9a-f]{32,64}\.pem"
"""The path of every signing certificate that SNS publishes."""

_LONGEST_URL: Final = 2048
_HOST: Final = re.compile(
    r"sns\.[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?"
)
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)+")
_CONFIRMATION: Final = re.compile(r"/\?Action=ConfirmSubscription&[A-Za-z0-9.:%_&=-]+")
_SPLIT: Final = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?P<target>/[!-~]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class PinnedUrl:
    """An https URL on a host of Amazon SNS; no other can be made.

    `target` is the path with the query. Raises UntrustedUrl for any other host or target.
    """

    host: str
    target: str

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise UntrustedUrl("the URL's host is not sns.<region>.amazonaws.com")
        if not (_PATH.fullmatch(self.target) or _CONFIRMATION.fullmatch(self.target)):
            raise UntrustedUrl("the URL's path or query is not one that Amazon SNS uses")

    def __str__(self) -> str:
        return f"https://{self.host}{self.target}"

    @property
    def region(self) -> str:
        """The AWS region in the host name."""
        return self.host.split(".")[1]


def certificate_url(
    text: str, *, path: str = CERTIFICATE_PATH, regions: Collection[str] | None = None
) -> PinnedUrl:
    """The URL of a signing certificate, when it is one of Amazon SNS.

    `path` is a pattern for the whole path, `regions` the accepted AWS regions (None: any).
    Raises UntrustedUrl. Does not connect.
    """
    url = _pinned(text, regions)
    if not re.fullmatch(path, url.target, re.ASCII) or "?" in url.target:
        raise UntrustedUrl("SigningCertURL has a path that no SNS certificate has")
    return url


def confirmation_url(
    text: str, *, topic_arn: str, token: str, regions: Collection[str] | None = None
) -> PinnedUrl:
    """The URL that confirms the subscription to exactly this topic with exactly this token.

    It is written anew from the checked parts, so that nothing else in the text can survive.
    Raises UntrustedUrl. Does not connect.
    """
    url = _pinned(text, regions)
    _path, _, query = url.target.partition("?")
    expected = [("Action", "ConfirmSubscription"), ("Token", token), ("TopicArn", topic_arn)]
    if sorted(map(_parameter, query.split("&"))) != expected:
        raise UntrustedUrl("SubscribeURL does not confirm the topic and token of its own envelope")
    return PinnedUrl(
        url.host,
        f"/?Action=ConfirmSubscription&TopicArn={quote(topic_arn, safe=':')}&Token={token}",
    )


def _pinned(text: str, regions: Collection[str] | None) -> PinnedUrl:
    match = _SPLIT.fullmatch(text) if len(text) <= _LONGEST_URL else None
    if match is None:
        raise UntrustedUrl("the URL is not plain https:// with a host name and a path")
    url = PinnedUrl(match["host"], match["target"])
    if regions is not None and url.region not in regions:
        raise UntrustedUrl("the URL's AWS region is not in the accepted regions")
    return url


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, unquote(value)
