"""Compares our charges and refunds with Amazon's own objects, one GET each; nothing is written.

Like `audit` beside it, this shares no code with the path that charges: plain SQL and the GET
operations of the client. No transaction is open while a call is under way.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, DateTime, Engine, bindparam, text

from amazonpay import (
    AmazonPayClient,
    AmazonPayError,
    Charge,
    ChargePermission,
    DefiniteRefusal,
    Misconfigured,
    Throttled,
)
from billing.audit.books import Finding
from billing.audit.sql import Family
from billing.store.database import reading

__all__ = ["AmazonAudit", "AmazonUnreachable", "audit_amazon"]

PAGE = 1_000
# Waits in seconds before a GET without a usable answer is tried again; then Amazon counts as
# unreachable. Throttling is no failure and gets far more patience.
RETRY_WAITS = (1, 2, 4)
THROTTLED_TRIES = 120
THROTTLED_WAIT = 1

_COUNT = """SELECT COUNT(*) AS charges FROM attempt
WHERE merchant_id = :m AND state = 'captured' AND intended_at >= :since"""

_CHARGES = """SELECT a.id, a.charge_id, a.amount_yen,
COALESCE(a.authorized_yen, a.amount_yen) AS charged_yen, p.amazon_id AS permission, s.reference,
(SELECT COALESCE(SUM(r.amount_yen), 0) FROM refund r
    WHERE r.attempt_id = a.id AND r.state = 'refunded') AS refunded_yen,
(SELECT COALESCE(SUM(r.amount_yen), 0) FROM refund r
    WHERE r.attempt_id = a.id AND r.state NOT IN ('declined', 'by_hand')) AS returning_yen
