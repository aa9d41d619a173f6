"""The one network call, against an Amazon Pay that answers as the test wants."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from amazonpay import NO_RETRIES, AmazonPayClient, Credentials, PrivateKey, load_private_key
from billing.charging.intend import charge_body
from billing.charging.outcome import OpenAttempt, Outcome, OutcomeKind
from billing.charging.send import send
from billing.protocol import checkpoints

PERMISSION = "B01-0000000-0000001"
CHARGE = f"{PERMISSION}-C000001"
NEW = OpenAttempt(
    id=7,
    slot_id=3,
    permission_amazon_id=PERMISSION,
    idempotency_key="the-key",
    body=charge_body(permission_amazon_id=PERMISSION, amount_yen=3_000, reference="one-0001"),
    amount_yen=3_000,
    send_by=datetime(2026, 12, 1, tzinfo=UTC),
)
PENDING = replace(NEW, charge_id=CHARGE)
NOW = datetime(2026, 11, 30, tzinfo=UTC)

Answer = httpx.Response | Exception


@pytest.fixture(scope="module")
def private_key() -> PrivateKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return load_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class Amazon:
    """Gives the prepared answers in order and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def paths(self) -> list[str]:
        """Method and path of every request."""
        return [f"{r.method} {r.url.path.removeprefix('/v2')}" for r in self.asked]


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
def ask(amazon: Amazon, private_key: PrivateKey) -> Iterator[Callable[..., Outcome]]:
    """Send an attempt to an Amazon that will give these answers."""
    client = AmazonPayClient(
        credentials=Credentials(public_key_id="SANDBOX-A", private_key=private_key),
        environment="sandbox",
        clock=lambda: datetime(2026, 11, 22, tzinfo=UTC),
        transport=httpx.MockTransport(amazon),
        retries=NO_RETRIES,
        pacing=None,
    )

    def with_answers(attempt: OpenAttempt, *answers: Answer) -> Outcome:
        amazon.answers = list(answers)
        return send(client, attempt, now=lambda: NOW)

    with client:
        yield with_answers


def charge(state: str, reason: str | None = None, **changes: object) -> httpx.Response:
    yen = {"amount": "3000", "currencyCode": "JPY"}
    return httpx.Response(
        200,
        json={
            "chargeId": CHARGE,
            "chargePermissionId": PERMISSION,
            "chargeAmount": yen,
            "captureAmount": yen if state == "Captured" else None,
            "statusDetails": {"state": state, "reasonCode": reason},
            **changes,
        },
    )


def error(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"reasonCode": code, "message": "why"})


def permission(limit: str, balance: str) -> httpx.Response:
    return httpx.Response(
        200,
        json={
            "chargePermissionId": PERMISSION,
            "statusDetails": {"state": "Chargeable"},
            "limits": {
                "amountLimit": {"amount": limit, "currencyCode": "JPY"},
                "amountBalance": {"amount": balance, "currencyCode": "JPY"},
            },
        },
    )


def test_the_frozen_bytes_go_out_under_the_attempts_key(ask, amazon: Amazon) -> None:
    outcome = ask(NEW, charge("Captured"))
    assert (outcome.kind, outcome.charge_id) == (OutcomeKind.CAPTURED, CHARGE)
    assert amazon.paths == ["POST /charges"]
    assert amazon.asked[0].content == NEW.body
    assert amazon.asked[0].headers["x-amz-pay-idempotency-key"] == "the-key"
    assert json.loads(NEW.body)["chargeAmount"]["amount"] == "3000"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(charge("AuthorizationInitiated"), OutcomeKind.PENDING, id="pending"),
        pytest.param(error(422, "SoftDeclined"), OutcomeKind.DECLINED, id="soft decline"),
        pytest.param(error(422, "HardDeclined"), OutcomeKind.DECLINED, id="hard decline"),
        pytest.param(error(500, "ProcessingFailure"), OutcomeKind.UNKNOWN, id="500"),
        pytest.param(error(503, "ServiceUnavailable"), OutcomeKind.UNKNOWN, id="503"),
        pytest.param(error(408, "RequestTimeout"), OutcomeKind.UNKNOWN, id="408"),
        pytest.param(error(429, "TooManyRequests"), OutcomeKind.THROTTLED, id="429"),
        pytest.param(error(401, "InvalidAuthentication"), OutcomeKind.MISCONFIGURED, id="401"),
        pytest.param(
            error(400, "DuplicateIdempotencyKey"), OutcomeKind.CONTRADICTION, id="duplicate key"
        ),
        pytest.param(httpx.Response(422, text="<html>"), OutcomeKind.UNKNOWN, id="a proxy's 422"),
        pytest.param(httpx.Response(200, text="{"), OutcomeKind.UNKNOWN, id="a cut body"),
        pytest.param(httpx.ConnectError("refused"), OutcomeKind.UNKNOWN, id="no connection"),
        pytest.param(httpx.ReadTimeout("slow"), OutcomeKind.UNKNOWN, id="no answer in time"),
    ],
)
def test_one_answer_ends_a_new_attempt_or_leaves_it_open(
    ask, amazon: Amazon, answer: Answer, kind: OutcomeKind
) -> None:
    assert ask(NEW, answer).kind is kind
    assert amazon.paths == ["POST /charges"]


