"""What workers do again and again beside charging: name, how often, and the function.

To add one, add a line to `JOBS`. For each merchant and slot of time one worker of all acts; it must
be harmless if two do, or if one dies on the way and another one starts it again.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from billing import merchants_notified
from billing.bulk_work import merchants_with_bulk_work
from billing.checkouts import merchants_with_open_checkouts
from billing.evidence import merchants_with_doubts
from scheduler.bulk import do_bulk_work
from scheduler.engine import BillingEngine

Stopping = Callable[[], bool]
"""True from the moment on at which a worker is to end."""


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """Calls `run` with the engine of each merchant, once every so many seconds.

    What takes more than a moment looks at the second argument and ends early when it is true.
    `wanted_by` names the merchants that have something for it at a moment; None means all. With a
    thousand merchants, what comes every few seconds needs it.
    """

    name: str
    every_seconds: int
    run: Callable[[BillingEngine, Stopping], object]
    wanted_by: Callable[[Connection, datetime], Collection[str]] | None = None


# Of a job that could take all day, at a time: it holds one of the few places where charges are
# worked on. The next tick goes on.
TURN_SECONDS = 50.0


def _for_a_turn(
    act: Callable[[BillingEngine, Stopping], object],
) -> Callable[[BillingEngine, Stopping], object]:
    def run(engine: BillingEngine, stopping: Stopping) -> object:
        until = time.monotonic() + TURN_SECONDS
        return act(engine, lambda: stopping() or time.monotonic() >= until)

    return run


def _short(act: Callable[[BillingEngine], object]) -> Callable[[BillingEngine, Stopping], object]:
    return lambda engine, _stopping: act(engine)


JOBS: tuple[PeriodicJob, ...] = (
    # Permissions that wait for their buyer, and waits whose time is up.
    PeriodicJob("watch", 3600, lambda engine, stopping: engine.watch_and_charge(stopping=stopping)),
    # What Amazon has notified us of; a look at an empty inbox is one small query.
    PeriodicJob(
        "inbox",
        3,
        lambda engine, stopping: engine.process_notifications(stopping=stopping),
        wanted_by=lambda connection, at: merchants_notified(connection, at=at),
    ),
    # Permissions of the coming charges: each once a day, gone on with every hour.
    PeriodicJob("sweep", 3600, lambda engine, stopping: engine.sweep(stopping=stopping)),
    # Charges authorised for goods: captured when shipped, cancelled or authorised anew when old.
    PeriodicJob(
        "shipments",
        60,
        _for_a_turn(lambda engine, stopping: engine.settle_shipments(stopping=stopping)),
    ),
    # What replays did not settle: proofs, and a person for what stays unknown.
    PeriodicJob(
        "janitor",
        600,
        _for_a_turn(lambda engine, stopping: engine.clear_doubts(stopping=stopping)),
    ),
    # Amazon's own list of transactions, once a day while a doubt is open.
    PeriodicJob(
        "reports",
        3600,
        _short(BillingEngine.collect_reports),
        wanted_by=lambda connection, _at: merchants_with_doubts(connection),
    ),
    # What the staff asked for in bulk and has said yes to.
    PeriodicJob(
        "bulk",
        3,
        lambda engine, stopping: do_bulk_work(engine, stopping=stopping),
        wanted_by=lambda connection, _at: merchants_with_bulk_work(connection),
    ),
    # Checkouts that Amazon may have completed and our books do not know of.
    PeriodicJob(
        "checkouts",
        60,
        _short(BillingEngine.finish_checkouts),
        wanted_by=lambda connection, _at: merchants_with_open_checkouts(connection),
    ),
    # What was booked since is added to the hash chain, for the whole database at once.
    PeriodicJob("chain", 60, _short(BillingEngine.chain_books)),
)