FROM attempt a JOIN slot s ON s.id = a.slot_id
JOIN charge_permission p ON p.id = a.permission_id
WHERE a.merchant_id = :m AND a.state = 'captured' AND a.charge_id IS NOT NULL
AND a.intended_at >= :since AND a.id > :after AND a.id % :step = 0
ORDER BY a.id LIMIT :page"""

# What a permission may have been charged since a moment at most: captured then, or unanswered.
_TAKEN = """SELECT p.amazon_id AS permission,
SUM(COALESCE(a.authorized_yen, a.amount_yen)) AS amount_yen
FROM attempt a JOIN charge_permission p ON p.id = a.permission_id
WHERE a.merchant_id = :m AND (a.state IN ('intended', 'in_doubt', 'pending', 'authorized')
OR (a.state IN ('captured', 'canceled') AND (a.intended_at >= :since OR a.answered_at >= :since)))
GROUP BY p.amazon_id HAVING MAX(CASE WHEN a.state = 'captured' THEN 1 ELSE 0 END) = 1"""

_REFUNDS = """SELECT r.id, r.refund_id, r.amount_yen, r.state, a.charge_id
FROM refund r JOIN attempt a ON a.id = r.attempt_id
WHERE r.merchant_id = :m AND r.refund_id IS NOT NULL
AND r.requested_at >= :since AND r.id > :after AND r.id % :step = 0
ORDER BY r.id LIMIT :page"""

# One that is under way may be done at Amazon by now; a final state of ours is Amazon's as well.
_REFUND_STATES = {
    "refunded": ("Refunded",),
    "declined": ("Declined",),
    "pending": ("RefundInitiated", "Pending", "Refunded", "Declined"),
    "quarantined": ("RefundInitiated", "Pending", "Refunded", "Declined"),
}

_ZONE = "SELECT timezone FROM merchant WHERE id = :m"

EVER = datetime(2000, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]
Answer = TypeVar("Answer")


class AmazonUnreachable(Exception):
    """Amazon could not be asked, so nothing is known about its side; the message says what to do.

    The books themselves may still be fine.
    """


@dataclass(frozen=True, slots=True)
class AmazonAudit:
    """What Amazon said: charges asked for, the sum it captured (yen), and what differs."""

    asked: int
    amazon_total_yen: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Tally:
    asked: int = 0
    total_yen: int = 0
    findings: list[Finding] = field(default_factory=list)


def audit_amazon(
    engine: Engine,
    *,
    merchant_id: str,
    at: datetime,
    make_client: Callable[[], AmazonPayClient],
    threads: int = 8,
    since: datetime | None = None,
    sample: int | None = None,
    pace: Callable[[], None] = lambda: None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> AmazonAudit:
    """GET captured charges, refunds, and permissions charged in the month of `at`; compare.

    `since` leaves out charges intended before it; `sample` asks for about that many, spread
    evenly. The total then covers those only. `pace` is called before every GET and may block.
    `on_progress` gets charges done and to do. Raises `AmazonUnreachable`.
    """
    window = since or EVER
    with _Askers(make_client, threads, pace) as ask, reading(engine) as connection:
        total = int(_rows(connection, _COUNT, m=merchant_id, since=window)[0]["charges"])
        step = 1 if sample is None else max(1, total // max(1, sample))
        tally = _Tally()
        asked_about = {"m": merchant_id, "since": window, "step": step}
        for page in _pages(connection, _CHARGES, **asked_about):
            _compare_charges(ask, page, tally)
            on_progress(tally.asked, max(tally.asked, total // step))
        for page in _pages(connection, _REFUNDS, **asked_about):
            tally.findings += _compare_refunds(ask, page)
        tally.findings += _unknown_charges(ask, connection, merchant_id, at)
    return AmazonAudit(tally.asked, tally.total_yen, tuple(tally.findings))


def _pages(connection: Connection, sql: str, **parameters: Any) -> Iterator[list[Row]]:
    after = 0
    while page := _rows(connection, sql, after=after, page=PAGE, **parameters):
        yield page
        after = page[-1]["id"]


def _rows(connection: Connection, sql: str, **parameters: Any) -> list[Row]:
    """All rows of one statement; its transaction ends here, before any call to Amazon."""
    statement = text(sql)
    if "since" in parameters:
        instant = bindparam("since", type_=DateTime(timezone=True))
        statement = statement.bindparams(instant)
        parameters["since"] = parameters["since"].astimezone(UTC)
    rows: list[Row] = [dict(row) for row in connection.execute(statement, parameters).mappings()]
    connection.rollback()
    return rows


def _compare_charges(ask: "_Askers", page: Sequence[Row], tally: _Tally) -> None:
    charges = ask.each(page, lambda client, row: client.get_charge(row["charge_id"]))
    for row, charge in zip(page, charges, strict=True):
        tally.asked += 1
        if isinstance(charge, DefiniteRefusal):
            tally.findings.append(_missing(row["charge_id"], charge))
            continue
        if str(charge.state) == "Captured":
            tally.total_yen += charge.captured_yen or 0
        tally.findings += _differences(row, charge)


def _missing(subject: str, refusal: DefiniteRefusal) -> Finding:
    return Finding(
        Family.AMAZON,
        "missing_at_amazon",
        subject,
        f"we have it in our books, Amazon does not show it: {refusal}",
        f"記録にありますが、Amazonで確認できません: {refusal}",
    )


def _differences(row: Row, charge: Charge) -> Iterator[Finding]:
    pairs = (
        ("state", "状態", "Captured", str(charge.state)),
        ("captured yen", "受領額", row["amount_yen"], charge.captured_yen),
        ("charged yen", "請求額", row["charged_yen"], charge.charge_amount_yen),
        ("charge permission", "支払い許可", row["permission"], charge.charge_permission_id),
        ("merchant reference", "参照番号", row["reference"], charge.merchant_reference_id),
    )
    for name_en, name_ja, ours, theirs in pairs:
        if ours != theirs:
            yield _different(row["charge_id"], name_en, name_ja, ours, theirs)
    theirs_yen = charge.refunded_yen
    if theirs_yen is not None and not row["refunded_yen"] <= theirs_yen <= row["returning_yen"]:
        # More than that was given back by hand in Seller Central, or by a charge we forgot.
        ours_yen = row["refunded_yen"]
        yield _different(row["charge_id"], "refunded yen", "返金額", ours_yen, theirs_yen)


def _different(subject: str, name_en: str, name_ja: str, ours: object, theirs: object) -> Finding:
    return Finding(
        Family.AMAZON,
        "different_at_amazon",
        subject,
        f"{name_en}: our books say {ours}, Amazon says {theirs}",
        f"{name_ja}: 記録は{ours}、Amazonは{theirs}です",
    )


def _compare_refunds(ask: "_Askers", page: Sequence[Row]) -> Iterator[Finding]:
    answers = ask.each(page, lambda client, row: client.get_refund(row["refund_id"]))
    for row, refund in zip(page, answers, strict=True):
        if isinstance(refund, DefiniteRefusal):
            yield _missing(row["refund_id"], refund)
            continue
        pairs = (
            ("refunded yen", "返金額", row["amount_yen"], refund.refund_amount_yen),
            ("charge", "課金", row["charge_id"], refund.charge_id),
        )
        for name_en, name_ja, ours, theirs in pairs:
            if ours != theirs:
                yield _different(row["refund_id"], name_en, name_ja, ours, theirs)
        if str(refund.state) not in _REFUND_STATES.get(row["state"], ()):
            yield _different(row["refund_id"], "state", "状態", row["state"], str(refund.state))


def _unknown_charges(
    ask: "_Askers", connection: Connection, merchant_id: str, at: datetime
) -> Iterator[Finding]:
    """Permissions of which Amazon used more this month than our books can explain."""
    zone = ZoneInfo(_rows(connection, _ZONE, m=merchant_id)[0]["timezone"])
    taken = _rows(connection, _TAKEN, m=merchant_id, since=_month_start(at, zone))
    answers = ask.each(taken, lambda client, row: client.get_charge_permission(row["permission"]))
    for row, permission in zip(taken, answers, strict=True):
        if isinstance(permission, DefiniteRefusal):
            yield _missing(row["permission"], permission)
        else:
            yield from _unexplained(int(row["amount_yen"]), permission)


def _unexplained(ours_yen: int, permission: ChargePermission) -> Iterator[Finding]:
    limit_yen, balance_yen = permission.amount_limit_yen, permission.amount_balance_yen
    # CV1 agreements may lack the figures. Refunds can only make Amazon's figure smaller.
    if limit_yen is None or balance_yen is None or limit_yen - balance_yen <= ours_yen:
        return
    theirs_yen = limit_yen - balance_yen
    yield Finding(
        Family.AMAZON,
        "unknown_at_us",
        permission.charge_permission_id,
        f"Amazon used {theirs_yen} yen of this month's cap, our books explain {ours_yen} yen: "
        "look for a charge that we do not know of",
        f"Amazonの今月の使用額は{theirs_yen}円、記録は{ours_yen}円です。"
        "記録にない課金がないか確認してください",
    )


def _month_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The earliest moment that may belong to Amazon's current month, whoever's midnight it uses."""
    # A day back stands for every zone west of UTC: while it is the 1st here, their month is old.
    local = (at.astimezone(zone), at.astimezone(UTC), at.astimezone(UTC) - timedelta(days=1))
    return min(moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for moment in local)


