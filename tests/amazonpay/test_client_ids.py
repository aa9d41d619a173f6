"""Ids and tokens that become part of a path: CV1's pass or are explained, nothing climbs."""

import httpx
import pytest
from client_samples import SIGNED_IN
from wire_helpers import KINDS, REFUND_ID, call, charge_json

from amazonpay import CreateRefund, InvalidArgument, UnknownOutcome, charge_id_from_cv1

both_clients = pytest.mark.parametrize("kind", KINDS)


class Amazon:
    """Gives one answer and keeps the requests."""

    def __init__(self, answer):
        self.answer, self.seen = answer, []

    def __call__(self, request):
        self.seen.append(request)
        return httpx.Response(200, json=self.answer)


CV1_AUTHORIZATION = "S01-5797829-1888777-A043451"
CV1_AGREEMENT = "B01-8824045-7416542"
CV1_ORDER = "S01-5797829-1888777"
CV1_CAPTURE = "S01-5797829-1888777-C043451"
NEVER_SENT = [
    pytest.param(lambda c: c.get_charge(CV1_AUTHORIZATION), "charge_id", id="get"),
    pytest.param(lambda c: c.cancel_charge(CV1_AUTHORIZATION, b"{}"), "charge_id", id="cancel"),
    pytest.param(
        lambda c: c.capture_charge(CV1_AUTHORIZATION, b"{}", idempotency_key="k"),
        "charge_id",
        id="capture",
    ),
    pytest.param(lambda c: c.update_charge(CV1_AUTHORIZATION, b"{}"), "charge_id", id="update"),
    pytest.param(lambda c: c.get_buyer(""), "buyer_token", id="no token"),
    pytest.param(lambda c: c.get_buyer(".."), "buyer_token", id="a token that climbs"),
    pytest.param(lambda c: c.get_buyer("x" * 1001), "buyer_token", id="1,001 long"),
    pytest.param(lambda c: c.get_buyer("a\nb"), "buyer_token", id="a line break"),
    pytest.param(lambda c: c.get_report("a/b"), "report_id", id="a path"),
    pytest.param(lambda c: c.cancel_report_schedule(""), "report_schedule_id", id="no schedule"),
    pytest.param(
        lambda c: c.get_authorization_token("t", merchant_id=""), "merchant_id", id="no merchant"
    ),
]


@both_clients
@pytest.mark.parametrize(("operation", "field"), NEVER_SENT)
def test_what_cannot_be_meant_is_not_sent(kind, operation, field):
    amazon = Amazon({})
    with pytest.raises(InvalidArgument) as caught:
        call(kind, operation, handler=amazon)
    assert caught.value.field == field
    assert not amazon.seen


def test_a_cv1_authorization_id_is_refused_with_the_way_out():
    with pytest.raises(InvalidArgument, match="charge_id_from_cv1"):
        CreateRefund(charge_id=CV1_AUTHORIZATION, amount_yen=1)
    with pytest.raises(InvalidArgument, match="charge_id_from_cv1"):
        call("sync", lambda c: c.get_charge(CV1_AUTHORIZATION), handler=Amazon({}))
    assert charge_id_from_cv1(CV1_AUTHORIZATION) == CV1_CAPTURE


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (lambda c: c.get_charge_permission(CV1_AGREEMENT), f"/chargePermissions/{CV1_AGREEMENT}"),
        (lambda c: c.get_charge_permission(CV1_ORDER), f"/chargePermissions/{CV1_ORDER}"),
        (lambda c: c.get_charge(CV1_CAPTURE), f"/charges/{CV1_CAPTURE}"),
        (lambda c: c.get_refund(REFUND_ID), f"/refunds/{REFUND_ID}"),
    ],
)
def test_cv1_ids_that_cv2_knows_are_sent_unchanged(operation, path):
    handler = Amazon({})
    with pytest.raises(UnknownOutcome):  # the empty object is no answer
        call("sync", operation, handler=handler)
    assert handler.seen[0].url.path == f"/v2{path}"


def test_a_token_is_percent_encoded_and_stays_out_of_errors():
    handler = Amazon(SIGNED_IN)
    call("sync", lambda c: c.get_buyer("a/b?c=d é"), handler=handler)
    assert handler.seen[0].url.raw_path == b"/v2/buyers/a%2Fb%3Fc%3Dd%20%C3%A9"
    with pytest.raises(InvalidArgument) as caught:
        call("sync", lambda c: c.get_buyer("secret\n"), handler=handler)
    assert "secret" not in str(caught.value)


ABOUT_ANOTHER = [
    pytest.param(lambda c: c.get_charge("S03-1-1-C000009"), charge_json(), id="charge"),
    pytest.param(
        lambda c: c.capture_charge("S03-1-1-C000009", b"{}", idempotency_key="k"),
        charge_json(),
        id="capture",
    ),
    pytest.param(
        lambda c: c.get_charge_permission("C03-1-9"),
        {"chargePermissionId": "C03-1-1", "statusDetails": {"state": "Chargeable"}},
        id="permission",
    ),
]


@both_clients
@pytest.mark.parametrize(("ask", "answer"), ABOUT_ANOTHER)
def test_an_answer_about_another_object_says_nothing(kind, ask, answer):
    """A peer that answers one request twice would give every later call a stranger's answer."""
    with pytest.raises(UnknownOutcome, match="not about"):
        call(kind, ask, handler=Amazon(answer))
