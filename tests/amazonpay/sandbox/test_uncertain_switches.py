"""Facts that nobody could confirm: what each of these switches does on both of its sides.

`amazon` has every default; `other` is a second server with all of them turned over.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from wire_client import WireClient, yen

from amazonpay.sandbox.options import Environment, Options
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.simulation import heeded_code

pytestmark = pytest.mark.slow

START = "2026-04-01T00:00:00Z"
WEEK = 7 * 86_400
TURNED_OVER = {
    "replay_status": "200",
    "simulation_on_get": "ignore",
    "capture_rejected": "at_once",
    "late_capture_status": "202",
    "closed_again": "answer",
    "stale_token_status": "400",
    "unknown_key_status": "401",
    "oldest_request_seconds": "300",
    "newest_request_seconds": "120",
}


@pytest.fixture(scope="module")
def other_ready(
    launch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    words = [word for item in TURNED_OVER.items() for word in ("--set", "=".join(item))]
    process, ready = launch(tmp_path_factory.mktemp("other"), "--throttle", "off", *words)
    yield ready
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def other(other_ready: dict[str, Any]) -> Iterator[WireClient]:
    client = WireClient.of(other_ready)
    client.control("POST", "/reset", {"now": START})
    client.set_clock(START)
    yield client
    client.close()


@pytest.fixture(params=["default", "turned over"])
def side(request: pytest.FixtureRequest) -> str:
    """Which of the two servers `server` is."""
    return str(request.param)


@pytest.fixture
def server(side: str, request: pytest.FixtureRequest) -> WireClient:
    client: WireClient = request.getfixturevalue("amazon" if side == "default" else "other")
    return client


def expected(side: str, default: Any, turned_over: Any) -> Any:
    """What this side is to answer."""
    return default if side == "default" else turned_over


def authorized(server: WireClient) -> tuple[str, str]:
    """A permission and its charge of ¥1,000 that awaits its capture."""
    permission = server.permission()
    return permission, str(server.charge(permission, captureNow=False).json["chargeId"])


def capture(server: WireClient, charge: str, **more: Any) -> Any:
    body = {"captureAmount": yen(1000)}
    return server.api("POST", f"/charges/{charge}/capture", body, **more)


def state(server: WireClient, path: str) -> tuple[str, str | None]:
    details = server.api("GET", path).json["statusDetails"]
    reasons = details.get("reasons")
    return details["state"], reasons[0]["reasonCode"] if reasons else details.get("reasonCode")


def test_status_of_a_replay(side: str, server: WireClient) -> None:
    permission = server.permission()
    first, again = (server.charge(permission, key="k1") for _ in range(2))
    assert (first.status, again.status) == (201, expected(side, 201, 200))
    assert again.raw == first.raw
    # A refusal that was kept stays one.
    refusals = [server.charge(permission, key="k2", sim="SoftDeclined") for _ in range(2)]
    assert [(got.status, got.reason) for got in refusals] == [(422, "SoftDeclined")] * 2
    logged = server.control("GET", "/requests?limit=10")["items"]
    assert [line["status"] for line in logged][:2] == [201, expected(side, 201, 200)]


def test_a_simulation_code_on_a_get(side: str, server: WireClient) -> None:
    got = server.api("GET", f"/chargePermissions/{server.permission()}", sim="SoftDeclined")
    reason = expected(side, "InvalidSandboxSimulationSpecified", None)
    assert (got.status, got.reason) == (expected(side, 400, 200), reason)
    # No switch makes a code good that another operation has.
    charge = server.charge(server.permission(), sim="BuyerCanceled")
    assert charge.reason == "InvalidSandboxSimulationSpecified"


def test_a_capture_that_amazon_rejects(side: str, server: WireClient) -> None:
    permission, charge = authorized(server)
    got = capture(server, charge, key="k1", sim="AmazonRejected")
    assert got.status == expected(side, 200, 422)
    if side == "default":
        assert state(server, f"/charges/{charge}")[0] == "CaptureInitiated"
        server.advance(30)
    else:
        assert got.reason == "AmazonRejected"
        assert capture(server, charge, key="k1", sim="AmazonRejected").raw == got.raw
    # Both end alike: the charge declined, its ¥1,000 of the cap free again, the permission closed.
    assert state(server, f"/charges/{charge}") == ("Declined", "AmazonRejected")
    assert state(server, f"/chargePermissions/{permission}") == ("Closed", "AmazonCanceled")
    shown = server.control("GET", f"/charge-permissions/{permission}")
    assert shown["amountBalance"] == shown["amountLimit"]


def test_status_of_a_late_capture(side: str, server: WireClient) -> None:
    _, late = authorized(server)
    _, simulated = authorized(server)
    assert capture(server, authorized(server)[1]).status == 200
    got = capture(server, simulated, sim="CaptureInitiated")
    server.advance(WEEK + 60)
    for taken in (got, capture(server, late)):
        assert taken.status == expected(side, 200, 202)
        assert taken.json["statusDetails"]["state"] == "CaptureInitiated"


def test_closing_what_is_closed(side: str, server: WireClient) -> None:
    permission = server.permission()
    path = f"/chargePermissions/{permission}"
    first = server.api("DELETE", f"{path}/close", {"closureReason": "一"})
    again = server.api("DELETE", f"{path}/close", {"closureReason": "二"})
    assert (first.status, again.status) == (200, expected(side, 422, 200))
    if side == "default":
        assert again.reason == "InvalidChargePermissionStatus"
    else:
        assert again.json == first.json
    assert server.api("GET", path).json == first.json


def test_a_stale_buyer_token(side: str, server: WireClient) -> None:
    token = server.control("POST", "/buyer-tokens", {})["buyerToken"]
    assert server.api("GET", f"/buyers/{token}").status == 200
    server.advance(301)
    answer = expected(side, (404, "ResourceNotFound"), (400, "InvalidParameterValue"))
    for stale in (token, "nobody"):
        got = server.api("GET", f"/buyers/{stale}")
        assert (got.status, got.reason) == answer


def test_an_unknown_key(side: str, server: WireClient) -> None:
    stranger = replace(server, key_id="SANDBOX-AAAAAAAAAAAAAAAAAAAAAAAA", date=server.date)
    got = stranger.api("GET", "/charges/x")
    stranger.close()
    answer = expected(side, (403, "InvalidAuthentication"), (401, "UnauthorizedAccess"))
    assert (got.status, got.reason) == answer


@pytest.mark.parametrize(
    ("date", "default", "turned_over"),
    [
        # Ten minutes are within 900 s and beyond 300 s; one minute ahead is the other way round.
        pytest.param("20260331T235000Z", 404, 400, id="10 minutes ago"),
        pytest.param("20260401T000100Z", 400, 404, id="1 minute ahead"),
        pytest.param("20260331T230000Z", 400, 400, id="an hour ago"),
        pytest.param("20260401T010000Z", 400, 400, id="in an hour"),
    ],
)
def test_the_window_of_a_date(
    side: str, server: WireClient, date: str, default: int, turned_over: int
) -> None:
    got = server.api("GET", "/charges/x", at=date)
    assert got.status == expected(side, default, turned_over)


def test_live_can_ignore_a_simulation_code(
    launch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("live")
    options = ("--environment", "live", "--set", "simulation_in_live=ignore")
    live = WireClient.of(launch(folder, *options)[1])
    for code in ("SoftDeclined", "Nonsense"):
        assert live.charge(live.permission(), sim=code).status == 201
    live.close()


@pytest.mark.parametrize(
    ("environment", "method", "options", "heeded"),
    [
        pytest.param("sandbox", "POST", {}, "SoftDeclined", id="sandbox"),
        pytest.param("live", "POST", {}, "InvalidHeaderValue", id="live"),
        pytest.param("live", "POST", {"simulation_in_live": "ignore"}, None, id="live ignores"),
        pytest.param(
            "live", "GET", {"simulation_on_get": "ignore"}, "InvalidHeaderValue", id="GET"
        ),
        pytest.param(
            "sandbox", "POST", {"simulation_on_get": "ignore"}, "SoftDeclined", id="no GET"
        ),
        pytest.param(
            "sandbox", "POST", {"simulation_in_live": "ignore"}, "SoftDeclined", id="not live"
        ),
    ],
)
def test_which_code_is_heeded(
    environment: Environment, method: str, options: dict[str, Any], heeded: str | None
) -> None:
    try:
        found = heeded_code(
            "SoftDeclined",
            method=method,
            operation="CreateCharge",
            environment=environment,
            options=Options(**options),
        )
    except Refused as refused:
        found = refused.reason_code
    assert found == heeded


def test_every_switch_of_this_page_is_turned_over() -> None:
    for name, value in TURNED_OVER.items():
        assert str(getattr(Options(), name)) != value
