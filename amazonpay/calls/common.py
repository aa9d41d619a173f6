"""A call as a plain value: what to send, and how to read what comes back."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, Protocol, TypeVar, cast
from urllib.parse import quote

from amazonpay.answers import HttpAnswer, read_answer
from amazonpay.errors import InvalidArgument, UnknownOutcome, shown
from amazonpay.requests.common import check_charge_id

T = TypeVar("T")

_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SIMULATION_CODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_LONGEST_TOKEN: Final = 1000


@dataclass(frozen=True, slots=True)
class ByStatus(Generic[T]):
    """A way of reading for which 200 and 202 do not mean the same: it is told the status."""

    read: Callable[..., T]

    def __call__(self, source: object, *, request_id: str | None = None, status: int) -> T:
        """Reads the object of an answer with this status."""
        return self.read(source, request_id=request_id, status=status)

    def for_status(self, status: int) -> Callable[..., T]:
        """The way to read an answer with this status."""
        return partial(self, status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One operation, ready to be signed; `path` is what follows the version segment.

    `operation` is Amazon's name in CamelCase. `about` names an attribute of the answer's object and
    the value it must have: the answer must be about what was asked. `query` holds names and values
    as they are meant; encoding and sorting is for whoever signs. Paths of tokens are secrets and
    bodies hold personal data, so repr shows neither.
    """

    operation: str
    method: str
    path: str = field(repr=False)
    read: Callable[..., T]
    body: bytes = field(default=b"", repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    idempotency_key: str | None = None
    simulation_code: str | None = None
    about: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.idempotency_key is not None and not _KEY.fullmatch(self.idempotency_key):
            raise InvalidArgument(
                "idempotency_key",
                self.idempotency_key,
                "1 to 32 characters of A-Z a-z 0-9 - _",
                "Derive a shorter key; a dashed UUID loses its dashes",
            )
        if self.simulation_code is not None and not _SIMULATION_CODE.fullmatch(
            self.simulation_code
        ):
            raise InvalidArgument(
                "simulation_code",
                self.simulation_code,
                "letters and digits only",
                "Use a code of the sandbox simulation table, such as SoftDeclined",
            )


def read_result(call: Call[T], answer: HttpAnswer) -> T:
    """What the answer to `call` says; raises as `amazonpay.answers.read_answer` does.

    Two things only the call knows: that an empty answer may be a good one (Cancel Report
    Schedule), and that the status itself carries meaning (Complete Checkout Session).
    """
    read = call.read
    if read is nothing and 200 <= answer.status < 300 and not answer.body:
        return cast("T", None)
    told: Callable[..., T] = read
    if isinstance(read, ByStatus):
        told = read.for_status(answer.status)
    result = read_answer(answer, read=told)
    _require_about(call, result, answer)
    return result


def _require_about(call: Call[T], result: T, answer: HttpAnswer) -> None:
    # A peer that answers one request twice would shift every later answer by one call.
    if call.about is None:
        return
    attribute, asked = call.about
    answered = getattr(result, attribute)
    if answered != asked:
        raise UnknownOutcome(
            f"the answer is about {attribute} {shown(answered)}, not about {asked}",
            answer.status,
            None,
            None,
            answer.request_id,
        )


def nothing(_source: object, *, request_id: str | None = None) -> None:
    """Reads an answer that says nothing but that it was done."""


class Body(Protocol):
    """A request that knows its bytes."""

    def to_bytes(self) -> bytes:
        """The exact bytes to send."""
        ...


def body_bytes(request: Body | bytes) -> bytes:
    """The bytes of a request, or the frozen bytes that were given."""
    return request if isinstance(request, bytes) else request.to_bytes()


def checked_id(field: str, value: str) -> str:
    """The id as a part of a path. Raises InvalidArgument for what could open another path."""
    if _ID.fullmatch(value):
        return value
    raise InvalidArgument(
        field, value, "letters, digits and hyphens, 1 to 64", "Give the id as Amazon Pay wrote it"
    )


def checked_charge_id(value: str) -> str:
    """A charge id as a part of a path; a CV1 capture id passes, an authorization id does not."""
    check_charge_id(checked_id("charge_id", value))
    return value


def token_segment(field: str, token: str) -> str:
    """A token as a part of a path, percent-encoded. Raises InvalidArgument without showing it."""
    usable = 1 <= len(token) <= _LONGEST_TOKEN and token.isprintable() and token not in (".", "..")
    if usable:
        return quote(token, safe="")
    raise InvalidArgument(
        field,
        f"{len(token)} characters",
        f"1 to {_LONGEST_TOKEN:,} visible characters",
        "Give the token as it came in the query of the return address",
    )
