"""Sends the refunds that are due: claim, send (many in flight, paced), record, until none is left.

It comes after the charges of a run and stands beside them: a charge never waits for a refund. Like
a charge, a refund that a killed process leaves is found by query and sent under the same key.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient
from billing import (
    Merchant,
    OpenRefund,
    RefundOutcome,
    RefundOutcomeKind,
    claim_refunds,
    record_refunds,
    send_refund,
    workers_with_open_refunds,
)
from scheduler import pacing
from scheduler.heartbeat import silent_workers
from scheduler.identity import dead_workers
from scheduler.pacing import Quota
from scheduler.senders import Senders

CREATE_REFUND, GET_REFUND = "create_refund", "get_refund"
SLICE = 100
COLLECT_SECONDS = 1.0
# Waits before a refund with unknown outcome is sent again at once; with them and the deadlines of
# the calls a sender is done before its lease ends. Later runs send what is still in doubt.
REPLAY_WAITS = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class RefundRun:
    """Sends what is due of one merchant; `quota` None means unpaced."""

    engine: Engine
    merchant: Merchant
    make_client: Callable[[], AmazonPayClient]
    worker_id: str
    quota: Quota | None
    in_flight: int
    now: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False
    counts: dict[RefundOutcomeKind, int] = field(default_factory=dict)

    def send_due(self, *, request_id: str | None = None) -> str | None:
        """Send every due refund, or those of one request; `counts` has the answers.

        Returns why Amazon refuses to work with us, if it does; the refunds stay open then.
        """
        owners = workers_with_open_refunds(self.engine, self.merchant)
        dead = dead_workers(owners) | silent_workers(self.engine, owners)
        while not self.stopping():
            claimed = claim_refunds(
                self.engine,
                self.merchant,
                at=self.now(),
                worker_id=self.worker_id,
                dead_workers=dead,
                request_id=request_id,
                limit=self._window,
            )
            if not claimed:
                return None
            outcomes = self._send(claimed)
            refusals = [o for o in outcomes if o.kind is RefundOutcomeKind.MISCONFIGURED]
            if refusals:
                return refusals[0].detail
            if all(outcome.kind is RefundOutcomeKind.UNKNOWN for outcome in outcomes):
                # Amazon is silent: everything further would only be one more in doubt.
                return None
        return None

    @property
    def _window(self) -> int:
        """Refunds claimed together: few enough that the last one is sent within its lease."""
        return SLICE if self.quota is None else max(4, min(SLICE, self.quota.per_second * 10))

    def _send(self, claimed: Sequence[OpenRefund]) -> list[RefundOutcome]:
        outcomes: list[RefundOutcome] = []
        threads = min(self.in_flight, len(claimed))
        with Senders[RefundOutcome](self.make_client, threads=threads) as senders:
            for refund, wait in zip(claimed, self._waits(claimed), strict=True):
                senders.submit(
                    partial(_send_patiently, refund=refund, now=self.now),
                    failed=partial(_failed, refund),
                    wait_seconds=wait,
                )
            while senders.outstanding:
                answered = senders.collect(wait_seconds=COLLECT_SECONDS)
                record_refunds(self.engine, self.merchant, answered, at=self.now())
                outcomes += answered
        for outcome in outcomes:
            self.counts[outcome.kind] = self.counts.get(outcome.kind, 0) + 1
        self._learn(outcomes)
        return outcomes

    def _waits(self, claimed: Sequence[OpenRefund]) -> list[float]:
        """Seconds that each refund waits for its turn, under the quota of its own operation."""
        quota = self.quota
        if quota is None:
            return [0.0] * len(claimed)
        turns = {
            operation: iter(
                pacing.take(
                    self.engine,
                    merchant_id=self.merchant.id,
                    operation=operation,
                    quota=quota,
                    calls=sum(1 for refund in claimed if _operation(refund) == operation),
                    now=self.now(),
                )
            )
            for operation in (CREATE_REFUND, GET_REFUND)
        }
        return [next(turns[_operation(refund)]) for refund in claimed]

    def _learn(self, outcomes: Sequence[RefundOutcome]) -> None:
        if self.quota is None:
            return
        for operation in {_operation(outcome.refund) for outcome in outcomes}:
            pacing.learn(
                self.engine,
                merchant_id=self.merchant.id,
                operation=operation,
                quota=self.quota,
                throttled=any(
                    outcome.kind is RefundOutcomeKind.THROTTLED
                    for outcome in outcomes
                    if _operation(outcome.refund) == operation
                ),
            )


def _operation(refund: OpenRefund) -> str:
    return CREATE_REFUND if refund.refund_id is None else GET_REFUND


def _send_patiently(
    client: AmazonPayClient, *, refund: OpenRefund, now: Callable[[], datetime]
) -> RefundOutcome:
    outcome = send_refund(client, refund, now=now)
    for wait in REPLAY_WAITS:
        if outcome.kind is not RefundOutcomeKind.UNKNOWN or outcome.refund_id is not None:
            break
        time.sleep(wait)
        outcome = send_refund(client, refund, now=now)
    return outcome


def _failed(refund: OpenRefund, error: Exception) -> RefundOutcome:
    # Not knowing what went wrong means not knowing what happened at Amazon.
    detail = f"{type(error).__name__}: {error}"
    return RefundOutcome(refund, RefundOutcomeKind.UNKNOWN, detail=detail)
