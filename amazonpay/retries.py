"""When a call may be tried again, after how long, and what all its tries together mean.

One question decides: could another try do a second time what an earlier one may have done? Source:
errors-and-throttling §4 and §6, reliability §2.1.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import httpx

from amazonpay.answers import HttpAnswer
from amazonpay.calls import Call
from amazonpay.errors import (
    AmazonPayError,
    DefiniteRefusal,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
)
from amazonpay.states import ErrorCode

_MOST_TRIES: Final = 20
_RETRIED_STATUSES: Final = frozenset({408, 425, 500, 502, 503, 504})
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NETWORK: Final = (httpx.TransportError, OSError)

_SETTLING: Final = frozenset(
    {
        ErrorCode.SOFT_DECLINED,
        ErrorCode.HARD_DECLINED,
        ErrorCode.PAYMENT_METHOD_NOT_ALLOWED,
        ErrorCode.AMAZON_REJECTED,
        ErrorCode.MFA_NOT_COMPLETED,
        ErrorCode.TRANSACTION_TIMED_OUT,
    }
)
"""What Amazon says only after it has worked on this very idempotency key. Any other refusal of a
later try could be the echo of an earlier one's success: "already captured", "cap used up"."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A try that ended without a whole answer."""

    problem: Exception


Reply = HttpAnswer | Broken


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a call is tried, and how the waits grow: doubling from the first to the longest.

    Each wait is drawn evenly between 0 and that bound ("full jitter"), so that clients which
    failed together do not come back together. The client's total deadline holds for all tries.
    """

    max_tries: int = 5
    first_wait_ms: int = 1_000
    longest_wait_ms: int = 16_000

    def __post_init__(self) -> None:
        if not 1 <= self.max_tries <= _MOST_TRIES:
            raise InvalidArgument(
                "max_tries", self.max_tries, f"1 to {_MOST_TRIES}", "Use the default of 5"
            )
        if not 0 <= self.first_wait_ms <= self.longest_wait_ms:
            raise InvalidArgument(
                "first_wait_ms",
                self.first_wait_ms,
                f"0 or more and at most longest_wait_ms ({self.longest_wait_ms})",
                "Use the default of 1,000",
            )

    def bound_ms(self, tries: int) -> int:
        """The longest wait after so many tries: 1, 2, 4, 8, 16 s, and no more."""
        return min(self.longest_wait_ms, self.first_wait_ms << (tries - 1))

    def wait_ms(self, tries: int, *, asked_seconds: int | None, random: Random) -> int:
        """The wait after so many tries; never shorter than what Amazon asked for."""
        return max(random.randint(0, self.bound_ms(tries)), 1_000 * (asked_seconds or 0))


STANDARD_RETRIES: Final = RetryPolicy()
NO_RETRIES: Final = RetryPolicy(max_tries=1)


def may_repeat(call: Call[Any], *, error: AmazonPayError, reply: Reply) -> bool:
    """True when another try cannot do twice what this one may have done, and could help."""
    if isinstance(error, Throttled):
        return True
    if not isinstance(error, UnknownOutcome):
        return False
    if isinstance(reply, HttpAnswer):
        return _is_repeatable(call) and _is_passing(call, reply, error)
    if _is_bad_certificate(reply.problem):
        return False
    return never_sent(reply) or (_is_repeatable(call) and isinstance(reply.problem, _NETWORK))


def never_sent(reply: Reply) -> bool:
    """True when no byte of the request left: there was no connection to send it on."""
    return isinstance(reply, Broken) and isinstance(reply.problem, _NEVER_SENT)


def leaves_doubt(call: Call[Any], *, error: AmazonPayError, reply: Reply) -> bool:
    """True when this try may have changed something at Amazon."""
    return call.method != "GET" and isinstance(error, UnknownOutcome) and not never_sent(reply)


def final_error(
    call: Call[Any], *, error: AmazonPayError, doubt: UnknownOutcome | None
) -> AmazonPayError:
    """The error of the whole call, given that of the last try and the doubt an earlier one left.

    A later "nothing happened" speaks of the later try only, so the doubt outlives it.
    """
    if doubt is None or isinstance(error, UnknownOutcome) or _settles(call, error):
        return error
    refusal = error if isinstance(error, DefiniteRefusal) else None
    outcome = UnknownOutcome(
        f"an earlier try may have taken effect ({doubt.cause}), and the last one ended so: {error}",
        refusal.status if refusal else None,
        refusal.reason_code if refusal else None,
        refusal.message if refusal else None,
        getattr(error, "request_id", None),
    )
    outcome.__cause__ = error
    return outcome


def _settles(call: Call[Any], error: AmazonPayError) -> bool:
    return (
        call.idempotency_key is not None
        and isinstance(error, DefiniteRefusal)
        and not isinstance(error, Misconfigured)
        and error.reason_code in _SETTLING
    )


def _is_repeatable(call: Call[Any]) -> bool:
    if call.method == "POST":
        return call.idempotency_key is not None
    return call.method in ("GET", "PATCH")


def _is_passing(call: Call[Any], answer: HttpAnswer, error: UnknownOutcome) -> bool:
    # ProcessingFailure is about the payment, not the server: money may have moved, and whether
    # to look or to try again is for the caller to say.
    if call.method != "GET" and error.reason_code == ErrorCode.PROCESSING_FAILURE:
        return False
    return answer.status in _RETRIED_STATUSES


def _is_bad_certificate(problem: Exception) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(problem))


def _causes(problem: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
