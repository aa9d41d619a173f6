"""Captures what was shipped, cancels what will not be, closes permissions; looks at the authorised.

It stands beside the charges of a run, under quotas of its own. Like a charge, an act that a killed
process leaves is found by query and sent again with the same bytes.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient
from billing import (
    ActOutcome,
    ActOutcomeKind,
    Merchant,
    OpenAct,
    OpenAttempt,
    Outcome,
    OutcomeKind,
    claim_acts,
    claim_authorized,
    intend_cancellations,
    record_acts,
    record_outcomes,
    send,
    send_act,
    workers_with_open_acts,
)
from scheduler.heartbeat import silent_workers
from scheduler.identity import dead_workers
from scheduler.paced_calls import GET_CHARGE, GET_CHARGE_PERMISSION, Call, PacedCalls
from scheduler.pacing import Quota

OPERATIONS = {
    "capture": "capture_charge",
    "cancel": "cancel_charge",
    "close": "close_charge_permission",
}
# Waits before an act with unknown outcome is sent again at once; with them and the deadlines of
# the calls a sender is done before its lease ends. Later runs send what is still in doubt.
REPLAY_WAITS = (0.5, 1.0)
SAYS_NOTHING = (ActOutcomeKind.UNKNOWN, ActOutcomeKind.UNCHANGED)


@dataclass(frozen=True, slots=True)
class CaptureRun:
    """Settles the authorised charges of one merchant; `quota` None means unpaced."""

    engine: Engine
    merchant: Merchant
    make_client: Callable[[], AmazonPayClient]
    worker_id: str
    quota: Quota | None
    now: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False
    counts: dict[ActOutcomeKind, int] = field(default_factory=dict)

    def settle(self) -> str | None:
        """Intend the cancellations that are due, send every due act, look at what is authorised.

        Returns why Amazon refuses to work with us, if it does; what is open stays open then.
        """
        while not self.stopping() and intend_cancellations(
            self.engine, self.merchant, at=self.now()
        ):
            pass
        return self.send_due() or self._look()

    def send_due(self, *, only: Collection[str] | None = None) -> str | None:
        """Send every due act, or those of the references `only`; `counts` has the answers."""
        owners = workers_with_open_acts(self.engine, self.merchant)
        dead = dead_workers(owners) | silent_workers(self.engine, owners)
        calls = self._acts
        while not self.stopping():
            claimed = claim_acts(
                self.engine,
                self.merchant,
                at=self.now(),
                worker_id=self.worker_id,
                dead_workers=dead,
                only=only,
                limit=calls.slice,
            )
            if not claimed:
                return None
            answers = calls.make([_act_call(act) for act in claimed])
            record_acts(self.engine, self.merchant, answers, at=self.now())
            for answer in answers:
                self.counts[answer.kind] = self.counts.get(answer.kind, 0) + 1
            refusals = [a for a in answers if a.kind is ActOutcomeKind.MISCONFIGURED]
            if refusals:
                return refusals[0].detail
            if all(answer.kind in SAYS_NOTHING for answer in answers):
                # Amazon is silent: everything further would only be one more in doubt.
                return None
        return None

    def _look(self) -> str | None:
        """Read authorised charges, once a day each: Amazon may have ended one without a word."""
        calls = self._readings
        while not self.stopping():
            claimed = claim_authorized(self.engine, self.merchant, at=self.now(), limit=calls.slice)
            if not claimed:
                return None
            answers = calls.make([_look_call(attempt, self.now) for attempt in claimed])
            record_outcomes(self.engine, self.merchant, answers, at=self.now())
            refusals = [a for a in answers if a.kind is OutcomeKind.MISCONFIGURED]
            if refusals:
                return refusals[0].detail
            if all(answer.kind is OutcomeKind.UNKNOWN for answer in answers):
                return None
        return None

    @property
    def _acts(self) -> PacedCalls[ActOutcome]:
        return PacedCalls(
            engine=self.engine,
            merchant_id=self.merchant.id,
            make_client=self.make_client,
            quota=self.quota,
            now=self.now,
            operation_of=lambda answer: _operation(answer.act),
            is_throttled=lambda answer: answer.kind is ActOutcomeKind.THROTTLED,
        )

    @property
    def _readings(self) -> PacedCalls[Outcome]:
        return PacedCalls(
            engine=self.engine,
            merchant_id=self.merchant.id,
            make_client=self.make_client,
            quota=self.quota,
            now=self.now,
            operation_of=lambda _: GET_CHARGE,
            is_throttled=lambda answer: answer.kind is OutcomeKind.THROTTLED,
        )


def _operation(act: OpenAct) -> str:
    if not act.asks:
        return OPERATIONS[act.kind]
    return GET_CHARGE_PERMISSION if act.kind == "close" else GET_CHARGE


def _act_call(act: OpenAct) -> Call[ActOutcome]:
    return Call(_operation(act), partial(_send_patiently, act=act), partial(_failed, act))


def _send_patiently(client: AmazonPayClient, *, act: OpenAct) -> ActOutcome:
    outcome = send_act(client, act)
    for wait in () if act.asks else REPLAY_WAITS:
        if outcome.kind is not ActOutcomeKind.UNKNOWN:
            break
        time.sleep(wait)
        outcome = send_act(client, act)
    return outcome


def _failed(act: OpenAct, error: Exception) -> ActOutcome:
    # Not knowing what went wrong means not knowing what happened at Amazon.
    return ActOutcome(act, ActOutcomeKind.UNKNOWN, detail=f"{type(error).__name__}: {error}")


def _look_call(attempt: OpenAttempt, now: Callable[[], datetime]) -> Call[Outcome]:
    return Call(
        GET_CHARGE,
        lambda client: send(client, attempt, now=now),
        lambda error: Outcome(attempt, OutcomeKind.UNKNOWN, detail=f"{error}"),
    )
