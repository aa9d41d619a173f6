"""What an answer of Amazon's means for a capture, a cancellation or a closing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    AmazonPayError,
    Charge,
    ChargePermission,
    ChargePermissionState,
    ChargeReason,
    ChargeState,
    DefiniteRefusal,
    ErrorCode,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
)
from billing.captures.outcome import (
    ActOutcomeKind,
    OpenAct,
    from_act_error,
    from_charge_seen,
    from_permission_seen,
)
from billing.dunning import BUYER_MUST_ACT, RETRYABLE

PERMISSION = "C03-0000001-0000001"
CHARGE = "S03-0000001-0000001-C000001"
DONE, PENDING, UNCHANGED, DECLINED, CONTRADICTION, UNKNOWN = (
    ActOutcomeKind.DONE,
    ActOutcomeKind.PENDING,
    ActOutcomeKind.UNCHANGED,
    ActOutcomeKind.DECLINED,
    ActOutcomeKind.CONTRADICTION,
    ActOutcomeKind.UNKNOWN,
)


def act(kind: str) -> OpenAct:
    return OpenAct(
        id=1,
        kind=kind,
        charge_id=CHARGE,
        permission_amazon_id=PERMISSION,
        idempotency_key="key",
        body=b"{}",
        amount_yen=2_000 if kind == "capture" else None,
        asks=False,
    )


def charge(state: str, reason: str | None = None, **changes: object) -> Charge:
    values: dict[str, object] = {
        "charge_id": CHARGE,
        "charge_permission_id": PERMISSION,
        "state": ChargeState(state),
        "charge_amount_yen": 3_000,
        "captured_yen": 2_000 if state == "Captured" else None,
        "reason_code": None if reason is None else ChargeReason(reason),
    }
    return Charge(**(values | changes))  # type: ignore[arg-type] # the values of a table


@pytest.mark.parametrize(
    ("kind", "seen", "means"),
    [
        pytest.param("capture", charge("Captured"), DONE, id="captured"),
        pytest.param("capture", charge("CaptureInitiated"), PENDING, id="begun"),
        pytest.param("capture", charge("Authorized"), UNCHANGED, id="not yet"),
        pytest.param("capture", charge("New"), UNCHANGED, id="a state we do not know"),
        pytest.param("capture", charge("Declined", "HardDeclined"), DECLINED, id="declined"),
        pytest.param("capture", charge("Canceled", "ExpiredUnused"), DECLINED, id="too old"),
        pytest.param("capture", charge("Canceled", "BuyerCanceled"), DECLINED, id="by the buyer"),
        pytest.param("capture", charge("Declined"), CONTRADICTION, id="declined without reason"),
        pytest.param("capture", charge("Declined", "Novel"), CONTRADICTION, id="novel reason"),
        pytest.param(
            "capture", charge("Captured", captured_yen=3_000), CONTRADICTION, id="another sum"
        ),
        pytest.param("cancel", charge("Canceled", "MerchantCanceled"), DONE, id="cancelled"),
        pytest.param("cancel", charge("Canceled", "ExpiredUnused"), DONE, id="it lapsed"),
        pytest.param("cancel", charge("Declined", "AmazonRejected"), DONE, id="it is gone"),
        pytest.param("cancel", charge("Authorized"), UNCHANGED, id="not cancelled yet"),
        pytest.param("cancel", charge("Captured"), CONTRADICTION, id="captured instead"),
        pytest.param("cancel", charge("CaptureInitiated"), CONTRADICTION, id="being captured"),
        pytest.param(
            "cancel", charge("Canceled", charge_id="another"), CONTRADICTION, id="foreign charge"
        ),
        pytest.param(
            "capture",
            charge("Captured", charge_permission_id="another"),
            CONTRADICTION,
            id="foreign permission",
        ),
    ],
)
def test_how_a_charge_stands_decides(kind: str, seen: Charge, means: ActOutcomeKind) -> None:
    assert from_charge_seen(act(kind), seen).kind is means


@pytest.mark.parametrize(
    ("state", "means"),
    [("Closed", DONE), ("Chargeable", UNCHANGED), ("NonChargeable", UNCHANGED), ("X", UNCHANGED)],
)
def test_how_a_permission_stands_decides(state: str, means: ActOutcomeKind) -> None:
    seen = ChargePermission(charge_permission_id=PERMISSION, state=ChargePermissionState(state))
    assert from_permission_seen(act("close"), seen).kind is means


def test_another_permission_is_a_contradiction() -> None:
    seen = ChargePermission(charge_permission_id="C03-x", state=ChargePermissionState("Closed"))
    assert from_permission_seen(act("close"), seen).kind is CONTRADICTION


def refusal(code: str, status: int = 422) -> DefiniteRefusal:
    return DefiniteRefusal(status, ErrorCode(code), "why", "req-1")


@pytest.mark.parametrize(
    ("kind", "error", "means"),
    [
        pytest.param("capture", refusal("AmazonRejected"), DECLINED, id="rejected"),
        pytest.param("capture", refusal("SoftDeclined"), DECLINED, id="declined"),
        pytest.param(
            "capture", refusal("TransactionAmountExceeded", 400), CONTRADICTION, id="too much"
        ),
        pytest.param("capture", refusal("ResourceNotFound", 404), CONTRADICTION, id="not found"),
        pytest.param("capture", refusal("Novel"), CONTRADICTION, id="novel code"),
        pytest.param("cancel", refusal("AmazonRejected"), CONTRADICTION, id="not cancelled"),
        pytest.param("close", refusal("InvalidRequest", 400), CONTRADICTION, id="not closed"),
        pytest.param("capture", Throttled(None), ActOutcomeKind.THROTTLED, id="throttled"),
        pytest.param(
            "capture",
            Misconfigured(403, ErrorCode("InvalidAuthentication"), "why", "r"),
            ActOutcomeKind.MISCONFIGURED,
            id="our keys",
        ),
        pytest.param("capture", UnknownOutcome("time-out"), UNKNOWN, id="no answer"),
        pytest.param("capture", InvalidArgument("a", 1, "r", "m"), CONTRADICTION, id="our fault"),
    ],
)
def test_an_error_is_sorted(kind: str, error: AmazonPayError, means: ActOutcomeKind) -> None:
    assert from_act_error(act(kind), error).kind is means


@given(state=st.text(min_size=1, max_size=20), reason=st.text(max_size=20))
def test_no_state_or_reason_that_we_do_not_know_ends_an_act(state: str, reason: str) -> None:
    """Only named states end an act; everything novel waits or goes to a person."""
    known = {"Captured", "CaptureInitiated", "Canceled", "Declined"}
    for kind in ("capture", "cancel"):
        outcome = from_charge_seen(act(kind), charge(state, reason or None))
        if state not in known:
            assert outcome.kind is UNCHANGED
        if outcome.kind is DECLINED:
            assert reason in RETRYABLE | BUYER_MUST_ACT
