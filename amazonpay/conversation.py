"""All tries of one call as a conversation without I/O: what to send, when, and what it means.

It yields `Send` and `Wait` steps and is told what came back. The synchronous and the asynchronous
exchange play the same conversation, so neither decides anything.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Final, Generic, TypeVar, cast

from amazonpay.answers import HttpAnswer, disowns_key, retry_after_seconds
from amazonpay.calls import Call, read_result
from amazonpay.errors import AmazonPayError, Throttled, UnknownOutcome
from amazonpay.pacing import Pacer
from amazonpay.retries import (
    Broken,
    Reply,
    RetryPolicy,
    final_error,
    leaves_doubt,
    may_repeat,
)
from amazonpay.wire import SignedRequest, Wire

T = TypeVar("T")

_SECOND_NS: Final = 1_000_000_000
_MS_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Wait:
    """Let so much time pass, then go on."""

    nanoseconds: int

    @property
    def seconds(self) -> float:
        """For the sleeping function."""
        return self.nanoseconds / _SECOND_NS


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request and give back the reply, which must be there within so much time."""

    request: SignedRequest
    within_ns: int

    @property
    def seconds(self) -> float:
        """For the socket's deadline."""
        return self.within_ns / _SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a client holds its conversations; `deadline_ns` is for all tries of a call together.

    `clock_ns` gives nanoseconds of a clock that never goes back.
    """

    wire: Wire
    retries: RetryPolicy
    pacer: Pacer | None
    deadline_ns: int
    clock_ns: Callable[[], int]
    random: Random


class Conversation(Generic[T]):
    """One call and what has happened to it so far; used once."""

    def __init__(self, call: Call[T], habits: Habits) -> None:
        self._call = call
        self._habits = habits
        self._ends_at = habits.clock_ns() + habits.deadline_ns
        self._sent = 0
        self._corrections = 0  # tries that only set a date or a key right; they use up no retry
        self._clock_was_set = False
        self._refused_keys: set[str] = set()
        self._doubt: UnknownOutcome | None = None
        self._last: AmazonPayError = Throttled(None, None, True)

    def steps(self) -> Generator[Wait | Send, Reply | None, T]:
        """What to do next, step by step; returns the object of a good answer.

        A `Send` is to be answered with its reply, a `Wait` with None. Raises the `AmazonPayError`
        that stands for all tries together.
        """
        while True:
            yield from self._pace()
            started = self._habits.clock_ns()
            request = self._habits.wire.sign(self._call, refused=self._refused_keys)
            reply = yield Send(request, self._time_left())
            if reply is None:
                raise TypeError("a Send step is answered with its reply")
            self._sent += 1
            outcome = _read(self._call, reply)
            if not isinstance(outcome, AmazonPayError):
                return outcome
            self._last = outcome
            wait = self._wait_before_next(request, reply, started)
            if wait:
                yield Wait(wait)

    def _pace(self) -> Generator[Wait, None, None]:
        pacer = self._habits.pacer
        if pacer is None:
            return
        now = self._habits.clock_ns()
        booked, wait = pacer.book(self._call.operation, at=now, within=self._ends_at - now)
        if not booked:
            raise self._ended(Throttled(-(-wait // _SECOND_NS), None, True))
        if wait:
            yield Wait(wait)

    def _time_left(self) -> int:
        left = self._ends_at - self._habits.clock_ns()
        if left <= 0:  # a sleep took longer than it was asked to
            raise self._ended(self._last)
        return left

    def _wait_before_next(self, request: SignedRequest, reply: Reply, started: int) -> int:
        """Nanoseconds until the next try. Raises the final error when there is none."""
        if leaves_doubt(self._call, error=self._last, reply=reply):
            self._doubt = cast("UnknownOutcome", self._last)
        if isinstance(reply, HttpAnswer):
            if self._is_corrected(request, reply):
                self._corrections += 1
                return 0
            self._learn_pace(reply, started)
        if not may_repeat(self._call, error=self._last, reply=reply):
            raise self._ended(self._last)
        return self._backoff(reply)

    def _is_corrected(self, request: SignedRequest, answer: HttpAnswer) -> bool:
        """True when Amazon refused our date or key id, so did nothing, and we know better now."""
        wire = self._habits.wire
        if disowns_key(answer):
            self._refused_keys.add(request.public_key_id)
            if wire.turns_to_key_other_than(self._refused_keys):
                return True
            self._last = wire.naming_all_keys(self._last)
        elif not self._clock_was_set and wire.learns_clock_from(answer):
            self._clock_was_set = True
            return True
        return False

    def _learn_pace(self, answer: HttpAnswer, started: int) -> None:
        if self._habits.pacer is None or answer.status != 429:
            return
        self._habits.pacer.slow_down(
            self._call.operation,
            at=self._habits.clock_ns(),
            sent_at=started,
            at_least=(retry_after_seconds(answer) or 0) * _SECOND_NS,
        )

    def _backoff(self, reply: Reply) -> int:
        policy = self._habits.retries
        tries = self._sent - self._corrections
        if tries >= policy.max_tries:
            raise self._ended(self._last)
        asked = retry_after_seconds(reply) if isinstance(reply, HttpAnswer) else None
        wait_ms = policy.wait_ms(tries, asked_seconds=asked, random=self._habits.random)
        if wait_ms * _MS_NS >= self._time_left():
            raise self._ended(self._last)
        return wait_ms * _MS_NS

    def _ended(self, error: AmazonPayError) -> AmazonPayError:
        final = final_error(self._call, error=error, doubt=self._doubt)
        final.tries = self._sent
        return final


def _read(call: Call[T], reply: Reply) -> T | AmazonPayError:
    if isinstance(reply, Broken):
        return _unknown(reply.problem)
    try:
        return read_result(call, reply)
    except AmazonPayError as error:
        return error


def _unknown(problem: Exception) -> UnknownOutcome:
    """Once the first byte may have left, whatever breaks leaves the outcome open."""
    kind = type(problem).__name__
    error = UnknownOutcome(f"{kind}: {problem}" if str(problem) else kind)
    error.__cause__ = problem
    return error
