"""What an answer of Amazon's means for an attempt; only a definite "no" is a decline."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    AmazonPayError,
    Charge,
    ChargeReason,
    ChargeState,
    DefiniteRefusal,
    ErrorCode,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
    UnusableKey,
)
from billing.charging.outcome import (
    PENDING_STATES,
    OpenAttempt,
    Outcome,
    OutcomeKind,
    from_charge,
    from_error,
)
from billing.dunning import BUYER_MUST_ACT, RETRYABLE

PERMISSION = "B01-0000000-0000001"
CHARGE = f"{PERMISSION}-C000001"
ATTEMPT = OpenAttempt(
    id=7,
    slot_id=3,
    permission_amazon_id=PERMISSION,
    idempotency_key="key",
    body=b"{}",
    amount_yen=3_000,
    send_by=datetime(2026, 12, 1, tzinfo=UTC),
)
DECLINES = RETRYABLE | BUYER_MUST_ACT


def charge(state: str, reason: str | None = None, **changes: object) -> Charge:
    values: dict[str, object] = {
        "charge_id": CHARGE,
        "charge_permission_id": PERMISSION,
        "state": ChargeState(state),
        "charge_amount_yen": 3_000,
        "captured_yen": 3_000 if state == "Captured" else None,
        "reason_code": None if reason is None else ChargeReason(reason),
    }
    return Charge(**(values | changes))


def refusal(code: str, status: int = 422) -> DefiniteRefusal:
    return DefiniteRefusal(status, ErrorCode(code), "why", "req-1")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(charge("Captured"), OutcomeKind.CAPTURED, id="captured"),
        *(
            pytest.param(charge(state), OutcomeKind.PENDING, id=state)
            for state in sorted(PENDING_STATES)
        ),
        *(
            pytest.param(charge("Declined", reason), OutcomeKind.DECLINED, id=reason)
            for reason in sorted(DECLINES)
        ),
        pytest.param(charge("Declined"), OutcomeKind.CONTRADICTION, id="declined without reason"),
        pytest.param(
            charge("Canceled", "MerchantCanceled"), OutcomeKind.DECLINED, id="we canceled it"
        ),
        pytest.param(
            charge("Canceled", "ExpiredUnused"), OutcomeKind.DECLINED, id="expired unused"
        ),
        pytest.param(charge("Completed"), OutcomeKind.UNKNOWN, id="a state of tomorrow"),
        pytest.param(charge("captured"), OutcomeKind.UNKNOWN, id="another spelling"),
    ],
)
def test_a_charge_is_read(answer: Charge, kind: OutcomeKind) -> None:
    outcome = from_charge(ATTEMPT, answer)
    assert (outcome.kind, outcome.charge_id) == (kind, CHARGE)
    assert outcome.attempt is ATTEMPT


@pytest.mark.parametrize("state", ["Captured", "Declined", "AuthorizationInitiated", "Tomorrow's"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"charge_amount_yen": 2_999}, "2999 yen, we asked for 3000", id="a yen less"),
        pytest.param({"charge_amount_yen": 3_001}, "3001 yen, we asked for 3000", id="a yen more"),
        pytest.param(
            {"charge_permission_id": "B01-0000000-0000002"},
            "B01-0000000-0000002, not on ours",
            id="another permission",
        ),
    ],
)
def test_another_amount_or_permission_is_a_contradiction(
    state: str, changes: dict[str, object], said: str
) -> None:
    outcome = from_charge(ATTEMPT, charge(state, "SoftDeclined", **changes))
    assert outcome.kind is OutcomeKind.CONTRADICTION
    assert outcome.detail is not None
    assert said in outcome.detail


@pytest.mark.parametrize("captured", [None, 0, 2_999, 3_001])
def test_another_captured_amount_is_a_contradiction(captured: int | None) -> None:
    outcome = from_charge(ATTEMPT, charge("Captured", captured_yen=captured))
    assert outcome.kind is OutcomeKind.CONTRADICTION


def test_a_decline_keeps_amazons_reason() -> None:
    assert from_charge(ATTEMPT, charge("Declined", "HardDeclined")).reason_code == "HardDeclined"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *(
            pytest.param(refusal(reason), OutcomeKind.DECLINED, id=reason)
            for reason in sorted(DECLINES)
        ),
        pytest.param(refusal("PeriodicAmountExceeded", 400), OutcomeKind.CAP_REFUSED, id="cap"),
        pytest.param(
            refusal("DuplicateIdempotencyKey", 400), OutcomeKind.CONTRADICTION, id="duplicate key"
        ),
        pytest.param(
            refusal("InvalidParameterValue", 400), OutcomeKind.CONTRADICTION, id="our own mistake"
        ),
        pytest.param(refusal("ResourceNotFound", 404), OutcomeKind.DECLINED, id="not found"),
        pytest.param(refusal("MoonPhase"), OutcomeKind.CONTRADICTION, id="a code of tomorrow"),
        pytest.param(Throttled(None), OutcomeKind.THROTTLED, id="429"),
        pytest.param(
            Misconfigured(401, ErrorCode.INVALID_REQUEST_SIGNATURE, "why", None),
            OutcomeKind.MISCONFIGURED,
            id="signature",
        ),
        # Misconfigured wins over the code: a 403 is no decline, whatever word it carries.
        pytest.param(
            Misconfigured(403, ErrorCode.HARD_DECLINED, "why", None),
            OutcomeKind.MISCONFIGURED,
            id="a decline's word in a 403",
        ),
        pytest.param(
            UnknownOutcome("500", 500, ErrorCode.PROCESSING_FAILURE, "why"),
            OutcomeKind.UNKNOWN,
            id="ProcessingFailure 500",
        ),
        pytest.param(
            UnknownOutcome("502", 502, ErrorCode.SOFT_DECLINED, "why"),
            OutcomeKind.UNKNOWN,
            id="a decline's word in a 502",
        ),
        pytest.param(UnknownOutcome("timed out"), OutcomeKind.UNKNOWN, id="time-out"),
        pytest.param(
            InvalidArgument("body", b"", "is JSON", "mend it"),
            OutcomeKind.CONTRADICTION,
            id="refused on our side",
        ),
        pytest.param(
            UnusableKey("is no PEM", "use the file"), OutcomeKind.CONTRADICTION, id="unusable key"
        ),
        pytest.param(AmazonPayError("?"), OutcomeKind.UNKNOWN, id="anything else"),
    ],
)
def test_an_error_is_sorted(error: AmazonPayError, kind: OutcomeKind) -> None:
    outcome = from_error(ATTEMPT, error)
    assert outcome.kind is kind
    assert outcome.charge_id is None


def test_a_refusal_keeps_code_request_id_and_words() -> None:
    outcome = from_error(ATTEMPT, refusal("SoftDeclined"))
    assert (outcome.reason_code, outcome.request_id) == ("SoftDeclined", "req-1")
    assert outcome.detail is not None
    assert "SoftDeclined" in outcome.detail


words = st.text(min_size=1, max_size=40)
# Foreign texts, and known ones with a slip: only the exact word may count.
slips = st.sampled_from(sorted(DECLINES)).flatmap(
    lambda word: st.sampled_from([word.lower(), word.upper(), f" {word}", f"{word} ", word[:-1]])
)


@given(state=words | slips, reason=st.none() | words | slips)
def test_a_state_or_reason_we_do_not_know_is_never_a_decline(
    state: str, reason: str | None
) -> None:
    for answer in (charge(state, "SoftDeclined"), charge("Declined", reason)):
        outcome = from_charge(ATTEMPT, answer)
        if not _documented(answer):
            assert outcome.kind in (OutcomeKind.UNKNOWN, OutcomeKind.CONTRADICTION)


def _documented(answer: Charge) -> bool:
    return answer.state.known and answer.reason_code is not None and answer.reason_code in DECLINES


@given(status=st.integers(400, 499), code=words | slips)
def test_a_code_we_do_not_know_is_never_a_decline(status: int, code: str) -> None:
    outcome = from_error(ATTEMPT, refusal(code, status))
    if code not in DECLINES and code != "PeriodicAmountExceeded":
        assert outcome == Outcome(
            ATTEMPT,
            OutcomeKind.CONTRADICTION,
            reason_code=code,
            request_id="req-1",
            detail=outcome.detail,
        )


@given(cause=words, status=st.none() | st.integers(100, 599), code=st.sampled_from(ErrorCode))
def test_no_unknown_outcome_becomes_anything_else(
    cause: str, status: int | None, code: ErrorCode
) -> None:
    outcome = from_error(ATTEMPT, UnknownOutcome(cause, status, code, "why"))
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.reason_code is None
