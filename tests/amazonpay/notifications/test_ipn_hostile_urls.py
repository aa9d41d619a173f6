"""A certificate URL that is not exactly one of Amazon SNS leads to no connection at all."""

import json

import httpx
import pytest
from ipn_helpers import (
    CERT_URL,
    HOST,
    KINDS,
    NOW,
    TOPIC_ARN,
    Deliveries,
    NoFetcher,
    certificate_pem,
    notification,
    receive,
    signed,
)

from amazonpay.notifications import (
    AsyncHttpsCertificateFetcher,
    AsyncNotificationReceiver,
    CertificateRule,
    HttpsCertificateFetcher,
    MalformedNotification,
    NotificationReceiver,
    NotificationRules,
    PinnedUrl,
    UntrustedUrl,
    certificate_url,
)

FILE = f"/SimpleNotificationService-{'0' * 32}.pem"

HOSTILE = {
    # Schemes
    "http": f"http://{HOST}{FILE}",
    "upper-case scheme": f"HTTPS://{HOST}{FILE}",
    "ftp": f"ftp://{HOST}{FILE}",
    "file": f"file://{HOST}{FILE}",
    "file without host": "file:///etc/passwd",
    "gopher": f"gopher://{HOST}{FILE}",
    "javascript": f"javascript://{HOST}{FILE}",
    "data": "data:application/x-pem-file;base64,AAAA",
    "no scheme": f"//{HOST}{FILE}",
    "no scheme, no slashes": f"{HOST}{FILE}",
    "one slash": f"https:/{HOST}{FILE}",
    "three slashes": f"https:///{HOST}{FILE}",
    "backslashes": f"https:\\\\{HOST}{FILE}",
    "path only": FILE,
    "scheme twice": f"https://https://{HOST}{FILE}",
    # Hosts
    "other host": f"https://example.test{FILE}",
    "loopback": f"https://127.0.0.1{FILE}",
    "localhost": f"https://localhost{FILE}",
    "IPv6 loopback": f"https://[::1]{FILE}",
    "cloud metadata": f"https://169.254.169.254{FILE}",
    "decimal address": f"https://2130706433{FILE}",
    "suffix": f"https://{HOST}.example.test{FILE}",
    "suffix glued on": f"https://{HOST}x{FILE}",
    "prefix": f"https://evil{HOST}{FILE}",
    "prefix label": f"https://evil.{HOST}{FILE}",
    "no region": f"https://sns.amazonaws.com{FILE}",
    "empty region": f"https://sns..amazonaws.com{FILE}",
    "short region": f"https://sns.eu.amazonaws.com{FILE}",
    "bucket called sns": f"https://sns.s3-us-west-2.amazonaws.com{FILE}",
    "bucket called sns, global": f"https://sns.s3-website.amazonaws.com{FILE}",
    "two labels": f"https://sns.eu-west-1.s3.amazonaws.com{FILE}",
    "region that is none": f"https://sns.aaa.amazonaws.com{FILE}",
    "hyphens": f"https://sns.---.amazonaws.com{FILE}",
    "other service": f"https://sqs.eu-west-1.amazonaws.com{FILE}",
    "look-alike domain": f"https://sns.eu-west-1.amazonaws.co{FILE}",
    "look-alike ending": f"https://sns.eu-west-1.amazonaws.com.co{FILE}",
    "China's ending twice": f"https://sns.cn-north-1.amazonaws.com.cn.cn{FILE}",
    "any character for a dot": f"https://snsXeu-west-1.amazonaws.com{FILE}",
    "amazonaws without dot": f"https://sns.eu-west-1.amazonawsXcom{FILE}",
    "trailing dot": f"https://{HOST}.{FILE}",
    "upper-case host": f"https://{HOST.upper()}{FILE}",
    "punycode region": f"https://sns.xn--eu-west-1.amazonaws.com{FILE}",
    "Cyrillic letter": f"https://sns.eu-west-1.am\u0430zonaws.com{FILE}",
    "full-width dot": f"https://sns.eu-west-1\uff0eamazonaws.com{FILE}",
    "ideographic dot": f"https://sns.eu-west-1\u3002amazonaws.com{FILE}",
    "Arabic digit in region": f"https://sns.eu-west-\u0661.amazonaws.com{FILE}",
    "long s": f"https://\u017fns.eu-west-1.amazonaws.com{FILE}",
    "zero-width space": f"https://sns.eu-west-1\u200b.amazonaws.com{FILE}",
    "soft hyphen": f"https://sns.eu\u00ad-west-1.amazonaws.com{FILE}",
    "escaped dot in host": f"https://sns%2eeu-west-1.amazonaws.com{FILE}",
    # User names and ports
    "user": f"https://user@{HOST}{FILE}",
    "user and password": f"https://user:pass@{HOST}{FILE}",
    "host as user": f"https://{HOST}@example.test{FILE}",
    "host as user, escaped": f"https://{HOST}%40example.test{FILE}",
    "host as user of backslash": f"https://example.test\\@{HOST}{FILE}",
    "empty user": f"https://@{HOST}{FILE}",
    "port": f"https://{HOST}:8443{FILE}",
    "usual port": f"https://{HOST}:443{FILE}",
    "empty port": f"https://{HOST}:{FILE}",
    "no port": f"https://{HOST}:x{FILE}",
    # What other parsers take for the end of the host
    "backslash as slash": f"https://example.test\\.{HOST}{FILE}",
    "backslash after the host": f"https://{HOST}\\{FILE}",
    "hash before the host": f"https://example.test#{HOST}{FILE}",
    "question before the host": f"https://example.test?{HOST}{FILE}",
    "slash before the host": f"https://example.test/{HOST}{FILE}",
    "semicolon": f"https://{HOST};example.test{FILE}",
    # Paths, queries, fragments
    "no path": f"https://{HOST}",
    "root": f"https://{HOST}/",
    "other file": f"https://{HOST}/x.pem",
    "other ending": f"https://{HOST}{FILE[:-4]}.crt",
    "upper-case ending": f"https://{HOST}{FILE[:-4]}.PEM",
    "folder": f"https://{HOST}/evil{FILE}",
    "double slash": f"https://{HOST}/{FILE}",
    "trailing slash": f"https://{HOST}{FILE}/",
    "dot segment": f"https://{HOST}/.{FILE}",
    "dot-dot segment": f"https://{HOST}/x/..{FILE}",
    "dot-dot out": f"https://{HOST}/..{FILE}",
    "escaped slash": f"https://{HOST}/%2f{FILE}",
    "escaped letter": f"https://{HOST}{FILE.replace('S', '%53', 1)}",
    "letters beyond hex": f"https://{HOST}{FILE.replace('0', 'g')}",
    "upper-case hex": f"https://{HOST}{FILE.replace('0', 'A')}",
    "too short": f"https://{HOST}{FILE.replace('0', '', 1)}",
    "no name": f"https://{HOST}/SimpleNotificationService-.pem",
    "full-width digits": f"https://{HOST}{FILE.replace('0', chr(0xFF10))}",
    "query": f"https://{HOST}{FILE}?x=1",
    "empty query": f"https://{HOST}{FILE}?",
    "certificate in the query": f"https://{HOST}/?x={FILE}",
    "confirmation": f"https://{HOST}/?Action=ConfirmSubscription&TopicArn=a&Token=b",
    "publish": f"https://{HOST}/?Action=Publish&x={FILE}",
    "fragment": f"https://{HOST}{FILE}#x",
    "empty fragment": f"https://{HOST}{FILE}#",
    "parameter": f"https://{HOST}{FILE};x",
    # White space and control characters
    "leading blank": f" {CERT_URL}",
    "trailing blank": f"{CERT_URL} ",
    "trailing line break": f"{CERT_URL}\n",
    "trailing CR": f"{CERT_URL}\r",
    "line break in the host": f"https://sns.eu-west-1\n.amazonaws.com{FILE}",
    "tab in the scheme": f"ht\ttps://{HOST}{FILE}",
    "request splitting": f"https://{HOST}/ HTTP/1.1\r\nHost: example.test\r\n{FILE}",
    "delete character": f"https://{HOST}\x7f{FILE}",
    "no-break space": f"https://{HOST}\u00a0{FILE}",
    "line separator": f"{CERT_URL}\u2028",
    "escaped NUL": f"https://{HOST}%00.example.test{FILE}",
    "two URLs": f"{CERT_URL},https://example.test{FILE}",
    "two lines": f"https://example.test{FILE}\n{CERT_URL}",
    "endless": f"https://{HOST}/{'a' * 5000}{FILE}",
}
hostile = pytest.mark.parametrize("url", HOSTILE.values(), ids=HOSTILE.keys())


