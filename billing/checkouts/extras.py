"""What a subscriber may buy once beside the subscription: add-ons that do not recur.

Recurring ones are changes of the subscription and have quotes of their own.
"""

from datetime import date

from billing.one_off import OneOffItem
from plans import AddOn, Catalogue, PerSeat, UnknownOffer

__all__ = ["extra_item", "extras_for_sale"]


def extras_for_sale(catalogue: Catalogue, *, plan_code: str, on: date) -> list[AddOn]:
    """One-off add-ons that subscribers of a plan may buy on a day, in the order of their codes."""
    found = []
    for code in sorted(catalogue.add_ons):
        try:
            add_on = catalogue.add_on_on(code, on)
        except UnknownOffer:
            continue  # not sold yet
        if not add_on.recurring and add_on.is_for(plan_code):
            found.append(add_on)
    return found


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
