"""How a charge or a checkout is to end: by header code (sandbox-simulation.md §4) or by a script.

The header knows only the codes that Amazon documents; pending authorizations on a renewal can be
reached only through the control surface, so that nothing works here that Amazon would refuse.
"""

import json
from dataclasses import dataclass
from typing import Final, Literal

from amazonpay.sandbox.options import Environment, Options
from amazonpay.sandbox.refusals import invalid_header, invalid_simulation
from amazonpay.sandbox.rows import PermissionState

Ending = Literal[
    "ok", "decline", "pending", "capture_initiated", "processing_failure", "session_canceled"
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a charge ends; `reason` is the decline reason, now or after the pending time."""

    ending: Ending
    reason: str | None = None


OK: Final = Outcome("ok")
PROCESSING_FAILURE: Final = Outcome("processing_failure")

# What a decline does to the permission (states.md §7): new state and reason, or nothing.
DECLINES: Final[dict[str, tuple[PermissionState, str] | None]] = {
    "SoftDeclined": None,
    "HardDeclined": ("NonChargeable", "PaymentMethodInvalid"),
    "AmazonRejected": ("Closed", "AmazonCanceled"),
    "TransactionTimedOut": None,
    "PaymentMethodNotAllowed": ("NonChargeable", "PaymentMethodNotAllowed"),
    "MFANotCompleted": None,
}

SIMULATION_CODES: Final[dict[str, dict[str, Outcome]]] = {
    "CreateCharge": {
        "SoftDeclined": Outcome("decline", "SoftDeclined"),
        "HardDeclined": Outcome("decline", "HardDeclined"),
        "AmazonRejected": Outcome("decline", "AmazonRejected"),
        "TransactionTimedOut": Outcome("decline", "TransactionTimedOut"),
        "CaptureInitiated": Outcome("capture_initiated"),
    },
    "CompleteCheckoutSession": {
        "BuyerCanceled": Outcome("session_canceled", "BuyerCanceled"),
        "AmazonCanceled": Outcome("session_canceled", "AmazonCanceled"),
        "Declined": Outcome("session_canceled", "Declined"),
        "AuthorizationInitiated": Outcome("pending"),
    },
    "CaptureCharge": {
        "CaptureInitiated": Outcome("capture_initiated"),
        "AmazonRejected": Outcome("capture_initiated", "AmazonRejected"),
    },
    "CloseChargePermission": {"AmazonClosed": OK},
}

# Reasons that a pending authorization can end in; "ProcessingFailure" is one of states.md §3.
_PENDING_ENDS: Final = (
    "SoftDeclined",
    "HardDeclined",
    "AmazonRejected",
    "TransactionTimedOut",
    "ProcessingFailure",
)
BEHAVIOURS: Final[dict[str, Outcome]] = {
    "ok": OK,
    **{code: Outcome("decline", code) for code in DECLINES},
    "ProcessingFailure": PROCESSING_FAILURE,
    "CaptureInitiated": Outcome("capture_initiated"),
    "Pending:Authorized": Outcome("pending"),
    **{f"Pending:{code}": Outcome("pending", code) for code in _PENDING_ENDS},
}
_OF_A_CAPTURE: Final = "Capture:"
CAPTURES: Final[dict[str, Outcome]] = {
    f"{_OF_A_CAPTURE}Initiated": Outcome("capture_initiated"),
    **{f"{_OF_A_CAPTURE}{code}": Outcome("capture_initiated", code) for code in _PENDING_ENDS},
}
"""Entries of a script that are about coming captures, not about coming charges."""


def heeded_code(
    code: str, *, method: str, operation: str, environment: Environment, options: Options
) -> str | None:
    """The code of the header, None where a switch says that it is ignored.

    Refuses a code that this operation does not have (400 `InvalidSandboxSimulationSpecified`), and
    any code in live (400 `InvalidHeaderValue`).
    """
    if environment == "live":
        if options.simulation_in_live == "ignore":
            return None
        raise invalid_header("The header x-amz-pay-simulation-code cannot be used in live.")
    if method == "GET" and options.simulation_on_get == "ignore":
        return None
    known = SIMULATION_CODES.get(operation, {})
    if code not in known:
        raise invalid_simulation(code, f"{operation} knows {', '.join(known) or 'none'}.")
    return code


def header_outcome(operation: str, code: str | None) -> Outcome | None:
    """The outcome that a checked header asks for, None without a header."""
    return None if code is None else SIMULATION_CODES[operation][code]


def next_scripted(behaviour: str) -> tuple[Outcome, str]:
    """What the next Create Charge does and the script that is left; an empty script says ok."""
    found = _taken(behaviour, of_a_capture=False)
    return (OK, behaviour) if found is None else found


def next_capture(behaviour: str) -> tuple[Outcome, str] | None:
    """What the next capture does and the script that is left; None where it says nothing."""
    return _taken(behaviour, of_a_capture=True)


def _taken(behaviour: str, *, of_a_capture: bool) -> tuple[Outcome, str] | None:
    script: list[str] = json.loads(behaviour)
    for place, entry in enumerate(script):
        if entry.startswith(_OF_A_CAPTURE) is of_a_capture:
            return (CAPTURES if of_a_capture else BEHAVIOURS)[entry], json.dumps(
                [*script[:place], *script[place + 1 :]]
            )
    return None
