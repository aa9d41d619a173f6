"""A merchant's price list in the database: plans by code, immutable prices by plan and date.

Importing the same price list again changes nothing. Words of a plan may change at any time; the
terms of a price never do, because somebody may have agreed to them. What the prices allow, in
seats, days and under the monthly cap, is checked here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from billing.cap.plan import CapRule
from billing.catalogue.offers_store import differing_offers, load_offers, store_offers
from billing.catalogue.price_moves import load_price_moves
from billing.catalogue.terms import Terms, terms_of_merchant
from billing.store.merchants import load_merchant, merchants
from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of, update_many
from billing.tables import PlanRow, PriceRow
from plans import (
    BadInput,
    Catalogue,
    Offer,
    Plan,
    Price,
    PriceRef,
    Unit,
    UnknownPlan,
    check_quantity,
    price_text,
    prices_off_sale,
)

__all__ = [
    "CatalogueChange",
    "OfferAlreadySet",
    "PriceAlreadySet",
    "PriceList",
    "RowRefused",
    "StoredTerms",
    "TermsAlreadySet",
    "check_cap",
    "check_terms",
    "load_catalogue",
    "load_price_list",
    "load_priced_catalogue",
    "lock_merchant",
    "plan_refused",
    "store_catalogue",
    "yearly_yen",
]

_LONGEST_YEAR_DAYS = 366

plan_table = table_of(PlanRow)
price_table = table_of(PriceRow)


class TermsAlreadySet(Exception):
    """The list gives other terms for what is stored already; nothing of it was written."""


class OfferAlreadySet(TermsAlreadySet):
    """An offer (add-on, coupon, dunning schedule …) differs from the stored one of the same date.

    `offers` holds every such version of the list; nothing of the list was written.
    """

    def __init__(self, offers: tuple[Offer, ...]) -> None:
        self.offers = offers
        super().__init__("\n".join(map(_offer_already_set, offers)))


class PriceAlreadySet(TermsAlreadySet):
    """A price of the list differs from the stored one of the same plan and date.

    `prices` holds every such price of the list; nothing of the list was written.
    """

    def __init__(self, prices: tuple[Price, ...]) -> None:
        self.prices = prices
        super().__init__("\n".join(map(_already_set, prices)))


class RowRefused(ValueError):
    """A row of a file breaks a rule; `column` is the one to change, `ja` says it in Japanese."""

    def __init__(self, column: str, value: object, *, rule: str, remedy: str, ja: str) -> None:
        self.column = column
        self.value = "" if value is None else str(value)
        self.rule = rule
        self.remedy = remedy
        self.ja = ja
        super().__init__(f"{column} {self.value!r}: {rule}; {remedy}")


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """What an import did; `unchanged` counts the prices that were stored already.

    Offers are the versions of add-ons, coupons, families, migrations and dunning schedules. A
    plan that names another schedule counts as renamed.
    """

    plans_added: int
    plans_renamed: int
    prices_added: int
    unchanged: int
    offers_added: int = 0
    offers_renamed: int = 0
    offers_unchanged: int = 0


@dataclass(frozen=True, slots=True)
class StoredTerms:
    """A plan at one of its prices, and the number of that price's row."""

    price_id: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class PriceList:
    """All prices of a merchant: by plan code, in the order they become valid.

    `off_sale` are those that were taken off sale with their migration.
    """

    by_plan_code: Mapping[str, tuple[StoredTerms, ...]]
    off_sale: frozenset[PriceRef] = frozenset()

    def at_start(self, plan_code: str, *, started_on: date) -> StoredTerms:
        """Find the terms of somebody who subscribed on a date.

        That is the newest price valid on the date or, for those who subscribed before the first
        one that is stored, that first one. Raises UnknownPlan.
        """
        dated = self.by_plan_code.get(plan_code)
        if not dated:
            raise UnknownPlan(plan_code=plan_code, known=tuple(sorted(self.by_plan_code)))
        valid = [
            stored
            for stored in dated
            if stored.terms.price.valid_from <= started_on and self._is_sold(stored)
        ]
        return valid[-1] if valid else dated[0]

    def _is_sold(self, stored: StoredTerms) -> bool:
        price = stored.terms.price
        # Asked for each row of a file; hardly any list has a price that was taken off sale.
        return not self.off_sale or PriceRef(price.plan_code, price.valid_from) not in self.off_sale


