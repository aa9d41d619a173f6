"""Moving many agreements: the dry run, the move, pausing, and the way back, on real books.

On 30 November 1 to 5 and 7 are charged (basic 1,980, team 3 × 1,480 = 4,440, coffee 3,240, studio
29,800) and it is noon. 6 is due on 20 December. 5 and 7 share a permission of 50,000 a month.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from billing import reading, writing
from billing.bulk_work import (
    BULK_MOVE,
    BulkJob,
    BulkState,
    Choice,
    MoveTerms,
    MoveWhat,
    MoveWhen,
    choose_agreements,
    decide_bulk,
    draft_bulk,
    move_totals,
    work_bulk,
)
from plans import BadInput
from scheduler.bulk import do_bulk_work, try_dry

DAY = date(2026, 11, 30)
SHARED = "C03-0000005-0000001"
SUBSCRIBERS = [
    subscriber(1, note="import 2026-11 wave A"),
    subscriber(2),
    subscriber(3, plan_code="team", quantity=3),
    subscriber(4, plan_code="coffee", note="import 2026-11 wave A"),
    subscriber(5, charge_permission_id=SHARED, buyer_id="amzn1.account.SHARED"),
    subscriber(7, plan_code="studio", charge_permission_id=SHARED, buyer_id="amzn1.account.SHARED"),
    subscriber(6, next_charge_on=date(2026, 12, 20), anchor_day=20, started_on=date(2026, 1, 20)),
]


@contextmanager
def played(url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(url, sandbox) as opened:
        made = opened(subscribers=SUBSCRIBERS)
        made.charge_on(DAY)
        made.go_to(DAY, hour=12)
        yield made


@pytest.fixture
def shop(database_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with played(database_url, sandbox) as made:
        yield made


@pytest.fixture
def small_shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """On one database: what is asked of it does not differ."""
    with played(sqlite_url, sandbox) as made:
        yield made


def terms(**changes: Any) -> MoveTerms:
    wanted = {"what": MoveWhat.PLAN, "when": MoveWhen.RENEWAL, "plan": "studio", "reason": "test"}
    return MoveTerms(**(wanted | {"agreed": True} | changes))


def drafted(shop: Shop, request: str, choice: Choice, wanted: MoveTerms) -> BulkJob:
    merchant, at = shop.engine.merchant, shop.clock.now()

    def work(connection: Any) -> BulkJob:
        return draft_bulk(
            connection,
            merchant,
            kind=BULK_MOVE,
            request_id=request,
            terms=wanted.facts(),
            planned=choose_agreements(connection, merchant, choice),
            by="hanako",
            at=at,
        )

    return writing(shop.database, work)


def tried(shop: Shop, request: str, choice: Choice, wanted: MoveTerms) -> BulkJob:
    job = drafted(shop, request, choice, wanted)
    assert try_dry(shop.engine) > 0
    assert try_dry(shop.engine) == 0, "a row is tried once"
    return job


def decide(shop: Shop, job: BulkJob, to: BulkState, seen: BulkState | None = None) -> None:
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(
        shop.database,
        lambda c: decide_bulk(c, merchant, job_id=job.id, to=to, by="hanako", at=at, seen=seen),
    )


def rows(shop: Shop, job: BulkJob) -> dict[str, tuple[str, str | None, int | None]]:
    sql = "SELECT subject, state, reason, amount_yen FROM bulk_row WHERE job_id = :j"
    found = shop.rows(sql, j=job.id)
    return {row["subject"]: (row["state"], row["reason"], row["amount_yen"]) for row in found}


def work_one(shop: Shop) -> None:
    at = shop.clock.now()
    writing(shop.database, lambda c: work_bulk(c, shop.engine.merchant, at=at, limit=1))


def plans_of(shop: Shop) -> dict[str, str]:
    sql = (
        "SELECT external_id, code FROM subscription JOIN price ON price.id = price_id "
        "JOIN plan ON plan.id = plan_id"
    )
    return {row["external_id"]: row["code"] for row in shop.rows(sql)}


def test_a_move_at_renewal_from_its_dry_run_to_its_undoing(shop: Shop) -> None:
    job = drafted(shop, "a", Choice(plan="basic"), terms())
    with pytest.raises(BadInput, match="every row has been tried"):
        decide(shop, job, BulkState.READY)
    assert do_bulk_work(shop.engine) == 0, "the worker tries dry, and does nothing"
    # 29,800 - 1,980 = 27,820 more a month; 5 shares 50,000 with the 29,800 of 7, and 59,600 would
    # never fit.
    assert rows(shop, job) == {
        "sub-001": ("waiting", None, 27_820),
        "sub-002": ("waiting", None, 27_820),
        "sub-005": ("left_out", "move_cap", None),
        "sub-006": ("waiting", None, 27_820),
    }
    with reading(shop.database) as connection:
        totals = move_totals(connection, job)
    assert (totals.rows, totals.monthly_yen, totals.dearer, totals.today_yen) == (3, 83_460, 3, 0)
    assert totals.days == ((date(2026, 12, 20), 1), (date(2026, 12, 30), 2))
    assert totals.cap == ()
    pausing_keeps_its_place(shop, job)
    assert {state for state, _, _ in rows(shop, job).values()} == {"done", "left_out"}
    assert plans_of(shop)["sub-001"] == "basic", "it waits for the renewal"
    shop.charge_on(date(2026, 12, 20))
    assert ("sub-006-0011-renewal", 29_800) in shop.taken()
    decide(shop, job, BulkState.UNDOING)
    assert do_bulk_work(shop.engine) == 0
    assert do_bulk_work(shop.engine) == 0, "an undo is done once"
    # What took effect is kept, and the 29,800 that were charged are named and not given back.
    assert rows(shop, job)["sub-006"] == ("kept", "move_took_effect", 27_820)
    assert shop.rows("SELECT detail FROM bulk_row WHERE state = 'kept'") == [{"detail": "29800"}]
    assert {rows(shop, job)[name][0] for name in ("sub-001", "sub-002")} == {"undone"}
    shop.charge_on(date(2026, 12, 30))
    paid = dict(shop.taken())
    assert paid["sub-001-0011-renewal"] == paid["sub-002-0011-renewal"] == 1_980
    assert shop.rows("SELECT id FROM refund") == []
    assert shop.faults() == []


def pausing_keeps_its_place(shop: Shop, job: BulkJob) -> None:
    for _ in range(2):
        decide(shop, job, BulkState.READY)
    work_one(shop)
    decide(shop, job, BulkState.STOPPED)
    assert do_bulk_work(shop.engine) == 0
    with pytest.raises(BadInput, match="somebody else has decided"):
        decide(shop, job, BulkState.READY)  # a stale page that still shows the dry run
    decide(shop, job, BulkState.READY, seen=BulkState.STOPPED)
    assert do_bulk_work(shop.engine) == 2


def test_whom_a_move_is_for(small_shop: Shop) -> None:
    seats_now_are_charged_once_and_not_given_back(small_shop)
    some_are_left_out(small_shop)
    assert small_shop.faults() == []


def seats_now_are_charged_once_and_not_given_back(shop: Shop) -> None:
    """3 to 5 seats of 1,480 on the first day of a paid month: 2 × 1,480 = 2,960 today."""
    choice = Choice(names=("sub-003", "sub-001", "sub-003", "nobody"))
    wanted = terms(what=MoveWhat.QUANTITY, quantity=5, when=MoveWhen.NOW)
    job = tried(shop, "b", choice, wanted)
    again = tried(shop, "c", choice, wanted)
    assert rows(shop, job) == {
        "sub-001": ("left_out", "move_quantity", None),  # basic has no seats
        "sub-003": ("waiting", None, 2_960),
        "nobody": ("left_out", "move_unknown", None),
    }
    before = shop.taken()
    for each in (job, again):
        decide(shop, each, BulkState.READY)
    assert do_bulk_work(shop.engine) == 1
    shop.engine.run_due()
    new = [row for row in shop.taken() if row not in before]
    assert [yen for _, yen in new] == [2_960]
    # The second job asked the same of the same subscription, which has changed since.
    assert rows(shop, again)["sub-003"] == ("refused", "move_same", 2_960)
    decide(shop, job, BulkState.UNDOING)
    do_bulk_work(shop.engine)
    assert rows(shop, job)["sub-003"] == ("kept", "move_took_effect", 2_960)
    assert shop.subscription("sub-003")["quantity"] == 5


def some_are_left_out(shop: Shop) -> None:
    """Notice, minimum terms, terms that hold already, and what changed since the dry run."""
    dearer = terms(agreed=False, notice_days=31)
    job = tried(shop, "left-a", Choice(note="wave A"), dearer)
    # The renewal is 30 days away; coffee at 3,240 has 3 cycles, of which it has paid 11.
    assert rows(shop, job) == {
        "sub-001": ("left_out", "move_notice", None),
        "sub-004": ("left_out", "move_notice", None),
    }
    later = terms(agreed=False, notice_days=31, when=MoveWhen.FROM, from_day=date(2027, 1, 1))
    job = tried(shop, "left-b", Choice(names=("sub-001", "sub-007")), later)
    assert rows(shop, job) == {
        "sub-001": ("waiting", None, 27_820),
        "sub-007": ("left_out", "move_same", None),
    }
    (found,) = shop.rows("SELECT before FROM bulk_row WHERE subject = 'sub-001' AND amount_yen > 0")
    assert '"on": "2027-01-30"' in found["before"], "the first renewal in the new year"
    agreed = tried(shop, "left-c", Choice(names=("sub-002",)), terms())
    decide(shop, job, BulkState.READY)
    decide(shop, agreed, BulkState.READY)
    shop.charge_on(date(2026, 12, 30))
    shop.go_to(date(2027, 1, 4))
    do_bulk_work(shop.engine)
    # 26 days are left of the 31; and the renewal that was looked at has gone by.
    assert rows(shop, job)["sub-001"] == ("refused", "move_notice", 27_820)
    assert rows(shop, agreed)["sub-002"] == ("refused", "move_changed", 27_820)
    with pytest.raises(BadInput, match="somebody in particular"):
        drafted(shop, "d", Choice(), terms())
    imported = Choice(imported_on=date(2026, 11, 22), states=("paused",))
    with pytest.raises(BadInput, match="one row at least"):
        drafted(shop, "e", imported, terms())
    everybody = drafted(shop, "f", Choice(imported_on=date(2026, 11, 22)), terms())
    assert len(rows(shop, everybody)) == 7
