"""An independent check of our books; it shares no code with the path that charges.

It reads the tables with plain SQL of its own, recomputes months and tax by itself, and repairs
nothing. `audit_amazon` in the module beside it compares the same books with Amazon.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, DateTime, bindparam, text

from billing.audit.sql import CHECKS, Check, Family
from billing.audit.sql_captures import CAPTURE_CHECKS
from billing.audit.sql_dunning import DUNNING_CHECKS
from billing.audit.sql_refunds import REFUND_CHECKS, REFUND_SPLITS

__all__ = ["AuditReport", "Family", "Finding", "UnknownAuditMerchant", "audit_books"]

STALE_AFTER = timedelta(hours=24)
"""After this long a due charge counts as lost and an unanswered one as in doubt too long."""

FORGOTTEN_AFTER = timedelta(days=30)
"""After this long a refund that Amazon still works on is put before a person."""

ROWS_AT_A_TIME = 1_000
TEN_PERCENT_FROM = date(2019, 10, 1)

_FIGURES = """SELECT
(SELECT COUNT(*) FROM slot WHERE merchant_id = :m) AS slots,
(SELECT COUNT(*) FROM attempt WHERE merchant_id = :m AND state = 'captured') AS charged,
(SELECT COALESCE(SUM(amount_yen), 0) FROM attempt
    WHERE merchant_id = :m AND state = 'captured') AS our_total_yen,
(SELECT COUNT(*) FROM attempt WHERE merchant_id = :m
    AND state IN ('intended', 'in_doubt', 'pending')) AS in_doubt,
(SELECT COALESCE(SUM(p.amount_yen), 0) FROM posting p JOIN journal j ON j.id = p.journal_id
    WHERE j.merchant_id = :m) AS ledger_sum"""
"""The counts and sums of the report, of one snapshot."""

_RULES = "SELECT timezone, cap_yen, tax_rounding FROM merchant WHERE id = :m"
"""The merchant's settings that the audit applies itself."""

_TAKEN = """SELECT p.amazon_id AS subject, p.amount_limit_yen, a.intended_at,
COALESCE(a.authorized_yen, a.amount_yen) AS yen
FROM attempt a JOIN charge_permission p ON p.id = a.permission_id
WHERE a.merchant_id = :m
AND a.state IN ('captured', 'authorized', 'intended', 'in_doubt', 'pending')
ORDER BY a.permission_id"""
"""What each permission was charged, or may have been, and when."""

_TAXES = """SELECT i.number AS subject, i.period_start AS supplied_on, t.tax_category,
t.rate_percent, t.gross_yen, t.tax_yen, t.net_yen
FROM invoice_tax t JOIN invoice i ON i.id = t.invoice_id WHERE i.merchant_id = :m"""
"""Every tax row with the date that decides its rate."""

Row = Mapping[str, Any]


