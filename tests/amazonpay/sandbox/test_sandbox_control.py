"""The control surface: what it makes, what it refuses and how it pages."""

from typing import Any

import pytest
from wire_client import WireClient

pytestmark = pytest.mark.slow


def test_many_permissions_at_once_or_none(amazon: WireClient) -> None:
    made = amazon.control("POST", "/charge-permissions", [{} for _ in range(250)])["items"]
    assert len({item["chargePermissionId"] for item in made}) == 250
    twice = [{"id": "C03-0000000-0000001"}, {"id": "C03-0000000-0000001"}]
    got = amazon.control_raw("POST", "/charge-permissions", twice)
    assert (got.status, got.json["error"]["field"]) == (400, "[1].id")
    assert amazon.control("GET", "/stats")["chargePermissions"] == 250


@pytest.mark.parametrize("letter", ["B01", "C01", "B03", "C03"])
def test_ids_of_old_agreements_are_accepted_as_given(amazon: WireClient, letter: str) -> None:
    given = f"{letter}-8824045-7416542"
    assert amazon.permission(id=given) == given
    assert amazon.charge(given).json["chargePermissionId"] == given


def test_a_permission_in_any_state(amazon: WireClient) -> None:
    fields = {"state": "NonChargeable", "reasonCode": "PaymentMethodExpired"}
    permission = amazon.permission(**fields)
    details = amazon.api("GET", f"/chargePermissions/{permission}").json["statusDetails"]
    assert (details["state"], details["reasons"][0]["reasonCode"]) == tuple(fields.values())
    assert amazon.charge(permission).reason == "InvalidChargePermissionStatus"


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"state": "Closed", "reasonCode": "BuyerClosed"}, "Closed", "BuyerClosed"),
        ({"state": "Closed"}, "Closed", "BuyerClosed"),
        ({"state": "Closed", "reasonCode": "AmazonCanceled"}, "Closed", "AmazonCanceled"),
        ({"state": "NonChargeable"}, "NonChargeable", "PaymentMethodInvalid"),
        ({"paymentMethod": "updated"}, "Chargeable", None),
        ({"amountLimit": 5}, "Chargeable", None),
    ],
)
def test_what_the_buyer_or_amazon_does(
    amazon: WireClient, change: dict[str, Any], state: str, reason: str | None
) -> None:
    path = f"/charge-permissions/{amazon.permission()}"
    got = amazon.control("PATCH", path, change)
    assert (got["state"], got["reasonCode"]) == (state, reason)
    assert amazon.control("GET", path) == got
    assert got["amountLimit"] == change.get("amountLimit", 100_000)


def test_closed_is_for_ever(amazon: WireClient) -> None:
    path = f"/charge-permissions/{amazon.permission(state='Closed')}"
    for change in ({"state": "Chargeable"}, {"paymentMethod": "updated"}):
        assert amazon.control_raw("PATCH", path, change).status == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        pytest.param("POST", "/charge-permissions", b"{", None, id="no JSON"),
        pytest.param("POST", "/charge-permissions", "x", None, id="no object"),
        pytest.param("POST", "/charge-permissions", {"colour": 1}, "colour", id="unknown field"),
        pytest.param("POST", "/charge-permissions", {"id": "X"}, "id", id="id"),
        pytest.param("POST", "/charge-permissions", {"amountLimit": -1}, "amountLimit", id="limit"),
        pytest.param("POST", "/charge-permissions", {"amountLimit": "5"}, "amountLimit", id="text"),
        pytest.param("POST", "/charge-permissions", {"state": "Open"}, "state", id="state"),
        pytest.param(
            "POST",
            "/charge-permissions",
            {"state": "Closed", "reasonCode": "MFAFailed"},
            "reasonCode",
            id="reason of another state",
        ),
        pytest.param(
            "POST", "/charge-permissions", {"reasonCode": "Expired"}, "reasonCode", id="no state"
        ),
        pytest.param(
            "POST",
            "/charge-permissions",
            [{}, {"behaviour": ["ok", "Maybe"]}],
            "[1].behaviour[1]",
            id="behaviour",
        ),
        pytest.param(
            "POST",
            "/charge-permissions",
            {"frequency": {"unit": "Hour", "value": "1"}},
            "frequency",
            id="frequency",
        ),
        pytest.param("POST", "/clock", {}, None, id="clock without time"),
        pytest.param("POST", "/clock", {"now": "2026-05-01"}, "now", id="no offset"),
        pytest.param("POST", "/clock", {"now": "soon"}, "now", id="no instant"),
        pytest.param("POST", "/clock", {"now": "2026-03-01T00:00:00Z"}, "now", id="back"),
        pytest.param("POST", "/clock", {"advanceSeconds": -1}, "advanceSeconds", id="advance back"),
        pytest.param("POST", "/clock", {"advanceSeconds": 10**14}, "advanceSeconds", id="too far"),
        pytest.param("POST", "/faults", [{"kind": "bang"}], "[0].kind", id="kind"),
        pytest.param("POST", "/faults", [{}], "[0].kind", id="no kind"),
        pytest.param(
            "POST",
            "/faults",
            [{"kind": "503", "operation": "Buy"}],
            "[0].operation",
            id="operation",
        ),
        pytest.param(
            "POST", "/faults", [{"kind": "503", "probability": 2}], "[0].probability", id="chance"
        ),
        pytest.param("POST", "/faults", [{"kind": "503", "times": 0}], "[0].times", id="times"),
        pytest.param(
            "POST",
            "/faults",
            [{"kind": "processing_failure", "operation": "GetCharge"}],
            "[0].operation",
            id="no money",
        ),
        pytest.param("GET", "/charges?limit=0", None, "limit", id="limit 0"),
        pytest.param("GET", "/charges?after=x", None, "after", id="after"),
        pytest.param("GET", "/charges?colour=red", None, "colour", id="filter"),
    ],
)
def test_wrong_input_is_named(
    amazon: WireClient, method: str, path: str, body: Any, field: str | None
) -> None:
    got = amazon.control_raw(method, path, body)
    assert got.status == 400
    assert got.json["error"]["field"] == field
    assert got.json["error"]["reason"]
    assert amazon.control("GET", "/stats")["chargePermissions"] == 0
    assert amazon.control("GET", "/faults") == []


