"""`autopay run` and `autopay worker`."""

import gc
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from app import crash_points
from app.context import Books, charging_engine, opened_books
from app.deliveries import delivering
from app.local_amazon import amazon_for
from app.output import note, progress_bar, say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import OutcomeKind, load_merchant, reading
from scheduler import (
    AllMerchants,
    BillingEngine,
    RunReport,
    ShiftedClock,
    SystemClock,
    Worker,
    serve_meters,
)

# A run is waited for; what it does not read of the coming permissions, the next one does.
SWEEP_SECONDS = 60


def run(*, at: datetime | None, as_json: bool) -> None:
    """Process what is due at `at`, or now."""
    crash_points.arm()
    settings = load_settings()
    if at is not None and settings.environment == "live":
        raise Refused(
            "--at pretends another time, and the environment is live; live charges follow the "
            "clock: leave --at out"
        )
    with opened_books(settings) as books, amazon_for(settings):
        clock = ShiftedClock(at) if at else SystemClock()
        engine = charging_engine(books, clock)
        with progress_bar("charging", total=None) as advance:
            report = engine.run_due(
                on_progress=lambda report: advance(sum(report.outcomes.values()))
            )
        heard = engine.process_notifications()
        watched = engine.watch()
        swept = engine.sweep(seconds=SWEEP_SECONDS)
        engine.chain_books()
    looked = {
        "permissions_read": watched,
        "permissions_swept": swept,
        "notifications": heard.objects,
    }
    _tell(report, looked, as_json=as_json)


def _tell(report: RunReport, looked: Mapping[str, int], *, as_json: bool) -> None:
    counts = {kind.value: report.outcomes.get(kind, 0) for kind in OutcomeKind}
    if as_json:
        write_json(
            {
                "cycles_opened": report.cycles_opened,
                "slots_handled": report.slots_handled,
                **looked,
                **counts,
                "refunds": {kind.value: number for kind, number in report.refunds.items()},
                "acts": {kind.value: number for kind, number in report.acts.items()},
            }
        )
        return
    told = ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
    say(f"cycles opened {report.cycles_opened:,}; answers: {told or 'none'}")
    if report.refunds:
        refunds = ", ".join(f"{kind.value} {number:,}" for kind, number in report.refunds.items())
        say(f"refunds: {refunds}")
    if report.acts:
        acts = ", ".join(f"{kind.value} {number:,}" for kind, number in report.acts.items())
        say(f"captures and cancellations: {acts}")
    if counts["unknown"]:
        note(
            "Some answers were unknown at first; what is still in doubt is replayed by later runs."
        )


def worker(*, all_merchants: bool = False, metrics: tuple[str, int] | None = None) -> None:
    """Work until Ctrl-C or SIGTERM, for the merchant of the settings or for all that have keys.

    `metrics` is where this process's counts are served. Raises `Refused` when that port is taken.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("alembic", "httpx", "procrastinate"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns of every tick that came while the one before was still at work.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    crash_points.arm()
    settings = load_settings()
    if metrics is not None:
        _serve_meters(*metrics)
    with opened_books(settings) as books, amazon_for(settings):
        reason = work_until_stopped(books, all_merchants=all_merchants)
    if reason is not None:
        raise Refused(reason)


def _serve_meters(host: str, port: int) -> None:
    try:
        serve_meters(port, host=host)
    except OSError as error:
        raise Refused(
            f"--metrics-port {port}: nothing can be served on {host}:{port} ({error.strerror}); "
            "choose another port"
        ) from error


def work_until_stopped(books: Books, *, all_merchants: bool = False) -> str | None:
    """Run a worker in the foreground; returns why Amazon stopped it, or None when asked to end.

    One that cannot finish in time ends the process as if it were killed: others take over.
    """
    stopped: list[str] = []
    worker = Worker(
        _all_merchants(books) if all_merchants else charging_engine(books),
        charge_every_seconds=books.settings.tick_seconds,
        slices_at_once=books.settings.slices_at_once,
        heartbeat_seconds=books.settings.heartbeat_seconds,
        on_stopped=stopped.append,
        delivering=delivering(books.settings),
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: worker.end())
    served = "all merchants" if all_merchants else f"merchant {books.merchant.id!r}"
    note(f"worker for {served} is running; Ctrl-C ends it")
    # What is loaded by now stays for good: to look through it for garbage again and again would
    # take a tenth of the time of a charge.
    gc.collect()
    gc.freeze()
    worker.start()
    worker.wait()
    if not worker.stop():
        note("the worker did not finish in time; what is unfinished is taken over by others")
        logging.shutdown()
        os._exit(1)
    return stopped[0] if stopped else None


def _all_merchants(books: Books) -> AllMerchants:
    def start(merchant_id: str) -> BillingEngine:
        with reading(books.database) as connection:
            merchant = load_merchant(connection, merchant_id)
        # What is asked of a live endpoint is asked for each merchant by its own environment.
        settings = books.settings.model_copy(update={"environment": merchant.environment})
        return charging_engine(replace(books, merchant=merchant, settings=settings))

    return AllMerchants(books.database, SystemClock(), start)
