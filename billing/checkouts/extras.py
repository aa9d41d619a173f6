"""What a subscriber may buy once beside the subscription: add-ons that do not recur.

Recurring ones are changes of the subscription and have quotes of their own.
"""

from datetime import date

from billing.one_off import OneOffItem
from plans import AddOn, Catalogue, PerSeat, UnknownOffer

__all__ = ["extra_item", "extras_for_sale", "sold_add_on"]


def extras_for_sale(catalogue: Catalogue, *, plan_code: str, on: date) -> list[AddOn]:
    """One-off add-ons that subscribers of a plan may buy on a day, in the order of their codes."""
    sold = (sold_add_on(catalogue, code, on) for code in sorted(catalogue.add_ons))
    return [each for each in sold if each and not each.recurring and each.is_for(plan_code)]


def sold_add_on(catalogue: Catalogue, code: str, on: date) -> AddOn | None:
    """The version of an add-on that is sold on a day; None before there is one."""
    try:
        return catalogue.add_on_on(code, on)
    except UnknownOffer:
        return None


def extra_item(add_on: AddOn, *, quantity: int) -> OneOffItem:
    """The line of a purchase; raises BadInput for a quantity that it is not sold in."""
    total_yen = add_on.amount(quantity=quantity).yen
    by_piece = isinstance(add_on.price, PerSeat)
    more = "" if by_piece or quantity == 1 else f" × {quantity}"
    return OneOffItem(
        description_ja=f"{add_on.name_ja}{more}",
        description_en=f"{add_on.name_en}{more}",
        unit_yen=add_on.price.unit_yen if isinstance(add_on.price, PerSeat) else total_yen,
        quantity=quantity if by_piece else 1,
        tax_category=add_on.tax_category,
    )
