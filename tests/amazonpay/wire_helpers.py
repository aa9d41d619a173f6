"""Shared by the client's tests: a throwaway key, sample answers, one way to drive both clients."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from amazonpay import (
    AmazonPayClient,
    AsyncAmazonPayClient,
    CreateCharge,
    Credentials,
    PrivateKey,
    load_private_key,
    transport_named,
)
from amazonpay.retries import NO_RETRIES

NOW = datetime(2026, 4, 1, 0, 0, 0, tzinfo=UTC)
PERMISSION_ID = "C03-1442027-5744374"
CHARGE_ID = "S03-5890444-1926095-C064126"
REFUND_ID = "S03-5890444-1926095-R064126"
REQUEST = CreateCharge(charge_permission_id=PERMISSION_ID, amount_yen=1500)
KINDS = ("sync", "async")

Handler = Callable[[httpx.Request], httpx.Response]


@cache
def vectors() -> dict[str, Any]:
    """The published signing vectors."""
    text = (Path(__file__).parent / "vectors" / "signing-vectors.json").read_text("utf-8")
    return json.loads(text)


@cache
def throwaway_key() -> PrivateKey:
    """The key pair made for the vectors."""
    return load_private_key(vectors()["throwawayKey"]["privateKeyPkcs8Pem"].encode())


def charge_json(**changes: Any) -> dict[str, Any]:
    """A captured charge as Amazon Pay Japan answers it."""
    return {
        "chargeId": CHARGE_ID,
        "chargeAmount": {"amount": "1500", "currencyCode": "JPY"},
        "chargePermissionId": PERMISSION_ID,
        "captureAmount": {"amount": "1500", "currencyCode": "JPY"},
        "refundedAmount": {"amount": "0", "currencyCode": "JPY"},
        "softDescriptor": "AMZ*shop",
        "convertedAmount": None,
        "channel": None,
        "statusDetails": {
            "state": "Captured",
            "reasonCode": None,
            "reasonDescription": None,
            "lastUpdatedTimestamp": "20260401T000001Z",
        },
        "creationTimestamp": "20260401T000000Z",
        "expirationTimestamp": "20260501T000000Z",
        "releaseEnvironment": "Sandbox",
        "merchantMetadata": {"merchantReferenceId": "INV-1", "noteToBuyer": "四月分"},
    } | changes


def error(status: int, code: str, message: str = "why", **headers: str) -> httpx.Response:
    """An error answer in the documented shape."""
    return httpx.Response(
        status,
        json={"reasonCode": code, "message": message},
        headers={"x-amz-pay-request-id": "req-1"} | headers,
    )


def call(
    kind: str,
    operation: Callable[[Any], Any],
    *,
    handler: Handler | None = None,
    key_id: str = "SANDBOX-AEXAMPLE",
    **options: Any,
) -> Any:
    """What `operation(client)` gives on the synchronous or on the asynchronous client."""
    options = {
        "credentials": Credentials(public_key_id=key_id, private_key=throwaway_key()),
        "environment": "sandbox",
        "clock": lambda: NOW,
        "transport": httpx.MockTransport(handler) if handler else None,
        # One try, at once: what is looked at is one exchange, unless a test says otherwise.
        "retries": NO_RETRIES,
        "pacing": None,
    } | options
    if kind == "fast":
        options["transport"] = transport_named("fast")
    if kind in ("sync", "fast"):
        with AmazonPayClient(**options) as client:
            return operation(client)

    async def run() -> Any:
        async with AsyncAmazonPayClient(**options) as client:
            return await operation(client)

    return asyncio.run(run())


def create(client: Any) -> Any:
    """The operation most tests use."""
    return client.create_charge(REQUEST, idempotency_key="key-1")
