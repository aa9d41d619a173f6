"""What one cycle costs, line by line, and what coupons and discounts take off it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from app.calc.catalogue_cycles import CYCLE_MOST, Agreement, Cycle
from app.calc.catalogue_reading import (
    PRICE_LIST,
    QUANTITY_MOST,
    blamed_on,
    coupon_of_request,
    dated,
    objects,
    period,
)
from app.calc.catalogue_writing import line_json, period_json, price_ref_json, words
from app.calc.reading import Input, Refusal
from billing import RateTotal, TaxRounding, tax_by_rate
from plans import (
    AddOnInForce,
    BadInput,
    Coupon,
    CouponInForce,
    CouponNotForPlan,
    CouponOutsideCampaign,
    CouponRefused,
    CouponsDoNotStack,
    CouponUsedBefore,
    Line,
    LineKind,
    Period,
    TaxCategory,
    UsageCharge,
    UsageTerms,
    amount_of,
    check_add_on,
    check_coupon,
    check_stacking,
    discount_lines,
    split_yen,
)

__all__ = ["coupon", "discount", "lines"]

_Answer = dict[str, Any]

_SHOWN_CYCLES_MOST = 120
# A discount outside a cycle still makes lines, and a line has days; they are not shown.
_ANY_DAYS = Period(date(2026, 1, 1), date(2026, 1, 2))
_YEN_MOST = 10**12
_RULES: dict[type[CouponRefused], str] = {
    CouponNotForPlan: "not_for_plan",
    CouponOutsideCampaign: "outside_campaign",
    CouponUsedBefore: "used_before",
    CouponsDoNotStack: "does_not_stack",
}


def lines(request: Input) -> _Answer:
    """List the lines of the nth paid cycle of a subscription, with the tax per rate."""
    request.only(
        *("op", "plan", "agreed", "started_on", "quantity", "cycle", "add_ons", "coupons"),
        *("metered", "tax_rounding", *PRICE_LIST),
    )
    agreement = Agreement.read(request, on_key="started_on")
    nth = request.whole("cycle", least=1, most=CYCLE_MOST)
    cycle = agreement.cycle(nth)
    add_ons = list(_add_ons(request, agreement, cycle))
    sold = cycle.lines(add_ons=add_ons, usage=_metered(request, cycle.price.usage))
    redeemed = list(_redeemed(request, agreement, nth))
    with blamed_on("coupons"):
        found = (*sold, *cycle.discounts(sold, redeemed))
    return {
        "period": period_json(cycle.days),
        "price": price_ref_json(cycle.price),
        "lines": [line_json(line) for line in found],
        **_taxed(request, found, cycle.days.start),
    }


def coupon(request: Input) -> _Answer:
    """Tell whether coupons may be used and what they take off which cycles."""
    request.only(
        *("op", "plan", "agreed", "on", "quantity", "coupons", "used_by_buyer", "cycles"),
        *PRICE_LIST,
    )
    agreement = Agreement.read(request, on_key="on")
    coupons = _named(request, agreement)
    refused = _why_refused(request, agreement, coupons)
    if refused is not None:
        return {"allowed": False, **refused}
    count = request.whole("cycles", least=1, most=_SHOWN_CYCLES_MOST, default=12)
    with blamed_on("cycles"):
        shown = [_with_coupons(agreement.cycle(nth), coupons) for nth in range(1, count + 1)]
    return {"allowed": True, "cycles": shown, "discount": sum(each["discount"] for each in shown)}


def discount(request: Input) -> _Answer:
    """Split a discount over tax categories and lines by largest remainder."""
    request.only("op", "off", "lines")
    if "off" not in request.values:
        raise Refusal("off", "is missing")
    taken_off = coupon_of_request(request, {"off": request.values["off"]})
    sold = [_sold_line(each) for each in request.nested_list("lines")]
    if not sold:
        raise Refusal("lines", "give at least one line")
    by_category = discount_lines(lines=sold, coupons=[taken_off], period=_ANY_DAYS)
    parts = _parts(sold, by_category)
    return {
        "discount": sum(parts),
        "lines": [_discounted(line, part) for line, part in zip(sold, parts, strict=True)],
        "by_category": [_category_part(line) for line in by_category],
    }


def _add_ons(request: Input, agreement: Agreement, cycle: Cycle) -> Iterator[AddOnInForce]:
    for given in objects(request, "add_ons"):
        given.only("code", "quantity", "since_cycle", "added_on")
        on = dated(given, "added_on", default=agreement.started_on)
        quantity = given.whole("quantity", least=1, most=QUANTITY_MOST, default=1)
        since = given.whole("since_cycle", least=1, most=CYCLE_MOST, default=1)
        with blamed_on(given.at("code")):
            add_on = agreement.catalogue.add_on_on(given.text("code"), on)
        try:
            check_add_on(add_on=add_on, plan_code=cycle.plan.code, quantity=quantity)
        except BadInput as fault:
            key = "quantity" if fault.field == "quantity" else "code"
            raise Refusal(given.at(key), fault.reason) from None
        yield AddOnInForce(add_on, quantity, since)


def _redeemed(request: Input, agreement: Agreement, nth: int) -> Iterator[CouponInForce]:
    """Read the coupons that were redeemed for this cycle or an earlier one."""
    for given in objects(request, "coupons"):
        given.only("code", "since_cycle", "redeemed_on")
        on = dated(given, "redeemed_on", default=agreement.started_on)
        since = given.whole("since_cycle", least=1, most=CYCLE_MOST, default=1)
        with blamed_on(given.at("code")):
            redeemed = agreement.catalogue.coupon_on(given.text("code"), on)
            plan = agreement.agreed.plan_code
            check_coupon(coupon=redeemed, plan_code=plan, on=on, used_by_buyer=False)
        if since <= nth:
            yield CouponInForce(redeemed, nth - since)


def _metered(request: Input, terms: UsageTerms | None) -> list[UsageCharge]:
    given = objects(request, "metered")
    if given and terms is None:
        raise Refusal("metered", "nothing is metered at this price; leave it out")
    return [_charge(each, terms) for each in given if terms is not None]


def _charge(given: Input, terms: UsageTerms) -> UsageCharge:
    given.only("from", "to", "used", "billed")
    late = "billed" in given.values
    with blamed_on(given.at("used")):
        amount = amount_of(terms, usage=given.decimal("used"))
    billed_yen = given.whole("billed", least=0) if late else 0
    return UsageCharge(terms.meter, period(given), amount, billed_yen, late)


def _taxed(request: Input, found: Sequence[Line], on: date) -> _Answer:
    rounding = request.choice("tax_rounding", TaxRounding, TaxRounding.FLOOR)
    with blamed_on("started_on"):
        breakdown = tax_by_rate(lines=found, on=on, rounding=rounding)
    return {"total": breakdown.total_yen, "by_rate": [_rate(row) for row in breakdown.rates]}


def _rate(row: RateTotal) -> _Answer:
    return {
        "category": row.category.value,
        "rate": str(row.rate_percent),
        "gross": row.gross_yen,
        "tax": row.tax_yen,
        "net": row.net_yen,
    }


def _named(request: Input, agreement: Agreement) -> list[Coupon]:
    codes = request.texts("coupons")
    if not codes:
        raise Refusal("coupons", "is missing; name at least one coupon")
    found = []
    for index, code in enumerate(codes):
        with blamed_on(f"coupons[{index}]"):
            found.append(agreement.catalogue.coupon_on(code, agreement.started_on))
    return found


def _why_refused(request: Input, agreement: Agreement, coupons: Sequence[Coupon]) -> _Answer | None:
    """Tell the first rule that forbids the coupons; None when they may be used."""
    used = set(request.texts("used_by_buyer"))
    code = None
    try:
        for each in coupons:
            code = each.code
            check_coupon(
                coupon=each,
                plan_code=agreement.agreed.plan_code,
                on=agreement.started_on,
                used_by_buyer=each.code in used,
            )
        code = None
        check_stacking(coupons)
    except CouponRefused as fault:
        return {"coupon": code, "rule": _RULES[type(fault)], "reason": fault.reason}
    return None


def _with_coupons(cycle: Cycle, coupons: Sequence[Coupon]) -> _Answer:
    sold = cycle.lines()
    live = [CouponInForce(each, cycle.nth - 1) for each in coupons]
    taken = cycle.discounts(sold, live)
    before, off = sum(line.amount_yen for line in sold), -sum(line.amount_yen for line in taken)
    return {
        "cycle": cycle.nth,
        **period_json(cycle.days),
        "before": before,
        "discount": off,
        "after": before - off,
        "lines": [line_json(line) for line in taken],
    }


def _sold_line(given: Input) -> Line:
    given.only("amount", "category")
    yen = given.whole("amount", least=0, most=_YEN_MOST)
    category = given.choice("category", TaxCategory)
    return Line(LineKind.PLAN, "", "", 1, yen, yen, category, _ANY_DAYS)


def _parts(sold: Sequence[Line], by_category: Sequence[Line]) -> list[int]:
    """Split each category's part over its lines, as the cycle's own discounts are."""
    parts = [0] * len(sold)
    for taken in by_category:
        members = [i for i, line in enumerate(sold) if line.tax_category is taken.tax_category]
        shares = split_yen(-taken.amount_yen, [sold[i].amount_yen for i in members])
        for index, share in zip(members, shares, strict=True):
            parts[index] = share
    return parts


def _discounted(line: Line, part: int) -> _Answer:
    return {
        "amount": line.amount_yen,
        "category": line.tax_category.value,
        "discount": part,
        "left": line.amount_yen - part,
    }


def _category_part(line: Line) -> _Answer:
    return {
        "category": line.tax_category.value,
        "discount": -line.amount_yen,
        "explain": words(line.description_ja, line.description_en),
    }
