"""The two clients, one synchronous and one asynchronous: thin shells that only move bytes.

What is sent and what an answer means is decided in `calls`, `wire` and `answers`, once for both.
Neither client retries, follows redirects, reads the environment or keeps cookies. One client
serves one worker slot; making one is cheap.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar, cast

import httpx

from amazonpay import calls
from amazonpay.answers import MAX_BODY_BYTES, HttpAnswer, read_answer
from amazonpay.calls import Call
from amazonpay.errors import UnknownOutcome
from amazonpay.keys import Environment
from amazonpay.models import Charge, ChargePermission, Refund
from amazonpay.requests import (
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CreateCharge,
    CreateRefund,
    UpdateChargePermission,
)
from amazonpay.transport import (
    async_transport,
    checked_deadline,
    connect_timeouts,
    deadline,
    seconds_left,
    ssl_context,
    sync_transport,
)
from amazonpay.wire import Credentials, SignedRequest, Wire

T = TypeVar("T")

JAPAN: Final = "https://pay-api.amazon.jp"


class AmazonPayClient:
    """Amazon Pay for one merchant in one environment, called from a thread.

    Every operation returns the typed object or raises an `AmazonPayError`; a call ends within
    `deadline_seconds` altogether (name resolution excepted, which the operating system limits).
    `clock` gives the date that is signed and must be aware. `transport` replaces the network.
    Raises InvalidArgument when key id and environment contradict each other.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        environment: Environment,
        clock: Callable[[], datetime],
        base_url: str = JAPAN,
        region: str = "jp",
        ca_file: str | Path | None = None,
        deadline_seconds: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._wire = Wire(
            credentials=credentials,
            environment=environment,
            base_url=base_url,
            region=region,
            clock=clock,
        )
        self._deadline_seconds = checked_deadline(deadline_seconds)
        self._transport = transport or sync_transport(ssl_context=ssl_context(ca_file))

    def get_charge_permission(self, charge_permission_id: str) -> ChargePermission:
        """The buyer's consent as it is now, with what is left of its monthly cap."""
        return self._run(calls.get_charge_permission(charge_permission_id))

    def update_charge_permission(
        self, charge_permission_id: str, request: UpdateChargePermission | bytes
    ) -> ChargePermission:
        """Tells Amazon about new texts or a new plan."""
        return self._run(calls.update_charge_permission(charge_permission_id, request))

    def close_charge_permission(
        self,
        charge_permission_id: str,
        request: CloseChargePermission | bytes,
        *,
        simulation_code: str | None = None,
    ) -> ChargePermission:
        """Ends the agreement for good."""
        return self._run(
            calls.close_charge_permission(
                charge_permission_id, request, simulation_code=simulation_code
            )
        )

    def create_charge(
        self,
        request: CreateCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Takes money. The same key with the same bytes never takes it twice."""
        return self._run(
            calls.create_charge(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    def get_charge(self, charge_id: str) -> Charge:
        """A charge as it is now."""
        return self._run(calls.get_charge(charge_id))

    def capture_charge(
        self,
        charge_id: str,
        request: CaptureCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Captures an authorised charge, once."""
        return self._run(
            calls.capture_charge(
                charge_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    def cancel_charge(
        self, charge_id: str, request: CancelCharge | bytes, *, simulation_code: str | None = None
    ) -> Charge:
        """Releases an authorisation."""
        return self._run(calls.cancel_charge(charge_id, request, simulation_code=simulation_code))

    def create_refund(
        self,
        request: CreateRefund | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Refund:
        """Starts giving money back; the result comes later."""
        return self._run(
            calls.create_refund(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    def get_refund(self, refund_id: str) -> Refund:
        """A refund as it is now."""
        return self._run(calls.get_refund(refund_id))

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        with deadline(self._deadline_seconds):
            answer = self._send(self._wire.sign(call))
            if self._wire.learns_clock_from(answer):
                answer = self._send(self._wire.sign(call))
        return read_answer(answer, read=call.read)

    def _send(self, request: SignedRequest) -> HttpAnswer:
        outgoing = _outgoing(request)
        try:
            response = self._transport.handle_request(outgoing)
            try:
                return _complete(response, _body(response))
            finally:
                response.close()
        except Exception as problem:
            raise _unknown(problem) from problem


class AsyncAmazonPayClient:
    """Amazon Pay for one merchant in one environment, called from an asyncio event loop.

    The asynchronous twin of `AmazonPayClient`: same arguments, same answers, same errors.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        environment: Environment,
        clock: Callable[[], datetime],
        base_url: str = JAPAN,
        region: str = "jp",
        ca_file: str | Path | None = None,
        deadline_seconds: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._wire = Wire(
            credentials=credentials,
            environment=environment,
            base_url=base_url,
            region=region,
            clock=clock,
        )
        self._deadline_seconds = checked_deadline(deadline_seconds)
        self._transport = transport or async_transport(ssl_context=ssl_context(ca_file))

    async def get_charge_permission(self, charge_permission_id: str) -> ChargePermission:
        """The buyer's consent as it is now, with what is left of its monthly cap."""
        return await self._run(calls.get_charge_permission(charge_permission_id))

    async def update_charge_permission(
        self, charge_permission_id: str, request: UpdateChargePermission | bytes
    ) -> ChargePermission:
        """Tells Amazon about new texts or a new plan."""
        return await self._run(calls.update_charge_permission(charge_permission_id, request))

    async def close_charge_permission(
        self,
        charge_permission_id: str,
        request: CloseChargePermission | bytes,
        *,
        simulation_code: str | None = None,
    ) -> ChargePermission:
        """Ends the agreement for good."""
        return await self._run(
            calls.close_charge_permission(
                charge_permission_id, request, simulation_code=simulation_code
            )
        )

    async def create_charge(
        self,
        request: CreateCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Takes money. The same key with the same bytes never takes it twice."""
        return await self._run(
            calls.create_charge(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    async def get_charge(self, charge_id: str) -> Charge:
        """A charge as it is now."""
        return await self._run(calls.get_charge(charge_id))

    async def capture_charge(
        self,
        charge_id: str,
        request: CaptureCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Captures an authorised charge, once."""
        return await self._run(
            calls.capture_charge(
                charge_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    async def cancel_charge(
        self, charge_id: str, request: CancelCharge | bytes, *, simulation_code: str | None = None
    ) -> Charge:
        """Releases an authorisation."""
        return await self._run(
            calls.cancel_charge(charge_id, request, simulation_code=simulation_code)
        )

    async def create_refund(
        self,
        request: CreateRefund | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Refund:
        """Starts giving money back; the result comes later."""
        return await self._run(
            calls.create_refund(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    async def get_refund(self, refund_id: str) -> Refund:
        """A refund as it is now."""
        return await self._run(calls.get_refund(refund_id))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _run(self, call: Call[T]) -> T:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                answer = await self._send(self._wire.sign(call))
                if self._wire.learns_clock_from(answer):
                    answer = await self._send(self._wire.sign(call))
        except TimeoutError as problem:
            raise _unknown(problem) from problem
        return read_answer(answer, read=call.read)

    async def _send(self, request: SignedRequest) -> HttpAnswer:
        outgoing = _outgoing(request)
        outgoing.extensions["timeout"] = connect_timeouts(self._deadline_seconds)
        try:
            response = await self._transport.handle_async_request(outgoing)
            try:
                return _complete(response, await _async_body(response))
            finally:
                await response.aclose()
        except Exception as problem:
            raise _unknown(problem) from problem


def _outgoing(request: SignedRequest) -> httpx.Request:
    return httpx.Request(
        request.method, request.url, headers=dict(request.headers), content=request.body
    )


def _complete(response: httpx.Response, body: bytes) -> HttpAnswer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(status=response.status_code, headers=headers, body=body)


def _body(response: httpx.Response) -> bytes:
    # The raw stream: nothing is decompressed, so no small answer can grow large in memory.
    body = bytearray()
    for chunk in cast("httpx.SyncByteStream", response.stream):
        seconds_left()
        _append(body, chunk)
    return bytes(body)


async def _async_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        _append(body, chunk)
    return bytes(body)


def _append(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > MAX_BODY_BYTES:
        raise httpx.ReadError(f"the answer is longer than {MAX_BODY_BYTES} bytes")


def _unknown(problem: Exception) -> UnknownOutcome:
    """Once the first byte may have left, whatever breaks leaves the outcome open."""
    kind = type(problem).__name__
    return UnknownOutcome(f"{kind}: {problem}" if str(problem) else kind)
