"""Between the real client and the model of Amazon Pay: what a network may do to one call.

It stands where sockets are (the client's own transport seam). The engine's bytes arrive at the
model as they were sent; what comes back may be late, cut, foreign, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import httpx

from simulation.amazon import Amazon, Answer
from simulation.world import SECOND, World

TIMEOUT: Final = 10 * SECOND
_SLOW: Final = (SECOND // 20, SECOND, 4 * SECOND, 9 * SECOND)
_LATE: Final = (SECOND, 5 * SECOND, 20 * SECOND, 60 * SECOND)
_JSON: Final = httpx.Headers({"content-type": "application/json"})

Arrived = Callable[[str, str, str | None, bytes], None]


class Asked(Protocol):
    """What the engine's client puts on the wire, as far as this network looks at it."""

    @property
    def method(self) -> str:
        """HTTP's verb."""

    @property
    def url(self) -> str:
        """The whole address."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, as they were signed."""

    @property
    def body(self) -> bytes:
        """The very bytes."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Looks like a response of httpx, as far as the client reads one; a real one costs more."""

    status_code: int
    stream: tuple[bytes, ...]

    @property
    def headers(self) -> httpx.Headers:
        """Always JSON."""
        return _JSON

    def close(self) -> None:
        """Nothing is open."""


class SignsNothing:
    """Stands in for a private key: the signature is not what is simulated, and costs a lot."""

    def sign(self, data: bytes, *, salt_length: int) -> bytes:
        """No signature."""
        return b"simulated"


class Network:
    """The transport of every simulated client; `arrived` is told of each request that got there."""

    def __init__(
        self, *, world: World, amazon: Amazon, rates: dict[str, int], point: Callable[[str], None]
    ) -> None:
        self._world = world
        self._amazon = amazon
        self.rates = rates
        self.kept = 0
        self.is_away = False
        self._point = point
        self.arrived: Arrived = lambda operation, about, key, body: None
        self.answered: Callable[[str, str | None, Answer], None] = lambda o, k, a: None
        self.calls: dict[str, int] = {}

    def close(self) -> None:
        """No connection is open."""

    def handle_request(self, request: Asked) -> Answered:
        """One exchange, with whatever befalls it."""
        path = request.url.partition("/v2/")[2]
        name, _, rest = path.partition("/")
        verb = rest.partition("/")[2]
        operation = f"{request.method} {name}{verb and f'/{verb}'}"
        key = request.headers.get("x-amz-pay-idempotency-key")
        body = request.body
        self._point("send")
        fate = self._fate(operation, key or path)
        if fate:
            name = f"{operation} {fate}"
            self.calls[name] = self.calls.get(name, 0) + 1
            self._world.trace(f"{self._who()} {operation} {fate} {key or path}")
        else:
            self._world.trace(f"{self._who()} {operation} {key or path}")
        response = self._befall(fate, operation, request.method, path, key, body)
        self._point("answer")
        return response

    def _who(self) -> str:
        return self._world.running().process.name

    def _fate(self, operation: str, what: str) -> str:
        """What happens to this call; "" when nothing does."""
        if self.is_away:
            return "503"
        if operation == "POST charges" and self._world.tape.choose(
            f"kept {what}", 2, permille=self.kept
        ):
            return "500_kept"
        if not self.rates:
            return ""
        # Named by what it is about: leaving others out of a world does not change its fate.
        chosen = self._world.tape.choose(
            f"{operation} {what}", 1 + len(self.rates), permille=sum(self.rates.values())
        )
        return list(self.rates)[chosen - 1] if chosen else ""

    def _befall(
        self, fate: str, operation: str, method: str, path: str, key: str | None, body: bytes
    ) -> Answered:
        def reach() -> Answer:
            self.arrived(operation, path.split("/")[1] if "/" in path else "", key, body)
            answer = self._amazon.answer(method, path, key, body)
            self.answered(operation, key, answer)
            return answer

        match fate:
            case "timeout_before":
                raise self._timed_out()
            case "timeout_after":
                reach()
                raise self._timed_out()
            case "late_effect":
                wait = TIMEOUT + _LATE[self._world.tape.choose("late_effect", len(_LATE))]
                self._world.at(self._world.now + wait, lambda: _ignore(reach()))
                raise self._timed_out()
            case "reset_before":
                raise httpx.ConnectError("simulated: no connection")
            case "reset_after":
                reach()
                raise httpx.ReadError("simulated: connection reset")
            case "500_before":
                return _response(500, _said("InternalServerError"))
            case "500_after":
                reach()
                return _response(500, _said("InternalServerError"))
            case "500_kept":
                reach()
                self._amazon.fails_for_ever(key or "")
                return _response(500, _said("InternalServerError"))
            case "failure_before":
                return _response(500, _said("ProcessingFailure"))
            case "failure_after":
                reach()
                return _response(500, _said("ProcessingFailure"))
            case "503":
                return _response(503, _said("ServiceUnavailable"))
            case "429":
                return _response(429, _said("TooManyRequests"))
            case "cut_body":
                status, answer = reach()
                whole = json.dumps(answer).encode()
                cut = 1 + self._world.tape.choose("cut", len(whole) - 2)
                return _response(status, whole[:cut])
            case "garbage":
                reach()
                return _response(200, b"<html>maintenance</html>")
            case "slow":
                self._world.sleep(_SLOW[self._world.tape.choose("slow", len(_SLOW))])
        status, answer = reach()
        return _response(status, json.dumps(answer).encode())

    def _timed_out(self) -> httpx.ReadTimeout:
        self._world.sleep(TIMEOUT)
        return httpx.ReadTimeout("simulated: no answer in time")


def _said(code: str) -> bytes:
    return json.dumps({"reasonCode": code, "message": "simulated"}).encode()


def _response(status: int, body: bytes) -> Answered:
    return Answered(status, (body,))


def _ignore(_answer: Answer) -> None:
    """The client has given up: nobody hears this answer."""
