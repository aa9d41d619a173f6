"""What CV1 offered and CV2 cannot do: why, and what to do instead.

Source: migration reference §5, §7 and §9.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from amazonpay.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Impossible:
    """One thing that has no counterpart: a CV1 operation, a widget, or a wish."""

    name: str
    why: str
    instead: str
    source: str


class NotPossibleInCv2(InvalidArgument):
    """CV2 has no counterpart; nothing was sent. `operation`, `why` and `instead` say it all."""

    def __init__(self, impossible: Impossible) -> None:
        super().__init__(
            "cv1_operation",
            impossible.name,
            f"not possible in CV2: {impossible.why}",
            impossible.instead,
        )
        self.args = (impossible,)
        self.operation = impossible.name
        self.why = impossible.why
        self.instead = impossible.instead
        self.source = impossible.source


def _operations() -> Iterator[Impossible]:
    yield Impossible(
        "CreateOrderReferenceForId",
        "an agreement is charged directly, and no new CV1 object can be made",
        "Use Create Charge with the agreement's id, now or later; for a buyer who refused the "
        "consent start a OneTime checkout",
        "§5, §7",
    )
    yield Impossible(
        "ValidateBillingAgreement",
        "Amazon checks the payment method itself when the permission is made",
        "Delete the call; Get Charge Permission says whether it can be charged",
        "§5",
    )
    yield Impossible(
        "ConfirmBillingAgreement",
        "an old agreement is confirmed already, and a Draft cannot be finished any more",
        "For a new agreement use a button with chargePermissionType Recurring and Complete "
        "Checkout Session",
        "§5, §9",
    )


def _widgets() -> Iterator[Impossible]:
    yield Impossible(
        "WalletWidget",
        "the payment method of an existing permission cannot be changed from the shop's page",
        "Link to the agreement on Amazon's site, or run a new recurring checkout with the intent "
        "Confirm, store the new permission, then close the old one",
        "§7, §9",
    )
    yield Impossible(
        "AddressBookWidget",
        "the address of an existing permission cannot be changed from the shop's page",
        "Ask for the address in a form of your own (mind the payment protection), or run a new "
        "recurring checkout and close the old permission",
        "§7, §9",
    )
    yield Impossible(
        "ConsentWidget",
        "the buyer consents on Amazon's hosted page",
        "Use a button with chargePermissionType Recurring",
        "§1, §7",
    )


def _wishes() -> Iterator[Impossible]:
    yield Impossible(
        "NewCv1Object",
        "after the switch no CV1 object is made",
        "Start a CV2 checkout",
        "§9",
    )
    yield Impossible(
        "ConvertAgreement",
        "an old agreement keeps its id for ever and does not become a CV2 permission",
        "Charge it under its own id, or ask the buyer for a new checkout and close the old one",
        "§5, §9",
    )
    yield Impossible(
        "MoveConsent",
        "a consent belongs to one permission and cannot be moved without the buyer",
        "Ask the buyer for a new checkout",
        "§9",
    )
    yield Impossible(
        "ReadChargebacks",
        "no operation reads chargebacks",
        "Watch the notifications and the settlement report",
        "§9",
    )
    yield Impossible(
        "ExportCardDetails",
        "card numbers are never visible to the shop",
        "Show the payment descriptor that Amazon returns",
        "§9",
    )
    yield Impossible(
        "MoveAgreement",
        "an agreement stays with its merchant account and region",
        "Ask the buyer for a new checkout with the other account",
        "§9",
    )


IMPOSSIBLE: Final[Mapping[str, Impossible]] = MappingProxyType(
    {row.name: row for rows in (_operations(), _widgets(), _wishes()) for row in rows}
)
"""By name: CV1 operations and widgets as CV1 spells them, then frequent wishes."""
