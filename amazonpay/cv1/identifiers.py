"""What a CV1 id is, and under which id the same object lives in CV2.

The letter says one-time or recurring and names an environment, the two digits a region. It is a
hint for people: which environment an object lives in is decided by the keys that can read it.
Never derive a parent from an id's first part; keep explicit links. Source: migration reference §3.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from amazonpay.errors import InvalidArgument
from amazonpay.ids import charge_id_from_cv1
from amazonpay.keys import Environment

Region = Literal["na", "eu", "jp"]

_ID: Final = re.compile(r"([PSBC])([0-9]{2})-[0-9]{7}-[0-9]{7}(?:-([ACR])[0-9]{6})?")
_REGIONS: Final[MappingProxyType[str, Region]] = MappingProxyType(
    {"01": "na", "02": "eu", "03": "jp"}
)


class Cv1Kind(StrEnum):
    """What an id names, by the parameter in which CV1 carried it."""

    ORDER_REFERENCE = "AmazonOrderReferenceId"
    BILLING_AGREEMENT = "AmazonBillingAgreementId"
    AUTHORIZATION = "AmazonAuthorizationId"
    CAPTURE = "AmazonCaptureId"
    REFUND = "AmazonRefundId"


_TRANSACTIONS: Final = MappingProxyType(
    {"A": Cv1Kind.AUTHORIZATION, "C": Cv1Kind.CAPTURE, "R": Cv1Kind.REFUND}
)
_CV2_FIELDS: Final = MappingProxyType(
    {
        Cv1Kind.ORDER_REFERENCE: "chargePermissionId",
        Cv1Kind.BILLING_AGREEMENT: "chargePermissionId",
        Cv1Kind.AUTHORIZATION: "chargeId",
        Cv1Kind.CAPTURE: "chargeId",
        Cv1Kind.REFUND: "refundId",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cv1Id:
    """A CV1 id, taken apart.

    `environment` and `recurring` are what the letter says; `region` is None for digits that name
    none (documents show P21 and S23). An authorization that was rewritten reads as a capture.
    """

    value: str
    kind: Cv1Kind
    recurring: bool
    environment: Environment
    region: Region | None

    @property
    def cv2_field(self) -> str:
        """The CV2 field this id goes into: chargePermissionId, chargeId or refundId."""
        return _CV2_FIELDS[self.kind]

    @property
    def cv2_id(self) -> str:
        """The id in CV2: the same, except that an authorization's A in place 21 becomes C."""
        return charge_id_from_cv1(self.value) if self.kind is Cv1Kind.AUTHORIZATION else self.value


def parse_cv1_id(value: str) -> Cv1Id:
    """The parts of a CV1 id. Raises InvalidArgument for every shape that is none."""
    match = _ID.fullmatch(value)
    if match is None:
        raise InvalidArgument(
            "cv1_id",
            value,
            "P, S, B or C, then dd-ddddddd-ddddddd, then nothing or -A, -C or -R and six digits",
            "Give the id exactly as CV1 returned it",
        )
    letter, digits, transaction = match.groups()
    recurring = letter in "BC"
    whole = Cv1Kind.BILLING_AGREEMENT if recurring else Cv1Kind.ORDER_REFERENCE
    return Cv1Id(
        value=value,
        kind=_TRANSACTIONS[transaction] if transaction else whole,
        recurring=recurring,
        environment="live" if letter in "PB" else "sandbox",
        region=_REGIONS.get(digits),
    )


def cv2_id_from_cv1(*, kind: Cv1Kind, value: str) -> str:
    """The CV2 id of a CV1 object whose kind is known from its parameter name.

    An AmazonAuthorizationId that already has C in place 21 is kept. Raises InvalidArgument, naming
    the parameter, when the id has another kind's shape.
    """
    parsed = parse_cv1_id(value)
    rewritten = kind is Cv1Kind.AUTHORIZATION and parsed.kind is Cv1Kind.CAPTURE
    if parsed.kind is not kind and not rewritten:
        raise InvalidArgument(
            kind.value,
            value,
            f"this id has the shape of an {parsed.kind.value}",
            f"Give the {kind.value} exactly as CV1 returned it",
        )
    return parsed.cv2_id
