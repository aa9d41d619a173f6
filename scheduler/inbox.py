"""Looks into what notifications name: claim, read at Amazon, record as polling does, settle.

Nothing of a message but the object's id is believed. What is read goes into the books by the very
functions that polling uses, so that lost, late and repeated messages end in the same state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient, ChargePermission
from billing import (
    Merchant,
    OpenAttempt,
    OpenRefund,
    Outcome,
    OutcomeKind,
    RefundOutcome,
    RefundOutcomeKind,
    WatchedPermission,
    record_outcomes,
    record_permissions,
    record_refunds,
    send,
    send_refund,
)
from billing.notifications import (
    Looked,
    LookedKind,
    ObjectHint,
    claim_objects,
    has_waiting,
    release_claims,
    settle_looked,
    workers_with_claims,
)
from scheduler.identity import dead_workers
from scheduler.paced_calls import (
    GET_CHARGE,
    GET_CHARGE_PERMISSION,
    GET_REFUND,
    Call,
    PacedCalls,
)
from scheduler.pacing import Quota
from scheduler.watch import Reading, permission_call

OPERATIONS = {
    "CHARGE": GET_CHARGE,
    "CHARGE_PERMISSION": GET_CHARGE_PERMISSION,
    "REFUND": GET_REFUND,
}

Answer = Reading | Outcome | RefundOutcome | None


@dataclass(slots=True)
class InboxReport:
    """How many objects were looked into and how that ended; the slots that became due by it."""

    ended: dict[LookedKind, int] = field(default_factory=dict)
    became_due: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        """True when there was anything to look into."""
        return bool(self.ended)

    @property
    def objects(self) -> int:
        """How many objects were looked into."""
        return sum(self.ended.values())


@dataclass(frozen=True, slots=True)
class _Told:
    """One object with Amazon's answer; None is a call that failed in an unforeseen way."""

    hint: ObjectHint
    answer: Answer


@dataclass(frozen=True, slots=True)
class InboxRun:
    """Works one merchant's inbox off; `quota` None means unpaced."""

    engine: Engine
    merchant: Merchant
    make_client: Callable[[], AmazonPayClient]
    worker_id: str
    quota: Quota | None
    now: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False

    def process(self) -> InboxReport:
        """Look into every object that waits; a process that dies on the way loses nothing."""
        report = InboxReport()
        dead = dead_workers(workers_with_claims(self.engine, self.merchant))
        release_claims(self.engine, self.merchant, workers=dead, at=self.now())
        while not self.stopping() and has_waiting(self.engine, self.merchant, at=self.now()):
            hints = claim_objects(
                self.engine,
                self.merchant,
                at=self.now(),
                worker_id=self.worker_id,
                limit=self._calls.slice,
            )
            if not hints:
                break  # another worker was quicker
            self._look_into(hints, report)
        return report

    def _look_into(self, hints: Sequence[ObjectHint], report: InboxReport) -> None:
        told = self._calls.make([_call(hint, self.now) for hint in hints if hint.target])
        at = self.now()
        self._record(told, report, at)
        looked = [Looked(each.hint, _kind(each.answer)) for each in told]
        looked += [Looked(hint, _without_call(hint)) for hint in hints if not hint.target]
        settle_looked(self.engine, self.merchant, looked, at=at)
        for each in looked:
            report.ended[each.kind] = report.ended.get(each.kind, 0) + 1

    def _record(self, told: Sequence[_Told], report: InboxReport, at: datetime) -> None:
        answers = [each.answer for each in told if _kind(each.answer) is LookedKind.READ]
        seen: list[tuple[WatchedPermission, ChargePermission | None]] = [
            (answer.watched, answer.permission) for answer in answers if isinstance(answer, Reading)
        ]
        report.became_due += record_permissions(self.engine, self.merchant, seen, at=at)
        outcomes = [answer for answer in answers if isinstance(answer, Outcome)]
        record_outcomes(self.engine, self.merchant, outcomes, at=at)
        refunds = [answer for answer in answers if isinstance(answer, RefundOutcome)]
        record_refunds(self.engine, self.merchant, refunds, at=at)

    @property
    def _calls(self) -> PacedCalls[_Told]:
        return PacedCalls(
            engine=self.engine,
            merchant_id=self.merchant.id,
            make_client=self.make_client,
            quota=self.quota,
            now=self.now,
            operation_of=lambda told: OPERATIONS[told.hint.object_type],
            is_throttled=lambda told: _kind(told.answer) is LookedKind.THROTTLED,
        )


def _call(hint: ObjectHint, now: Callable[[], datetime]) -> Call[_Told]:
    return Call(
        operation=OPERATIONS[hint.object_type],
        make=partial(_ask, hint=hint, now=now),
        failed=lambda _error: _Told(hint, None),
    )


def _ask(client: AmazonPayClient, *, hint: ObjectHint, now: Callable[[], datetime]) -> _Told:
    match hint.target:
        case WatchedPermission() as watched:
            return _Told(hint, permission_call(watched).make(client))
        case OpenAttempt() as attempt:
            return _Told(hint, send(client, attempt, now=now))
        case OpenRefund() as refund:
            return _Told(hint, send_refund(client, refund, now=now))
        case None:
            raise AssertionError(f"nothing to read for {hint.object_id}")


def _kind(answer: Answer) -> LookedKind:
    match answer:
        case Reading(is_throttled=True):
            return LookedKind.THROTTLED
        case Reading(permission=ChargePermission()):
            return LookedKind.READ
        case Outcome(kind=OutcomeKind.THROTTLED) | RefundOutcome(kind=RefundOutcomeKind.THROTTLED):
            return LookedKind.THROTTLED
        case Outcome(kind=OutcomeKind.UNKNOWN | OutcomeKind.MISCONFIGURED):
            return LookedKind.UNREACHABLE
        case RefundOutcome(kind=RefundOutcomeKind.UNKNOWN | RefundOutcomeKind.MISCONFIGURED):
            return LookedKind.UNREACHABLE
        case Outcome() | RefundOutcome():
            return LookedKind.READ
        case _:
            return LookedKind.UNREACHABLE


def _without_call(hint: ObjectHint) -> LookedKind:
    return LookedKind.NOTHING_TO_READ if hint.is_known else LookedKind.UNKNOWN_OBJECT
