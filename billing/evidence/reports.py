"""Amazon's transaction reports as proofs: asked for, read once, weighed for each open doubt.

A report that shows a doubt's reference under an id we do not know says that it happened. One that
covers the time and does not show it says that it did not: asked for when nobody could use the key
any more and Amazon had the time to list what it did, and complete as far as our own captured
charges can tell. Everything else says nothing.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, select, update

from amazonpay import CreateReport, ReportType
from billing.evidence.proofs import is_news, proof_row, proofs_of, write_proofs
from billing.evidence.report_lines import ReportLine
from billing.evidence.rule import DoubtRules, ProofKind, Verdict, sealed_from
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, is_word, table_of
from billing.tables import AmazonReportRow, AttemptRow, DoubtRow, SlotRow

reports = table_of(AmazonReportRow)
doubts = table_of(DoubtRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)

TYPES = {"sandbox": ReportType.SANDBOX_SETTLEMENT, "live": ReportType.AUTHORIZATION}
"""What can be asked for and names charges; the sandbox has one type only."""

# Of settlements it lists what was captured; an authorisation alone is no line of it.
LISTS_CAPTURES_ONLY = (ReportType.SANDBOX_SETTLEMENT,)
LONGEST = timedelta(days=29)
BEFORE = timedelta(days=1)
ASK_EVERY = timedelta(days=1)
GIVE_UP_AFTER = timedelta(days=2)
UNREAD = ("asked", "making")
# So many of our own captured charges are looked for in a report, the newest of its time.
CONTROLS = 500


@dataclass(frozen=True, slots=True)
class AskedReport:
    """A report that Amazon is to make, or makes: with the key and the bytes that ask for it."""

    id: int
    idempotency_key: str
    body: bytes
    requested_at: datetime
    report_id: str | None
    document_id: str | None = None


def merchants_with_doubts(connection: Connection) -> set[str]:
    """Merchants that a report could prove something for, or that wait for one."""
    resting = select(doubts.c.merchant_id).where(
        doubts.c.settled_at.is_(None), doubts.c.rested_at.is_not(None)
    )
    waiting = select(reports.c.merchant_id).where(is_word(reports.c.state, *UNREAD))
    return {name for s in (resting, waiting) for name in connection.execute(s.distinct()).scalars()}


def ask_report(
    connection: Connection, merchant: Merchant, *, rules: DoubtRules, at: datetime, wanted: bool
) -> int | None:
    """Write that a report is asked for, when it is time; its row id, None when it is not.

    It is time once a day while a key rests, at once when a doubt has become old enough for a
    report to speak against it, and whenever somebody says `wanted`.
    """
    resting = fetch(connection, _resting(merchant))
    last = connection.execute(
        select(reports.c.requested_at)
        .where(reports.c.merchant_id == merchant.id)
        .order_by(reports.c.requested_at.desc())
        .limit(1)
    ).scalar()
    if not wanted and not _is_time(resting, last, rules, at):
        return None
    end = at.replace(microsecond=0)
    first = min([row["intended_at"] for row in resting], default=end) - BEFORE
    start = max(first, end - LONGEST).replace(microsecond=0)
    kind = TYPES[merchant.environment]
    key = _key(merchant, kind, start, end)
    known = select(reports.c.id).where(
        reports.c.merchant_id == merchant.id, reports.c.idempotency_key == key
    )
    found = connection.execute(known).scalar()
    if found is not None:
        return int(found)
    row = {
        "merchant_id": merchant.id,
        "kind": kind.value,
        "idempotency_key": key,
        "start_at": start,
        "end_at": end,
        "state": "asked",
        "requested_at": at,
    }
    insert_many(connection, reports, [row])
    return int(connection.execute(known).scalar_one())


def _resting(merchant: Merchant) -> Any:
    return (
        select(
            attempts.c.id,
            attempts.c.intended_at,
            attempts.c.amount_yen,
            attempts.c.body,
            slots.c.reference,
            doubts.c.rested_at,
        )
        .join(doubts, doubts.c.attempt_id == attempts.c.id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(doubts.c.merchant_id == merchant.id)
        .where(doubts.c.settled_at.is_(None), doubts.c.rested_at.is_not(None))
        .order_by(attempts.c.id)
    )


def speaks_from(*, rested_at: datetime, rules: DoubtRules) -> datetime:
    """From when on a report may say that nothing happened: sealed, and listed if it had been."""
    return sealed_from(rested_at=rested_at, rules=rules) + rules.report_listing


def _is_time(
    resting: Sequence[Row], last: datetime | None, rules: DoubtRules, at: datetime
) -> bool:
    if not resting:
        return False
    if last is None or at - last >= ASK_EVERY:
        return True
    moments = [speaks_from(rested_at=row["rested_at"], rules=rules) for row in resting]
    return any(last < moment <= at for moment in moments)


def _key(merchant: Merchant, kind: ReportType, start: datetime, end: datetime) -> str:
    """The same span of time is the same report, however often it is asked for."""
    parts = ("report", merchant.id, merchant.environment, kind.value)
    told = "\n".join([*parts, start.isoformat(), end.isoformat()])
    return urlsafe_b64encode(hashlib.sha256(told.encode()).digest()).decode("ascii")[:32]


def open_reports(connection: Connection, merchant: Merchant) -> list[AskedReport]:
    """Reports that are asked for and not read yet, the oldest first."""
    statement = select(reports).where(
        reports.c.merchant_id == merchant.id, is_word(reports.c.state, *UNREAD)
    )
    return [
        AskedReport(
            id=row["id"],
            idempotency_key=row["idempotency_key"],
            body=CreateReport(
                report_type=ReportType(row["kind"]),
                start_time=row["start_at"],
                end_time=row["end_at"],
            ).to_bytes(),
            requested_at=row["requested_at"],
            report_id=row["report_id"],
            document_id=row["document_id"],
        )
        for row in fetch(connection, statement.order_by(reports.c.id))
    ]


def note_report(connection: Connection, report_row_id: int, **changes: Any) -> None:
    """Write how a report stands; one that was read stays as it is."""
    mine = reports.c.id == report_row_id, is_word(reports.c.state, *UNREAD)
    connection.execute(update(reports).where(*mine).values(changes))


def record_report(
    connection: Connection,
    merchant: Merchant,
    report_row_id: int,
    *,
    content: bytes,
    lines: Sequence[ReportLine],
    rules: DoubtRules,
    at: datetime,
) -> int:
    """Keep what a report says about each open doubt; returns how many proofs are new.

    The janitor weighs them at its next look, which is now.
    """
    (report,) = fetch(connection, select(reports).where(reports.c.id == report_row_id))
    if report["state"] not in UNREAD:
        return 0
    digest = hashlib.sha256(content).hexdigest()
    read = {"state": "read", "read_at": at, "row_count": len(lines), "sha256": digest}
    note_report(connection, report_row_id, **read)
    missing = _missing_controls(connection, merchant, report, lines, rules)
    written = 0
    for doubt in fetch(connection, _resting(merchant)):
        rows = _proofs_about(connection, merchant, doubt, report, lines, missing, rules)
        kept = proofs_of(connection, [doubt["id"]])[doubt["id"]]
        sealed_at = sealed_from(rested_at=doubt["rested_at"], rules=rules)
        told = {(proof.kind, proof.amazon_id) for proof in kept}
        news = [
            row
            for row in rows
            if is_news(row, kept, since=sealed_at)
            or (row["amazon_id"] is not None and ("report", row["amazon_id"]) not in told)
        ]
        write_proofs(connection, news)
        written += len(news)
        if news:
            mine = update(doubts).where(doubts.c.attempt_id == doubt["id"])
            connection.execute(mine.values(look_at=at))
    return written


def _proofs_about(
    connection: Connection,
    merchant: Merchant,
    doubt: Row,
    report: Row,
    lines: Sequence[ReportLine],
    missing: int,
    rules: DoubtRules,
) -> list[dict[str, Any]]:
    mine = [line for line in lines if line.reference == doubt["reference"]]
    found = {line.amazon_id for line in mine if line.is_of_a_charge}
    strange = sorted(found - _known(connection, merchant, found) - {""})
    if strange:
        return [
            _proof(merchant, doubt, report, Verdict.HAPPENED, "listed", amazon_id)
            for amazon_id in strange
        ]
    why_not = _says_nothing(doubt, report, missing, rules)
    if why_not is not None:
        return [_proof(merchant, doubt, report, Verdict.SILENT, why_not)]
    return [_proof(merchant, doubt, report, Verdict.DID_NOT_HAPPEN, "not listed")]


def _says_nothing(doubt: Row, report: Row, missing: int, rules: DoubtRules) -> str | None:
    """Why a report without the doubt's reference proves nothing; None when it does."""
    if doubt["intended_at"] < report["start_at"]:
        return "the report begins too late"
    if report["requested_at"] < speaks_from(rested_at=doubt["rested_at"], rules=rules):
        return "asked for too early to be listed"
    if missing:
        return f"{missing} of our captured charges are not listed either"
    later = b'"captureNow":true' not in doubt["body"].replace(b" ", b"")
    if later and ReportType(report["kind"]) in LISTS_CAPTURES_ONLY:
        return "an authorisation alone is not listed in it"
    return None


