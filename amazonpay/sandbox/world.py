"""What an operation works with: the store, the switches and the environment of this Amazon Pay."""

from dataclasses import dataclass

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import month_of
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

    def balance(self, row: Permission, now: int) -> int:
        """Yen that may still be charged this month (recurring.md §5)."""
        return max(row.amount_limit - self.store.cap_used(row.id, self.cap_month(now)), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An authenticated call with a readable body."""

    now: int
    target_id: str
    body: Json
    idempotency_key: str | None = None
    simulation: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer, and the id of the object it is about."""

    status: int
    payload: Json
    object_id: str
