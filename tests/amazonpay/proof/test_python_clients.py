"""Two Python clients from the package index, each by another author, with their own signing.

Both know only Amazon's hosts: the tests change the host they hold, and nothing else.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from amazon_pay_v2.api import AmazonPayAPIV2
from AmazonPay import Client
from button_click import click
from shop_steps import (
    buyer_chooses,
    buyer_pays,
    charge_body,
    price,
    session_payload,
    session_update,
)
from support.sandbox import Sandbox

pytestmark = [
    pytest.mark.xdist_group("python-clients"),
    # Both ask for the time in a way that Python 3.12 deprecates.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]
V1 = "AMZN-PAY-RSASSA-PSS"  # the one algorithm that both know


@pytest.fixture
def jptomo(trust_local_ca: Sandbox) -> Client:
    """A client of the package AmazonPayClient."""
    client = Client(
        public_key_id=trust_local_ca.public_key_id,
        private_key=str(trust_local_ca.private_key_file),
        region="jp",
        sandbox=True,
    )
    client.endpoint = trust_local_ca.base_url
    return client


@pytest.fixture
def hatraco(trust_local_ca: Sandbox) -> AmazonPayAPIV2:
    """A client of the package amazon-pay-v2; it names every signed header twice."""
    client = AmazonPayAPIV2(
        str(trust_local_ca.private_key_file),
        trust_local_ca.public_key_id,
        region="jp",
        environment="sandbox",
    )
    client.host = urlsplit(trust_local_ca.base_url).netloc
    return client


def answered(response: Any, status: int) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def test_amazonpayclient_lives_a_whole_life(jptomo: Client, amazon: Sandbox) -> None:
    made = answered(jptomo.create_checkout_session(session_payload(amazon.store_id)), 201)
    session_id = made["checkoutSessionId"]
    buyer_chooses(amazon, session_id)
    update = session_update(1980, "Authorize")
    assert answered(jptomo.update_checkout_session(session_id, update), 200)["constraints"] == []
    buyer_pays(amazon, session_id)
    done = answered(
        jptomo.complete_checkout_session(session_id, {"chargeAmount": price(1980)}), 200
    )
    assert answered(jptomo.get_checkout_session(session_id), 200)["chargeId"] == done["chargeId"]
    permission_id = done["chargePermissionId"]

    first = answered(jptomo.capture_charge(done["chargeId"], {"captureAmount": price(1980)}), 200)
    assert first["statusDetails"]["state"] == "Captured"
    renewal = answered(jptomo.create_charge(charge_body(permission_id, 1980)), 201)
    assert answered(jptomo.get_charge(renewal["chargeId"]), 200) == renewal
    open_charge = answered(
        jptomo.create_charge(charge_body(permission_id, 500, capture=False)), 201
    )
    cancelled = jptomo.cancel_charge(open_charge["chargeId"], {"cancellationReason": "変更"})
    assert answered(cancelled, 200)["statusDetails"]["state"] == "Canceled"

    refund_body = {"chargeId": renewal["chargeId"], "refundAmount": price(1980)}
    refund = answered(jptomo.create_refund(refund_body), 201)
    amazon.advance(31)
    refunded = answered(jptomo.get_refund(refund["refundId"]), 200)
    assert refunded["statusDetails"]["state"] == "Refunded"

    noted = {"merchantMetadata": {"noteToBuyer": "ありがとうございました"}}
    answered(jptomo.update_charge_permission(permission_id, noted), 200)
    answered(jptomo.close_charge_permission(permission_id, {"closureReason": "退会"}), 200)
    closed = answered(jptomo.get_charge_permission(permission_id), 200)
    assert closed["statusDetails"]["state"] == "Closed"
    assert closed["merchantMetadata"]["noteToBuyer"] == "ありがとうございました"


def test_amazonpayclient_signs_queries(jptomo: Client) -> None:
    kinds = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SANDBOX_SETTLEMENT_DATA_"
    query = {"reportTypes": kinds, "processingStatuses": "COMPLETED,FAILED", "pageSize": "5"}
    listed = answered(jptomo.request("GET", "/reports", query=query), 200)
    assert listed["reports"] == []


def test_amazonpayclient_meets_a_refusal(jptomo: Client) -> None:
    assert answered(jptomo.get_buyer("gone"), 404)["reasonCode"] == "ResourceNotFound"


def test_amazon_pay_v2_checks_out_and_refunds(hatraco: AmazonPayAPIV2, amazon: Sandbox) -> None:
    payload = session_payload(amazon.store_id)
    made = answered(hatraco.create_checkout_session(payload, idempotency_key="checkout"), 201)
    again = answered(hatraco.create_checkout_session(payload, idempotency_key="checkout"), 201)
    session_id = made["checkoutSessionId"]
    assert again["checkoutSessionId"] == session_id
    buyer_chooses(amazon, session_id)
    update = session_update(1980, "AuthorizeWithCapture")
    answered(hatraco.update_checkout_session(session_id, update), 200)
    buyer_pays(amazon, session_id)
    done = answered(
        hatraco.complete_checkout_session(session_id, {"chargeAmount": price(1980)}), 200
    )
    assert done["statusDetails"]["state"] == "Completed"
    assert (
        answered(hatraco.get_checkout_session(session_id), 200)["statusDetails"]
        == (done["statusDetails"])
    )

    body = {"chargeId": done["chargeId"], "refundAmount": price(980)}
    refund = answered(hatraco.create_refund(body, idempotency_key="refund"), 201)
    amazon.advance(31)
    refunded = answered(hatraco.get_refund(refund["refundId"]), 200)
    assert refunded["statusDetails"]["state"] == "Refunded"
    assert [row["amount"] for row in amazon.charges()] == [1980]
    assert [row["amount"] for row in amazon.refunds()] == [980]


@pytest.mark.parametrize("client", ["jptomo", "hatraco"])
def test_a_button_that_they_signed_opens_the_checkout(
    client: str, amazon: Sandbox, request: pytest.FixtureRequest
) -> None:
    payload = json.dumps(session_payload(amazon.store_id))
    signature = request.getfixturevalue(client).generate_button_signature(payload)
    assert click(amazon, payload=payload, signature=signature, algorithm=V1) == 200
    assert click(amazon, payload=payload + " ", signature=signature, algorithm=V1) == 403
