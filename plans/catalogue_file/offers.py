"""Add-ons, coupons, families and migrations of a price list, key by key; and all its sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from plans.catalogue.add_ons import AddOn
from plans.catalogue.bounds import CYCLES, NOTICE, QUANTITY, RANK
from plans.catalogue.checks import Offer
from plans.catalogue.coupons import AmountOff, Coupon, CouponScope, PercentOff
from plans.catalogue.dunning import DunningSchedule
from plans.catalogue.families import PlanFamily
from plans.catalogue.price_migrations import (
    NOTICE_DAYS_LEAST,
    Grandfathering,
    PriceMigration,
    PriceRef,
)
from plans.catalogue.price_models import Flat, PerSeat, Tiered
from plans.catalogue.prices import ALWAYS
from plans.catalogue_file.dunning import SCHEDULE_KEYS, read_schedule
from plans.catalogue_file.parts import (
    PRICE,
    code_text,
    made,
    names,
    plan_codes,
    read_all,
    tiered,
)
from plans.catalogue_file.yaml_nodes import (
    Fields,
    Value,
    choice,
    exact_decimal,
    flag,
    iso_date,
    read_fields,
    read_list,
    whole,
)
from plans.rounding import Rounding
from plans.tax_category import TaxCategory

__all__ = ["SECTIONS", "read_offers"]


_EVERY_PLAN: frozenset[str] = frozenset()
_QUANTITY, _CYCLES, _RANK, _NOTICE_DAYS = map(whole, (QUANTITY, CYCLES, RANK, NOTICE))
# In place of names that are missing or wrong, which has its finding.
_NO_NAMES = ("?", "?")


def read_offers(file: Fields) -> Iterator[tuple[Offer, Fields]]:
    """Read the sections beside plans; give each good entry with the place it stands in."""
    for section, (keys, reader) in _READERS.items():
        entries = file.maybe(section, read_list) or []
        for entry in entries:
            fields = read_fields(entry, known=keys)
            offer = None if fields is None else reader(fields)
            if fields is not None and offer is not None:
                yield offer, fields


def _add_on(fields: Fields) -> AddOn | None:
    code, name = fields.required("code", code_text), fields.required("name", names)
    price = _add_on_price(fields)
    tax = fields.required("tax", choice(TaxCategory))
    no_limits: tuple[int, int | None] = (1, None)
    least, most = fields.optional("quantity", _limits, no_limits)
    valid_from = fields.optional("valid_from", iso_date, ALWAYS)
    recurring = fields.optional("recurring", flag, True)
    plans = fields.optional("plans", plan_codes, _EVERY_PLAN)
    if code is None:
        return None
    # What is wrong has its finding; the stand-ins let the rules between entries be checked too.
    ja, en = name or _NO_NAMES
    return made(
        fields,
        lambda: AddOn(
            code=code,
            valid_from=valid_from,
            name_ja=ja,
            name_en=en,
            price=price or PerSeat(1),
            tax_category=tax or TaxCategory.STANDARD,
            recurring=recurring,
            plans=plans,
            quantity_min=least,
            quantity_max=most,
        ),
    )


def _add_on_price(fields: Fields) -> Flat | PerSeat | Tiered | None:
    per_seat = fields.optional("per_seat", flag, False)
    if "tiers" not in fields:
        amount = fields.required("price", PRICE)
        if amount is None:
            return None
        return PerSeat(amount) if per_seat else Flat(amount)
    if "price" in fields:
        fields.values["tiers"].refuse(
            rule="stands beside price, and an add-on is priced in one way",
            remedy="keep one of them",
        )
    return fields.maybe("tiers", tiered)


def _limits(value: Value) -> tuple[int, int | None] | None:
    fields = read_fields(value, known=["min", "max"])
    if fields is None:
        return None
    return fields.optional("min", _QUANTITY, 1), fields.maybe("max", _QUANTITY)


def _coupon(fields: Fields) -> Coupon | None:
    code, name = fields.required("code", code_text), fields.required("name", names)
    off = fields.required("off", _off)
    cycles = _coupon_cycles(fields)
    campaign = fields.maybe("campaign", lambda given: read_fields(given, known=["from", "until"]))
    first_day = campaign.maybe("from", iso_date) if campaign else None
    last_day = campaign.maybe("until", iso_date) if campaign else None
    valid_from = fields.optional("valid_from", iso_date, ALWAYS)
    once_per_buyer = fields.optional("once_per_buyer", flag, False)
    plans = fields.optional("plans", plan_codes, _EVERY_PLAN)
    scope = fields.optional("scope", choice(CouponScope), CouponScope.ORDER)
    stackable = fields.optional("stackable", flag, False)
    rank = fields.optional("rank", _RANK, 0)
    if code is None:
        return None
    ja, en = name or _NO_NAMES
    return made(
        campaign or fields,
        lambda: Coupon(
            code=code,
            valid_from=valid_from,
            name_ja=ja,
            name_en=en,
            off=off or AmountOff(1),
            cycles=cycles,
            first_day=first_day,
            last_day=last_day,
            once_per_buyer=once_per_buyer,
            plans=plans,
            scope=scope,
            stackable=stackable,
            rank=rank,
        ),
    )


def _off(value: Value) -> AmountOff | PercentOff | None:
    fields = read_fields(value, known=["yen", "percent", "rounding"])
    if fields is None:
        return None
    if ("yen" in fields) == ("percent" in fields):
        value.refuse(rule="takes off either yen or percent", remedy="give one of the two")
        return None
    if "yen" in fields:
        if "rounding" in fields:
            fields.values["rounding"].refuse(
                rule="is for percentages; yen are whole", remedy="take it out"
            )
        yen = fields.required("yen", PRICE)
        return None if yen is None else AmountOff(yen)
    percent = fields.required("percent", exact_decimal)
    rounding = fields.optional("rounding", choice(Rounding), Rounding.FLOOR)
    return None if percent is None else made(fields, lambda: PercentOff(percent, rounding))


def _coupon_cycles(fields: Fields) -> int | None:
    """Read how many cycles a coupon discounts; a fault reads as once, and is reported."""
    if "cycles" not in fields:
        return 1
    value = fields.values["cycles"]
    if value.scalar in ("once", "forever"):
        return 1 if value.scalar == "once" else None
    if value.has_tag("int"):
        return _CYCLES(value) or 1
    value.refuse(rule="is not once, forever or a number of cycles", remedy="write one of them")
    return 1


def _family(fields: Fields) -> PlanFamily | None:
    code = fields.required("code", code_text)
    valid_from = fields.optional("valid_from", iso_date, ALWAYS)
    ranks = fields.required("plans", lambda given: read_all(given, _rank))
    if code is None or ranks is None:
        return None
    return made(fields, lambda: PlanFamily(code, valid_from, ranks))


def _rank(value: Value) -> frozenset[str] | None:
    """Read one plan, or a list of equals."""
    if value.scalar is None:
        return plan_codes(value)
    code = code_text(value)
    return None if code is None else frozenset({code})


def _migration(fields: Fields) -> PriceMigration | None:
    code = fields.required("code", code_text)
    valid_from = fields.optional("valid_from", iso_date, ALWAYS)
    old, new = fields.required("from", _price_ref), fields.required("to", _price_ref)
    notice_on = fields.required("notice_on", iso_date)
    effective_on = fields.required("effective_on", iso_date)
    notice_days = fields.optional("notice_days", _NOTICE_DAYS, NOTICE_DAYS_LEAST)
    stay = fields.maybe("grandfather", _grandfathering)
    if code is None or old is None or new is None or notice_on is None or effective_on is None:
        return None
    return made(
        fields,
        lambda: PriceMigration(
            code=code,
            valid_from=valid_from,
            old=old,
            new=new,
            notice_on=notice_on,
            effective_on=effective_on,
            notice_days=notice_days,
            grandfathered=stay,
        ),
    )


def _price_ref(value: Value) -> PriceRef | None:
    fields = read_fields(value, known=["plan", "valid_from"])
    if fields is None:
        return None
    code = fields.required("plan", code_text)
    valid_from = fields.optional("valid_from", iso_date, ALWAYS)
    return None if code is None else PriceRef(code, valid_from)


def _grandfathering(value: Value) -> Grandfathering | None:
    fields = read_fields(value, known=["subscribed_before", "until"])
    if fields is None:
        return None
    return Grandfathering(
        fields.maybe("subscribed_before", iso_date), fields.maybe("until", iso_date)
    )


_OfferReader = Callable[[Fields], Offer | None]
_DATED = ("code", "valid_from")
_PRICED = ("name", "price", "per_seat", "tiers", "tax")
_ADD_ON_KEYS = (*_DATED, *_PRICED, "recurring", "plans", "quantity")
_COUPON_TERMS = ("name", "off", "cycles", "campaign", "once_per_buyer", "plans")
_COUPON_KEYS = (*_DATED, *_COUPON_TERMS, "scope", "stackable", "rank")
_MIGRATION_DATES = ("notice_on", "effective_on", "notice_days", "grandfather")
_READERS: dict[str, tuple[tuple[str, ...], _OfferReader]] = {
    AddOn.section: (_ADD_ON_KEYS, _add_on),
    Coupon.section: (_COUPON_KEYS, _coupon),
    PlanFamily.section: ((*_DATED, "plans"), _family),
    PriceMigration.section: ((*_DATED, "from", "to", *_MIGRATION_DATES), _migration),
    DunningSchedule.section: (SCHEDULE_KEYS, read_schedule),
}
SECTIONS = tuple(_READERS)
