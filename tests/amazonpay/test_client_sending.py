"""What leaves an exchange besides the operation itself: query, delegation token, who we are."""

import re
from importlib.metadata import PackageNotFoundError, version

import pytest
from exchange_helpers import GET, POST, FakeTime, Script, a_call, good, play, settings
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import KINDS, throwaway_key

from amazonpay import Algorithm, InvalidArgument, verify, wire
from amazonpay.signing import canonical_request, string_to_sign
from amazonpay.wire import Integrator

both = pytest.mark.parametrize("kind", KINDS)
FIVE = "accept;content-type;x-amz-pay-date;x-amz-pay-host;x-amz-pay-region"


def sent(kind, call, **changes):
    """The one request that the call sends."""
    amazon = Script(good)
    play(kind, call, amazon, **changes)
    (request,) = amazon.seen
    return request


def signed_names(request):
    return re.search("SignedHeaders=([^,]+)", request.headers["authorization"])[1]


def signature_verifies(request):
    """Checks it over what stands on the wire, as a server does."""
    path, _, query = request.url.raw_path.decode().partition("?")
    names = signed_names(request)
    text = canonical_request(
        method=request.method,
        path=path,
        query=query,
        headers={name: request.headers[name] for name in names.split(";")},
        body=request.content,
    )
    return verify(
        public_key=throwaway_key().public_key(),
        algorithm=Algorithm.V2,
        to_sign=string_to_sign(algorithm=Algorithm.V2, text=text),
        signature=request.headers["authorization"].partition("Signature=")[2],
    )


QUERIES = [
    pytest.param((), "/v2/charges", id="none"),
    pytest.param((("pageSize", "10"),), "/v2/charges?pageSize=10", id="one"),
    pytest.param(
        (("reportTypes", "_B_"), ("pageSize", "1"), ("reportTypes", "_A_")),
        "/v2/charges?pageSize=1&reportTypes=_A_&reportTypes=_B_",
        id="sorted by name, then value",
    ),
    pytest.param(
        (("nextToken", "a+b/c=d e~f'(g)*!&日"),),
        "/v2/charges?nextToken=a%2Bb%2Fc%3Dd%20e~f%27%28g%29%2A%21%26%E6%97%A5",
        id="RFC 3986",
    ),
    pytest.param((("nextToken", ""),), "/v2/charges?nextToken=", id="empty value"),
    pytest.param((("a", "%41"),), "/v2/charges?a=%2541", id="a percent sign is data"),
]


@both
@pytest.mark.parametrize(("query", "target"), QUERIES)
def test_the_query_is_signed_exactly_as_it_is_sent(kind, query, target):
    request = sent(kind, a_call("GET", query=query))
    assert request.url.raw_path.decode() == target
    assert signature_verifies(request)


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_any_query_survives_the_way_to_the_wire(query):
    assert signature_verifies(sent("sync", a_call("GET", query=tuple(query))))


def test_a_query_without_a_utf8_form_is_refused():
    with pytest.raises(InvalidArgument, match="surrogates"):
        sent("sync", a_call("GET", query=(("nextToken", "\ud800"),)))


@both
def test_a_delegation_token_is_sent_and_signed(kind):
    request = sent(kind, GET, auth_token="Atza|secret.token-1")
    assert request.headers["x-amz-pay-authtoken"] == "Atza|secret.token-1"
    signed = FIVE.replace("x-amz-pay-date", "x-amz-pay-authtoken;x-amz-pay-date")
    assert signed_names(request) == signed
    assert signature_verifies(request)


@pytest.mark.parametrize("token", ["", "two words", "line\nfeed", "日本", "x" * 4097])
def test_a_token_that_cannot_be_one_is_refused_without_repeating_it(token):
    with pytest.raises(InvalidArgument, match="auth_token") as caught:
        settings(FakeTime(), auth_token=token).habits()
    assert not token or token not in str(caught.value)


def test_settings_do_not_show_the_token():
    assert "secret" not in repr(settings(FakeTime(), auth_token="secret"))


@both
def test_the_user_agent_names_package_and_version(kind):
    request = sent(kind, POST)
    assert request.headers["user-agent"].startswith(f"autopay/{version('autopay')} (amazonpay; ")
    assert "user-agent" not in signed_names(request)


@both
def test_integrator_headers_are_sent_when_told_and_not_signed(kind):
    integrator = Integrator(
        integrator_id="A1B2C3", integrator_version="2.0", platform_version="shop-9"
    )
    request = sent(kind, GET, integrator=integrator)
    assert request.headers["x-amz-pay-integrator-id"] == "A1B2C3"
    assert request.headers["x-amz-pay-integrator-version"] == "2.0"
    assert request.headers["x-amz-pay-platform-version"] == "shop-9"
    assert signed_names(request) == FIVE
    assert "x-amz-pay-integrator-id" not in sent(kind, GET).headers
    without_version = sent(kind, GET, integrator=Integrator(integrator_id="A"))
    assert "x-amz-pay-platform-version" not in without_version.headers


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("integrator_id", {"integrator_id": ""}),
        ("integrator_version", {"integrator_id": "A", "integrator_version": "1\r\nx: y"}),
        ("platform_version", {"integrator_id": "A", "platform_version": "日本"}),
    ],
)
def test_integrator_text_that_breaks_a_header_is_refused(field, wrong):
    with pytest.raises(InvalidArgument, match=field):
        Integrator(**wrong)


def test_the_version_of_a_checkout_that_was_never_installed(monkeypatch):
    def missing(_):
        raise PackageNotFoundError

    monkeypatch.setattr(wire, "version", missing)
    assert wire.user_agent.__wrapped__().startswith("autopay/source (")
