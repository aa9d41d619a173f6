"""What an operation works with: the store, the switches and the environment of this Amazon Pay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import month_of
from amazonpay.sandbox.keyring import Keyring
from amazonpay.sandbox.options import Environment, Options
from amazonpay.sandbox.refusals import not_found
from amazonpay.sandbox.rows import Charge, Permission, Refund
from amazonpay.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One merchant account in one environment."""

    store: Store
    options: Options
    environment: Environment
    merchant_id: str = ""
    store_id: str = ""
    ipn_topic_arn: str = ""
    base_url: str = ""
    keys: Keyring = field(default_factory=Keyring)

    def permission(self, permission_id: str) -> Permission:
        """The Charge Permission, or 404."""
        row = self.store.permission(permission_id)
        if row is None:
            raise not_found(permission_id)
        return row

    def charge(self, charge_id: str) -> Charge:
        """The Charge, or 404."""
        row = self.store.charge(charge_id)
        if row is None:
            raise not_found(charge_id)
        return row

    def refund(self, refund_id: str) -> Refund:
        """The Refund, or 404."""
        row = self.store.refund(refund_id)
        if row is None:
            raise not_found(refund_id)
        return row

    def cap_month(self, now: int) -> str:
        """The cap month in which an instant lies."""
        return month_of(now, self.options.cap_timezone)

    def cap_period(self, row: Permission, now: int) -> str:
        """The month whose cap a charge uses up; an order has one amount for its whole life."""
        return "order" if row.kind == "OneTime" else self.cap_month(now)

    def balance(self, row: Permission, now: int) -> int:
        """Yen that may still be charged this month, or on this order (recurring.md §5)."""
        return max(row.amount_limit - self.store.cap_used(row.id, self.cap_period(row, now)), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An authenticated call with a readable body."""

    now: int
    target_id: str
    body: Json
    idempotency_key: str | None = None
    simulation: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer, and the id of the object it is about; no payload means no body."""

    status: int
    payload: Json | None
    object_id: str


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that happens by itself.

    `soonest` gives the virtual instant at which it happens next, or None; `fire` does whatever is
    due at that instant, after which `soonest` must lie later or be None.
    """

    soonest: Callable[[World], int | None]
    fire: Callable[[World, int], None]