class _Askers:
    """A pool of threads with one client each; closed on leaving."""

    def __init__(
        self,
        make_client: Callable[[], AmazonPayClient],
        threads: int,
        pace: Callable[[], None],
    ) -> None:
        self._make_client = make_client
        self._pace = pace
        self._own = threading.local()
        self._clients = ExitStack()
        self._lock = threading.Lock()
        self._leaving = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="audit")

    def __enter__(self) -> "_Askers":
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._pool.shutdown(cancel_futures=True)
        self._clients.close()

    def each(
        self, rows: Sequence[Row], call: Callable[[AmazonPayClient, Row], Answer]
    ) -> Iterator[Answer | DefiniteRefusal]:
        """The answer to each row in order, many in flight; a refusal counts as an answer."""
        return self._pool.map(lambda row: self._ask(lambda client: call(client, row)), rows)

    def _ask(self, call: Callable[[AmazonPayClient], Answer]) -> Answer | DefiniteRefusal:
        failed = throttled = 0
        while True:
            self._pace()
            try:
                return call(self._client())
            except Misconfigured as error:
                raise AmazonUnreachable(f"Amazon Pay refuses our requests: {error}") from error
            except DefiniteRefusal as refusal:
                return refusal
            except Throttled as error:
                throttled += 1
                wait = error.retry_after_seconds or THROTTLED_WAIT
                self._wait(wait, error, give_up=throttled >= THROTTLED_TRIES)
            except AmazonPayError as error:
                give_up = failed >= len(RETRY_WAITS)
                self._wait(0 if give_up else RETRY_WAITS[failed], error, give_up=give_up)
                failed += 1

    def _wait(self, seconds: int, error: AmazonPayError, *, give_up: bool) -> None:
        if give_up or self._leaving.wait(seconds):
            raise AmazonUnreachable(
                f"Amazon Pay could not be asked ({error}); check the network and "
                "AUTOPAY_AMAZON_URL, then run the audit again"
            ) from error

    def _client(self) -> AmazonPayClient:
        client: AmazonPayClient | None = getattr(self._own, "client", None)
        if client is None:
            client = self._make_client()
            self._own.client = client
            with self._lock:
                self._clients.callback(client.close)
        return client
