"""Fetches Amazon's transaction reports: asks, looks whether they are made, reads them once.

Asking is written down before it is sent, with a key made from the span of time, so that a process
that dies asks for the same report again. A report that is not made within two days is given up.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from amazonpay import AmazonPayClient, AmazonPayError, DefiniteRefusal
from billing import Merchant, reading, writing
from billing.evidence import (
    REPORT_GIVEN_UP_AFTER,
    AskedReport,
    DoubtRules,
    UnreadableReport,
    ask_report,
    note_report,
    open_reports,
    record_report,
    report_lines,
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ReportsCollected:
    """What became of reports: how many were asked for, read, empty, failed, and new proofs."""

    asked: int = 0
    read: int = 0
    empty: int = 0
    failed: int = 0
    waiting: int = 0
    proofs: int = 0
    problems: list[str] = field(default_factory=list)


def collect_reports(
    *,
    engine: Engine,
    merchant: Merchant,
    make_client: Callable[[], AmazonPayClient],
    rules: DoubtRules,
    now: Callable[[], datetime],
    wanted: bool = False,
) -> ReportsCollected:
    """Ask for a report when it is time (or `wanted`), and read those that are made.

    An error of Amazon's leaves the report as it is; the next call goes on with it.
    """
    done = ReportsCollected()
    asked = writing(engine, lambda c: ask_report(c, merchant, rules=rules, at=now(), wanted=wanted))
    with reading(engine) as connection:
        open_ones = open_reports(connection, merchant)
    if not open_ones:
        return done
    done.asked = int(asked is not None and any(each.report_id is None for each in open_ones))
    with closing(make_client()) as client:
        for report in open_ones:
            _Fetching(engine, merchant, client, rules, now, done).go_on(report)
    return done


@dataclass(frozen=True, slots=True)
class _Fetching:
    engine: Engine
    merchant: Merchant
    client: AmazonPayClient
    rules: DoubtRules
    now: Callable[[], datetime]
    done: ReportsCollected

    def go_on(self, report: AskedReport) -> None:
        """One step or more of one report."""
        try:
            self._step(report)
        except DefiniteRefusal as refused:
            self._end(report, "failed", str(refused))
        except AmazonPayError as error:
            log.warning("report %d goes on later: %s", report.id, error)
            self._later(report, str(error))

    def _step(self, report: AskedReport) -> None:
        report_id = report.report_id
        if report_id is None:
            made = self.client.create_report(report.body, idempotency_key=report.idempotency_key)
            report_id = made.report_id
            self._note(report, state="making", report_id=report_id)
        found = self.client.get_report(report_id)
        match str(found.processing_status):
            case "COMPLETED" if found.report_document_id is not None:
                self._read(report, found.report_document_id)
            case "CANCELLED":
                # Amazon says so when nothing is in it, and for reasons of its own.
                self._end(report, "empty", "Amazon cancelled it")
            case "FAILED":
                self._end(report, "failed", "Amazon could not make it")
            case _:
                self._later(report, "Amazon is making it")

    def _read(self, report: AskedReport, document_id: str) -> None:
        content = self.client.download_report_document(document_id)
        self._note(report, document_id=document_id)
        try:
            lines = report_lines(content)
        except UnreadableReport as problem:
            self._end(report, "failed", f"unreadable: {problem}")
            return
        self.done.proofs += writing(
            self.engine,
            lambda c: record_report(
                c,
                self.merchant,
                report.id,
                content=content,
                lines=lines,
                rules=self.rules,
                at=self.now(),
            ),
        )
        self.done.read += 1

    def _later(self, report: AskedReport, why: str) -> None:
        if self.now() - report.requested_at > REPORT_GIVEN_UP_AFTER:
            self._end(report, "failed", f"not made in time: {why}")
        else:
            self.done.waiting += 1

    def _end(self, report: AskedReport, state: str, detail: str) -> None:
        self._note(report, state=state, detail=detail)
        if state == "empty":
            self.done.empty += 1
            return
        self.done.failed += 1
        self.done.problems.append(detail)
        log.warning("report %d of %s: %s", report.id, self.merchant.id, detail)

    def _note(self, report: AskedReport, **changes: Any) -> None:
        writing(self.engine, lambda c: note_report(c, report.id, **changes))