def test_a_cap_refusal_reads_amazons_own_figures(ask, amazon: Amazon) -> None:
    outcome = ask(NEW, error(400, "PeriodicAmountExceeded"), permission("50000", "1200"))
    assert outcome.kind is OutcomeKind.CAP_REFUSED
    assert (outcome.limit_yen, outcome.balance_yen) == (50_000, 1_200)
    assert amazon.paths == ["POST /charges", f"GET /chargePermissions/{PERMISSION}"]


@pytest.mark.parametrize(
    "unreadable",
    [
        pytest.param(error(500, "InternalServerError"), id="500"),
        pytest.param(error(429, "TooManyRequests"), id="429"),
        pytest.param(error(404, "ResourceNotFound"), id="404"),
        pytest.param(httpx.ReadTimeout("slow"), id="no answer in time"),
    ],
)
def test_a_cap_refusal_stands_even_if_the_balance_cannot_be_read(ask, unreadable: Answer) -> None:
    outcome = ask(NEW, error(400, "PeriodicAmountExceeded"), unreadable)
    assert outcome.kind is OutcomeKind.CAP_REFUSED
    assert (outcome.limit_yen, outcome.balance_yen) == (None, None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(charge("CaptureInitiated"), OutcomeKind.PENDING, id="still pending"),
        pytest.param(charge("Captured"), OutcomeKind.CAPTURED, id="captured"),
        pytest.param(charge("Declined", "SoftDeclined"), OutcomeKind.DECLINED, id="declined"),
        pytest.param(
            charge("Captured", chargeId=f"{PERMISSION}-C000002"),
            # Not our charge's answer, so no answer at all: it is asked again.
            OutcomeKind.UNKNOWN,
            id="another charge than asked for",
        ),
    ],
)
def test_a_pending_charge_is_asked_about_and_never_sent_again(
    ask, amazon: Amazon, answer: Answer, kind: OutcomeKind
) -> None:
    assert ask(PENDING, answer).kind is kind
    assert amazon.paths == [f"GET /charges/{CHARGE}"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(error(404, "ResourceNotFound"), OutcomeKind.UNKNOWN, id="404"),
        pytest.param(error(400, "InvalidParameterValue"), OutcomeKind.UNKNOWN, id="400"),
        pytest.param(error(422, "InvalidChargePermissionStatus"), OutcomeKind.UNKNOWN, id="422"),
        pytest.param(error(422, "HardDeclined"), OutcomeKind.UNKNOWN, id="a decline's word"),
        pytest.param(error(400, "PeriodicAmountExceeded"), OutcomeKind.UNKNOWN, id="cap's word"),
        pytest.param(error(500, "InternalServerError"), OutcomeKind.UNKNOWN, id="500"),
        pytest.param(httpx.ConnectError("refused"), OutcomeKind.UNKNOWN, id="no connection"),
        pytest.param(httpx.Response(200, text="{}"), OutcomeKind.UNKNOWN, id="an empty object"),
        pytest.param(error(429, "TooManyRequests"), OutcomeKind.THROTTLED, id="429"),
        pytest.param(error(403, "InvalidAccountStatus"), OutcomeKind.MISCONFIGURED, id="403"),
    ],
)
def test_not_being_able_to_read_a_charge_says_nothing_about_it(
    ask, amazon: Amazon, answer: Answer, kind: OutcomeKind
) -> None:
    outcome = ask(PENDING, answer)
    assert (outcome.kind, outcome.reason_code) == (kind, None)
    assert amazon.paths == [f"GET /charges/{CHARGE}"]


def test_the_points_before_and_after_the_call_are_announced(ask, monkeypatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(checkpoints, "_observers", [seen.append])
    ask(NEW, charge("Captured"))
    assert seen == ["charge.before_send", "charge.after_send"]


def test_a_sender_that_slept_too_long_sends_nothing(
    ask: Callable[..., Outcome], amazon: Amazon
) -> None:
    """Its room is held in the months up to `send_by`; a later charge could count in another."""
    outcome = ask(replace(NEW, send_by=NOW - timedelta(seconds=1)))
    assert (outcome.kind, amazon.asked) == (OutcomeKind.UNKNOWN, [])
