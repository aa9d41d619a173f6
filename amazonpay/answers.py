"""From an HTTP answer to a typed object or the right error. No I/O: bytes in, value or error out.

The sorting follows one question: did Amazon say, beyond doubt, what became of this request?
Source: errors-and-throttling §1 to §4, reliability §2.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final, TypeVar

from amazonpay.errors import (
    AmazonPayError,
    DefiniteRefusal,
    Misconfigured,
    Throttled,
    UnknownOutcome,
)
from amazonpay.reading import MalformedResponse, read_object
from amazonpay.states import ErrorCode

MAX_BODY_BYTES: Final = 1_000_000
"""No documented answer comes near this size; more is not Amazon Pay talking."""

_LONGEST_WAIT_SECONDS: Final = 3600
"""Retry-After is not documented: it is honoured, but it must not stop a merchant for longer."""

_UNDECIDED: Final = frozenset({408, 425})
_KEY_REFUSALS: Final = frozenset(
    {(403, ErrorCode.INVALID_AUTHENTICATION), (401, ErrorCode.UNAUTHORIZED_ACCESS)}
)
_PERSON_NEEDED: Final = frozenset({401, 403, 426})

_REMEDIES: Final[Mapping[ErrorCode, str]] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST_SIGNATURE: (
            "The private key does not belong to the public key id: "
            "set both from the same key pair in Seller Central"
        ),
        ErrorCode.INVALID_AUTHENTICATION: (
            "The public key id is unknown or disabled: check it in Seller Central"
        ),
        ErrorCode.INVALID_ACCOUNT_STATUS: (
            "The merchant account is suspended: contact Amazon Pay merchant support"
        ),
        ErrorCode.UNAUTHORIZED_ACCESS: (
            "The object or operation is not open to this account: "
            "check that the key belongs to the merchant account and environment of the object"
        ),
        ErrorCode.TLS_VERSION_NOT_SUPPORTED: (
            "Update Python and OpenSSL on this machine to offer a current TLS version"
        ),
        ErrorCode.INVALID_API_VERSION: "Check the base URL in the settings",
        ErrorCode.INVALID_HEADER_VALUE: "Check region, host and key id in the settings",
        ErrorCode.MISSING_HEADER: "Check that no proxy on the way removes request headers",
        ErrorCode.MISSING_HEADER_VALUE: "Check that no proxy on the way empties request headers",
    }
)
_HEADER_CODES: Final = frozenset(
    {
        ErrorCode.INVALID_HEADER_VALUE,
        ErrorCode.MISSING_HEADER,
        ErrorCode.MISSING_HEADER_VALUE,
        ErrorCode.INVALID_API_VERSION,
    }
)
_CHECK_ACCOUNT: Final = "Check the merchant's keys and account in Seller Central"
_SET_CLOCK: Final = "Set this machine's clock (NTP): Amazon Pay refuses the date of the request"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A complete HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """Amazon's id for this exchange, the first thing its support asks for."""
        return self.headers.get("x-amz-pay-request-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The documented error body."""

    reason_code: ErrorCode
    message: str


T = TypeVar("T")


def read_answer(answer: HttpAnswer, *, read: Callable[..., T]) -> T:
    """The object of a 2xx answer. Raises what `refusal` gives for any other answer."""
    if not 200 <= answer.status < 300:
        raise refusal(answer)
    try:
        return read(_json(answer), request_id=answer.request_id)
    except MalformedResponse as problem:
        raise _unknown(answer, str(problem)) from problem


def refusal(answer: HttpAnswer) -> AmazonPayError:
    """The error that an answer other than 2xx stands for."""
    error = error_body(answer)
    if answer.status == 429:
        # By status alone: whoever sends it, the same key later is right and slower is right.
        return Throttled(retry_after_seconds(answer), answer.request_id)
    if not 400 <= answer.status < 500 or answer.status in _UNDECIDED:
        return _unknown(answer, f"status {answer.status} says nothing final", error)
    if error is None:
        return _unknown(answer, "the refusal does not have Amazon Pay's documented shape")
    details = (answer.status, error.reason_code, error.message, answer.request_id)
    if names_request_date(answer):
        return Misconfigured(*details, _SET_CLOCK)
    if answer.status in _PERSON_NEEDED or error.reason_code in _HEADER_CODES:
        return Misconfigured(*details, _REMEDIES.get(error.reason_code, _CHECK_ACCOUNT))
    return DefiniteRefusal(*details)


def error_body(answer: HttpAnswer) -> ErrorBody | None:
    """The documented error body, or None when the answer holds anything else."""
    try:
        source = _json(answer)
    except MalformedResponse:
        return None
    code, message = source.get("reasonCode"), source.get("message")
    if not isinstance(code, str) or not code or not isinstance(message, str):
        return None
    return ErrorBody(reason_code=ErrorCode(code), message=message)


def disowns_key(answer: HttpAnswer) -> bool:
    """True when Amazon may have refused the public key id as unknown or disabled.

    Nothing happened then. It is uncertain whether that is told by 403 `InvalidAuthentication` or
    by 401 `UnauthorizedAccess`, which also means an object of somebody else (signing §7).
    """
    error = error_body(answer) if answer.status in (401, 403) else None
    return error is not None and (answer.status, error.reason_code) in _KEY_REFUSALS


def names_request_date(answer: HttpAnswer) -> bool:
    """True when Amazon refused the request for its x-amz-pay-date, in the future or too old."""
    error = error_body(answer) if answer.status == 400 else None
    return (
        error is not None
        and error.reason_code == ErrorCode.INVALID_HEADER_VALUE
        and "x-amz-pay-date" in error.message.lower()
    )


def server_time(answer: HttpAnswer) -> datetime | None:
    """The instant in the answer's Date header, in UTC."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _json(answer: HttpAnswer) -> Mapping[str, object]:
    content_type = answer.headers.get("content-type", "application/json")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MalformedResponse(f"the content type is {media_type[:80]}, not application/json")
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        # We ask for plain bytes and never decompress: a small answer cannot grow large in memory.
        raise MalformedResponse(f"the content encoding is {encoding[:80]}, which was not asked for")
    return read_object(answer.body)


def _unknown(answer: HttpAnswer, cause: str, error: ErrorBody | None = None) -> UnknownOutcome:
    return UnknownOutcome(
        cause,
        answer.status,
        error.reason_code if error else None,
        error.message if error else None,
        answer.request_id,
    )


def retry_after_seconds(answer: HttpAnswer) -> int | None:
    """The wait that the answer asks for, at most an hour; None when it names no whole seconds."""
    text = answer.headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    # Nine digits say "longer than any wait we honour", and int() of a million digits would not end.
    return min(int(text[:9]), _LONGEST_WAIT_SECONDS)
