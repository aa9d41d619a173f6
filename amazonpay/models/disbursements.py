"""Payouts to the merchant's bank. Source: API reference §12."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self

from amazonpay.models.common import kept
from amazonpay.reading import (
    MalformedResponse,
    optional_decimal,
    optional_report_instant,
    optional_text,
    optional_yen_text,
    required_objects,
    required_text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disbursement:
    """One payout of one settlement.

    `amazon_disbursement_reference_id` is the text on the bank statement. `amount` is exact in
    any currency; `amount_yen` is the same in whole yen and None for another currency.
    """

    settlement_id: str
    amount: Decimal
    currency_code: str
    amount_yen: int | None = None
    seller_id: str | None = None
    amazon_disbursement_reference_id: str | None = None
    transaction_time: datetime | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        currency = required_text(source, "currencyCode")
        amount = optional_decimal(source, "amount")
        if amount is None:
            raise MalformedResponse("amount is missing")
        return cls(
            settlement_id=required_text(source, "settlementId"),
            amount=amount,
            currency_code=currency,
            amount_yen=optional_yen_text(source, "amount") if currency == "JPY" else None,
            seller_id=optional_text(source, "sellerId"),
            amazon_disbursement_reference_id=optional_text(source, "amazonDisbursementReferenceId"),
            transaction_time=optional_report_instant(source, "transactionTime"),
            raw=kept(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DisbursementPage:
    """Some payouts; `next_token` fetches the next page and is None on the last."""

    disbursements: tuple[Disbursement, ...]
    next_token: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        found = required_objects(source, "disbursements")
        return cls(
            disbursements=tuple(map(Disbursement.from_json, found)),
            next_token=optional_text(source, "nextToken") or None,
            request_id=request_id,
            raw=kept(source),
        )