def body_naming(url):
    # The URL is not part of the signed text: the signature is valid whatever stands here.
    return json.dumps(json.loads(signed(notification())) | {"SigningCertURL": url}).encode()


def test_there_are_enough_of_them():
    assert len(set(HOSTILE.values())) == len(HOSTILE) >= 60


@hostile
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_url_is_never_fetched(url, kind):
    with pytest.raises(UntrustedUrl) as refused:
        receive(body_naming(url), kind, fetcher=NoFetcher())
    assert refused.value.http_status == 403
    assert url not in refused.value.reason  # a stranger does not write our log


@hostile
def test_a_hostile_url_in_a_lambda_style_delivery_is_never_fetched(url):
    body = body_naming(url).replace(b'"SigningCertURL"', b'"SigningCertUrl"')
    with pytest.raises(UntrustedUrl):
        receive(body, fetcher=NoFetcher())


@hostile
def test_a_hostile_url_reaches_no_socket_of_the_real_fetcher(url, monkeypatch):
    requests = []

    def record(request):
        requests.append(request)
        return httpx.Response(200, content=certificate_pem())

    fetcher = HttpsCertificateFetcher(transport=httpx.MockTransport(record))
    options = {"merchant_id": "A2EXAMPLEJP0001", "environment": "sandbox", "clock": lambda: NOW}
    receiver = NotificationReceiver(topic_arns=[TOPIC_ARN], fetcher=fetcher, **options)
    with pytest.raises(UntrustedUrl):
        receiver.receive(body_naming(url))
    assert requests == []
    receiver.receive(body_naming(CERT_URL))  # the recorder does record
    assert [str(request.url) for request in requests] == [CERT_URL]