def store_catalogue(
    connection: Connection, merchant_id: str, catalogue: Catalogue
) -> CatalogueChange:
    """Write what is new in a price list, in the caller's transaction.

    Plans that the list leaves out stay as they are: somebody may be subscribed to them. Raises
    `PriceAlreadySet` or `OfferAlreadySet` before anything is written, BadInput when the list and
    what is stored break a rule together, and `UnknownMerchant`.
    """
    lock_merchant(connection, merchant_id)
    stored_plans = _stored_plans(connection, merchant_id)
    stored_prices = _stored_prices(connection, merchant_id)
    given = catalogue.all_prices
    new_prices = [price for price in given if _key(price) not in stored_prices]
    _check_unchanged(given, catalogue, stored_prices)
    if differing := differing_offers(connection, merchant_id, catalogue.offers):
        raise OfferAlreadySet(differing)
    load_catalogue(connection, merchant_id).merged(catalogue)
    new_plans = [plan for code, plan in catalogue.plans.items() if code not in stored_plans]
    renamed = _renamed(catalogue.plans.values(), stored_plans)
    plan_ids = {code: row["id"] for code, row in stored_plans.items()}
    plan_ids |= _insert_plans(connection, merchant_id, new_plans)
    update_many(connection, plan_table, renamed)
    rows = [
        _price_row(merchant_id, plan_ids[price.plan_code], catalogue.plan(price.plan_code), price)
        for price in new_prices
    ]
    insert_many(connection, price_table, rows)
    offers = store_offers(connection, merchant_id, catalogue.offers)
    return CatalogueChange(
        plans_added=len(new_plans),
        plans_renamed=len(renamed),
        prices_added=len(rows),
        unchanged=len(given) - len(rows),
        offers_added=offers.added,
        offers_renamed=offers.renamed,
        offers_unchanged=offers.unchanged,
    )


def load_price_list(connection: Connection, merchant_id: str) -> PriceList:
    """Read all prices of a merchant; the list is empty before the first import."""
    newest = load_price_moves(connection, merchant_id).by_old.values()
    return PriceList(_dated_terms(connection, merchant_id), prices_off_sale(newest))


def _dated_terms(connection: Connection, merchant_id: str) -> dict[str, tuple[StoredTerms, ...]]:
    return _dated(terms_of_merchant(connection, merchant_id))


def _dated(terms: Mapping[int, Terms]) -> dict[str, tuple[StoredTerms, ...]]:
    stored = [StoredTerms(*entry) for entry in terms.items()]
    by_plan_code: dict[str, tuple[StoredTerms, ...]] = {}
    for entry in sorted(stored, key=lambda each: each.terms.price.valid_from):
        code = entry.terms.plan.code
        by_plan_code[code] = (*by_plan_code.get(code, ()), entry)
    return by_plan_code


def load_catalogue(connection: Connection, merchant_id: str) -> Catalogue:
    """Read the whole catalogue of a merchant: every version, whether it is still sold or not.

    Each price keeps its own anchor; `plans` holds that of the plan's newest price.
    """
    return load_priced_catalogue(connection, merchant_id)[0]


def load_priced_catalogue(
    connection: Connection, merchant_id: str
) -> tuple[Catalogue, Mapping[int, Terms]]:
    """Read the same, and the terms of each price by its row."""
    by_row = terms_of_merchant(connection, merchant_id)
    terms = [stored.terms for entries in _dated(by_row).values() for stored in entries]
    catalogue = Catalogue.as_stored(
        plans=[each.plan for each in terms],
        prices=[each.price for each in terms],
        offers=load_offers(connection, merchant_id),
    )
    return catalogue, by_row


