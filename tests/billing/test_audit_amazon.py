"""The books against Amazon's own objects: what differs is named, silence is no verdict."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from small_books import AT, CHARGED_AT, MERCHANT, SmallBooks
from sqlalchemy import Engine
from support.sandbox import Sandbox

from amazonpay import (
    NO_RETRIES,
    AmazonPayClient,
    AmazonPayError,
    Charge,
    ChargePermission,
    ChargePermissionState,
    ChargeState,
    CreateCharge,
    Credentials,
    DefiniteRefusal,
    ErrorCode,
    MerchantMetadata,
    Misconfigured,
    Throttled,
    UnknownOutcome,
    load_private_key,
)
from billing.audit.amazon import AmazonAudit, AmazonUnreachable, audit_amazon
from billing.audit.books import audit_books
from billing.store.database import open_engine, reading
from billing.tables import metadata

PERMISSION = "B01-0000000-0000001"
CHARGE = "B01-0000000-0000001-C000001"


def captured(books: SmallBooks, *, charge_id: str, permission: int, **attempt: Any) -> None:
    price = books.price(code=charge_id)
    owner = books.subscription(charge_id, price=price, permission=permission)
    invoice = books.invoice(owner, charge_id, 3_000, state="paid", paid_yen=3_000)
    slot = books.slot(invoice, owner, permission, reference=f"{charge_id}-renewal", state="paid")
    books.attempt(slot, permission, charge_id=charge_id, **attempt)


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def engine(empty: Engine) -> Engine:
    """One charge of 3,000 yen."""
    with empty.begin() as connection:
        books = SmallBooks(connection)
        captured(books, charge_id=CHARGE, permission=books.permission())
    return empty


class Amazon:
    """Answers as told; counts what it is asked."""

    def __init__(self, **charge: Any) -> None:
        said = {
            "charge_id": CHARGE,
            "charge_permission_id": PERMISSION,
            "state": ChargeState("Captured"),
            "charge_amount_yen": 3_000,
            "captured_yen": 3_000,
            "merchant_reference_id": f"{CHARGE}-renewal",
        }
        self.charge = Charge(**cast(Any, said | charge))
        self.balance_yen: int | None = 47_000
        self.errors: list[AmazonPayError] = []
        self.asked = 0

    def client(self) -> AmazonPayClient:
        return cast(AmazonPayClient, self)

    def get_charge(self, charge_id: str) -> Charge:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.charge

    def get_charge_permission(self, permission_id: str) -> ChargePermission:
        return ChargePermission(
            charge_permission_id=permission_id,
            state=ChargePermissionState("Chargeable"),
            amount_limit_yen=50_000,
            amount_balance_yen=self.balance_yen,
        )

    def close(self) -> None:
        pass


def asked(engine: Engine, amazon: Amazon, **options: Any) -> AmazonAudit:
    at = {"merchant_id": MERCHANT, "at": AT, "make_client": amazon.client}
    return audit_amazon(engine, **cast(Any, at | options))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[audit_amazon.__module__]
    monkeypatch.setattr(module, "RETRY_WAITS", (0, 0))
    monkeypatch.setattr(module, "THROTTLED_WAIT", 0)


def test_agreement_gives_no_finding(engine: Engine) -> None:
    progress: list[tuple[int, int]] = []
    seen = asked(engine, Amazon(), on_progress=lambda done, total: progress.append((done, total)))
    assert seen == AmazonAudit(asked=1, amazon_total_yen=3_000, findings=())
    assert progress == [(1, 1)]


@pytest.mark.parametrize(
    ("theirs", "total_yen", "words"),
    [
        ({"captured_yen": 2_999}, 2_999, "captured yen: our books say 3000, Amazon says 2999"),
        ({"charge_amount_yen": 1}, 3_000, "charged yen: our books say 3000, Amazon says 1"),
        ({"state": ChargeState("Declined")}, 0, "state: our books say Captured"),
        ({"charge_permission_id": "B02"}, 3_000, "Amazon says B02"),
        ({"merchant_reference_id": None}, 3_000, "Amazon says None"),
    ],
)
def test_a_difference_is_named(
    engine: Engine, theirs: dict[str, Any], total_yen: int, words: str
) -> None:
    seen = asked(engine, Amazon(**theirs))
    (finding,) = seen.findings
    assert (finding.kind, seen.amazon_total_yen) == ("different_at_amazon", total_yen)
    assert words in finding.detail_en


def test_a_charge_that_amazon_does_not_have(engine: Engine) -> None:
    amazon = Amazon()
    amazon.errors = [DefiniteRefusal(404, ErrorCode("ResourceNotFound"), "not found", "r1")]
    (finding,) = asked(engine, amazon).findings
    assert (finding.kind, finding.subject) == ("missing_at_amazon", CHARGE)


@pytest.mark.parametrize(
    ("balance_yen", "kinds"),
    [
        (47_000, []),  # 50,000 − 47,000 = the 3,000 we know
        (46_999, ["unknown_at_us"]),
        (50_000, []),  # a refund gave the room back
        (None, []),  # a CV1 agreement does not say
    ],
)
def test_more_used_at_amazon_than_we_know(
    engine: Engine, balance_yen: int | None, kinds: list[str]
) -> None:
    amazon = Amazon()
    amazon.balance_yen = balance_yen
    assert [finding.kind for finding in asked(engine, amazon).findings] == kinds


@pytest.mark.parametrize(
    "errors",
    [
        pytest.param([Throttled(None)] * 5, id="throttled"),
        pytest.param([UnknownOutcome("cut")] * 2, id="cut off twice"),
    ],
)
def test_a_passing_problem_is_no_finding(engine: Engine, errors: list[AmazonPayError]) -> None:
    amazon = Amazon()
    amazon.errors = list(errors)
    assert asked(engine, amazon).findings == ()
    assert amazon.asked == len(errors) + 1


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnknownOutcome("connection refused"), id="no connection"),
        pytest.param(Misconfigured(401, ErrorCode("UnauthorizedAccess"), "no", None), id="keys"),
    ],
)
def test_silence_is_an_error_of_its_own(engine: Engine, error: AmazonPayError) -> None:
    amazon = Amazon()
    amazon.errors = [error] * 9
    with pytest.raises(AmazonUnreachable, match="Amazon Pay"):
        asked(engine, amazon)


def test_it_can_be_bounded(engine: Engine) -> None:
    seen = asked(engine, Amazon(), since=CHARGED_AT + timedelta(seconds=1))
    assert (seen.asked, seen.amazon_total_yen) == (0, 0)
    assert asked(engine, Amazon(), since=CHARGED_AT).asked == 1


def test_a_sample_is_spread_over_all(empty: Engine) -> None:
    with empty.begin() as connection:
        books = SmallBooks(connection)
        for number in range(10):
            captured(books, charge_id=f"C{number}", permission=books.permission())
    assert asked(empty, Amazon(), sample=5).asked == 5
    assert asked(empty, Amazon()).asked == 10


def sandbox_client(sandbox: Sandbox) -> Callable[[], AmazonPayClient]:
    credentials = Credentials(
        public_key_id=sandbox.public_key_id,
        private_key=load_private_key(sandbox.private_key_file.read_bytes()),
    )
    return lambda: AmazonPayClient(
        credentials=credentials,
        environment="sandbox",
        clock=lambda: datetime.now(UTC),
        base_url=sandbox.base_url,
        retries=NO_RETRIES,
        pacing=None,
    )


def test_against_a_local_amazon_pay(empty: Engine, sandbox: Sandbox) -> None:
    """One charge is in the books, one more was made behind our back."""
    make_client = sandbox_client(sandbox)
    (made,) = sandbox.create_permissions([{"amountLimit": 50_000}])
    permission_id = made["chargePermissionId"]
    with make_client() as client:
        charge = client.create_charge(charge_of(permission_id, "ours"), idempotency_key="k1")
    now = sandbox.clock()
    with empty.begin() as connection:
        books = SmallBooks(connection)
        permission = books.permission(amazon_id=permission_id)
        captured(books, charge_id=charge.charge_id, permission=permission, intended_at=now)
    asks = {"merchant_id": MERCHANT, "at": now, "make_client": make_client}
    (finding,) = audit_amazon(empty, **asks).findings
    assert "merchant reference" in finding.detail_en  # "ours", where our slot is named otherwise
    with make_client() as client:
        client.create_charge(charge_of(permission_id, "theirs"), idempotency_key="k2")
    seen = audit_amazon(empty, **asks)
    assert [f.kind for f in seen.findings] == ["different_at_amazon", "unknown_at_us"]
    with reading(empty) as connection:
        report = audit_books(connection, merchant_id=MERCHANT, at=AT)
    whole = report.with_amazon(seen.findings, amazon_total_yen=seen.amazon_total_yen).as_json()
    assert (whole["amazon_total"], whole["amazon_differences"]) == (3_000, 2)


def charge_of(permission_id: str, reference: str) -> CreateCharge:
    return CreateCharge(
        charge_permission_id=permission_id,
        amount_yen=3_000,
        capture_now=True,
        merchant_metadata=MerchantMetadata(merchant_reference_id=reference),
    )
