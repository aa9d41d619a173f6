"""What Amazon's answer to a refund means: only a definite answer for the key ends it."""

from datetime import UTC, datetime

import pytest

from amazonpay import (
    AmazonPayError,
    DefiniteRefusal,
    ErrorCode,
    InvalidArgument,
    Misconfigured,
    Refund,
    RefundReason,
    RefundState,
    Throttled,
    UnknownOutcome,
)
from billing import OpenRefund, RefundOutcome, refund_remedy
from billing.refunds.outcome import REFUSALS, from_refund, from_refund_error
from billing.refunds.sending import send_refund

CHARGE, REFUND_ID = "S03-0000000-0000000-C000001", "S03-0000000-0000000-R000001"
ASKED = OpenRefund(id=1, charge_id=CHARGE, idempotency_key="k", body=b"{}", amount_yen=500)
KNOWN = OpenRefund(
    id=1, charge_id=CHARGE, idempotency_key="k", body=b"{}", amount_yen=500, refund_id=REFUND_ID
)


def answer(state: str = "Refunded", **changes: object) -> Refund:
    values = {
        "refund_id": REFUND_ID,
        "charge_id": CHARGE,
        "state": RefundState(state),
        "refund_amount_yen": 500,
    }
    return Refund(**(values | changes))  # type: ignore[arg-type] # a table of changes


def refusal(code: str) -> DefiniteRefusal:
    return DefiniteRefusal(422, ErrorCode(code), "no", "req-1")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        pytest.param(answer("Refunded"), "refunded", id="refunded"),
        pytest.param(answer("RefundInitiated"), "pending", id="initiated"),
        pytest.param(answer("Pending"), "pending", id="pending"),
        pytest.param(answer("Declined"), "declined", id="declined"),
        pytest.param(answer("Vanished"), "unknown", id="a state nobody knows"),
        pytest.param(answer(refund_amount_yen=501), "contradiction", id="another amount"),
        pytest.param(answer(charge_id="S03-x"), "contradiction", id="another charge"),
    ],
)
def test_a_refund_of_amazon_means(said: Refund, kind: str) -> None:
    assert from_refund(ASKED, said).kind == kind


def test_another_refund_than_the_one_asked_about_is_a_contradiction() -> None:
    outcome = from_refund(KNOWN, answer(refund_id="S03-0000000-0000000-R000002"))
    assert outcome.kind == "contradiction"
    assert outcome.refund_id is None
    assert "R000002" in (outcome.detail or "")


def test_a_decline_says_why() -> None:
    said = answer("Declined", reason_code=RefundReason("AmazonRejected"))
    assert from_refund(ASKED, said).reason_code == "AmazonRejected"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *(pytest.param(refusal(code), "declined", id=code) for code in sorted(REFUSALS)),
        pytest.param(refusal("DuplicateIdempotencyKey"), "contradiction", id="used key"),
        pytest.param(refusal("ResourceNotFound"), "contradiction", id="no such charge"),
        pytest.param(refusal("NewCode"), "contradiction", id="a code nobody knows"),
        pytest.param(Throttled(None), "throttled", id="429"),
        pytest.param(UnknownOutcome("time-out"), "unknown", id="no answer"),
        pytest.param(
            Misconfigured(401, ErrorCode("InvalidAuthentication"), "no", None),
            "misconfigured",
            id="wrong key",
        ),
        pytest.param(InvalidArgument("body", b"", "r", "m"), "contradiction", id="never sent"),
    ],
)
def test_an_error_means(error: AmazonPayError, kind: str) -> None:
    assert from_refund_error(ASKED, error).kind == kind


class Amazon:
    """Answers a GET with an error; counts what is created."""

    def __init__(self, error: AmazonPayError) -> None:
        self.error = error
        self.created = 0

    def get_refund(self, refund_id: str) -> Refund:
        raise self.error

    def create_refund(self, body: bytes, *, idempotency_key: str) -> Refund:
        self.created += 1
        return answer()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(refusal("ResourceNotFound"), "unknown", id="not found"),
        pytest.param(refusal("AmazonRejected"), "unknown", id="a decline of the GET"),
        pytest.param(Throttled(None), "throttled", id="429"),
    ],
)
def test_not_being_able_to_read_a_refund_says_nothing_about_it(
    error: AmazonPayError, kind: str
) -> None:
    amazon = Amazon(error)
    outcome: RefundOutcome = send_refund(
        amazon,  # type: ignore[arg-type] # a double
        KNOWN,
        now=lambda: datetime(2026, 11, 30, tzinfo=UTC),
    )
    assert (outcome.kind, outcome.reason_code, amazon.created) == (kind, None, 0)


@pytest.mark.parametrize("code", [*sorted(REFUSALS), "NewCode", None])
def test_there_is_a_remedy_for_every_reason(code: str | None) -> None:
    english, japanese = refund_remedy(code)
    assert english
    assert japanese != english