def _missing_controls(
    connection: Connection,
    merchant: Merchant,
    report: Row,
    lines: Sequence[ReportLine],
    rules: DoubtRules,
) -> int:
    """How many charges that were captured in its time, long enough before, it does not show."""
    listed = {line.amazon_id for line in lines}
    until = report["requested_at"] - rules.report_listing
    statement = (
        select(attempts.c.charge_id)
        .where(attempts.c.merchant_id == merchant.id, is_word(attempts.c.state, "captured"))
        .where(attempts.c.intended_at >= report["start_at"], attempts.c.answered_at <= until)
        .where(attempts.c.charge_id.is_not(None))
        .order_by(attempts.c.intended_at.desc(), attempts.c.id.desc())
        .limit(CONTROLS)
    )
    return sum(1 for charge in connection.execute(statement).scalars() if charge not in listed)


def _known(connection: Connection, merchant: Merchant, ids: set[str]) -> set[str]:
    """Charges that our books have already: of an earlier attempt of the same slot."""
    statement = select(attempts.c.charge_id).where(
        attempts.c.merchant_id == merchant.id, attempts.c.charge_id.in_(sorted(ids))
    )
    mine = exists().where(doubts.c.attempt_id == attempts.c.id, doubts.c.settled_at.is_(None))
    return set(connection.execute(statement.where(~mine)).scalars()) if ids else set()


def _proof(
    merchant: Merchant,
    doubt: Row,
    report: Row,
    verdict: Verdict,
    why: str,
    amazon_id: str | None = None,
) -> dict[str, Any]:
    return proof_row(
        merchant,
        kind=ProofKind.REPORT,
        verdict=verdict,
        # What it says is of the moment at which it was asked for, however late it is read.
        at=report["requested_at"],
        what={"why": why, "report": report["report_id"], "key": report["idempotency_key"]},
        attempt_id=doubt["id"],
        amazon_id=amazon_id,
    )