def test_the_asynchronous_fetcher_is_behind_the_same_door():
    requests = []

    def record(request):
        requests.append(request)
        return httpx.Response(200, content=certificate_pem())

    deliveries = Deliveries("async")
    fetcher = AsyncHttpsCertificateFetcher(transport=httpx.MockTransport(record))
    deliveries.receiver = AsyncNotificationReceiver(
        merchant_id="A2EXAMPLEJP0001",
        environment="sandbox",
        topic_arns=[TOPIC_ARN],
        clock=lambda: NOW,
        fetcher=fetcher,
    )
    for url in HOSTILE.values():
        with pytest.raises(UntrustedUrl):
            deliveries.receive(body_naming(url))
    assert requests == []
    assert deliveries.receive(body_naming(CERT_URL)).object_type == "CHARGE"


@pytest.mark.parametrize("value", [None, "", 7, [CERT_URL], {"url": CERT_URL}, True])
def test_a_url_that_is_no_text_is_malformed(value):
    with pytest.raises(MalformedNotification, match="SigningCertURL"):
        receive(body_naming(value), fetcher=NoFetcher())


@pytest.mark.parametrize(
    "region",
    [
        "us-east-1",
        "ap-northeast-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "ap-southeast-5",
        "il-central-1",
    ],
)
def test_every_region_is_accepted_unless_a_list_is_given(region):
    url = f"https://sns.{region}.amazonaws.com{FILE}"
    assert str(certificate_url(url)) == url
    assert certificate_url(url).region == region
    assert certificate_url(url, regions={region}).region == region
    with pytest.raises(UntrustedUrl, match="region"):
        certificate_url(url, regions={"eu-west-1"})


def test_the_chinese_partition_is_accepted():
    assert certificate_url(f"https://sns.cn-north-1.amazonaws.com.cn{FILE}").region == "cn-north-1"


def test_regions_can_be_limited_in_the_settings():
    rules = NotificationRules(regions=frozenset({"ap-northeast-1"}), certificate=CertificateRule())
    with pytest.raises(UntrustedUrl, match="region"):
        receive(signed(notification()), rules=rules, fetcher=NoFetcher())


def test_the_path_is_a_setting_but_the_host_is_none():
    rules = NotificationRules(certificate_path=r"/certificates/[a-z]+\.pem")
    assert receive(body_naming(f"https://{HOST}/certificates/a.pem"), rules=rules)
    for url in (CERT_URL, "https://example.test/certificates/a.pem"):
        with pytest.raises(UntrustedUrl):
            receive(body_naming(url), rules=rules, fetcher=NoFetcher())


@pytest.mark.parametrize("name", ["query", "dot-dot segment", "escaped slash", "confirmation"])
def test_the_loosest_path_setting_admits_no_tricks(name):
    with pytest.raises(UntrustedUrl):
        certificate_url(HOSTILE[name], path=".*")


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("example.test", FILE),
        (f"{HOST}:443", FILE),
        (f"{HOST}@example.test", FILE),
        (HOST, "@example.test"),
        (HOST, ".example.test/x.pem"),
        (HOST, "/../x.pem"),
        (HOST, "/?Action=Unsubscribe&SubscriptionArn=a"),
        (HOST, f"{FILE}\n"),
    ],
)
def test_a_pinned_url_cannot_be_made_by_hand_for_another_place(host, target):
    with pytest.raises(UntrustedUrl):
        PinnedUrl(host, target)
