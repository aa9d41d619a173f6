"""Random bytes, random JSON and a misused control surface: refusals by the book, never a 5xx."""

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_wire import Line, NoAnswer, Raw, line_to, signed_packet
from wire_client import WireClient, yen

from amazonpay.sandbox.routes import OPERATIONS

pytestmark = pytest.mark.slow

DEEP = 100_000
HALF_PAIR = "\\ud800"


class World:
    """One of every object, and a raw connection to ask about them; shared by the examples."""

    def __init__(self, amazon: WireClient) -> None:
        self.amazon = amazon
        self.line = Line(amazon.base_url)
        self.permission = amazon.permission(amountLimit=1_000_000_000)
        self.charge = amazon.charge(self.permission, 1_000, captureNow=False).json["chargeId"]
        self.paths = {
            "CreateCharge": ("POST", "/charges"),
            "CaptureCharge": ("POST", f"/charges/{self.charge}/capture"),
            "CancelCharge": ("DELETE", f"/charges/{self.charge}/cancel"),
            "UpdateCharge": ("PATCH", f"/charges/{self.charge}"),
            "CreateRefund": ("POST", "/refunds"),
            "UpdateChargePermission": ("PATCH", f"/chargePermissions/{self.permission}"),
            "CloseChargePermission": ("DELETE", f"/chargePermissions/{self.permission}/close"),
            "CreateCheckoutSession": ("POST", "/checkoutSessions"),
            "UpdateCheckoutSession": ("PATCH", f"/checkoutSessions/{uuid.UUID(int=1)}"),
            "CompleteCheckoutSession": ("POST", f"/checkoutSessions/{uuid.UUID(int=1)}/complete"),
            "FinalizeCheckoutSession": ("POST", f"/checkoutSessions/{uuid.UUID(int=1)}/finalize"),
            "CreateDeliveryTracker": ("POST", "/deliveryTrackers"),
            "CreateReport": ("POST", "/reports"),
            "CreateReportSchedule": ("POST", "/report-schedules"),
        }

    def ask(self, operation: str, body: bytes) -> Raw:
        """A well-signed call; whatever the body, the answer keeps the form."""
        method, path = self.paths[operation]
        key = uuid.uuid4().hex if method == "POST" else ""
        got = self.line.say(signed_packet(self.amazon, method, f"/v2{path}", body, key))
        assert got.status < 500, (operation, body[:300], got.body)
        assert got.headers["x-amz-pay-request-id"]
        if got.status >= 400:
            assert list(got.json) == ["reasonCode", "message"]
        return got


@pytest.fixture(scope="module")
def world(ready: dict[str, Any]) -> Iterator[World]:
    amazon = WireClient.of(ready)
    amazon.control("POST", "/reset", {"now": "2026-04-01T00:00:00Z"})
    amazon.set_clock("2026-04-01T00:00:00Z")
    world = World(amazon)
    yield world
    world.line.close()
    amazon.close()


def test_every_operation_that_reads_a_body_is_tried(world: World) -> None:
    reading = {o.name for o in OPERATIONS.values() if o.takes_body}
    assert reading <= set(world.paths)


MALFORMED = {
    "not JSON": b"{,}",
    "invalid UTF-8": b'{"a":"\xff\xfe"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "no number": b'{"chargeAmount":NaN}',
    "infinity": b'{"chargeAmount":-Infinity}',
    "deep array": b"[" * DEEP + b"]" * DEEP,
    "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "half a surrogate pair": f'{{"a":"{HALF_PAIR}"}}'.encode(),
    "half a pair as a name": f'{{"{HALF_PAIR}":1}}'.encode(),
    "number without end": b'{"a":' + b"9" * 10_000 + b"}",
    "cut short": b'{"a":{"b":1',
    "two objects": b"{}{}",
    "an array": b"[]",
    "a string": b'"text"',
    "null": b"null",
}


@pytest.mark.parametrize("body", [pytest.param(v, id=k) for k, v in MALFORMED.items()])
def test_a_malformed_body_is_400(world: World, body: bytes) -> None:
    for operation in world.paths.keys() & OPERATIONS.keys():
        got = world.ask(operation, body)
        assert (got.status, got.reason) == (400, "InvalidRequestFormat"), operation


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        pytest.param("CancelCharge", {"cancellationReason": "?"}, id="cancel"),
        pytest.param("CloseChargePermission", {"closureReason": "?"}, id="close"),
        pytest.param("UpdateChargePermission", {"merchantMetadata": {"noteToBuyer": "?"}}, id="up"),
        pytest.param("CaptureCharge", {"captureAmount": yen(1), "softDescriptor": "?"}, id="take"),
        pytest.param("CreateRefund", {"chargeId": "?", "refundAmount": yen(1)}, id="refund"),
    ],
)
def test_text_that_cannot_be_stored_is_refused(
    world: World, operation: str, fields: dict[str, Any]
) -> None:
    body = json.dumps(fields).replace("?", HALF_PAIR).encode()
    assert world.ask(operation, body).reason == "InvalidRequestFormat"


