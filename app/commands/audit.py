"""`autopay audit`: the books against themselves, their hash chain, and Amazon."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.context import Books, charging_engine, opened_books, opened_database
from app.local_amazon import amazon_for
from app.output import progress_bar, say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import (
    AuditReport,
    Finding,
    Head,
    alarming_findings,
    audit_amazon,
    audit_books,
    audit_chain,
    chain_heads,
    latest_moment,
    pull_for,
    reading,
    writing,
)
from scheduler import PUBLISHED, Quota, SystemClock

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """One round of the audit, and the heads up to which the chain was verified in it."""

    report: AuditReport
    heads: tuple[Head, ...]
    stopped_for: tuple[Finding, ...] = ()


def audit(*, amazon: bool, as_json: bool, head: Path | None, pull_brake: bool) -> None:
    """Check everything; raises `Refused` (exit 1) when anything is wrong."""
    settings = load_settings()
    known = () if head is None else read_heads(head)
    with opened_books(settings) as books:
        seen = look(books, known=known, amazon=False, pull_brake=pull_brake)
        report, stopped_for = seen.report, seen.stopped_for
        if amazon:
            with amazon_for(settings):
                report = _with_amazon(books, report)
            stopped_for += _pulled(books, report) if pull_brake else ()
    if as_json:
        write_json(report.as_json())
    else:
        _tell(report)
        for finding in stopped_for:
            say(f"The brake was pulled for {finding.kind} {finding.subject}.")
    if not report.ok:
        raise Refused(f"the audit found {len(report.findings)} faults")


def look(
    books: Books,
    *,
    known: Sequence[Head] = (),
    since: Sequence[Head] = (),
    amazon: bool,
    pull_brake: bool,
) -> Seen:
    """One round; of the chain only what came after `since`. A brake is pulled if asked to."""
    now = SystemClock().now()
    with reading(books.database) as connection:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        at = max(now, latest_moment(connection, books.merchant.id))
        report = audit_books(connection, merchant_id=books.merchant.id, at=at)
        chain = audit_chain(connection, at=now, known=known, since=since)
    report = report.with_chain(chain.findings, verified=chain.verified, waiting=chain.waiting)
    if amazon:
        report = _with_amazon(books, report)
    stopped_for = _pulled(books, report) if pull_brake else ()
    return Seen(report, chain.heads, stopped_for)


def show_head(*, output: Path | None) -> None:
    """The newest link of every book, for a place that the database's owner cannot reach."""
    with opened_database(load_settings()) as database, reading(database) as connection:
        heads = chain_heads(connection)
    document = {"made_at": SystemClock().now().isoformat(), "heads": [_as_json(h) for h in heads]}
    if output is None:
        write_json(document)
        return
    output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    say(f"{output}: heads of {len(heads)} books")


def read_heads(file: Path) -> tuple[Head, ...]:
    """Heads that `autopay audit head` wrote; raises `Refused` for a file that is none of them."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return tuple(
            Head(
                str(each["book"]),
                int(each["number"]),
                int(each["last_id"]),
                bytes.fromhex(each["digest"]),
            )
            for each in document["heads"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"--head {file} holds no heads ({type(error).__name__}: {error}); give a file that was "
            "written by: autopay audit head --output FILE"
        ) from error


def _as_json(head: Head) -> dict[str, Any]:
    return {
        "book": head.book,
        "number": head.number,
        "last_id": head.last_id,
        "digest": head.digest.hex(),
    }


def _pulled(books: Books, report: AuditReport) -> tuple[Finding, ...]:
    findings = alarming_findings(report)
    at: datetime = SystemClock().now()
    if not findings:
        return ()
    return writing(books.database, lambda c: pull_for(c, books.merchant, findings, at=at))


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
        say(finding_line(finding))
    if len(report.findings) > SHOWN:
        say(f"… and {len(report.findings) - SHOWN} more; see --json")
    if report.ok:
        say("The books are in order" + amazon_words(report))


def amazon_words(report: AuditReport) -> str:
    """How Amazon's sum stands to ours when no fault was found; charging goes on meanwhile."""
    if report.amazon_total_yen is None:
        return "; Amazon was not asked."
    newer = report.amazon_total_yen - report.our_total_yen
    while_asking = f", {newer:,} yen of them charged during this audit" if newer else ""
    return f", and Amazon agrees: {report.amazon_total_yen:,} yen{while_asking}."


def finding_line(finding: Finding) -> str:
    """A finding as one line for people."""
    return f"{finding.family}/{finding.kind} {finding.subject}: {finding.detail_en}"
