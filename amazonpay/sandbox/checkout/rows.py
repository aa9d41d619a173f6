"""A Checkout Session, a buyer and the buyer's wallet as this room keeps them.

Dictionaries have the shape of Amazon's JSON; instants are virtual milliseconds since 1970 UTC.
"""

from dataclasses import dataclass
from typing import Literal

from amazonpay.sandbox.fields import Json

SessionState = Literal["Open", "Completed", "Canceled"]
PermissionType = Literal["OneTime", "Recurring"]
Effect = Literal["ok", "buyer_canceled", "declined", "pending", "pending_declined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One checkout, from the button to the Charge Permission.

    `payment`, `metadata` and `web` hold what the merchant said, `extras` the rest of it (scopes,
    deliverySpecifications, …). `outcome` scripts how Complete ends. `charge_permission_id` is set
    by Complete only.
    """

    seq: int
    id: str
    state: SessionState
    reason: str | None
    reason_description: str | None
    product_type: str
    charge_permission_type: PermissionType
    recurring: Json | None
    payment: Json
    metadata: Json
    web: Json
    extras: Json
    buyer_id: str | None
    instrument_id: str | None
    address_id: str | None
    charge_permission_id: str | None
    charge_id: str | None
    outcome: str | None
    approved_at: int | None
    changed_at: int
    created_at: int
    expires_at: int
    due_at: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """A card in a wallet; `effect` is what this simulated card does to a checkout."""

    id: str
    brand: str
    last4: str
    descriptor: str
    effect: Effect
    effect_ja: str
    effect_en: str


@dataclass(frozen=True, slots=True)
class Address:
    """An entry of an address book; `address` has all eleven fields of Amazon's address."""

    id: str
    address: Json


@dataclass(frozen=True, slots=True)
class Buyer:
    """A test buyer with wallet and address book; the first entries are the default ones."""

    buyer_id: str
    name: str
    email: str
    phone: str
    instruments: tuple[Instrument, ...]
    addresses: tuple[Address, ...]

    def instrument(self, instrument_id: str | None) -> Instrument | None:
        """The card of that id, None when the wallet does not hold it."""
        return next((card for card in self.instruments if card.id == instrument_id), None)

    def address(self, address_id: str | None) -> Address | None:
        """The address of that id, None when the book does not hold it."""
        return next((entry for entry in self.addresses if entry.id == address_id), None)
