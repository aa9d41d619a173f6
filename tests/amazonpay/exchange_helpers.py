"""One way to play a single call on both exchanges, in a time that only moves when it is told to."""

import asyncio
import random
from dataclasses import dataclass, field

import httpx
from wire_helpers import CHARGE_ID, NOW, PERMISSION_ID, charge_json, throwaway_key

from amazonpay.calls import Call
from amazonpay.exchange import AsyncExchange, Settings, SyncExchange, Timing
from amazonpay.models import Charge
from amazonpay.wire import Credentials

SECOND = 1_000_000_000


def credentials(key_id="SANDBOX-A"):
    return Credentials(public_key_id=key_id, private_key=throwaway_key())


def a_call(method="POST", operation="CreateCharge", *, key="key-1", **more):
    """A call that reads a charge, with an idempotency key when it is a POST."""
    return Call(
        method=method,
        path="/charges",
        read=Charge.from_json,
        operation=operation,
        body=b"" if method == "GET" else b'{"frozen":"bytes"}',
        idempotency_key=key if method == "POST" else None,
        **more,
    )


GET = a_call("GET", "GetCharge")
PATCH = a_call("PATCH", "UpdateChargePermission")
DELETE = a_call("DELETE", "CancelCharge")
POST = a_call()
POST_WITHOUT_KEY = a_call(key=None)
good = httpx.Response(201, json=charge_json(chargeId=CHARGE_ID, chargePermissionId=PERMISSION_ID))


class LargestChance(random.Random):
    """Draws the upper bound each time: the waits are 1, 2, 4, 8 and 16 s exactly."""

    def randint(self, a, b):
        return b


@dataclass
class FakeTime:
    """Time that passes only in sleeps, and while a scripted answer lets it pass."""

    now: int = 7 * SECOND
    slept: list = field(default_factory=list)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += int(seconds * SECOND)

    async def async_sleep(self, seconds):
        self.sleep(seconds)

    def timing(self, chance=None):
        return Timing(
            clock_ns=lambda: self.now,
            sleep=self.sleep,
            async_sleep=self.async_sleep,
            random=chance or LargestChance(),
        )


class Script:
    """An Amazon Pay that gives one scripted answer after another, and then only the last."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    def __call__(self, request):
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def settings(time, **changes):
    """What both exchanges are told in tests, unless a test says otherwise: no pacing."""
    given = {
        "credentials": credentials(),
        "environment": "sandbox",
        "clock": lambda: NOW,
        "pacing": None,
        "timing": time.timing(),
        "deadline_seconds": 300,
    }
    return Settings(**(given | changes))


def play(kind, call, handler, *, time=None, **changes):
    """What one call gives on the synchronous or the asynchronous exchange."""
    told = settings(time or FakeTime(), **changes)
    transport = httpx.MockTransport(handler)
    if kind == "sync":
        exchange = SyncExchange(settings=told, transport=transport)
        try:
            return exchange.run(call)
        finally:
            exchange.close()

    async def run():
        exchange = AsyncExchange(settings=told, transport=transport)
        try:
            return await exchange.run(call)
        finally:
            await exchange.aclose()

    return asyncio.run(run())
