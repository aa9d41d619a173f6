"""The way of one API call: recognise, let in, throttle, strike with a fault or perform, log.

A call is performed without an await inside, in one transaction with its log line; two calls with
one idempotency key therefore never overlap, except while a `slow` fault holds the first of them.
"""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from amazonpay.sandbox import fields, gate, routes, simulation, tokens
from amazonpay.sandbox.charges import processing_failure
from amazonpay.sandbox.clock import VirtualClock
from amazonpay.sandbox.faults import Fault, Faults
from amazonpay.sandbox.refusals import Refused, invalid_value, is_final
from amazonpay.sandbox.rows import LoggedRequest, StoredAnswer
from amazonpay.sandbox.shapes import encode
from amazonpay.sandbox.signature import SignedRequest
from amazonpay.sandbox.throttle import Throttle
from amazonpay.sandbox.timers import fire_due
from amazonpay.sandbox.wire import Answer, Disconnected, Wire, refusal
from amazonpay.sandbox.world import Request, World

_LOG = logging.getLogger(__name__)
_INSTEAD = {
    "500_before": Refused(500, "InternalServerError", "An internal error occurred."),
    "503": Refused(503, "ServiceUnavailable", "The service is temporarily unavailable."),
    "429": Refused(429, "TooManyRequests", "The request rate is exceeded."),
}
_SILENT = frozenset({"timeout_before", "timeout_after", "reset_before", "reset_after"})


@dataclass(frozen=True, slots=True)
class _Seen:
    """A call as the request log sees it, let in or not."""

    operation: str
    request: SignedRequest
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A call that was let in."""

    request: SignedRequest
    target: routes.Target
    key: str | None
    simulation: str | None

    @property
    def seen(self) -> _Seen:
        """Its side for the log."""
        return _Seen(self.target.operation.name, self.request, self.key)


class Pipeline:
    """The ASGI application of the API paths."""

    def __init__(
        self,
        *,
        world: World,
        clock: VirtualClock,
        entrance: gate.Gate,
        throttle: Throttle,
        faults: Faults,
    ) -> None:
        self._world = world
        self._clock = clock
        self._gate = entrance
        self._throttle = throttle
        self._faults = faults
        self._held: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call; nothing that a client sends ends in anything but Amazon's JSON."""
        wire = Wire(scope, receive, send)
        try:
            body = await wire.body()
        except Disconnected:
            return
        except Refused as refused:
            await wire.answer(refusal(refused), self._clock.now())
            return
        try:
            await self._handle(wire, scope["method"], _signed_request(scope, body))
        except Exception:
            _LOG.exception("the local Amazon Pay failed on %s", scope["path"])
            await wire.answer(refusal(_INSTEAD["500_before"]), self._clock.now())

    async def _handle(self, wire: Wire, method: str, request: SignedRequest) -> None:
        now = self._clock.now()
        name = "Unknown"
        try:
            _refuse_doubled(request)
            target = routes.find(method, request.path)
            name = target.operation.name
            call = self._let_in(request, target, now)
        except Refused as refused:
            answer = refusal(refused)
            self._log_only(_Seen(name, request, None), answer, now)
            await wire.answer(answer, now)
            return
        fault = self._faults.take(name)
        if fault is None:
            if call.key in self._held:
                await self._held[call.key].wait()
            await wire.answer(self._perform(call, None), now)
        else:
            await self._strike(wire, call, fault)

    def _let_in(self, request: SignedRequest, target: routes.Target, now: int) -> _Call:
        operation = target.operation
        self._gate.check(
            request, path_environment=target.environment, key_use=operation.key, now=now
        )
        token = request.headers.get(tokens.HEADER)
        if token is not None:
            tokens.require_issued(self._world.store, token, now=now)
        key = gate.idempotency_key(request.headers, use=operation.key)
        code = request.headers.get("x-amz-pay-simulation-code")
        if code is not None:
            code = self._heeded_code(code, request.method, operation.name)
        self._throttle.take(operation.name, now)
        return _Call(request=request, target=target, key=key, simulation=code)

    def _heeded_code(self, code: str, method: str, operation: str) -> str | None:
        return simulation.heeded_code(
            code,
            method=method,
            operation=operation,
            environment=self._world.environment,
            options=self._world.options,
        )

    async def _strike(self, wire: Wire, call: _Call, fault: Fault) -> None:
        kind = fault.kind
        if kind == "slow":
            await self._hold(call, fault)
        answer = self._answer_before(call, kind) or self._perform(call, kind)
        now = self._clock.now()
        if kind in ("timeout_before", "timeout_after"):
            await wire.hang(fault.seconds)
        elif kind in ("reset_before", "reset_after"):
            await wire.reset()
        elif kind == "cut_body":
            await wire.cut_body(answer, now)
        elif kind == "garbage":
            await wire.garbage(answer, now)
        else:
            await wire.answer(answer, now)

    async def _hold(self, call: _Call, fault: Fault) -> None:
        """Takes its time; another call with the same key waits for this one."""
        key = call.key
        while key in self._held:
            await self._held[key].wait()
        released = asyncio.Event()
        if key is not None:
            self._held[key] = released
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            if key is not None:
                del self._held[key]
            # The waiting calls wake up only after this one was performed: no await in between.
            released.set()

    def _answer_before(self, call: _Call, kind: str) -> Answer | None:
        """The answer of a fault that keeps the call from being performed."""
        if kind not in _INSTEAD and not kind.endswith("_before"):
            return None
        answer = refusal(_INSTEAD.get(kind, _INSTEAD["503"]))
        self._log_only(call.seen, answer, self._clock.now(), kind)
        return answer

    def _perform(self, call: _Call, kind: str | None) -> Answer:
        now = self._clock.now()
        try:
            with self._world.store.transaction():
                fire_due(self._world, now)
                answer = self._answer(call, now, kind)
                self._log(call.seen, answer, now, kind)
                return answer
        except Exception:
            _LOG.exception("the local Amazon Pay failed in %s", call.target.operation.name)
            return refusal(_INSTEAD["500_before"])

    def _answer(self, call: _Call, now: int, kind: str | None) -> Answer:
        try:
            answer = self._replayed_or_new(call, now, kind)
        except Refused as refused:
            return refusal(refused)
        if kind == "processing_failure_but_charged" and answer.status < 300:
            return refusal(processing_failure())
        if kind == "500_after":
            return refusal(_INSTEAD["500_before"])
        return answer

    def _replayed_or_new(self, call: _Call, now: int, kind: str | None) -> Answer:
        operation = call.target.operation
        body = fields.read_object(call.request.body) if operation.takes_body else {}
        # Taken without a key as well: it refuses text that could be neither stored nor answered.
        fingerprint = _fingerprint(call, body) if operation.takes_body else b""
        if call.key is not None:
            kept = self._world.store.answer(call.key)
            if kept is not None:
                _require_same(kept, fingerprint, call.key)
                return self._replay(kept)
        if kind == "processing_failure":
            raise processing_failure()
        answer = self._new(call, body, now)
        if call.key is not None and is_final(status=answer.status, reason_code=answer.reason_code):
            kept = StoredAnswer(fingerprint, answer.status, answer.body)
            self._world.store.keep_answer(call.key, kept)
        return answer

    def _replay(self, kept: StoredAnswer) -> Answer:
        # Only a success is told as 200: a refusal stays what it was, and 204 has no body to tell.
        as_200 = kept.status in (201, 202) and self._world.options.replay_status == "200"
        return Answer(status=200 if as_200 else kept.status, body=kept.body, replayed=True)

    def _new(self, call: _Call, body: fields.Json, now: int) -> Answer:
        request = Request(
            now=now,
            target_id=call.target.object_id,
            body=body,
            idempotency_key=call.key,
            simulation=call.simulation,
            query=_query(call.request.query),
        )
        try:
            reply = call.target.operation.perform(self._world, request)
        except Refused as refused:
            return refusal(refused)
        content = b"" if reply.payload is None else encode(reply.payload)
        return Answer(status=reply.status, body=content, object_id=reply.object_id)

    def _log_only(self, seen: _Seen, answer: Answer, now: int, fault: str | None = None) -> None:
        with self._world.store.transaction():
            self._log(seen, answer, now, fault)

    def _log(self, seen: _Seen, answer: Answer, now: int, fault: str | None) -> None:
        key = seen.key or seen.request.headers.get(gate.IDEMPOTENCY_HEADER, "")[:64]
        self._world.store.log(
            LoggedRequest(
                at=now,
                operation=seen.operation,
                idempotency_key=key or None,
                body_sha256=hashlib.sha256(seen.request.body).hexdigest(),
                status=None if fault in _SILENT else answer.status,
                replayed=int(answer.replayed),
                reason_code=None if fault in _SILENT else answer.reason_code,
                fault=fault,
                request_id=answer.request_id,
                object_id=answer.object_id,
            )
        )


