"""Who is let in, and Amazon's answer to everybody else."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from settlement_wire import SANDBOX_REPORT
from wire_client import Got, WireClient, sign

pytestmark = pytest.mark.slow

NOW = "20260401T000005Z"
SIGNED = {
    "accept": "application/json",
    "content-type": "application/json",
    "x-amz-pay-date": NOW,
    "x-amz-pay-host": "pay-api.amazon.jp",
    "x-amz-pay-region": "jp",
}


def get(
    amazon: WireClient,
    headers: Mapping[str, str],
    *,
    path: str = "/v2/charges/none",
    key_id: str | None = None,
    unsigned: tuple[str, ...] = (),
    salt: int | None = None,
    algorithm: str = "AMZN-PAY-RSASSA-PSS-V2",
    method: str = "GET",
) -> Got:
    authorization = sign(
        amazon.key,
        key_id=key_id or amazon.key_id,
        method=method,
        path=path,
        headers=headers,
        body=b"",
        signed=[name for name in headers if name not in unsigned],
        salt=salt,
        algorithm=algorithm,
    )
    return amazon.send(method, path, {**headers, "authorization": authorization}, b"")


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        pytest.param({}, 404, "ResourceNotFound", id="well signed, unknown id"),
        pytest.param(
            {"x-amz-pay-date": "2026-04-01T00:00:05Z"}, 404, "ResourceNotFound", id="Node's date"
        ),
        pytest.param({"x-amz-pay-region": "JP"}, 404, "ResourceNotFound", id="Java's region"),
        pytest.param({"x-amz-pay-region": "us"}, 400, "InvalidHeaderValue", id="other region"),
        pytest.param({"x-amz-pay-region": " "}, 400, "MissingHeaderValue", id="empty region"),
        # 900 s back and 15 s ahead of the virtual clock are the edges of the window.
        pytest.param(
            {"x-amz-pay-date": "20260331T234505Z"}, 404, "ResourceNotFound", id="14:55 back"
        ),
        pytest.param({"x-amz-pay-date": "20260331T234455Z"}, 400, "InvalidHeaderValue", id="old"),
        pytest.param({"x-amz-pay-date": "20260401T000115Z"}, 400, "InvalidHeaderValue", id="new"),
        pytest.param({"x-amz-pay-date": "20260431T000000Z"}, 400, "InvalidHeaderValue", id="31.4."),
        pytest.param({"x-amz-pay-date": "yesterday"}, 400, "InvalidHeaderValue", id="no date"),
    ],
)
def test_signed_headers_are_checked(
    amazon: WireClient, change: dict[str, str], status: int, reason: str
) -> None:
    got = get(amazon, SIGNED | change)
    assert (got.status, got.reason) == (status, reason)
    assert list(got.json) == ["reasonCode", "message"]


def test_a_future_date_is_refused_in_amazons_words(amazon: WireClient) -> None:
    got = get(amazon, SIGNED | {"x-amz-pay-date": "20260402T000000Z"})
    assert got.json["message"] == (
        "The value 20260402T000000Z provided for x-amz-pay-date should not be in future"
    )


@pytest.mark.parametrize("name", ["x-amz-pay-date", "x-amz-pay-host", "x-amz-pay-region"])
def test_a_required_header_must_be_there_and_be_signed(amazon: WireClient, name: str) -> None:
    without = {key: value for key, value in SIGNED.items() if key != name}
    assert get(amazon, without).reason == "MissingHeader"
    got = get(amazon, SIGNED, unsigned=(name,))
    assert (got.status, got.reason) == (403, "InvalidRequestSignature")
    assert name in got.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        pytest.param("POST", "/v2/charges", 403, "InvalidRequestSignature", id="required"),
        pytest.param("POST", "/v2/charges/x/capture", 403, "InvalidRequestSignature", id="kept"),
        pytest.param("GET", "/v2/charges/x", 404, "ResourceNotFound", id="ignored by a GET"),
        pytest.param("DELETE", "/v2/charges/x/cancel", 400, "MissingParameterValue", id="ignored"),
    ],
)
def test_an_idempotency_key_must_be_signed_where_it_is_used(
    amazon: WireClient, method: str, path: str, status: int, reason: str
) -> None:
    headers = SIGNED | {"x-amz-pay-idempotency-key": "k1"}
    got = get(amazon, headers, path=path, method=method, unsigned=("x-amz-pay-idempotency-key",))
    assert (got.status, got.reason) == (status, reason)
    if status == 403:
        assert "x-amz-pay-idempotency-key" in got.json["message"]


def authorization_token(amazon: WireClient, ready: dict[str, Any]) -> dict[str, str]:
    path, query = "/v2/authorizationTokens/amzn.mws.1", f"merchantId={ready['merchant_id']}"
    authorization = sign(
        amazon.key,
        key_id=amazon.key_id,
        method="GET",
        path=path,
        query=query,
        headers=SIGNED,
        body=b"",
    )
    got = amazon.send("GET", f"{path}?{query}", {**SIGNED, "authorization": authorization}, b"")
    return {"x-amz-pay-authtoken": got.json["authorizationToken"]}


def test_an_authorization_token_that_was_issued_is_accepted(
    amazon: WireClient, ready: dict[str, Any]
) -> None:
    token = authorization_token(amazon, ready)
    permission = amazon.permission()
    for unsigned in ((), ("x-amz-pay-authtoken",)):
        path = f"/v2/chargePermissions/{permission}"
        assert get(amazon, SIGNED | token, path=path, unsigned=unsigned).status == 200


@pytest.mark.parametrize("token", ["", "amzn.mws.1", "5f0c2b36-3c1e-4b51-9f0e-0b3f9e6f3f11", "é"])
def test_an_authorization_token_of_nobody_is_refused(amazon: WireClient, token: str) -> None:
    got = get(amazon, SIGNED | {"x-amz-pay-authtoken": token}, unsigned=("x-amz-pay-authtoken",))
    assert (got.status, got.reason) == (403, "InvalidAuthorizationToken")


def test_an_authorization_token_ends_after_an_hour_and_with_a_reset(
    amazon: WireClient, ready: dict[str, Any]
) -> None:
    token = authorization_token(amazon, ready)
    # Issued after 00:00:00 and before 00:00:30: an hour later it is over at 01:00:30 at the latest.
    for at, status in (("2026-04-01T00:59:30Z", 404), ("2026-04-01T01:00:30Z", 403)):
        amazon.set_clock(at)
        assert get(amazon, SIGNED | token | {"x-amz-pay-date": amazon.date}).status == status
    amazon.set_clock("2026-04-01T00:00:00Z")
    token = authorization_token(amazon, ready)
    assert get(amazon, SIGNED | token).status == 404
    amazon.control("POST", "/reset", {})
    assert get(amazon, SIGNED | token).reason == "InvalidAuthorizationToken"


def test_the_signature_is_asked_before_the_token(amazon: WireClient) -> None:
    got = get(amazon, SIGNED | {"x-amz-pay-authtoken": "x"}, salt=0)
    assert got.reason == "InvalidRequestSignature"


def test_accept_and_content_type_may_stay_unsigned(amazon: WireClient) -> None:
    assert get(amazon, SIGNED, unsigned=("accept", "content-type")).status == 404


def test_a_simulation_code_may_be_signed_or_not(amazon: WireClient) -> None:
    headers = SIGNED | {"x-amz-pay-simulation-code": "SoftDeclined"}
    for unsigned in ((), ("x-amz-pay-simulation-code",)):
        got = get(amazon, headers, unsigned=unsigned)
        assert got.reason == "InvalidSandboxSimulationSpecified"


def test_unknown_key_and_missing_authorization(amazon: WireClient) -> None:
    got = get(amazon, SIGNED, key_id="SANDBOX-AAAAAAAAAAAAAAAAAAAAAAAA")
    assert (got.status, got.reason) == (403, "InvalidAuthentication")
    assert amazon.send("GET", "/v2/charges/x", SIGNED, b"").reason == "MissingHeader"
    got = amazon.send("GET", "/v2/charges/x", SIGNED | {"authorization": "Basic eA=="}, b"")
    assert (got.status, got.reason) == (400, "InvalidHeaderValue")


@pytest.mark.parametrize(
    ("algorithm", "salt", "reason"),
    [
        ("AMZN-PAY-RSASSA-PSS", 20, "ResourceNotFound"),
        ("AMZN-PAY-RSASSA-PSS-V2", 32, "ResourceNotFound"),
        ("AMZN-PAY-RSASSA-PSS-V2", 20, "InvalidRequestSignature"),
        ("AMZN-PAY-RSASSA-PSS", 32, "InvalidRequestSignature"),
    ],
)
def test_the_salt_must_be_the_declared_one(
    amazon: WireClient, algorithm: str, salt: int, reason: str
) -> None:
    assert get(amazon, SIGNED, algorithm=algorithm, salt=salt).reason == reason


def test_a_bad_signature_is_answered_with_what_should_have_been_signed(amazon: WireClient) -> None:
    got = get(amazon, SIGNED, salt=0)
    assert re.fullmatch(
        r"Unable to verify signature, signing String \[AMZN-PAY-RSASSA-PSS-V2\n[0-9a-f]{64}\] , "
        r"signature \[[A-Za-z0-9+/=]+\]",
        got.json["message"],
    )


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v2/charges/x", 404, "ResourceNotFound"),
        ("/sandbox/v2/charges/x/", 404, "ResourceNotFound"),
        ("/live/v2/charges/x", 403, "InvalidAuthentication"),
        ("/v3/charges/x", 400, "InvalidAPIVersion"),
        ("/v2/nothing/x", 404, "ResourceNotFound"),
        ("/", 404, "ResourceNotFound"),
        ("/v2/charges", 405, "RequestNotSupported"),
        ("/v2/charges/x/capture", 405, "RequestNotSupported"),
        ("/v2/charges/x/y/z", 404, "ResourceNotFound"),
    ],
)
def test_paths_and_methods(amazon: WireClient, path: str, status: int, reason: str) -> None:
    got = get(amazon, SIGNED, path=path)
    assert (got.status, got.reason) == (status, reason)


def test_a_trailing_slash_is_tolerated_and_signed_as_received(amazon: WireClient) -> None:
    permission = amazon.permission()
    assert get(amazon, SIGNED, path=f"/v2/chargePermissions/{permission}/").status == 200


def test_every_answer_has_a_request_id_and_the_virtual_date(amazon: WireClient) -> None:
    good = amazon.api("GET", f"/chargePermissions/{amazon.permission()}")
    bad = amazon.send("GET", "/nowhere", {}, b"")
    for got in (good, bad):
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", _id(got))
        assert got.headers["date"].startswith("Wed, 01 Apr 2026 00:0")
        assert got.headers["content-type"] == "application/json"
        assert "server" not in got.headers
    assert _id(good) != _id(bad)


def no_schedule(amazon: WireClient, **fault: Any) -> Got:
    body = {"reportType": SANDBOX_REPORT, "scheduleFrequency": "P1D"}
    made = amazon.api("POST", "/report-schedules", body).json["reportScheduleId"]
    if fault:
        amazon.control("POST", "/faults", {"operation": "CancelReportSchedule", **fault})
    return amazon.api("DELETE", f"/report-schedules/{made}")


def test_an_answer_without_a_body_tells_no_length_and_no_type(amazon: WireClient) -> None:
    got = no_schedule(amazon)
    assert (got.status, got.raw) == (204, b"")
    assert set(got.headers) == {"date", "x-amz-pay-request-id"}
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", _id(got))
    # The connection goes on: nothing is left over that the next answer would begin with.
    assert amazon.api("GET", "/charges/x").status == 404


def test_garbage_in_the_place_of_no_body_is_seen(amazon: WireClient) -> None:
    got = no_schedule(amazon, kind="garbage")
    assert got.status == 200
    assert got.raw.startswith(b"<html>")
    assert amazon.api("GET", "/charges/x").status == 404


def _id(got: Got) -> str:
    return got.headers["x-amz-pay-request-id"]


def test_a_header_of_ours_that_comes_twice_is_refused(amazon: WireClient) -> None:
    twice = [*SIGNED.items(), ("x-amz-pay-date", NOW)]
    lines = "".join(f"{name}: {value}\r\n" for name, value in twice)
    raw = f"GET /v2/charges/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n".encode()
    assert b"InvalidHeaderValue" in raw_exchange(amazon, raw)


def test_what_is_no_http_gets_amazons_400(amazon: WireClient) -> None:
    answer = raw_exchange(amazon, b"\x00\xffHELLO\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"reasonCode"' in answer
    assert b"x-amz-pay-request-id" in answer


def raw_exchange(amazon: WireClient, packet: bytes) -> bytes:
    """Sends bytes as they are and reads until the server closes."""
    amazon.close()
    connection = amazon._connect()
    connection.connect()
    with connection.sock as plain:
        plain.sendall(packet)
        answer = b""
        while chunk := plain.recv(65_536):
            answer += chunk
    return answer