def test_of_a_name_that_comes_twice_the_last_counts(world: World) -> None:
    price = b'{"amount":"7","currencyCode":"JPY"}'
    body = b'{"chargePermissionId":"x","chargePermissionId":"%s","chargeAmount":%s}'
    got = world.ask("CreateCharge", body % (world.permission.encode(), price))
    assert (got.status, got.json["chargeAmount"]) == (201, yen(7))


NAMES = st.sampled_from(
    [
        *("chargePermissionId", "chargeAmount", "amount", "currencyCode", "captureNow"),
        *("canHandlePendingAuthorization", "softDescriptor", "platformId", "providerMetadata"),
        *("merchantMetadata", "merchantReferenceId", "noteToBuyer", "webCheckoutDetails"),
        *("captureAmount", "cancellationReason", "chargeId", "refundAmount", "closureReason"),
        *("cancelPendingCharges", "recurringMetadata", "frequency", "unit", "value", "storeId"),
        *("paymentDetails", "chargePermissionType", "scopes", "deliveryDetails", "trackingNumber"),
        *("reportType", "startTime", "endTime", "scheduleFrequency", "nextReportCreationTime"),
        *("deliverySpecifications", "addressDetails", "deleteExistingSchedule", "carrierCode"),
    ]
) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**20), max_value=10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from(["JPY", "USD", "1", "0", "-1", "1.0", "1e3", "１００", "Month", "Recurring"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
PRICES = st.fixed_dictionaries({"amount": SCALARS, "currencyCode": st.just("JPY") | SCALARS})
# Half of the bodies have the right names, so that more than the first check is reached.
BODIES = st.dictionaries(NAMES, VALUES | PRICES, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_json_makes_an_operation_fail(world: World, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(world.paths.keys() & OPERATIONS.keys())))
    fields = data.draw(BODIES)
    if operation == "CreateCharge" and data.draw(st.booleans()):
        fields["chargePermissionId"] = world.permission
    world.ask(operation, json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("seed", range(6))
def test_random_bytes_over_a_socket(world: World, seed: int) -> None:
    # 6 seeds × 50 packets = 300: noise, noise behind a good beginning, and good packets damaged.
    generator = random.Random(seed)
    good = signed_packet(world.amazon, "POST", "/v2/charges", b"{}", "fuzz")
    for _ in range(50):
        noise = generator.randbytes(generator.randint(1, 400))
        at = generator.randrange(len(good))
        packets = (noise, good[:at] + noise, good[:at] + noise[:3] + good[at + 3 :])
        with line_to(world.amazon.base_url, seconds=2) as line:
            line.send(generator.choice(packets))
            line.socket.shutdown(1)
            try:
                got = line.answer()
            except NoAnswer:
                continue
            assert 400 <= got.status < 500, got.body
            assert list(got.json) == ["reasonCode", "message"]
    assert world.ask("CreateCharge", b"{}").reason == "MissingParameterValue"


CONTROL = ("/charge-permissions", "/clock", "/faults", "/reset")


@pytest.mark.parametrize("path", CONTROL)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(body, id=name)
        for name, body in MALFORMED.items()
        if name not in ("an array", "byte order mark", "UTF-16")
    ],
)
def test_the_control_surface_refuses_what_it_cannot_read(
    world: World, path: str, body: bytes
) -> None:
    got = world.amazon.control_raw("POST", path, body)
    assert got.status == 400
    assert list(got.json["error"]) == ["field", "reason"]


MISUSED = [
    ("POST", "/clock", {"advanceSeconds": 10**30}),
    ("POST", "/clock", {"now": "9999-12-31T23:59:59+00:00"}),
    ("POST", "/clock", {"now": "２０２６-04-01T00:00:00Z"}),
    ("POST", "/charge-permissions", {"id": "C03-1234567-1234567\n"}),
    ("POST", "/charge-permissions", {"frequency": {"unit": "Month", "value": 10**400}}),
    ("POST", "/charge-permissions", {"amountLimit": -1}),
    ("POST", "/charge-permissions", [{}, {"behaviour": [None]}]),
    ("POST", "/charge-permissions", {"behaviour": [["ok"]]}),
    ("POST", "/faults", [{"kind": "slow", "operation": "*", "seconds": 10**30}]),
    ("POST", "/faults", [{"kind": {"a": 1}, "operation": "*"}]),
    ("GET", "/charges?limit=0", None),
    ("GET", "/charges?limit=%EF%BC%91", None),
    ("GET", "/charges?after=99999999999999999999", None),
    ("GET", "/charges?chargePermissionId=a&merchantReferenceId=b", None),
    ("GET", "/charges?%00=%ff", None),
]


@pytest.mark.parametrize(("method", "path", "body"), MISUSED, ids=lambda v: str(v)[:40])
def test_the_control_surface_refuses_misuse(
    world: World, method: str, path: str, body: Any
) -> None:
    got = world.amazon.control_raw(method, path, body)
    assert (got.status, list(got.json)) == (400, ["error"]), got.raw


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(path=st.sampled_from(CONTROL[:1]), body=st.lists(VALUES, max_size=3) | VALUES)
def test_no_json_makes_the_control_surface_fail(world: World, path: str, body: Any) -> None:
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert world.amazon.control_raw("POST", path, raw).status < 500