def _signed_request(scope: Scope, body: bytes) -> SignedRequest:
    return SignedRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("latin-1"),
        headers=_Headers(scope["headers"]),
        body=body,
    )


class _Headers(dict[str, str]):
    """Headers by lower-case name; remembers a name of ours that came twice."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        super().__init__()
        self.doubled: str | None = None
        for name_bytes, value in raw:
            name = name_bytes.decode("latin-1")
            if name in self and (name.startswith("x-amz-pay-") or name == "authorization"):
                self.doubled = name
            self[name] = _text(value)


def _text(value: bytes) -> str:
    # SDKs sign UTF-8; bytes that are not UTF-8 survive for the message only.
    return value.decode("utf-8", "replace")


def _refuse_doubled(request: SignedRequest) -> None:
    headers = request.headers
    if isinstance(headers, _Headers) and headers.doubled is not None:
        raise Refused(
            400, "InvalidHeaderValue", f"The header {headers.doubled} was provided more than once"
        )


def _query(text: str) -> dict[str, str]:
    """The query's parameters by name; a name that came twice is refused."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=64)
    except ValueError:
        raise Refused(400, "InvalidRequest", "The query string cannot be read.") from None
    for name, _ in pairs:
        if sum(name == other for other, _ in pairs) > 1:
            raise invalid_value(name[:64], " It was given more than once.")
    return dict(pairs)


def _fingerprint(call: _Call, body: fields.Json) -> bytes:
    """Method, path and meaning of the body; date, signature and spelling do not count."""
    head = f"{call.request.method}\n{call.target.path}\n".encode()
    return hashlib.sha256(head + fields.canonical(body)).digest()


def _require_same(kept: StoredAnswer, fingerprint: bytes, key: str) -> None:
    if kept.fingerprint != fingerprint:
        raise Refused(
            400,
            "DuplicateIdempotencyKey",
            f"The idempotency key [{key}] was already used for a different request.",
        )
