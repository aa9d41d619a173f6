"""One table of answers, and what each means for the request: definite, throttled or unknown."""

import pickle

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import KINDS, call, charge_json, create, error

from amazonpay import (
    AmazonPayError,
    Charge,
    DefiniteRefusal,
    ErrorCode,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
    UnusableKey,
)
from amazonpay.answers import HttpAnswer, read_answer

both_clients = pytest.mark.parametrize("kind", KINDS)

# Every code of the error tables (§2 common, §3 per operation), with its class.
CODES = [
    (400, "InvalidHeaderValue", Misconfigured),
    (400, "InvalidRequest", DefiniteRefusal),
    (400, "InvalidParameterValue", DefiniteRefusal),
    (400, "InvalidRequestFormat", DefiniteRefusal),
    (400, "MissingHeader", Misconfigured),
    (400, "MissingHeaderValue", Misconfigured),
    (400, "MissingParameterValue", DefiniteRefusal),
    (400, "UnrecognizedField", DefiniteRefusal),
    (400, "InvalidSandboxSimulationSpecified", DefiniteRefusal),
    (400, "DuplicateIdempotencyKey", DefiniteRefusal),
    (400, "InvalidParameterCombination", DefiniteRefusal),
    (400, "CurrencyMismatch", DefiniteRefusal),
    (400, "InvalidAPIVersion", Misconfigured),
    (400, "TransactionAmountExceeded", DefiniteRefusal),
    (400, "PeriodicAmountExceeded", DefiniteRefusal),
    (401, "UnauthorizedAccess", Misconfigured),
    (403, "InvalidAuthentication", Misconfigured),
    (403, "InvalidAccountStatus", Misconfigured),
    (403, "InvalidRequestSignature", Misconfigured),
    (403, "InvalidAuthorizationToken", Misconfigured),
    (404, "ResourceNotFound", DefiniteRefusal),
    (405, "UnsupportedOperation", DefiniteRefusal),
    (405, "RequestNotSupported", DefiniteRefusal),
    (408, "RequestTimeout", UnknownOutcome),
    (409, "AmountMismatch", DefiniteRefusal),
    (422, "InvalidCheckoutSessionStatus", DefiniteRefusal),
    (422, "CheckoutSessionCanceled", DefiniteRefusal),
    (422, "ChargePermissionNotModifiable", DefiniteRefusal),
    (422, "InvalidChargePermissionStatus", DefiniteRefusal),
    (422, "InvalidChargeStatus", DefiniteRefusal),
    (422, "SoftDeclined", DefiniteRefusal),
    (422, "HardDeclined", DefiniteRefusal),
    (422, "PaymentMethodNotAllowed", DefiniteRefusal),
    (422, "AmazonRejected", DefiniteRefusal),
    (422, "MFANotCompleted", DefiniteRefusal),
    (422, "TransactionTimedOut", DefiniteRefusal),
    (422, "TransactionCountExceeded", DefiniteRefusal),
    (426, "TLSVersionNotSupported", Misconfigured),
    (429, "TooManyRequests", Throttled),
    (500, "InternalServerError", UnknownOutcome),
    (500, "ProcessingFailure", UnknownOutcome),
    (503, "ServiceUnavailable", UnknownOutcome),
]
OTHER_STATUSES = [
    (425, "TooEarly", UnknownOutcome),
    (502, "BadGateway", UnknownOutcome),
    (504, "GatewayTimeout", UnknownOutcome),
    (301, "Moved", UnknownOutcome),
    (302, "Found", UnknownOutcome),
    (307, "Redirect", UnknownOutcome),
    (304, "NotModified", UnknownOutcome),
    (600, "Beyond", UnknownOutcome),
    (418, "FromTheFuture", DefiniteRefusal),
    (422, "FromTheFuture", DefiniteRefusal),
    (403, "FromTheFuture", Misconfigured),
]


def test_the_table_holds_every_code_we_know():
    assert {code for _, code, _ in CODES} == {member.value for member in ErrorCode}


@both_clients
@pytest.mark.parametrize(("status", "code", "expected"), CODES + OTHER_STATUSES)
def test_every_documented_error_has_its_class(kind, status, code, expected):
    with pytest.raises(AmazonPayError) as caught:
        call(kind, create, handler=lambda _: error(status, code, "some text"))
    problem = caught.value
    assert type(problem) is expected
    assert problem.request_id == "req-1"
    assert "req-1" in str(problem)
    if not isinstance(problem, Throttled):
        assert problem.status == status
        assert problem.reason_code == code
        assert problem.reason_code.known is (code in list(ErrorCode))
        assert problem.message == "some text"
        assert code in str(problem)
    if isinstance(problem, Misconfigured):
        assert problem.remedy in str(problem)


NOT_THE_DOCUMENTED_SHAPE = [
    pytest.param({"text": "<html>Forbidden</html>"}, id="HTML"),
    pytest.param({"content": b""}, id="empty"),
    pytest.param({"json": {"message": "Forbidden"}}, id="no reasonCode"),
    pytest.param({"json": {"reasonCode": "HardDeclined"}}, id="no message"),
    pytest.param({"json": {"reasonCode": None, "message": "x"}}, id="null code"),
    pytest.param({"json": {"reasonCode": "", "message": "x"}}, id="empty code"),
    pytest.param({"json": {"reasonCode": 422, "message": "x"}}, id="number for a code"),
    pytest.param({"json": ["HardDeclined"]}, id="a list"),
    pytest.param({"json": charge_json()}, id="a charge"),
    pytest.param({"content": b'{"reasonCode":"HardDeclined","mess'}, id="cut"),
    pytest.param({"content": b'{"reasonCode":"A","reasonCode":"B","message":""}'}, id="two codes"),
    pytest.param(
        {
            "content": b'{"reasonCode":"HardDeclined","message":"x"}',
            "headers": {"content-type": "text/html"},
        },
        id="another content type",
    ),
]