def yearly_yen(*, price: Price, quantity: int) -> int:
    """Give what one year of a price can cost at most, rounded up to whole yen.

    A month or year plan counts its exact share of a year (12 / count or 1 / count cycles); one of
    days or weeks the most cycles that can start within a leap year, as 53 for a weekly plan.
    """
    yen = price.cycle_yen(quantity=quantity)
    unit, count = price.interval.unit, price.interval.count
    match unit:
        case Unit.MONTH:
            return -(-yen * 12 // count)
        case Unit.YEAR:
            return -(-yen // count)
        case Unit.DAY | Unit.WEEK:
            days = count if unit is Unit.DAY else 7 * count
            return yen * -(-_LONGEST_YEAR_DAYS // days)


def plan_refused(unknown: UnknownPlan) -> RowRefused:
    """Say an unknown plan as a fault of the row that names it."""
    return RowRefused(
        "plan",
        unknown.plan_code,
        rule="is not in the catalogue",
        remedy=f"use one of {', '.join(unknown.known) or '(none yet)'}, or import the plan",
        ja="カタログにないプランです。登録済みのコードを使うか、先にプランを登録してください。",
    )


def check_terms(*, price: Price, quantity: int, anchor_day: int | None) -> None:
    """Refuse a quantity or an anchor day that a price is not sold with; raises RowRefused."""
    interval = price.interval
    by_month = interval.unit in (Unit.MONTH, Unit.YEAR)
    try:
        check_quantity(price=price, quantity=quantity)
    except BadInput as fault:
        raise RowRefused(
            "quantity",
            quantity,
            rule=fault.rule,
            remedy="use quantity 1, or a plan that is sold per seat",
            ja="席数で売るプランではないため、数量は1にしてください。",
        ) from fault
    if by_month and anchor_day is None:
        raise RowRefused(
            "anchor_day",
            None,
            rule=f"a plan {interval.text_en} is charged on a day of the month",
            remedy="give that day, 1 to 31",
            ja="月・年単位のプランには課金日 (1〜31) が必要です。",
        )
    if not by_month and anchor_day is not None:
        raise RowRefused(
            "anchor_day",
            anchor_day,
            rule=f"a plan {interval.text_en} is counted from started_on",
            remedy="leave it empty",
            ja="日・週単位のプランは開始日から数えるため、空欄にしてください。",
        )


def check_cap(*, price: Price, quantity: int, cap_yen: int, cap_rule: CapRule) -> None:
    """Refuse what can never be charged under a monthly cap, whatever else shares it.

    That is more in a year than twelve caps, or, unless it may be split, more at once than one
    cap. Raises RowRefused on the quantity of a per-seat plan, else on the plan.
    """
    yen = price.cycle_yen(quantity=quantity)
    column, value = ("quantity", str(quantity)) if price.per_seat else ("plan", price.plan_code)
    cap = f"the cap of {cap_yen:,} yen a month"
    if yearly_yen(price=price, quantity=quantity) > cap_yen * 12:
        raise RowRefused(
            column,
            value,
            rule=f"{yen:,} yen {price.interval.text_en} is more than {cap} can ever take",
            remedy="lower the quantity, choose another plan, or raise the cap with Amazon",
            ja=f"{yen:,}円は月間上限{cap_yen:,}円に収まりません。数量かプランを直してください。",
        )
    if cap_rule is not CapRule.SPLIT and yen > cap_yen:
        raise RowRefused(
            column,
            value,
            rule=f"{yen:,} yen at once is over {cap}, and the cap rule is {cap_rule.value}",
            remedy="use the cap rule split, or choose another plan",
            ja=f"{yen:,}円は月間上限{cap_yen:,}円を超え、{cap_rule.value} では請求できません。",
        )


def lock_merchant(connection: Connection, merchant_id: str) -> None:
    """Let one import of a merchant run at a time, until the transaction ends.

    Two imports that read before either wrote would both add the same rows. Workers are not held
    up: the lock is the weak one (FOR NO KEY UPDATE), which rows that refer to the merchant ignore.
    Raises `UnknownMerchant`.
    """
    load_merchant(connection, merchant_id)
    connection.execute(
        select(merchants.c.id).where(merchants.c.id == merchant_id).with_for_update(key_share=True)
    )


def _stored_plans(connection: Connection, merchant_id: str) -> dict[str, Row]:
    statement = select(plan_table).where(plan_table.c.merchant_id == merchant_id)
    return {row["code"]: row for row in fetch(connection, statement)}


def _stored_prices(connection: Connection, merchant_id: str) -> dict[tuple[str, date], Row]:
    statement = (
        select(
            plan_table.c.code,
            price_table.c.valid_from,
            price_table.c.anchor_rule,
            price_table.c.content_hash,
            price_table.c.terms,
        )
        .join(plan_table, plan_table.c.id == price_table.c.plan_id)
        .where(price_table.c.merchant_id == merchant_id)
    )
    return {(row["code"], row["valid_from"]): row for row in fetch(connection, statement)}


def _key(price: Price) -> tuple[str, date]:
    return price.plan_code, price.valid_from


def _check_unchanged(
    given: Iterable[Price], catalogue: Catalogue, stored: Mapping[tuple[str, date], Row]
) -> None:
    """Compare terms and anchor, which the list gives per plan but each price keeps."""
    differing = tuple(
        price
        for price in given
        if (row := stored.get(_key(price))) is not None
        and _differs(row, catalogue.plan(price.plan_code), price)
    )
    if differing:
        raise PriceAlreadySet(differing)


def _differs(row: Row, plan: Plan, price: Price) -> bool:
    kept = row["content_hash"], row["anchor_rule"], row["terms"]
    return kept != (price.content_hash, str(plan.anchor_rule), price_text(plan, price))


def _renamed(plans: Iterable[Plan], stored: Mapping[str, Row]) -> list[dict[str, Any]]:
    return [
        {"id": row["id"], **_words(plan)}
        for plan in plans
        if (row := stored.get(plan.code)) is not None
        and any(row[name] != word for name, word in _words(plan).items())
    ]


def _words(plan: Plan) -> dict[str, Any]:
    """What may change at any time: names, and which schedule the plan's later dunning follows."""
    return {"name_ja": plan.name_ja, "name_en": plan.name_en, "dunning": plan.dunning}


def _insert_plans(
    connection: Connection, merchant_id: str, plans: Iterable[Plan]
) -> dict[str, int]:
    rows = [{"merchant_id": merchant_id, "code": plan.code, **_words(plan)} for plan in plans]
    ids = insert_returning_ids(connection, plan_table, rows)
    return {row["code"]: plan_id for row, plan_id in zip(rows, ids, strict=True)}


def _price_row(merchant_id: str, plan_id: int, plan: Plan, price: Price) -> dict[str, Any]:
    usage = price.usage
    return {
        "merchant_id": merchant_id,
        "plan_id": plan_id,
        "valid_from": price.valid_from,
        "amount_yen": price.amount_yen,
        "tax_category": str(price.tax_category),
        "interval_unit": str(price.interval.unit),
        "interval_count": price.interval.count,
        "anchor_rule": str(plan.anchor_rule),
        "per_seat": price.per_seat,
        "trial_days": price.trial_days,
        "minimum_cycles": price.minimum_cycles,
        "first_amount_yen": price.first_amount_yen,
        "physical": price.physical,
        "usage_meter": usage.meter if usage else None,
        "usage_included": usage.included if usage else None,
        "usage_unit_price": str(usage.unit_price) if usage else None,
        "terms": price_text(plan, price),
        "content_hash": price.content_hash,
    }


def _already_set(price: Price) -> str:
    return (
        f"plan {price.plan_code!r}, price valid from {price.valid_from}, {price.amount_yen} yen: "
        "other terms are stored for this plan and date, and prices are immutable; "
        "give the new price a later valid_from"
    )


def _offer_already_set(offer: Offer) -> str:
    return (
        f"{offer.section} {offer.code!r}, valid from {offer.valid_from}: other terms are stored "
        "for this code and date, and versions are immutable; give the new terms a later valid_from"
    )
