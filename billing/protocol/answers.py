"""What an error of a call to Amazon means, whatever was called. Pure.

Charges, refunds and acts on charges share this sorting; what a definite refusal means for each of
them is theirs to say.
"""

from enum import StrEnum

from amazonpay import (
    AmazonPayError,
    DefiniteRefusal,
    InvalidArgument,
    Misconfigured,
    Throttled,
)


class ErrorKind(StrEnum):
    """What is known after a call that gave no object."""

    OUR_FAULT = "our_fault"  # the request cannot even be made: no rule covers it
    THROTTLED = "throttled"  # nothing happened: the same bytes go again later
    MISCONFIGURED = "misconfigured"  # nothing happened, to anybody: a person must act
    REFUSED = "refused"  # definite for this very request
    UNKNOWN = "unknown"  # nothing is known


def kind_of_error(error: AmazonPayError) -> ErrorKind:
    """Sort an error; whatever is not certain is `UNKNOWN`."""
    match error:
        case InvalidArgument():
            return ErrorKind.OUR_FAULT
        case Throttled():
            return ErrorKind.THROTTLED
        case Misconfigured():
            return ErrorKind.MISCONFIGURED
        case DefiniteRefusal():
            return ErrorKind.REFUSED
    return ErrorKind.UNKNOWN
