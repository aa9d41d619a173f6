"""The demo's report: our books beside the local Amazon Pay's own list of charges."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from sqlalchemy import Connection, func, select

from app.demo.play import Played
from billing import Family, OutcomeKind, SlotRow, SubscriptionRow, audit_books, table_of

slots = table_of(SlotRow)
subscriptions = table_of(SubscriptionRow)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Counts are of slots unless named otherwise; totals are whole yen."""

    subscriptions: int
    months: int
    slots_due: int
    charged: int
    declined: int
    recovered: int
    waiting_for_buyer: int
    uncollectible: int
    deferred_by_cap: int
    refused_by_cap: int
    in_doubt: int
    answers_lost_on_the_way: int
    payment_methods_repaired: int
    charged_twice: int
    lost: int
    cap_breaches: int
    ledger_sum: int
    our_total: int
    amazon_total: int
    audit_findings: int
    charges_per_second: int
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Nobody was charged twice, nothing was lost, and the books agree with Amazon."""
        faults = (self.charged_twice, self.lost, self.cap_breaches, self.audit_findings)
        return not any(faults) and self.ledger_sum == 0 and self.our_total == self.amazon_total

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document."""
        return asdict(self)


@dataclass(slots=True)
class _Truth:
    """What Amazon took, by its own list."""

    captured_by_reference: Counter[str]
    total_yen: int
    cap_breaches: int


def make_report(
    connection: Connection,
    *,
    merchant_id: str,
    charges: Iterable[Mapping[str, Any]],
    played: Played,
    limit_yen: int,
    timezone: str,
    months: int,
    seconds: float,
) -> DemoReport:
    """Compare the books with Amazon's own charges and sum both up."""
    truth = _read_truth(charges, limit_yen=limit_yen, zone=ZoneInfo(timezone))
    audited = audit_books(connection, merchant_id=merchant_id, at=played.ends_at)
    by_state = _slots_by_state(connection, merchant_id)
    twice = sum(1 for number in truth.captured_by_reference.values() if number > 1)
    captured = played.outcomes.get(OutcomeKind.CAPTURED, 0)
    return DemoReport(
        subscriptions=_count(connection, subscriptions.c.merchant_id == merchant_id),
        months=months,
        slots_due=_count(
            connection, slots.c.merchant_id == merchant_id, slots.c.first_due_at <= played.ends_at
        ),
        charged=by_state.get("paid", 0),
        declined=_count(connection, slots.c.merchant_id == merchant_id, slots.c.declines > 0),
        recovered=_count(
            connection,
            slots.c.merchant_id == merchant_id,
            slots.c.declines > 0,
            slots.c.state == "paid",
        ),
        waiting_for_buyer=by_state.get("waiting_buyer", 0),
        uncollectible=by_state.get("uncollectible", 0),
        deferred_by_cap=_count(
            connection, slots.c.merchant_id == merchant_id, slots.c.cap_moves > 0
        ),
        refused_by_cap=by_state.get("refused", 0),
        in_doubt=audited.in_doubt,
        answers_lost_on_the_way=played.lost_answers,
        payment_methods_repaired=played.repairs,
        charged_twice=max(twice, audited.counts[Family.CHARGED_TWICE]),
        lost=audited.counts[Family.LOST] + _unmatched(connection, merchant_id, truth),
        cap_breaches=max(truth.cap_breaches, audited.counts[Family.CAP]),
        ledger_sum=audited.ledger_sum,
        our_total=audited.our_total_yen,
        amazon_total=truth.total_yen,
        audit_findings=len(audited.findings),
        charges_per_second=round(captured / seconds) if seconds else 0,
        seconds=round(seconds, 1),
    )


def _read_truth(charges: Iterable[Mapping[str, Any]], *, limit_yen: int, zone: ZoneInfo) -> _Truth:
    truth = _Truth(Counter(), 0, 0)
    by_month: Counter[tuple[str, str]] = Counter()
    for charge in charges:
        if charge["state"] != "Captured":
            continue
        truth.captured_by_reference[charge["merchantReferenceId"]] += 1
        truth.total_yen += charge["amount"]
        month = f"{isoparse(charge['createdAt']).astimezone(zone):%Y-%m}"
        by_month[charge["chargePermissionId"], month] += charge["amount"]
    truth.cap_breaches = sum(1 for taken in by_month.values() if taken > limit_yen)
    return truth


def _unmatched(connection: Connection, merchant_id: str, truth: _Truth) -> int:
    """Slots paid in our books but not at Amazon, and the reverse."""
    statement = select(slots.c.reference).where(
        slots.c.merchant_id == merchant_id, slots.c.state == "paid"
    )
    ours = set(connection.execute(statement).scalars())
    return len(ours ^ set(truth.captured_by_reference))


def _slots_by_state(connection: Connection, merchant_id: str) -> dict[str, int]:
    statement = (
        select(slots.c.state, func.count())
        .where(slots.c.merchant_id == merchant_id)
        .group_by(slots.c.state)
    )
    return dict(connection.execute(statement).all())


def _count(connection: Connection, *conditions: Any) -> int:
    statement = select(func.count()).where(*conditions)
    return connection.execute(statement).scalar_one()