class UnknownAuditMerchant(Exception):
    """There is no such merchant in this database, so there is nothing to audit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: `kind` names the check, `subject` the row as people know it."""

    family: Family
    kind: str
    subject: str
    detail_en: str
    detail_ja: str

    def as_json(self) -> dict[str, str]:
        """The finding for programs."""
        return {
            "family": str(self.family),
            "kind": self.kind,
            "subject": self.subject,
            "detail_en": self.detail_en,
            "detail_ja": self.detail_ja,
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the audit saw. Yen are whole; `amazon_total_yen` is None when Amazon was not asked.

    `chained` entries of the books were verified against the hash chain, `not_chained_yet` wait for
    their link; both are None when the chain was not looked at.
    """

    slots: int
    charged: int
    in_doubt: int
    our_total_yen: int
    ledger_sum: int
    findings: tuple[Finding, ...] = ()
    amazon_total_yen: int | None = None
    chained: int | None = None
    not_chained_yet: int | None = None
    counts: Mapping[Family, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(finding.family for finding in self.findings)
        object.__setattr__(self, "counts", {family: counted[family] for family in Family})

    @property
    def ok(self) -> bool:
        """True when no check found a fault and the ledger sums to zero."""
        return not self.findings and self.ledger_sum == 0

    def with_amazon(self, findings: Iterable[Finding], *, amazon_total_yen: int) -> "AuditReport":
        """The same report with what the comparison with Amazon found."""
        return replace(
            self, findings=(*self.findings, *findings), amazon_total_yen=amazon_total_yen
        )

    def with_chain(
        self, findings: Iterable[Finding], *, verified: int, waiting: int
    ) -> "AuditReport":
        """The same report with what the verification of the hash chain found."""
        return replace(
            self,
            findings=(*self.findings, *findings),
            chained=verified,
            not_chained_yet=waiting,
        )

    def as_json(self) -> dict[str, Any]:
        """The report for programs; the names are part of the command line's contract."""
        return {
            "ok": self.ok,
            "slots": self.slots,
            "charged": self.charged,
            "charged_twice": self.counts[Family.CHARGED_TWICE],
            "lost": self.counts[Family.LOST],
            "cap_breaches": self.counts[Family.CAP],
            "in_doubt": self.in_doubt,
            "in_doubt_too_long": self.counts[Family.IN_DOUBT],
            "ledger_faults": self.counts[Family.LEDGER],
            "contradictions": self.counts[Family.STATE],
            "amazon_differences": self.counts[Family.AMAZON],
            "chain_faults": self.counts[Family.CHAIN],
            "chained": self.chained,
            "not_chained_yet": self.not_chained_yet,
            "ledger_sum": self.ledger_sum,
            "our_total": self.our_total_yen,
            "amazon_total": self.amazon_total_yen,
            "findings": [finding.as_json() for finding in self.findings],
        }


def audit_books(connection: Connection, *, merchant_id: str, at: datetime) -> AuditReport:
    """Check one merchant's books against themselves as of `at`; nothing is written.

    Caps are judged by today's limits: a month that was charged under a higher limit, lowered
    since, is reported. Raises `UnknownAuditMerchant`.
    """
    books = _Books(connection, merchant_id, at.astimezone(UTC))
    rules = books.one(_RULES)
    if rules is None:
        raise UnknownAuditMerchant(
            f"merchant {merchant_id!r} is not in this database; check AUTOPAY_MERCHANT and "
            "AUTOPAY_DATABASE_URL"
        )
    figures = books.one(_FIGURES) or {}
    checks = (*CHECKS, *REFUND_CHECKS, *CAPTURE_CHECKS, *DUNNING_CHECKS)
    findings = [finding for check in checks for finding in _run(books, check)]
    findings += _cap_breaches(books.rows(_TAKEN), rules)
    findings += _tax_faults(books.rows(_TAXES), str(rules["tax_rounding"]))
    findings += _split_faults(books.rows(REFUND_SPLITS))
    return AuditReport(
        **{name: int(value) for name, value in figures.items()}, findings=tuple(findings)
    )


@dataclass(frozen=True, slots=True)
class _Books:
    """One merchant's rows, streamed, as of `at`: before that by 24 hours is too long to wait."""

    connection: Connection
    merchant_id: str
    at: datetime

    def rows(self, sql: str) -> Iterator[Row]:
        parameters: dict[str, Any] = {"m": self.merchant_id}
        statement = text(sql)
        for name, age in (("stale", STALE_AFTER), ("forgotten", FORGOTTEN_AFTER)):
            if f":{name}" in sql:
                parameters[name] = self.at - age
                statement = statement.bindparams(bindparam(name, type_=DateTime(timezone=True)))
        options = {"yield_per": ROWS_AT_A_TIME}
        with self.connection.execute(statement, parameters, execution_options=options) as result:
            for row in result.mappings():
                yield dict(row)

    def one(self, sql: str) -> Row | None:
        return next(iter(list(self.rows(sql))), None)


def _run(books: _Books, check: Check) -> Iterator[Finding]:
    for row in books.rows(check.sql):
        shown = {name: _shown(value) for name, value in row.items()}
        yield Finding(
            check.family,
            check.kind,
            shown["subject"],
            check.en.format(**shown),
            check.ja.format(**shown),
        )


def _shown(value: Any) -> str:
    return f"{_instant(value):%Y-%m-%d %H:%M} UTC" if _is_instant(value) else str(value)


def _is_instant(value: Any) -> bool:
    # SQLite hands instants over as text, "2026-11-22 00:00:00.000000", always UTC.
    looks_like_one = isinstance(value, str) and len(value) == 26 and value[10:11] == " "
    return isinstance(value, datetime) or (looks_like_one and value[:4].isdigit())


def _instant(value: Any) -> datetime:
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _cap_breaches(rows: Iterable[Row], rules: Row) -> Iterator[Finding]:
    """Captured and unanswered money above the cap, by the merchant's month and by UTC's."""
    zone = ZoneInfo(rules["timezone"])
    for subject, charges in groupby(rows, key=itemgetter("subject")):
        limit_yen = int(rules["cap_yen"])
        taken: Counter[tuple[str, str]] = Counter()
        for row in charges:
            intended_at, yen = _instant(row["intended_at"]), int(row["yen"])
            taken[rules["timezone"], f"{intended_at.astimezone(zone):%Y-%m}"] += yen
            taken["UTC", f"{intended_at:%Y-%m}"] += yen
            if row["amount_limit_yen"] is not None:
                limit_yen = min(limit_yen, int(row["amount_limit_yen"]))
        yield from _over(subject, taken, limit_yen)


def _over(subject: str, taken: Mapping[tuple[str, str], int], limit_yen: int) -> Iterator[Finding]:
    # The two calendars mostly show the same breach; it is one finding per month.
    worst: dict[str, tuple[int, str]] = {}
    for (zone, month), yen in taken.items():
        worst[month] = max(worst.get(month, (0, zone)), (yen, zone))
    for month, (yen, zone) in sorted(worst.items()):
        if yen > limit_yen:
            yield Finding(
                Family.CAP,
                "cap_exceeded",
                subject,
                f"{month} ({zone}): {yen} yen charged or in doubt, the cap is {limit_yen} yen",
                f"{month}({zone}): 請求額{yen}円が月間上限{limit_yen}円を超えています",
            )


def _tax_faults(rows: Iterable[Row], rounding: str) -> Iterator[Finding]:
    for row in rows:
        gross, category = int(row["gross_yen"]), row["tax_category"]
        percent = _percent(category, date.fromisoformat(str(row["supplied_on"])[:10]))
        tax = _tax_inside(gross, percent, rounding)
        stored = (row["rate_percent"], int(row["tax_yen"]), int(row["net_yen"]))
        if stored != (str(percent), tax, gross - tax):
            yield Finding(
                Family.LEDGER,
                "tax_differs",
                row["subject"],
                f"{category}: {gross} yen hold {tax} yen of tax at {percent} %, "
                f"stored are {stored[1]} yen at {stored[0]} % and {stored[2]} yen net",
                f"{category}: {gross}円に含まれる税額は{tax}円({percent}%)ですが、"
                f"{stored[1]}円({stored[0]}%)、税抜{stored[2]}円と記録されています",
            )


def _split_faults(rows: Iterable[Row]) -> Iterator[Finding]:
    """Refunds whose split over tax rates does not add up to what they newly reversed."""
    for row in rows:
        split, yen = json.loads(row["taxes"]), int(row["yen"])
        told = sum(int(part["gross_yen"]) for part in split)
        sound = all(
            0 <= part["tax_yen"] == part["gross_yen"] - part["net_yen"] and part["net_yen"] >= 0
            for part in split
        )
        if told != yen or not sound:
            yield Finding(
                Family.LEDGER,
                "refund_split_differs",
                row["subject"],
                f"it newly reverses {yen} yen, its tax rates say {told} yen",
                f"新たに取り消した{yen}円に対し、税率別の合計は{told}円です",
            )


def _percent(category: str, on: date) -> int:
    if category == "standard":
        return 10 if on >= TEN_PERCENT_FROM else 8
    return 8 if category == "reduced" else 0


def _tax_inside(gross_yen: int, percent: int, rounding: str) -> int:
    """Tax inside a gross amount, rounded once and by magnitude; integers only."""
    whole, part = abs(gross_yen) * percent, 100 + percent
    extra = {"floor": 0, "half_up": part, "ceil": 2 * part - 2}[rounding]
    tax_yen = (2 * whole + extra) // (2 * part)
    return tax_yen if gross_yen >= 0 else -tax_yen
