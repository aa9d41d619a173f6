"""Plans that are tried out: which of them the test shop sells, beside the one that takes money.

    live shop ──terms──► test shop, sold there while the plan is in test

A plan in test is a copy of its terms in the merchant of the sandbox: its sign-ups are signed with
that merchant's keys and reach no real account. The live shop is never changed by a test. What is
in test is the newest audit event of the plan, so the log tells who switched it, and when.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from billing.catalogue.catalogue_store import TermsAlreadySet, load_catalogue, store_catalogue
from billing.settings.account import Account
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
    """The test shop has other terms for the plan at the same date, and terms never change."""


@dataclass(frozen=True, slots=True)
class PlanTest:
    """A plan on both sides; a price is that of today, None where it is not sold.

    `same_terms` is false when the test shop sells it by other terms than the live one.
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

    Switching to what holds already changes nothing. Raises `NoTestKeys`, `OtherTermsInTest`,
    UnknownPlan, and BadInput when the terms do not go together with those of the test shop.
    """
    if test is None or not test.has_key or test.environment != "sandbox":
        raise NoTestKeys("a plan is tested with sandbox keys, and there are none")
    known = _catalogue(connection, test)
    if on:
        _copy_terms(connection, _catalogue(connection, live), test, plan_code)
    else:
        known.plan(plan_code)
    is_on = plan_code in known.plans and plan_code not in plans_out_of_test(
        connection, test.merchant_id
    )
    if is_on is on:
        return
    write_audit_event(
        connection,
        merchant_id=test.merchant_id,
        kind=SWITCHED,
        actor=by,
        reason=f"{plan_code}: {'on' if on else 'off'}",
        at=at,
        detail=json.dumps({"plan": plan_code, "on": on}, sort_keys=True, ensure_ascii=False),
    )


def _copy_terms(connection: Connection, source: Catalogue, test: Account, plan_code: str) -> None:
    """Store what is new of the plan's terms in the test shop; a plan of that shop alone stays."""
    if plan_code not in source.plans:
        load_catalogue(connection, test.merchant_id).plan(plan_code)
        return
    plan = source.plan(plan_code)
    wanted = Catalogue.of(
        plans=[plan],
        prices=source.prices[plan_code],
        dunning=source.dunning.get(plan.dunning or "", ()),
    )
    try:
        store_catalogue(connection, test.merchant_id, wanted)
    except TermsAlreadySet as other:
        raise OtherTermsInTest(str(other)) from other


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
    return PlanTest(plan, live, test if is_on else None, is_on, len(hashes) < 2)


def _sold(catalogue: Catalogue, plan_code: str, on: date) -> Price | None:
    try:
        return catalogue.price_on(plan_code, on)
    except PlansError:
        return None
