"""Which operation a method and path mean, and what each operation needs.

`/v2/…`, `/sandbox/v2/…` and `/live/v2/…` are accepted, each with or without a trailing slash
(api.md §1, simulator rule).
"""

from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox import captures, charges, permissions, refunds
from amazonpay.sandbox.checkout.operations import TABLE as CHECKOUT
from amazonpay.sandbox.operation import Operation, Table
from amazonpay.sandbox.options import Environment
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.settlement.operations import TABLE as SETTLEMENT


@dataclass(frozen=True, slots=True)
class Target:
    """A recognised call: operation, object id (may be empty), path without prefix and slash."""

    operation: Operation
    object_id: str
    path: str
    environment: Environment | None


_GET_PERMISSION = Operation(
    name="GetChargePermission", perform=permissions.get_charge_permission, takes_body=False
)
_UPDATE_PERMISSION = Operation(
    name="UpdateChargePermission", perform=permissions.update_charge_permission
)
_CLOSE_PERMISSION = Operation(
    name="CloseChargePermission", perform=permissions.close_charge_permission
)
_CREATE_CHARGE = Operation(
    name="CreateCharge", perform=charges.create_charge, key="required", takes_money=True
)
_GET_CHARGE = Operation(name="GetCharge", perform=charges.get_charge, takes_body=False)
_UPDATE_CHARGE = Operation(name="UpdateCharge", perform=charges.update_charge)
_CAPTURE_CHARGE = Operation(
    name="CaptureCharge", perform=captures.capture_charge, key="kept", takes_money=True
)
_CANCEL_CHARGE = Operation(name="CancelCharge", perform=captures.cancel_charge)
_CREATE_REFUND = Operation(
    name="CreateRefund", perform=refunds.create_refund, key="required", takes_money=True
)
_GET_REFUND = Operation(name="GetRefund", perform=refunds.get_refund, takes_body=False)

_CHARGING: Final[Table] = {
    ("chargePermissions", ""): {"GET": _GET_PERMISSION, "PATCH": _UPDATE_PERMISSION},
    ("chargePermissions", "close"): {"DELETE": _CLOSE_PERMISSION},
    ("charges", None): {"POST": _CREATE_CHARGE},
    ("charges", ""): {"GET": _GET_CHARGE, "PATCH": _UPDATE_CHARGE},
    ("charges", "capture"): {"POST": _CAPTURE_CHARGE},
    ("charges", "cancel"): {"DELETE": _CANCEL_CHARGE},
    ("refunds", None): {"POST": _CREATE_REFUND},
    ("refunds", ""): {"GET": _GET_REFUND},
}
_TABLE: Final[Table] = {**_CHARGING, **CHECKOUT, **SETTLEMENT}
OPERATIONS: Final = {
    operation.name: operation for methods in _TABLE.values() for operation in methods.values()
}
_ENVIRONMENTS: Final[dict[str, Environment]] = {"sandbox": "sandbox", "live": "live"}


def find(method: str, path: str) -> Target:
    """The operation that a call means; 404 for an unknown path, 405 for a wrong method."""
    parts = path.strip("/").split("/")
    environment = _ENVIRONMENTS.get(parts[0])
    if environment is not None:
        parts = parts[1:]
    if len(parts) < 2 or parts[0] != "v2":
        raise _unknown_path(path, parts[0])
    collection, object_id, action = parts[1], *_id_and_action(parts[2:])
    methods = _TABLE.get((collection, action))
    if methods is None:
        raise _unknown_path(path, parts[0])
    operation = methods.get(method)
    if operation is None:
        raise Refused(405, "RequestNotSupported", f"{method} is not supported on this resource.")
    return Target(operation, object_id, "/".join(parts), environment)


def _id_and_action(rest: list[str]) -> tuple[str, str | None]:
    if not rest:
        return "", None
    return rest[0], "/".join(rest[1:])


def _unknown_path(path: str, version: str) -> Refused:
    if version[:1] == "v" and version[1:].isdigit() and version != "v2":
        return Refused(400, "InvalidAPIVersion", f"The API version [{version}] is not supported.")
    return Refused(404, "ResourceNotFound", f"The path [{path[:128]}] is not known.")
