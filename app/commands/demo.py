"""`autopay demo`: set the stage, play the months, report, and serve what came out."""

import time
from collections.abc import Sequence
from pathlib import Path

from app.commands.imports import (
    first_charge_date,
    parse_all,
    read_catalogue,
    save_catalogue,
    save_subscribers,
)
from app.commands.web import listen, serve_books
from app.context import Books, charging_engine, open_database, opened_books
from app.demo.buyers import Repairs, buyer, consent, shoppers
from app.demo.play import Played, last_day, play
from app.demo.report import DemoReport, make_report
from app.demo.stage import (
    AMOUNT_LIMIT_YEN,
    SAMPLE,
    clear_folder,
    start_amazon,
    starting_moment,
    write_settings,
)
from app.local_amazon import LocalAmazon
from app.migrations import migrate
from app.output import progress_bar, say, write_json, write_table
from app.problems import Refused
from app.settings import Settings
from billing import SubscriberRow, reading
from scheduler import ShiftedClock

# Said once, after the play: what a newcomer can try with the bar on every page.
TRY_THIS = (
    "Five minutes with the time machine: log in, choose 'To the next charge' in the bar, read what "
    "happened; then let a card be declined under 'Scenarios' and move on a day"
)


def demo(
    *,
    serve: bool,
    months: int,
    catalogue: Path | None,
    subscribers: Path | None,
    directory: Path,
    port: int,
    as_json: bool,
) -> None:
    """Play and report; raises `Refused` (exit 1) when the books are not clean."""
    price_list = read_catalogue(catalogue or SAMPLE / "catalogue.yaml")
    listener = listen(host="127.0.0.1", port=port) if serve else None
    clear_folder(directory)
    amazon = start_amazon(directory)
    try:
        settings = write_settings(directory, amazon)
        _prepare_database(settings)
        with opened_books(settings, new_merchant=True) as books:
            save_catalogue(books, price_list)
            rows = parse_all(books, subscribers or SAMPLE / "subscribers.csv")
            first = first_charge_date(rows)
            clock = ShiftedClock(starting_moment(first, timezone=books.merchant.timezone))
            report = _play(books, clock, amazon, rows, months)
            _tell(report, directory, as_json=as_json)
            if not report.is_clean:
                raise Refused("the demo's books are not clean; see the report above")
            if listener is not None:
                names = " · ".join(shoppers(amazon, rows))
                say(f"On My Page, sign in with Amazon as one of {names} (any password)")
                say(TRY_THIS)
                serve_books(
                    books,
                    clock=clock,
                    host="127.0.0.1",
                    port=port,
                    with_worker=True,
                    listener=listener,
                )
    finally:
        amazon.stop()


def _prepare_database(settings: Settings) -> None:
    database = open_database(settings)
    migrate(database)
    database.dispose()


def _play(
    books: Books,
    clock: ShiftedClock,
    amazon: LocalAmazon,
    rows: Sequence[SubscriberRow],
    months: int,
) -> DemoReport:
    began = time.perf_counter()
    starts_at = clock.now()
    amazon.set_clock(starts_at)
    save_subscribers(books, rows, at=starts_at)
    buyers = [buyer(permission_id, owner) for permission_id, owner in _permissions(rows).items()]
    with progress_bar("buyers consent", total=len(buyers)) as advance:
        for done in consent(amazon, buyers, limit_yen=AMOUNT_LIMIT_YEN):
            advance(done)
    until = last_day(starts_at, months=months, timezone=books.merchant.timezone)
    with progress_bar("days played", total=(until - starts_at.date()).days) as advance:
        played = play(
            engine=charging_engine(books, clock),
            clock=clock,
            amazon=amazon,
            repairs=Repairs(buyers),
            starts_at=starts_at,
            until=until,
            on_day=advance,
        )
    return _report(books, amazon, played, months, time.perf_counter() - began)


def _permissions(rows: Sequence[SubscriberRow]) -> dict[str, str]:
    return {row.charge_permission_id: row.buyer_id for row in rows}


def _report(
    books: Books, amazon: LocalAmazon, played: Played, months: int, seconds: float
) -> DemoReport:
    with reading(books.database) as connection:
        return make_report(
            connection,
            merchant_id=books.merchant.id,
            charges=amazon.pages("/charges"),
            played=played,
            limit_yen=AMOUNT_LIMIT_YEN,
            timezone=books.merchant.timezone,
            months=months,
            seconds=seconds,
        )


def _tell(report: DemoReport, directory: Path, *, as_json: bool) -> None:
    if as_json:
        write_json(report.as_json())
        return
    rows = [(name.replace("_", " "), value) for name, value in report.as_json().items()]
    write_table(("Figure", "Value"), rows, title=f"{report.months} months of renewals")
    verdict = "agrees with" if report.is_clean else "DIFFERS from"
    say(f"Our total {report.our_total:,} yen {verdict} Amazon's {report.amazon_total:,} yen.")
    say(f"Settings of these books: {directory / 'autopay.env'}")
    say("Look further: autopay audit · autopay charges · autopay forecast")
