"""`autopay restore`: books from a backup are compared with Amazon before anything new begins."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from amazonpay import is_charge_id, is_refund_id
from app.context import charging_engine, opened_books, opened_database
from app.local_amazon import amazon_for
from app.output import say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import reading, writing
from billing.restore import (
    Restoration,
    Span,
    begin_restoration,
    last_restoration,
    lost_time,
    reopen,
    what_is_unproved,
)
from scheduler import ReconcileReport, ShiftedClock, SystemClock, reconcile

_WORDS = re.compile(r"[A-Za-z0-9-]+")


def begin(*, by: str, reason: str, at: datetime | None, as_json: bool) -> None:
    """Stop everything new in every worker; raises BadInput without a name or a reason."""
    moment = at or SystemClock().now()
    with opened_database(load_settings()) as database:
        begun = writing(database, lambda c: begin_restoration(c, by=by, reason=reason, at=moment))
    _tell(begun, as_json=as_json)


def reconcile_books(
    *,
    reports: Sequence[Path],
    since: datetime | None,
    until: datetime | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Book what Amazon has; raises `Refused` (exit 1) while something needs a person.

    The reports hold all from `since` until `until`, when both are given.
    """
    covers = _span(reports, since, until)
    settings = load_settings()
    charge_ids = {found for report in reports for found in charge_ids_in(report)}
    refund_ids = {found for report in reports for found in refund_ids_in(report)}
    with opened_books(settings) as books, amazon_for(settings):
        engine = charging_engine(books, ShiftedClock(at) if at else SystemClock())
        report = reconcile(engine, charge_ids=charge_ids, refund_ids=refund_ids, covers=covers)
    if as_json:
        write_json(report.as_json())
    else:
        _tell_report(report)
    if report.not_covered is not None or not report.is_clean:
        raise Refused(
            "something needs a person before charging goes on; see "
            "docs/runbooks/restored-from-backup.md"
        )


def show(*, as_json: bool) -> None:
    """The newest restoration; raises `Refused` when there never was one."""
    with opened_database(load_settings()) as database, reading(database) as connection:
        last = last_restoration(connection)
    if last is None:
        raise Refused(
            "these books never came from a backup; after restoring one: "
            "autopay restore begin --by NAME --reason TEXT"
        )
    _tell(last, as_json=as_json)


def approve(
    *, by: str, reason: str, without_report: bool, at: datetime | None, as_json: bool
) -> None:
    """One of two approvals; raises BadInput for the same person again, or without a comparison."""
    moment = at or SystemClock().now()
    with opened_database(load_settings()) as database:
        now = writing(
            database,
            lambda c: reopen(c, by=by, reason=reason, at=moment, without_report=without_report),
        )
    _tell(now, as_json=as_json)


def _span(reports: Sequence[Path], since: datetime | None, until: datetime | None) -> Span | None:
    if since is None and until is None:
        return None
    if since is None or until is None or since >= until or not reports:
        raise Refused(
            "--from and --until say together which time the given reports hold, all of it; "
            "autopay restore show names the time that is needed"
        )
    return Span(since, until)


def charge_ids_in(report: Path) -> set[str]:
    """Every charge id in a report, whatever its columns are called."""
    return {word for word in _words_of(report) if is_charge_id(word)}


def refund_ids_in(report: Path) -> set[str]:
    """The same of refunds."""
    return {word for word in _words_of(report) if is_refund_id(word)}


def _words_of(report: Path) -> list[str]:
    return _WORDS.findall(report.read_text(encoding="utf-8", errors="replace"))


def _tell(restoration: Restoration, *, as_json: bool) -> None:
    if as_json:
        write_json(_as_json(restoration))
        return
    rows = [
        (name.replace("_", " "), value)
        for name, value in _as_json(restoration).items()
        if name != "found"
    ]
    write_table(("Restoration", "Value"), rows)
    for merchant, found in restoration.found.items():
        say(f"{merchant}: compared {found['compared']}, booked {found['booked_yen']:,} yen")
    if restoration.is_open:
        for merchant, reasons in what_is_unproved(restoration).items():
            say(f"{merchant}: not proved: {'; '.join(reasons)}")
        say("Nothing new is charged. Approve with: autopay restore reopen --by NAME --reason TEXT")
    else:
        say("It is over: charging goes on.")


def _as_json(restoration: Restoration) -> dict[str, Any]:
    lost = lost_time(restoration)
    return {
        "number": restoration.number,
        "open": restoration.is_open,
        "begun_at": restoration.begun_at.isoformat(),
        "begun_by": restoration.begun_by,
        "reason": restoration.reason,
        "restored_to": _moment(restoration.restored_to),
        "lost_from": lost.since.isoformat(),
        "lost_until": lost.until.isoformat(),
        "approved_by": [who for who in (restoration.first_by, restoration.second_by) if who],
        "ended_at": _moment(restoration.ended_at),
        "found": restoration.found,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _tell_report(report: ReconcileReport) -> None:
    say(
        f"Compared {report.compared:,} charge permissions with Amazon; "
        f"booked {len(report.booked):,} charges of {report.booked_yen:,} yen that were lost."
    )
    if report.refunds_booked:
        say(
            f"Booked {len(report.refunds_booked):,} refunds of {report.refunds_booked_yen:,} yen "
            "that were lost."
        )
    for charge, yen in report.refunds_missing.items():
        say(f"{charge}: Amazon gave {yen:,} yen back that the books do not know")
    for refund in report.refunds_unbooked:
        say(f"{refund}: a refund of no charge of ours, or of one with another refund open")
    if report.charges_uncompared:
        say(f"{report.charges_uncompared:,} charges were not compared for refunds")
    for permission, yen in report.unexplained.items():
        say(f"{permission}: Amazon used {yen:,} yen more than our books explain")
    for slot, yen in report.perhaps.items():
        say(f"{slot}: of {yen:,} yen, may be what it was for; give a report that lists its charge")
    for charge in report.second_charges:
        say(f"{charge}: a second charge of something that is paid; refund it")
    for charge in report.strangers:
        say(f"{charge}: the books do not know what it was for")
    for charge in (*report.charges_unread, *report.refunds_unread):
        say(f"{charge}: Amazon gave no answer about it; run it again")
    for charge in report.untaken:
        say(f"{charge}: it could not be booked; see autopay charge show of its reference")
    for key in report.unanswered:
        say(f"key {key}: no definite answer yet; later runs replay it")
    if report.unread:
        say(f"{report.unread:,} permissions could not be read; run it again")
    if report.not_covered is not None:
        say(f"Not proved that no other charge is lost: {report.not_covered}")
