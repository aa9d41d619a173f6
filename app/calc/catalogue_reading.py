"""Price lists inside a request, read by the very reader of the import, with its very errors.

A request gives a whole price list as `catalogue` (the keys of docs/catalogue-file.md as JSON) or
as `catalogue_yaml` (the file's text), or a few of those keys itself. Either way there is one
vocabulary and one set of rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.calc.reading import Input, Refusal
from plans import (
    BadInput,
    Catalogue,
    CatalogueProblems,
    Coupon,
    Period,
    PlansError,
    Price,
    PriceRef,
    Problem,
    parse_catalogue,
)

__all__ = [
    "PRICE_LIST",
    "QUANTITY_MOST",
    "YEARS",
    "PriceListRefused",
    "blamed_on",
    "coupon_of_request",
    "dated",
    "objects",
    "period",
    "price_agreed_to",
    "price_list",
    "price_of_request",
]

# The two ways to give a price list; every operation that takes one knows both keys.
PRICE_LIST = ("catalogue", "catalogue_yaml")
# As many as an add-on may be limited to; a slip of the keyboard lies above it.
QUANTITY_MOST = 1_000_000
# The years a price list knows, so that no sum of days leaves the calendar.
YEARS = range(1900, 3000)

# JSON leaves these unescaped; YAML would refuse them or take them for line breaks.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_STAND_IN_PLAN = {
    "code": "plan",
    "name": {"ja": "プラン", "en": "Plan"},
    "tax": "standard",
    "every": {"unit": "month", "count": 1},
}


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a price list stands in the request, and its text."""

    key: str
    text: str

    @property
    def has_lines(self) -> bool:
        """Tell whether line and column mean anything to the sender."""
        return self.key == "catalogue_yaml"

    def place(self, problem: Problem) -> str:
        """Name the field of the request a problem lies in."""
        return self.key if problem.field == "file" else f"{self.key}.{problem.field}"


@dataclass(frozen=True, slots=True)
class _Alone:
    """A price list made up of the request's own terms; its faults name the request's keys."""

    request: Input
    prefix: str
    # What is blamed when the place of a fault is unknown, as in a value nested too deeply.
    last_key: str

    def read(self, sections: dict[str, object]) -> Catalogue:
        """Read the list; raises Refusal with the first fault."""
        text = _as_yaml(sections, self.request.at(self.last_key))
        try:
            return _parsed(text)
        except CatalogueProblems as found:
            first = found.problems[0]
            key = first.field.removeprefix(self.prefix)
            place = self.last_key if key == "file" else key
            raise Refusal(self.request.at(place), _reason(first)) from None


class PriceListRefused(Refusal):
    """A price list with faults: the first one as the refusal, all of them in `problems`."""

    def __init__(self, source: _Source, faults: tuple[Problem, ...]) -> None:
        self.problems = [_problem(each, source) for each in faults]
        first, others = faults[0], len(faults) - 1
        more = f" (and {others} more)" if others else ""
        where = f"line {first.line}, column {first.column}: " if source.has_lines else ""
        super().__init__(source.place(first), where + _reason(first) + more)


def price_list(request: Input) -> Catalogue:
    """Read the price list of a request; raises PriceListRefused with every fault of it."""
    source = _source(request)
    try:
        return _parsed(source.text)
    except CatalogueProblems as found:
        raise PriceListRefused(source, found.problems) from None


def price_of_request(request: Input, given: dict[str, object]) -> Price:
    """Read terms of one price that stand in the request itself, under their price-list keys.

    Raises Refusal, which names the request's own key.
    """
    alone = _Alone(request, "plans[0].", last_key=next(reversed(given), "price"))
    return alone.read({"plans": [{**_STAND_IN_PLAN, **given}]}).all_prices[0]


def coupon_of_request(request: Input, given: dict[str, object]) -> Coupon:
    """Read terms of one coupon that stand in the request itself; raises Refusal."""
    # A coupon may take off as much as there is of what is sold by number.
    plan = {**_STAND_IN_PLAN, "price": 1, "per_seat": True}
    coupon = {"code": "coupon", "name": {"ja": "割引", "en": "Discount"}, **given}
    alone = _Alone(request, "coupons[0].", last_key=next(reversed(given), "off"))
    return alone.read({"plans": [plan], "coupons": [coupon]}).coupons["coupon"][0]


def price_agreed_to(
    request: Input,
    catalogue: Catalogue,
    *,
    plan: str = "plan",
    on: date | None = None,
    on_key: str = "on",
) -> Price:
    """Find the price of a plan: the one valid from `agreed` or, without it, the one on sale.

    The day of sale is `on`, else the one under `on_key`.

    Raises Refusal for a plan or price that the list does not hold.
    """
    code = request.text(plan)
    with blamed_on(request.at(plan)):
        catalogue.plan(code)
    if "agreed" in request.values:
        with blamed_on(request.at("agreed")):
            return catalogue.price_of(PriceRef(code, dated(request, "agreed")))
    day = dated(request, on_key) if on is None else on
    with blamed_on(request.at(on_key)):
        return catalogue.price_on(code, day)


@contextmanager
def blamed_on(field: str) -> Iterator[None]:
    """Let what `plans` refuses name a field of the request."""
    try:
        yield
    except BadInput as fault:
        raise Refusal(field, fault.reason) from None
    except PlansError as fault:
        raise Refusal(field, str(fault)) from None


def dated(request: Input, key: str, *, default: date | None = None) -> date:
    """Read a date of the years a price list knows; `default` stands for a key left out."""
    day = request.day(key, default=default)
    if day.year not in YEARS:
        rule = f"is a date of the years {YEARS[0]} to {YEARS[-1]}, not {day.isoformat()}"
        raise Refusal(request.at(key), rule)
    return day


def period(request: Input) -> Period:
    """Read `from` and `to`, the first day and the day after the last."""
    start, end = dated(request, "from"), dated(request, "to")
    with blamed_on(request.at("to")):
        return Period(start, end)


def objects(request: Input, key: str) -> list[Input]:
    """Read a list of objects; empty if left out."""
    return request.nested_list(key) if key in request.values else []


def _source(request: Input) -> _Source:
    if "catalogue_yaml" not in request.values:
        return _Source("catalogue", _as_yaml(request.nested("catalogue").values, "catalogue"))
    if "catalogue" in request.values:
        raise Refusal("catalogue_yaml", "give either this or catalogue, not both")
    return _Source("catalogue_yaml", request.text("catalogue_yaml"))


def _parsed(text: str) -> Catalogue:
    try:
        return parse_catalogue(text)
    except CatalogueProblems:
        raise
    except (ValueError, OverflowError):
        # PyYAML stumbles over escapes and version numbers beyond what Python can hold.
        rule, remedy = "is not YAML: it holds a number no machine can read", "take it out"
        raise CatalogueProblems((Problem(1, 1, "file", None, rule, remedy),)) from None


def _as_yaml(value: object, path: str) -> str:
    """Write JSON so that YAML reads the same: every JSON text is YAML but for a few characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        raise Refusal(path, "is nested too deeply to be a price list") from None
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _reason(problem: Problem) -> str:
    got = "" if problem.value is None else f" (got {problem.value[:60]!r})"
    return f"{problem.rule}; {problem.remedy}{got}"


def _problem(problem: Problem, source: _Source) -> dict[str, Any]:
    line, column = (problem.line, problem.column) if source.has_lines else (None, None)
    return {
        "line": line,
        "column": column,
        "field": problem.field,
        "value": problem.value,
        "rule": problem.rule,
        "remedy": problem.remedy,
    }