def test_an_unknown_permission_is_404(amazon: WireClient) -> None:
    assert amazon.control_raw("PATCH", "/charge-permissions/none", {}).status == 404


def test_the_truth_in_pages(amazon: WireClient) -> None:
    permission = amazon.permission()
    for n in range(5):
        amazon.charge(permission, n + 1, merchantMetadata={"merchantReferenceId": f"inv-{n}"})
    seen, after = [], ""
    while True:
        page = amazon.control("GET", f"/charges?limit=2&after={after}")
        seen += page["items"]
        after = page["next"]
        if after is None:
            break
    assert [(item["amount"], item["merchantReferenceId"]) for item in seen] == [
        (n + 1, f"inv-{n}") for n in range(5)
    ]
    assert {item["chargePermissionId"] for item in seen} == {permission}
    assert {item["state"] for item in seen} == {"Captured"}
    assert all(item["createdAt"].startswith("2026-04-01T00:0") for item in seen)
    one = amazon.control("GET", "/charges?merchantReferenceId=inv-3")["items"]
    assert [item["amount"] for item in one] == [4]
    assert amazon.control("GET", "/charges?limit=5")["next"] is None


def test_the_request_log(amazon: WireClient) -> None:
    permission = amazon.permission()
    amazon.charge(permission, key="k1")
    amazon.charge(permission, key="k1")
    amazon.api("GET", f"/chargePermissions/{permission}")
    amazon.send("GET", "/v2/charges/x", {}, b"")
    lines = amazon.control("GET", "/requests")["items"]
    assert [
        (line["operation"], line["idempotencyKey"], line["status"], line["replayed"])
        for line in lines
    ] == [
        ("CreateCharge", "k1", 201, False),
        ("CreateCharge", "k1", 201, True),
        ("GetChargePermission", None, 200, False),
        ("GetCharge", None, 400, False),
    ]


def test_figures_and_double_charges(amazon: WireClient) -> None:
    permission = amazon.permission()
    for key, reference in (("k1", "a"), ("k2", "a"), ("k3", "b"), ("k3", "b")):
        amazon.charge(permission, 10, key=key, merchantMetadata={"merchantReferenceId": reference})
    stats = amazon.control("GET", "/stats")
    assert (stats["charges"], stats["capturedYen"], stats["replayed"]) == (3, 30, 1)
    # Reference "a" was charged under two keys.
    assert stats["duplicates"] == 1


def test_timers_fire_in_order_and_the_clock_says_how_many(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["Pending:Authorized"])
    fields = {"captureNow": False, "canHandlePendingAuthorization": True}
    amazon.charge(permission, **fields)
    got = amazon.control("POST", "/clock", {"advanceSeconds": 31 * 86_400})
    # Authorized after 30 s, then expired 30 days after creation.
    assert got["fired"] == 2
    assert amazon.control("GET", "/charges")["items"][0]["reasonCode"] == "ExpiredUnused"


def test_reset_leaves_nothing(amazon: WireClient) -> None:
    permission = amazon.permission()
    amazon.charge(permission, key="k1")
    amazon.control("POST", "/reset")
    stats = amazon.control("GET", "/stats")
    assert {value for name, value in stats.items() if name != "now"} == {0}
    assert amazon.permission() == permission
    assert amazon.charge(permission, 1, key="k1").json["chargeAmount"]["amount"] == "1"
