"""Plans that are tried out: which of them the test shop sells, beside the one that takes money.

    live shop ──terms──► test shop, sold there while the plan is in test

A plan in test is a copy in the merchant of the sandbox, with all that it is sold with: its sign-ups
are signed with that merchant's keys and reach no real account. The live shop is never changed by a
test. What is in test is the newest audit event of the plan, so the log tells who switched it, and
when.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from billing.catalogue.catalogue_store import TermsAlreadySet, load_catalogue, store_catalogue
from billing.settings.account import Account
from billing.settings.whole_plans import codes_of, has_all_of, whole_plan
from billing.store.events import write_audit_event
from billing.store.rows import table_of
from billing.tables import AuditEventRow
from plans import Catalogue, Plan, PlansError, Price

__all__ = [
    "NoTestKeys",
    "OtherTermsInTest",
    "PlanTest",
    "plan_tests",
    "plans_out_of_test",
    "switch_plan_test",
]

_audit = table_of(AuditEventRow)

SWITCHED = "plan_test"


class NoTestKeys(Exception):
    """There is no test shop of the same seller with sandbox keys; nothing could be signed."""


class OtherTermsInTest(Exception):
    """The test shop has other terms for `codes` at the same date, and terms never change."""

    def __init__(self, codes: tuple[str, ...], told: str) -> None:
        self.codes = codes
        super().__init__(told)


@dataclass(frozen=True, slots=True)
class PlanTest:
    """A plan on both sides; a price is that of today, None where it is not sold.

    `same_terms` is false when the test shop sells it by other terms than the live one, or lacks
    something that the live one sells with it.
    """

    plan: Plan
    live: Price | None
    test: Price | None
    is_on: bool
    same_terms: bool


def plan_tests(
    connection: Connection, *, live: Account | None, test: Account | None, on: date
) -> list[PlanTest]:
    """Every plan of the two shops, in the order of the live one's price list."""
    here = _catalogue(connection, live)
    there = _catalogue(connection, test)
    off = plans_out_of_test(connection, test.merchant_id) if test else frozenset()
    every = {**here.plans, **{code: p for code, p in there.plans.items() if code not in here.plans}}
    return [_side_by_side(plan, here, there, off, on) for plan in every.values()]


def plans_out_of_test(connection: Connection, merchant_id: str) -> frozenset[str]:
    """Codes of plans that the test shop does not sell any more: their test was ended."""
    statement = (
        select(_audit.c.detail)
        .where(_audit.c.merchant_id == merchant_id, _audit.c.kind == SWITCHED)
        .order_by(_audit.c.id)
    )
    newest: dict[str, bool] = {}
    for (detail,) in connection.execute(statement):
        told = json.loads(detail)
        newest[told["plan"]] = told["on"]
    return frozenset(code for code, is_on in newest.items() if not is_on)


def switch_plan_test(
    connection: Connection,
    *,
    live: Account | None,
    test: Account | None,
    plan_code: str,
    on: bool,
    by: str,
    at: datetime,
) -> None:
    """Sell a plan in the test shop, by the terms of the live one; or sell it there no more.

    All that it is sold with comes along. Plans that it may be changed into and that the test shop
    did not know are there for changes alone, until they are tested themselves. Switching to what
    holds already copies what the live shop has got since, and else nothing. Raises `NoTestKeys`,
    `OtherTermsInTest`, UnknownPlan, and BadInput when the terms do not go together with those of
    the test shop.
    """
    if test is None or not test.has_key or test.environment != "sandbox":
        raise NoTestKeys("a plan is tested with sandbox keys, and there are none")
    known = _catalogue(connection, test)
    source = _catalogue(connection, live)
    if on and plan_code in source.plans:
        came_along = _copy(connection, whole_plan(source, plan_code), known, test)
        for code in sorted(came_along - {plan_code}):
            _note(connection, test, code, on=False, by=by, at=at)
    else:
        known.plan(plan_code)  # a plan of the test shop alone
    is_on = plan_code in known.plans and plan_code not in plans_out_of_test(
        connection, test.merchant_id
    )
    if is_on is not on:
        _note(connection, test, plan_code, on=on, by=by, at=at)


def _note(
    connection: Connection, test: Account, plan_code: str, *, on: bool, by: str, at: datetime
) -> None:
    write_audit_event(
        connection,
        merchant_id=test.merchant_id,
        kind=SWITCHED,
        actor=by,
        reason=f"{plan_code}: {'on' if on else 'off'}",
        at=at,
        detail=json.dumps({"plan": plan_code, "on": on}, sort_keys=True, ensure_ascii=False),
    )


def _copy(
    connection: Connection, wanted: Catalogue, known: Catalogue, test: Account
) -> frozenset[str]:
    """Store what is new of it in the test shop; returns the plans that it did not know."""
    try:
        store_catalogue(connection, test.merchant_id, wanted)
    except TermsAlreadySet as other:
        raise OtherTermsInTest(codes_of(other), str(other)) from other
    return frozenset(wanted.plans) - frozenset(known.plans)


def _catalogue(connection: Connection, account: Account | None) -> Catalogue:
    if account is None:
        return Catalogue(plans={}, prices={})
    return load_catalogue(connection, account.merchant_id)


def _side_by_side(
    plan: Plan, here: Catalogue, there: Catalogue, off: frozenset[str], on: date
) -> PlanTest:
    live, test = _sold(here, plan.code, on), _sold(there, plan.code, on)
    is_on = plan.code in there.plans and plan.code not in off
    hashes = {price.content_hash for price in (live, test) if price is not None}
    copied = plan.code not in here.plans or has_all_of(there, whole_plan(here, plan.code))
    same = len(hashes) < 2 and (copied or not is_on)
    return PlanTest(plan, live, test if is_on else None, is_on, same)


def _sold(catalogue: Catalogue, plan_code: str, on: date) -> Price | None:
    try:
        return catalogue.price_on(plan_code, on)
    except PlansError:
        return None
