"""Does the bulk work of the staff: a slice at a time, each by the functions that do one row.

Amazon is asked first about permissions that could not be charged when we last looked, as for a
single retry. What became due is charged at once; should this process die on the way, the next
charge run finds it due, and the next look at bulk work goes on behind the last row that was done.
"""

from collections.abc import Callable
from functools import partial

from billing import load_brake, reading, record_permissions, writing
from billing.bulk_work import (
    CHARGE_AGAIN,
    Worked,
    keep_look,
    look_ahead,
    permissions_to_ask,
    work_bulk,
)
from scheduler.engine import BillingEngine
from scheduler.paced_calls import GET_CHARGE_PERMISSION, PacedCalls
from scheduler.pacing import PUBLISHED, Quota
from scheduler.watch import Reading, permission_call

__all__ = ["do_bulk_work", "try_dry"]


def do_bulk_work(engine: BillingEngine, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Do what the staff has decided, until nothing is left or `stopping`; returns rows done.

    Dry runs go first, for somebody waits for them. While the brake is pulled only these go on.
    Raises as `BillingEngine.charge_now` does.
    """
    try_dry(engine, stopping=stopping)
    done = 0
    while not stopping() and not _is_braked(engine):
        _ask_amazon(engine)
        act = partial(work_bulk, merchant=engine.merchant, at=engine.clock.now())
        worked = writing(engine.database, act)
        if worked is None:
            break
        done += len(worked.done())
        _charge(engine, worked)
    return done


def try_dry(engine: BillingEngine, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Try the rows of drafts that nobody has tried yet; returns how many. Nothing is charged."""
    tried = 0
    while not stopping():
        at = engine.clock.now()
        with reading(engine.database) as connection:
            looked = look_ahead(connection, engine.merchant, at=at)
        if looked is None:
            break
        writing(engine.database, partial(keep_look, looked=looked))
        tried += len(looked.rows)
    return tried


def _is_braked(engine: BillingEngine) -> bool:
    with reading(engine.database) as connection:
        return load_brake(connection, engine.merchant.id).is_pulled


def _charge(engine: BillingEngine, worked: Worked) -> None:
    slot_ids = [row.subject_id for row in worked.done() if row.subject_id is not None]
    if worked.job.kind != CHARGE_AGAIN:
        # What else charges today says in its outcome which slots it has opened.
        after = (outcome.after or {} for outcome in worked.outcomes)
        slot_ids = [slot_id for facts in after for slot_id in facts.get("slots", ())]
    if slot_ids:
        engine.charge_now(slot_ids)


def _ask_amazon(engine: BillingEngine) -> None:
    """Read the permissions of the next slice that the books do not take for chargeable."""
    with reading(engine.database) as connection:
        watched = permissions_to_ask(connection, engine.merchant)
    if not watched:
        return
    calls: PacedCalls[Reading] = PacedCalls(
        engine=engine.database,
        merchant_id=engine.merchant.id,
        make_client=engine.make_client,
        quota=Quota(*PUBLISHED[engine.merchant.environment]) if engine.endpoint.paced else None,
        now=engine.clock.now,
        operation_of=lambda _reading: GET_CHARGE_PERMISSION,
        is_throttled=lambda seen: seen.is_throttled,
    )
    seen = calls.make([permission_call(permission) for permission in watched])
    pairs = [(each.watched, each.permission) for each in seen]
    record_permissions(engine.database, engine.merchant, pairs, at=engine.clock.now())
