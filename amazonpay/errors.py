"""What can go wrong, sorted by what the caller may do next.

    AmazonPayError
    ├── InvalidArgument            nothing was sent: a value here breaks a rule (also a ValueError)
    │   └── UnusableKey            the private key cannot be used
    ├── DefiniteRefusal            Amazon said no; for this idempotency key the answer is final
    │   └── Misconfigured          nothing happened, and nothing will until a person acts
    ├── Throttled                  nothing happened; repeat the same key later
    └── UnknownOutcome             it may or may not have happened; repeat the same key and bytes

Only a complete answer in the documented shape is definite. Whatever else comes back, or does not
come back, is an unknown outcome (rule 5 of the house). An error stands for all tries of its call
together: one try that may have taken effect makes the whole call an unknown outcome.
"""

from amazonpay.states import ErrorCode

_LONGEST_SHOWN = 300
"""Characters of foreign text repeated in an error; the rest says nothing and fills the logs."""


def shown(value: object) -> str:
    """A foreign value as it may stand in an error: quoted, on one line, shortened."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _code(reason_code: ErrorCode) -> str:
    """Amazon's word as it is; foreign text quoted, so that it cannot begin a line of its own."""
    word = reason_code.value
    return word[:_LONGEST_SHOWN] if word.isalnum() else shown(word)


class AmazonPayError(Exception):
    """Anything this package raises on purpose.

    `tries` is how many requests were sent for the call that ended so; 0 when nothing was sent.
    """

    tries: int = 0

    def _after_tries(self) -> str:
        return f", after {self.tries} tries" if self.tries > 1 else ""


class InvalidArgument(AmazonPayError, ValueError):
    """A value was refused on our side; nothing was sent.

    `field` is the offending name, `value` what was given (never a secret), `rule` what it must
    be and `remedy` what to do.
    """

    def __init__(self, field: str, value: object, rule: str, remedy: str) -> None:
        super().__init__(field, value, rule, remedy)
        self.field = field
        self.value = value
        self.rule = rule
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.field} {shown(self.value)}: {self.rule}. {self.remedy}."


class UnusableKey(InvalidArgument):
    """The private key cannot be used. The text never repeats any part of the key."""

    def __init__(self, rule: str, remedy: str) -> None:
        super().__init__("private_key", None, rule, remedy)
        self.args = (rule, remedy)

    def __str__(self) -> str:
        return f"The private key cannot be used: {self.rule}. {self.remedy}."


class DefiniteRefusal(AmazonPayError):
    """Amazon answered no, and for this idempotency key that answer is final.

    A `reason_code` Amazon has not documented (`reason_code.known` is False) is kept as text;
    whether it may be trusted as a decline is for the caller to say.
    """

    def __init__(
        self, status: int, reason_code: ErrorCode, message: str, request_id: str | None
    ) -> None:
        super().__init__(status, reason_code, message, request_id)
        self.status = status
        self.reason_code = reason_code
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return (
            f"Amazon Pay answered {self.status} {_code(self.reason_code)}: "
            f"{shown(self.message)} (request id {self.request_id or 'absent'}{self._after_tries()})"
        )


class Misconfigured(DefiniteRefusal):
    """Keys, account, clock or transport security are wrong: the request had no effect.

    No request will succeed until a person acts; `remedy` says how.
    """

    def __init__(
        self,
        status: int,
        reason_code: ErrorCode,
        message: str,
        request_id: str | None,
        remedy: str = "Check the merchant's keys and account in Seller Central",
    ) -> None:
        super().__init__(status, reason_code, message, request_id)
        self.args = (status, reason_code, message, request_id, remedy)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{super().__str__()}. {self.remedy}."


class Throttled(AmazonPayError):
    """Too many requests: nothing happened. Slow down, then repeat the same key and bytes.

    `retry_after_seconds` is Amazon's own wish, when it stated one. `before_sending` is True when
    this client's own pace left no room within the deadline; it is then the wait that was needed.
    """

    def __init__(
        self,
        retry_after_seconds: int | None,
        request_id: str | None = None,
        before_sending: bool = False,
    ) -> None:
        super().__init__(retry_after_seconds, request_id, before_sending)
        self.retry_after_seconds = retry_after_seconds
        self.request_id = request_id
        self.before_sending = before_sending

    def __str__(self) -> str:
        wait = self.retry_after_seconds
        when = "later" if wait is None else f"in {wait} s"
        if self.before_sending:
            return (
                "Not sent: the pace of this operation leaves no room within the deadline; "
                f"repeat the same request {when}{self._after_tries()}"
            )
        return (
            f"Amazon Pay answered 429: repeat the same request {when} "
            f"(request id {self.request_id or 'absent'}{self._after_tries()})"
        )


class UnknownOutcome(AmazonPayError):
    """No definite answer came: the request may or may not have taken effect.

    The only safe next step is the same idempotency key with byte-identical content. `cause` says
    what was seen; `status`, `reason_code` and `message` are set as far as an answer could be read.
    """

    def __init__(
        self,
        cause: str,
        status: int | None = None,
        reason_code: ErrorCode | None = None,
        message: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(cause, status, reason_code, message, request_id)
        self.cause = cause
        self.status = status
        self.reason_code = reason_code
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        facts = [f"status {self.status}" if self.status else "no status"]
        if self.reason_code is not None:
            facts.append(f"{_code(self.reason_code)}: {shown(self.message)}")
        facts.append(f"request id {self.request_id or 'absent'}")
        told = ", ".join(facts) + self._after_tries()
        return f"Amazon Pay gave no definite answer: {self.cause} ({told})"
