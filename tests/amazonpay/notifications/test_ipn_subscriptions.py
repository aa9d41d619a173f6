"""Subscriptions are confirmed once, for listed topics only; nothing is ever unsubscribed."""

import json

import pytest
from ipn_helpers import (
    CERT_URL,
    HOST,
    KINDS,
    TOPIC_ARN,
    CountingFetcher,
    Deliveries,
    certificate_pem,
    receive,
    signed,
    subscription,
)

from amazonpay.notifications import (
    BadSignature,
    CacheLimits,
    FetchFailed,
    MalformedNotification,
    NotificationRules,
    SubscriptionConfirmed,
    SubscriptionUnconfirmed,
    TryLater,
    Unsubscribed,
    UntrustedUrl,
    WrongTopic,
)

both = pytest.mark.parametrize("kind", KINDS)
OTHER_TOPIC = "arn:aws:sns:eu-west-1:111111111111:stranger"
CONFIRM = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC_ARN}&Token=0123abcd"


@both
def test_a_subscription_to_a_listed_topic_is_confirmed_once(kind):
    deliveries = Deliveries(kind)
    for _ in range(3):  # SNS delivers again when our answer is slow
        received = deliveries.receive(signed(subscription()))
        assert isinstance(received, SubscriptionConfirmed)
        assert received.topic_arn == TOPIC_ARN
    assert deliveries.fetcher.urls == [CERT_URL, CONFIRM]


def test_each_token_is_confirmed_for_itself():
    deliveries = Deliveries("sync")
    for token in ("aa", "bb", "aa"):
        deliveries.receive(signed(subscription(Token=token)))
    assert len(deliveries.fetcher.urls) == 1 + 2


@both
def test_a_subscription_to_another_topic_is_shown_to_the_operator(kind):
    deliveries = Deliveries(kind)
    received = deliveries.receive(signed(subscription(TopicArn=OTHER_TOPIC)))
    assert isinstance(received, SubscriptionUnconfirmed)
    assert received.topic_arn == OTHER_TOPIC
    assert deliveries.fetcher.urls == [CERT_URL]


def test_confirmation_of_any_topic_is_a_switch():
    rules = NotificationRules(confirm_unlisted_topics=True)
    deliveries = Deliveries("sync", rules=rules)
    received = deliveries.receive(signed(subscription(TopicArn=OTHER_TOPIC)))
    assert isinstance(received, SubscriptionConfirmed)
    assert deliveries.fetcher.urls == [CERT_URL, CONFIRM.replace(TOPIC_ARN, OTHER_TOPIC)]


def test_an_unsigned_subscription_confirms_nothing():
    body = json.loads(signed(subscription())) | {"Token": "ffff"}
    deliveries = Deliveries("sync")
    with pytest.raises(BadSignature):
        deliveries.receive(json.dumps(body).encode())
    assert deliveries.fetcher.urls == [CERT_URL]


def test_the_url_is_written_anew_from_its_checked_parts():
    escaped = CONFIRM.replace(TOPIC_ARN, TOPIC_ARN.replace(":", "%3A"))
    deliveries = Deliveries("sync")
    deliveries.receive(signed(subscription(SubscribeURL=escaped)))
    assert deliveries.fetcher.urls == [CERT_URL, CONFIRM]


HOSTILE = {
    "http": CONFIRM.replace("https", "http"),
    "other host": CONFIRM.replace(HOST, "example.test"),
    "suffix": CONFIRM.replace(HOST, f"{HOST}.example.test"),
    "bucket called sns": CONFIRM.replace(HOST, "sns.s3-us-west-2.amazonaws.com"),
    "metadata": CONFIRM.replace(HOST, "169.254.169.254"),
    "port": CONFIRM.replace(HOST, f"{HOST}:8443"),
    "user": CONFIRM.replace(HOST, f"u@{HOST}"),
    "path": CONFIRM.replace("/?", "/x?"),
    "no path": CONFIRM.replace("/?", "?"),
    "double slash": CONFIRM.replace("/?", "//?"),
    "other action": CONFIRM.replace("ConfirmSubscription", "Unsubscribe"),
    "two actions": CONFIRM + "&Action=Unsubscribe",
    "other topic": CONFIRM.replace(TOPIC_ARN, OTHER_TOPIC),
    "two topics": f"{CONFIRM}&TopicArn={OTHER_TOPIC}",
    "other token": CONFIRM.replace("0123abcd", "ffff"),
    "no token": CONFIRM.replace("&Token=0123abcd", ""),
    "one parameter more": CONFIRM + "&AuthenticateOnUnsubscribe=true",
    "name in lower case": CONFIRM.replace("Token=", "token="),
    "semicolons": CONFIRM.replace("&", ";"),
    "fragment": CONFIRM + "#x",
    "other order": f"https://{HOST}/?Token=0123abcd&TopicArn={TOPIC_ARN}&Action=ConfirmSubscription",
    "certificate": CERT_URL,
    "backslash": CONFIRM.replace("/?", "\\?"),
    "plus": CONFIRM.replace("ConfirmSubscription", "+ConfirmSubscription"),
}


@pytest.mark.parametrize("url", HOSTILE.values(), ids=HOSTILE.keys())
@both
def test_another_subscribe_url_is_never_requested(url, kind):
    deliveries = Deliveries(kind)
    with pytest.raises(UntrustedUrl):
        deliveries.receive(signed(subscription(SubscribeURL=url)))
    assert deliveries.fetcher.urls == [CERT_URL]


def test_a_subscribe_url_with_line_breaks_is_malformed():
    with pytest.raises(MalformedNotification):
        receive(signed(subscription(SubscribeURL=CONFIRM + "\nToken\nx")))


class ConfirmFails(CountingFetcher):
    """Serves certificates; confirmations fail as long as `broken`."""

    broken = True

    def fetch(self, url):
        self.urls.append(str(url))
        if "Action" in str(url) and self.broken:
            raise FetchFailed("the answer has status 500")
        return certificate_pem()


@both
def test_a_confirmation_that_failed_is_tried_again_at_the_next_delivery(kind):
    deliveries = Deliveries(kind, fetcher=ConfirmFails())
    with pytest.raises(TryLater, match="status 500") as refused:
        deliveries.receive(signed(subscription()))
    assert refused.value.http_status == 503
    deliveries.fetcher.broken = False
    assert isinstance(deliveries.receive(signed(subscription())), SubscriptionConfirmed)
    assert deliveries.fetcher.urls == [CERT_URL, CONFIRM, CONFIRM]


def test_confirmations_share_the_ration_of_downloads():
    limits = CacheLimits(downloads_per_minute=3)
    deliveries = Deliveries("sync", limits=limits, stopwatch=lambda: 0.0)
    for token in ("aa", "bb"):  # with the certificate: three downloads
        deliveries.receive(signed(subscription(Token=token)))
    with pytest.raises(TryLater):
        deliveries.receive(signed(subscription(Token="cc")))
    assert len(deliveries.fetcher.urls) == 3


@both
def test_the_end_of_a_subscription_is_only_reported(kind):
    deliveries = Deliveries(kind)
    received = deliveries.receive(signed(subscription(Type="UnsubscribeConfirmation")))
    assert isinstance(received, Unsubscribed)
    assert received.topic_arn == TOPIC_ARN
    assert deliveries.fetcher.urls == [CERT_URL]


def test_a_stranger_cannot_report_the_end_of_a_subscription():
    body = signed(subscription(Type="UnsubscribeConfirmation", TopicArn=OTHER_TOPIC))
    with pytest.raises(WrongTopic):
        receive(body)
