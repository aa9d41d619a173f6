"""`autopay run` and `autopay worker`."""

import logging
import signal
from datetime import datetime

from app import crash_points
from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import note, progress_bar, say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import OutcomeKind
from scheduler import RunReport, ShiftedClock, SystemClock, Worker


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
        watched = engine.watch()
    _tell(report, watched, as_json=as_json)


def _tell(report: RunReport, watched: int, *, as_json: bool) -> None:
    counts = {kind.value: report.outcomes.get(kind, 0) for kind in OutcomeKind}
    if as_json:
        write_json(
            {
                "cycles_opened": report.cycles_opened,
                "slots_handled": report.slots_handled,
                "permissions_read": watched,
                **counts,
                "refunds": {kind.value: number for kind, number in report.refunds.items()},
            }
        )
        return
    told = ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
    say(f"cycles opened {report.cycles_opened:,}; answers: {told or 'none'}")
    if report.refunds:
        refunds = ", ".join(f"{kind.value} {number:,}" for kind, number in report.refunds.items())
        say(f"refunds: {refunds}")
    if counts["unknown"]:
        note(
            "Some answers were unknown at first; what is still in doubt is replayed by later runs."
        )


def worker() -> None:
    """Work until Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("alembic", "apscheduler", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        reason = work_until_stopped(books)
    if reason is not None:
        raise Refused(reason)


def work_until_stopped(books: Books) -> str | None:
    """Run a worker in the foreground; returns why Amazon stopped it, or None when asked to end."""
    stopped: list[str] = []
    worker = Worker(
        charging_engine(books),
        charge_every_seconds=books.settings.tick_seconds,
        on_stopped=stopped.append,
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: worker.end())
    note(f"worker for merchant {books.merchant.id!r} is running; Ctrl-C ends it")
    worker.start()
    worker.wait()
    worker.stop()
    return stopped[0] if stopped else None
