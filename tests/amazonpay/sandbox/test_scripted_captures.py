"""Scripts of a permission that are about its coming captures."""

import pytest
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow


def charge_state(amazon: WireClient, charge: str) -> tuple[str, str | None]:
    status = amazon.api("GET", f"/charges/{charge}").json["statusDetails"]
    return status["state"], status["reasonCode"]


def authorized(amazon: WireClient, permission: str) -> str:
    got = amazon.charge(permission, captureNow=False)
    assert (got.status, got.json["statusDetails"]["state"]) == (201, "Authorized")
    charge: str = got.json["chargeId"]
    return charge


def capture(amazon: WireClient, charge: str) -> str:
    body = {"captureAmount": yen(100)}
    got = amazon.api("POST", f"/charges/{charge}/capture", body)
    assert got.status == 200, got
    state: str = got.json["statusDetails"]["state"]
    return state


@pytest.mark.parametrize(
    ("entry", "ends", "permission_ends"),
    [
        pytest.param("Capture:Initiated", ("Captured", None), "Chargeable", id="it takes a while"),
        pytest.param("Capture:SoftDeclined", ("Declined", "SoftDeclined"), "Chargeable", id="soft"),
        pytest.param(
            "Capture:HardDeclined", ("Declined", "HardDeclined"), "NonChargeable", id="hard"
        ),
        pytest.param(
            "Capture:AmazonRejected", ("Declined", "AmazonRejected"), "Closed", id="rejected"
        ),
    ],
)
def test_a_script_says_how_a_capture_ends(
    amazon: WireClient, entry: str, ends: tuple[str, str | None], permission_ends: str
) -> None:
    permission = amazon.permission(behaviour=[entry])
    charge = authorized(amazon, permission)
    assert capture(amazon, charge) == "CaptureInitiated"
    amazon.advance(31)
    assert charge_state(amazon, charge) == ends
    status = amazon.api("GET", f"/chargePermissions/{permission}").json["statusDetails"]
    assert status["state"] == permission_ends


def test_charges_and_captures_have_their_own_order(amazon: WireClient) -> None:
    """The second charge is declined and the first capture takes a while, whatever comes first."""
    permission = amazon.permission(behaviour=["Capture:Initiated", "ok", "SoftDeclined"])
    charge = authorized(amazon, permission)
    assert amazon.charge(permission).reason == "SoftDeclined"
    assert capture(amazon, charge) == "CaptureInitiated"
    assert capture(amazon, authorized(amazon, permission)) == "Captured"
