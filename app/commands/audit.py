"""`autopay audit`: the books against themselves and against Amazon."""

import time
from collections.abc import Callable

from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import progress_bar, say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import AuditReport, Finding, audit_amazon, audit_books, latest_moment, reading
from scheduler import PUBLISHED, Quota, SystemClock

SHOWN = 50


def audit(*, amazon: bool, as_json: bool) -> None:
    """Check everything; raises `Refused` (exit 1) when anything is wrong."""
    settings = load_settings()
    with opened_books(settings) as books:
        report = _audit_books(books)
        if amazon:
            with amazon_for(settings):
                report = _with_amazon(books, report)
    if as_json:
        write_json(report.as_json())
    else:
        _tell(report)
    if not report.ok:
        raise Refused(f"the audit found {len(report.findings)} faults")


def _audit_books(books: Books) -> AuditReport:
    with reading(books.database) as connection:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        at = max(SystemClock().now(), latest_moment(connection, books.merchant.id))
        return audit_books(connection, merchant_id=books.merchant.id, at=at)


def _with_amazon(books: Books, report: AuditReport) -> AuditReport:
    engine = charging_engine(books)
    with reading(books.database) as connection:
        at = latest_moment(connection, books.merchant.id)
    with progress_bar("charges asked for at Amazon", total=report.charged) as advance:
        seen = audit_amazon(
            books.database,
            merchant_id=books.merchant.id,
            at=at,
            make_client=engine.make_client,
            pace=_pace(books) if books.settings.paced else lambda: None,
            on_progress=lambda done, total: advance(done),
        )
    return report.with_amazon(seen.findings, amazon_total_yen=seen.amazon_total_yen)


def _pace(books: Books) -> Callable[[], None]:
    """Space GETs out under Amazon's limits; the audit may take its time, charging may not wait."""
    seconds = Quota(*PUBLISHED[books.merchant.environment]).interval_us / 1_000_000
    return lambda: time.sleep(seconds)


def _tell(report: AuditReport) -> None:
    figures = {k: v for k, v in report.as_json().items() if k not in ("findings", "ok")}
    write_table(
        ("Figure", "Value"),
        [(name.replace("_", " "), value) for name, value in figures.items()],
        title="Audit",
    )
    for finding in report.findings[:SHOWN]:
        say(_line(finding))
    if len(report.findings) > SHOWN:
        say(f"… and {len(report.findings) - SHOWN} more; see --json")
    if report.ok:
        say("The books are in order" + _amazon_words(report))


def _amazon_words(report: AuditReport) -> str:
    if report.amazon_total_yen is None:
        return "; Amazon was not asked."
    return f", and Amazon agrees: {report.amazon_total_yen:,} yen."


def _line(finding: Finding) -> str:
    return f"{finding.family}/{finding.kind} {finding.subject}: {finding.detail_en}"
