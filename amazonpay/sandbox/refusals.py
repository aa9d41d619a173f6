"""What Amazon Pay answers when it says no: HTTP status, `reasonCode` and `message`.

Source: errors-and-throttling.md §1–§3. A `Refused` travels up to the pipeline, which turns it
into the two-key error body; whatever was written before it was raised stays written.
"""

from typing import Final

# Refusals that are Amazon's decision about this very request. They are kept under the
# idempotency key; any other refusal leaves the key free (errors-and-throttling.md §4).
BUSINESS_400: Final = frozenset({"TransactionAmountExceeded", "PeriodicAmountExceeded"})


class Refused(Exception):
    """The call is answered with an error body `{"reasonCode": …, "message": …}`."""

    def __init__(self, status: int, reason_code: str, message: str) -> None:
        super().__init__(f"{status} {reason_code}: {message}")
        self.status = status
        self.reason_code = reason_code
        self.message = message


def is_final(*, status: int, reason_code: str | None) -> bool:
    """Whether an answer is kept for ever under the idempotency key of its request."""
    if status == 400:
        return reason_code in BUSINESS_400
    return status < 300 or status in (409, 422)


def invalid_value(parameter: str, why: str = "") -> Refused:
    """400 `InvalidParameterValue` naming the parameter, and the rule where one is known."""
    return Refused(
        400, "InvalidParameterValue", f"The value provided for [{parameter}] is invalid.{why}"
    )


def missing_value(parameter: str) -> Refused:
    """400 `MissingParameterValue` naming the absent parameter."""
    return Refused(
        400, "MissingParameterValue", f"The value for [{parameter}] is required and was not found."
    )


def unrecognized(field: str) -> Refused:
    """400 `UnrecognizedField`: Amazon refuses body fields that it does not know."""
    return Refused(400, "UnrecognizedField", f"The field [{field}] is not recognized.")


def malformed(why: str) -> Refused:
    """400 `InvalidRequestFormat`: not JSON, or JSON of the wrong type."""
    return Refused(400, "InvalidRequestFormat", f"The request body is malformed: {why}")


def missing_header(name: str) -> Refused:
    """400 `MissingHeader`."""
    return Refused(400, "MissingHeader", f"The header {name} is required and was not found.")


def empty_header(name: str) -> Refused:
    """400 `MissingHeaderValue`."""
    return Refused(400, "MissingHeaderValue", f"The header {name} has no value.")


def invalid_header(message: str) -> Refused:
    """400 `InvalidHeaderValue`; the message is the caller's, since Amazon's differ by header."""
    return Refused(400, "InvalidHeaderValue", message)


def not_found(object_id: str) -> Refused:
    """404 `ResourceNotFound`."""
    return Refused(404, "ResourceNotFound", f"The requested resource [{object_id}] was not found.")


def invalid_simulation(code: str, why: str) -> Refused:
    """400 `InvalidSandboxSimulationSpecified`."""
    return Refused(
        400,
        "InvalidSandboxSimulationSpecified",
        f"The simulation code [{code}] cannot be used here: {why}",
    )


def amount_exceeded(message: str) -> Refused:
    """400 `TransactionAmountExceeded`."""
    return Refused(400, "TransactionAmountExceeded", message)


def wrong_charge_state(charge_id: str, state: str, action: str) -> Refused:
    """422 `InvalidChargeStatus`."""
    return Refused(
        422,
        "InvalidChargeStatus",
        f"The Charge [{charge_id}] is in state {state} and cannot be {action}.",
    )
