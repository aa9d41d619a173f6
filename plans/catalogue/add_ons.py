"""Options beside a plan: their own price model and tax category, each cycle or once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from plans.catalogue.bounds import (
    QUANTITY,
    broken_by,
    check_code,
    check_date,
    check_names,
    refuse,
)
from plans.catalogue.canonical import canonical_hash, fields_given
from plans.catalogue.price_models import Amount, Flat, PerSeat, Tiered, amount_of
from plans.errors import BadInput
from plans.tax_category import TaxCategory

__all__ = ["AddOn", "AddOnInForce", "check_add_on"]


@dataclass(frozen=True, slots=True)
class AddOn:
    """An option, immutable from `valid_from` on; `plans` empty means every plan may have it.

    A one-off add-on is charged in the cycle it is added to, a recurring one in each from then on.
    """

    section: ClassVar[str] = "add_ons"
    code: str
    valid_from: date
    name_ja: str
    name_en: str
    price: Flat | PerSeat | Tiered
    tax_category: TaxCategory
    recurring: bool = True
    plans: frozenset[str] = frozenset()
    quantity_min: int = 1
    quantity_max: int | None = None

    def __post_init__(self) -> None:
        refuse(_add_on_faults(self))

    @property
    def content_hash(self) -> str:
        """Fingerprint the terms (64 hex digits); the names are words and no term."""
        terms = fields_given(self)
        return canonical_hash("add-on-v1", {k: v for k, v in terms.items() if k[:5] != "name_"})

    def is_for(self, plan_code: str) -> bool:
        """Tell whether subscribers of a plan may have it."""
        return not self.plans or plan_code in self.plans

    def amount(self, *, quantity: int) -> Amount:
        """Price one cycle of it; raises BadInput for a quantity it is not sold in."""
        _check_limits(self, quantity)
        return amount_of(self.price, quantity=quantity)


@dataclass(frozen=True, slots=True)
class AddOnInForce:
    """An add-on of one subscription: how many, and the cycle it was added to."""

    add_on: AddOn
    quantity: int
    since_cycle: int

    def is_charged_in(self, cycle: int) -> bool:
        """Tell whether a cycle has a line for it."""
        if self.add_on.recurring:
            return cycle >= self.since_cycle
        return cycle == self.since_cycle


def check_add_on(*, add_on: AddOn, plan_code: str, quantity: int) -> None:
    """Refuse an add-on for a plan or in a quantity it is not sold with; raises BadInput."""
    if not add_on.is_for(plan_code):
        raise BadInput(
            field="add_on",
            value=add_on.code,
            rule=f"is not sold with plan {plan_code!r}",
            remedy=f"use it with one of {', '.join(sorted(add_on.plans))}",
        )
    add_on.amount(quantity=quantity)


def _add_on_faults(add_on: AddOn) -> Iterator[BadInput]:
    """Find every rule an add-on breaks; `field` is the key of the price list to change."""
    most = add_on.quantity_max
    yield from broken_by(
        lambda: check_code("code", add_on.code),
        lambda: check_date("valid_from", add_on.valid_from),
        lambda: check_names(add_on.name_ja, add_on.name_en),
        lambda: QUANTITY.check("quantity", add_on.quantity_min),
        lambda: QUANTITY.check("quantity", most),
    )
    if most is not None and most < add_on.quantity_min:
        yield BadInput(
            field="quantity",
            value=[add_on.quantity_min, most],
            rule="the largest quantity is no less than the smallest",
            remedy="correct min: or max:",
        )
    if isinstance(add_on.price, Flat) and (add_on.quantity_min, most or 1) != (1, 1):
        yield BadInput(
            field="quantity",
            value=[add_on.quantity_min, most],
            rule="a flat add-on is sold once",
            remedy="set per_seat: true, or take quantity: out",
        )


def _check_limits(add_on: AddOn, quantity: int) -> None:
    most = add_on.quantity_max
    if quantity < add_on.quantity_min or (most is not None and quantity > most):
        up_to = "up" if most is None else f"to {most}"
        raise BadInput(
            field="quantity",
            value=quantity,
            rule=f"add-on {add_on.code!r} is sold from {add_on.quantity_min} {up_to}",
            remedy="give a quantity inside these limits",
        )
