"""Body of Create Refund. Source: API reference §9."""

from dataclasses import dataclass

from amazonpay.requests.common import (
    canonical,
    check_charge_id,
    check_soft_descriptor,
    check_yen,
    price,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRefund:
    """Give back `amount_yen` of a captured Charge; `charge_id` may be a CV1 capture id."""

    charge_id: str
    amount_yen: int
    soft_descriptor: str | None = None

    def __post_init__(self) -> None:
        check_charge_id(self.charge_id)
        check_yen("amount_yen", self.amount_yen)
        check_soft_descriptor(self.soft_descriptor)

    def to_bytes(self) -> bytes:
        """The body of Create Refund."""
        return canonical(chargeId=self.charge_id, refundAmount=price(self.amount_yen))
