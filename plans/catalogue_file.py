"""A price list as YAML: read whole, checked whole, every fault told at once with its place.

The file holds `plans:`, a list. A plan's `price` is valid from `valid_from` on (left out: always);
further dated prices stand under `prices:` and take what they leave out from the plan.
"""

from __future__ import annotations

import re
from datetime import date

import yaml

from plans.calendar import AnchorRule, Interval, Unit
from plans.catalogue import ALWAYS, Catalogue, Plan, Price, TaxCategory, UsageTerms
from plans.errors import PlansError
from plans.yaml_nodes import (
    Fields,
    Findings,
    Problem,
    Value,
    choice,
    exact_decimal,
    flag,
    iso_date,
    read_fields,
    read_list,
    whole,
    words,
)

__all__ = ["CatalogueProblems", "parse_catalogue"]

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Nine digits: the narrowest amount column of the accounting packages we export to.
_YEN_MAX = 999_999_999
_PRICE = whole(least=1, most=_YEN_MAX, what="a price in yen")
_FIRST_PRICE = whole(least=0, most=_YEN_MAX, what="a first price in yen")
_COUNT = whole(least=1, most=999, what="a count of units")
_TRIAL_DAYS = whole(least=0, most=3650, what="a trial in days")
_MINIMUM_CYCLES = whole(least=0, most=999, what="a shortest term in cycles")
_INCLUDED = whole(least=0, most=10**12, what="an included quantity")
_STAND_IN = Interval(Unit.MONTH, 1)

_TERM_KEYS = (
    "price",
    "tax",
    "every",
    "per_seat",
    "trial_days",
    "minimum_cycles",
    "first_price",
    "physical",
    "usage",
    "valid_from",
)
_PLAN_KEYS = ("code", "name", "anchor", *_TERM_KEYS, "prices")