@both_clients
@pytest.mark.parametrize("status", [400, 403, 404, 422, 426])
@pytest.mark.parametrize("answer", NOT_THE_DOCUMENTED_SHAPE)
def test_a_refusal_in_another_shape_is_no_refusal(kind, status, answer):
    with pytest.raises(UnknownOutcome) as caught:
        call(kind, create, handler=lambda _: httpx.Response(status, **answer))
    assert caught.value.status == status
    assert caught.value.reason_code is None


SUCCESS_WITHOUT_OBJECT = [
    pytest.param({"content": b""}, id="empty"),
    pytest.param({"json": {}}, id="empty object"),
    pytest.param({"json": []}, id="a list"),
    pytest.param({"json": None}, id="null"),
    pytest.param({"json": charge_json(chargeId=None)}, id="no id"),
    pytest.param({"json": charge_json(statusDetails=None)}, id="no state"),
    pytest.param({"json": charge_json(chargeAmount=None)}, id="no amount"),
    pytest.param({"json": {"reasonCode": "HardDeclined", "message": "x"}}, id="an error body"),
    pytest.param({"content": b'{"chargeAmount": NaN}'}, id="NaN"),
    pytest.param({"content": b'{"chargeId":"a","chargeId":"b"}'}, id="duplicate keys"),
    pytest.param({"text": "OK"}, id="plain text"),
    pytest.param({"content": b"x" * 1_000_001}, id="oversized"),
]


@both_clients
@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("answer", SUCCESS_WITHOUT_OBJECT)
def test_success_without_a_usable_object_is_unknown(kind, status, answer):
    with pytest.raises(UnknownOutcome):
        call(kind, create, handler=lambda _: httpx.Response(status, **answer))


@both_clients
@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_2xx_with_the_object_is_success(kind, status):
    charge = call(kind, create, handler=lambda _: httpx.Response(status, json=charge_json()))
    assert isinstance(charge, Charge)


@both_clients
@pytest.mark.parametrize(
    "problem",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("garbage"),
        httpx.PoolTimeout(""),
        OSError("no network"),
        RuntimeError("a fault in the transport itself"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_a_broken_connection_is_unknown_and_keeps_its_cause(kind, problem):
    def handler(_):
        raise problem

    with pytest.raises(UnknownOutcome, match=type(problem).__name__) as caught:
        call(kind, create, handler=handler)
    assert caught.value.__cause__ is problem
    assert caught.value.status is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("86400", 3600),
        ("9" * 5000, 3600),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Wed, 01 Apr 2026 00:00:07 GMT", None),
    ],
)
def test_retry_after_is_honoured_up_to_an_hour(header, seconds):
    answer = HttpAnswer(status=429, headers={"retry-after": header}, body=b"not even JSON")
    with pytest.raises(Throttled) as caught:
        read_answer(answer, read=Charge.from_json)
    assert caught.value.retry_after_seconds == seconds


@given(
    status=st.integers(min_value=100, max_value=999),
    body=st.binary(max_size=60) | st.just(b'{"reasonCode":"HardDeclined","message":"m"}'),
    content_type=st.sampled_from(["application/json", "application/json; charset=utf-8", "", "x"]),
)
def test_no_answer_whatever_escapes_the_tree(status, body, content_type):
    answer = HttpAnswer(status=status, headers={"content-type": content_type}, body=body)
    with pytest.raises(AmazonPayError) as caught:
        read_answer(answer, read=Charge.from_json)
    definite = isinstance(caught.value, DefiniteRefusal)
    assert definite <= (400 <= status < 500 and status not in (408, 425, 429))
    assert definite <= (b"HardDeclined" in body and content_type.startswith("application/json"))


STORABLE = st.characters(codec="utf-8", exclude_characters="\0")


@given(
    code=st.text(STORABLE, min_size=1),
    message=st.text(STORABLE),
    status=st.sampled_from([400, 404, 422]),
)
def test_unknown_codes_survive_as_text(code, message, status):
    response = error(status, code, message)
    answer = HttpAnswer(status=status, headers={}, body=response.content)
    with pytest.raises(DefiniteRefusal) as caught:
        read_answer(answer, read=Charge.from_json)
    assert caught.value.reason_code == code
    assert caught.value.message == message
    assert len(str(caught.value)) < 1000


CODE = ErrorCode.HARD_DECLINED


@pytest.mark.parametrize(
    "problem",
    [
        InvalidArgument("field", 7, "rule", "Remedy"),
        UnusableKey("rule", "Remedy"),
        DefiniteRefusal(422, CODE, "m", None),
        Misconfigured(403, CODE, "m", "r", "Remedy"),
        Throttled(7),
        Throttled(7, None, True),
        UnknownOutcome("cut", 500, CODE, "m", "r"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_errors_travel_between_processes(problem):
    problem.tries = 3
    again = pickle.loads(pickle.dumps(problem))
    assert str(again) == str(problem)
    assert vars(again) == vars(problem)
    assert isinstance(again, InvalidArgument) or "after 3 tries" in str(again)
    assert "\n" not in str(again)