class CatalogueProblems(PlansError):
    """The price list has faults and nothing of it is used; `problems` holds them in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def parse_catalogue(text: str) -> Catalogue:
    """Read a price list; raises CatalogueProblems with every fault, and then uses nothing."""
    findings = Findings()
    plans, prices = _read_file(_compose(text), findings)
    if findings.problems:
        raise CatalogueProblems(tuple(sorted(findings.problems, key=_place)))
    return Catalogue.of(plans=plans, prices=prices)


def _place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


def _compose(text: str) -> yaml.Node:
    """Turn the text into nodes without constructing anything; syntax faults end the reading."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _not_yaml(line, column, fault.problem or "is not YAML") from fault
    except yaml.reader.ReaderError as fault:
        before = text[: fault.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _not_yaml(line, column, "holds a character that YAML does not allow") from fault
    except RecursionError as fault:
        raise _not_yaml(1, 1, "is nested too deeply to be a price list") from fault
    if root is None:
        raise _not_yaml(1, 1, "is empty")
    return root


def _not_yaml(line: int, column: int, rule: str) -> CatalogueProblems:
    remedy = "mend the file there; it starts with plans: and a list"
    return CatalogueProblems((Problem(line, column, "file", None, rule, remedy),))


def _read_file(root: yaml.Node, findings: Findings) -> tuple[list[Plan], list[Price]]:
    plans: list[Plan] = []
    prices: list[Price] = []
    file = read_fields(Value(root, "", findings), known=["plans"])
    entries = file.required("plans", read_list) if file else None
    codes: set[str] = set()
    for entry in entries or []:
        fields = read_fields(entry, known=_PLAN_KEYS)
        if fields is None:
            continue
        code = fields.required("code", _plan_code)
        plan = _read_plan(fields, code or "?")
        dated = _read_prices(fields, code or "?", plan.anchor_rule)
        if code in codes:
            fields.values["code"].refuse(
                rule="another plan has this code", remedy="give every plan a code of its own"
            )
        elif code:
            codes.add(code)
            plans.append(plan)
            prices.extend(dated)
    return plans, prices


def _plan_code(value: Value) -> str | None:
    code = words(value)
    if code is not None and not _CODE.fullmatch(code):
        value.refuse(
            rule="a code is 1 to 64 letters, digits, dots, hyphens or underscores",
            remedy="choose such a code, as in annual-pro",
        )
        return None
    return code


def _read_plan(fields: Fields, code: str) -> Plan:
    names = fields.required("name", _names) or ("", "")
    rule = fields.optional("anchor", choice(AnchorRule), AnchorRule.KEEP_DAY)
    return Plan(code=code, name_ja=names[0], name_en=names[1], anchor_rule=rule)


def _names(value: Value) -> tuple[str, str] | None:
    fields = read_fields(value, known=["ja", "en"])
    if fields is None:
        return None
    ja, en = fields.required("ja", words), fields.required("en", words)
    return (ja, en) if ja and en else None


def _read_prices(fields: Fields, code: str, rule: AnchorRule) -> list[Price]:
    """Read the plan's own price and the dated ones."""
    found: list[Price] = []
    terms = fields.without("code", "name", "anchor", "prices")
    if "price" in fields or "prices" not in fields:
        found.append(_read_price(terms, code, rule))
    elif "valid_from" in fields:
        fields.values["valid_from"].refuse(
            rule="dates a price, and the plan has none of its own",
            remedy="add price: beside it, or move it under prices:",
        )
    inherited = terms.without("price", "valid_from")
    entries = fields.required("prices", read_list) if "prices" in fields else None
    for entry in entries or []:
        own = read_fields(entry, known=_TERM_KEYS)
        if own is not None:
            price = _read_price(own.over(inherited), code, rule)
            if own.required("valid_from", iso_date) is not None:
                found.append(price)
    _check_dates_differ(fields, found)
    return found


def _read_price(terms: Fields, code: str, rule: AnchorRule) -> Price:
    amount = terms.required("price", _PRICE)
    tax = terms.required("tax", choice(TaxCategory))
    interval = terms.required("every", _interval)
    if interval is not None:
        _check_anchor(terms, interval, rule)
    # Faults have their findings already; the stand-ins below only let the reading go on, so
    # that one pass tells them all. A catalogue is made of them only when nothing was found.
    return Price(
        plan_code=code,
        valid_from=terms.optional("valid_from", iso_date, ALWAYS),
        amount_yen=amount or 0,
        tax_category=tax or TaxCategory.STANDARD,
        interval=interval or _STAND_IN,
        per_seat=terms.optional("per_seat", flag, False),
        trial_days=terms.optional("trial_days", _TRIAL_DAYS, 0),
        minimum_cycles=terms.optional("minimum_cycles", _MINIMUM_CYCLES, 0),
        first_amount_yen=terms.maybe("first_price", _FIRST_PRICE),
        physical=terms.optional("physical", flag, False),
        usage=terms.maybe("usage", _usage),
    )


def _interval(value: Value) -> Interval | None:
    fields = read_fields(value, known=["unit", "count"])
    if fields is None:
        return None
    unit = fields.required("unit", choice(Unit))
    count = fields.required("count", _COUNT)
    return None if unit is None or count is None else Interval(unit, count)


def _usage(value: Value) -> UsageTerms | None:
    fields = read_fields(value, known=["meter", "included", "unit_price"])
    if fields is None:
        return None
    meter = fields.required("meter", words)
    included = fields.required("included", _INCLUDED)
    unit_price = fields.required("unit_price", exact_decimal)
    if meter is None or included is None or unit_price is None:
        return None
    return UsageTerms(meter=meter, included=included, unit_price=unit_price)


def _check_anchor(terms: Fields, interval: Interval, rule: AnchorRule) -> None:
    if rule is AnchorRule.LAST_DAY and interval.unit in (Unit.DAY, Unit.WEEK):
        terms.values["every"].refuse(
            rule="anchor: last_day goes with months and years only",
            remedy="use anchor: keep_day, or count in months or years",
        )


def _check_dates_differ(fields: Fields, prices: list[Price]) -> None:
    seen: set[date] = set()
    for price in prices:
        if price.valid_from in seen:
            fields.values["prices"].refuse(
                rule=f"two prices are valid from {price.valid_from.isoformat()}",
                remedy="give each price of a plan a date of its own",
            )
        seen.add(price.valid_from)
