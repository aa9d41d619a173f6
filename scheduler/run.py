"""One charge run of one merchant: everything that is due at a moment, from start to books.

    take over what died ─► open due cycles ─► intend ─► send (many in flight, paced) ─► record

The thread of the run owns the database; the senders own the network. A run may be killed at any
point and started again: what it left is found by query and finished with the same keys.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient
from billing import (
    ActOutcomeKind,
    Merchant,
    OpenAttempt,
    Outcome,
    OutcomeKind,
    RefundOutcomeKind,
    claim_unsettled,
    intend_around_poison,
    open_due_cycles,
    record_outcomes,
    send,
    workers_with_unsettled,
)
from scheduler import pacing
from scheduler.heartbeat import silent_workers
from scheduler.identity import dead_workers
from scheduler.pacing import Quota
from scheduler.send_log import logged
from scheduler.senders import Senders

CREATE_CHARGE = "create_charge"
SLICE = 200
# Attempts in hand for each sender: each has its turn long before its lease ends.
CALLS_PER_SENDER = 8
# Outcomes are recorded together: so many, or what came within this long of the first. A transaction
# costs the same for one as for many, and senders do not wait for it.
RECORD_AT = 64
GATHER_SECONDS = 0.2
COLLECT_SECONDS = 0.05
# Waits before an attempt with unknown outcome is replayed within the run; after the last one it
# stays in doubt and later runs replay it.
REPLAY_WAITS = (0.5, 1.0, 2.0)
# After so many unknown outcomes with no definite answer between them, nothing new is begun: every
# further attempt would only be one more in doubt.
SILENCE_AFTER = 32
# So many permissions in a row that are "not ours" are no accident of one of them.
FOREIGN = "UnauthorizedAccess"
FOREIGN_AFTER = 5
# Under the throttle calls are reserved so far ahead and no further: with more workers on one
# merchant each reserves less, and what a killed one had reserved is soon over.
RESERVE_SECONDS = 5
THROTTLED_WAIT = 1.0
THROTTLED_TRIES = 120


class RunStopped(Exception):
    """Amazon refuses every request until a person acts; nothing was charged or lost by it."""


class AmazonSilent(Exception):
    """Amazon gives no definite answer to anybody; later runs replay what is in doubt."""


@dataclass(slots=True)
class RunReport:
    """What one run did; counts of events, not of rows."""

    cycles_opened: int = 0
    slots_handled: int = 0
    outcomes: dict[OutcomeKind, int] = field(default_factory=dict)
    refunds: dict[RefundOutcomeKind, int] = field(default_factory=dict)
    acts: dict[ActOutcomeKind, int] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> None:
        """Add one outcome."""
        self.outcomes[outcome.kind] = self.outcomes.get(outcome.kind, 0) + 1


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run sends: `quota` None means unpaced; `in_flight` is the number of send slots.

    `only` are the slots that somebody wants charged now; None charges everything that is due.
    `limit` and `seconds` bound a slice: how much of what is due it begins, and for how long.
    """

    worker_id: str
    quota: Quota | None = None
    in_flight: int = 16
    only: frozenset[int] | None = None
    limit: int | None = None
    seconds: float | None = None


@dataclass(slots=True)
class _Replay:
    """An attempt to send again within this run, at a moment of `time.monotonic`."""

    attempt: OpenAttempt
    at: float


class ChargeRun:
    """Runs what is due; make one per run and call `run_due` once."""

    def __init__(
        self,
        *,
        engine: Engine,
        merchant: Merchant,
        senders: Senders[Outcome],
        settings: RunSettings,
        now: Callable[[], datetime],
        on_progress: Callable[[RunReport], None] = lambda report: None,
        stopping: Callable[[], bool] = lambda: False,
        before_intending: Callable[[int], object] = lambda limit: None,
    ) -> None:
        self._engine = engine
        self._merchant = merchant
        self._senders = senders
        self._settings = settings
        self._now = now
        self._on_progress = on_progress
        self._stopping = stopping
        self._before_intending = before_intending
        self._unknown_in_a_row = 0
        self._report = RunReport()
        self._replays: list[_Replay] = []
        self._tries: dict[tuple[int, OutcomeKind], int] = {}
        self._throttled = False
        self._stopped: str | None = None
        self._dead: set[str] = set()
        self._fresh: set[int] = set()
        self._foreign_in_a_row = 0
        self._begun = 0
        self._began_at = time.monotonic()
        self._waits_for_its_turn = False
        self._feed_at = 0.0

    def run_due(self) -> RunReport:
        """Process everything that is due until nothing is left to do.

        A run under Amazon's throttle may take hours, so every step reads the clock anew: months,
        leases and dates are those of the step. When asked to stop it begins nothing new and
        records what is under way. Raises `RunStopped` when Amazon refuses our credentials and
        `AmazonSilent` when it does not answer; open attempts stay open.
        """
        owners = workers_with_unsettled(self._engine, self._merchant)
        self._dead = dead_workers(owners) | silent_workers(self._engine, owners)
        self._open_cycles()
        self._charge_until_idle()
        # A settled cycle makes the next one due at once where months were missed: open again.
        while self._open_cycles():
            self._charge_until_idle()
        if self._stopped is not None:
            raise RunStopped(self._stopped)
        if self._amazon_is_silent:
            raise AmazonSilent(
                "Amazon Pay does not answer; nothing new was begun, and later runs replay what is "
                "in doubt with the same keys. Check the network and AUTOPAY_AMAZON_URL"
            )
        return self._report

    def _charge_until_idle(self) -> None:
        going_on = True
        while (
            going_on
            or self._senders.outstanding
            or self._replays
            or (self._waits_for_its_turn and not self._begins_nothing)
        ):
            fed = self._feed()
            recorded = self._record(wait_seconds=0.0 if fed else COLLECT_SECONDS)
            self._replay()
            # What was recorded may have freed a permission for its next slot: look once more.
            going_on = fed or recorded

    @property
    def _amazon_is_silent(self) -> bool:
        return self._unknown_in_a_row >= SILENCE_AFTER

    @property
    def _begins_nothing(self) -> bool:
        return self._stopped is not None or self._amazon_is_silent or self._stopping()

    @property
    def has_more(self) -> bool:
        """True when the slice ended because it was over, not because nothing was left."""
        return self._is_over and not self._begins_nothing

    @property
    def _is_over(self) -> bool:
        limit, seconds = self._settings.limit, self._settings.seconds
        if limit is not None and self._begun >= limit:
            return True
        return seconds is not None and time.monotonic() - self._began_at >= seconds

    def _open_cycles(self) -> bool:
        """Open due cycles, all of them or as many as a slice takes; false when there was none."""
        opened = 0
        after = None
        enough = self._settings.limit
        while self._settings.only is None and not self._begins_nothing and not self._is_over:
            done = open_due_cycles(
                self._engine, self._merchant, at=self._now(), after=after, limit=SLICE
            )
            opened += done.handled
            after = done.next_from
            if after is None or (enough is not None and opened >= enough):
                break
        self._report.cycles_opened += opened
        return opened > 0

    def _feed(self) -> bool:
        """Intend and submit as much as the window takes; false when there is nothing more."""
        room = self._room()
        if room == 0:
            return False
        # At most half of the window for old doubts: they must not keep new charges from starting.
        unsettled = self._claim_unsettled(limit=min(room, SLICE) // 2)
        self._begun += len(unsettled)
        self._submit(unsettled)
        return self._intend(limit=min(room, SLICE) - len(unsettled)) or bool(unsettled)

    def _room(self) -> int:
        """How many attempts may be begun now; 0 until it is worth a look at the database."""
        self._waits_for_its_turn = False
        room = self._window - self._senders.outstanding - len(self._replays)
        if self._begins_nothing or self._is_over or room < self._window // 2:
            return 0
        if self._settings.limit is not None:
            room = min(room, self._settings.limit - self._begun)
        quota = self._settings.quota
        return room if quota is None else min(room, self._turns(quota))

    def _turns(self, quota: Quota) -> int:
        """Calls that Amazon's throttle lets us make soon; 0 while other workers have them all."""
        self._waits_for_its_turn = True
        if time.monotonic() < self._feed_at:
            return 0
        turns = pacing.ready(
            self._engine,
            merchant_id=self._merchant.id,
            operation=CREATE_CHARGE,
            quota=quota,
            within_seconds=RESERVE_SECONDS,
            now=self._now(),
        )
        if turns < quota.per_second:
            self._feed_at = time.monotonic() + (quota.per_second - turns) / quota.per_second
            return 0
        self._waits_for_its_turn = False
        return turns

    def _claim_unsettled(self, *, limit: int) -> list[OpenAttempt]:
        """What a dead worker left, and what was in doubt or pending until now, comes first."""
        if self._settings.only is not None:
            return []
        return claim_unsettled(
            self._engine,
            self._merchant,
            at=self._now(),
            worker_id=self._settings.worker_id,
            dead_workers=self._dead,
            limit=limit,
        )

    def _intend(self, *, limit: int) -> bool:
        if limit == 0:
            return False
        self._before_intending(limit)
        handled, attempts = intend_around_poison(
            self._engine,
            self._merchant,
            at=self._now(),
            worker_id=self._settings.worker_id,
            limit=limit,
            only=self._settings.only,
        )
        self._report.slots_handled += handled
        self._begun += handled
        self._fresh.update(attempt.id for attempt in attempts)
        self._submit(attempts)
        return handled > 0

    @property
    def _window(self) -> int:
        """Attempts in hand at most: enough that a sender never waits, never longer than a lease."""
        quota = self._settings.quota
        if quota is None:
            return min(SLICE, max(4, self._settings.in_flight * CALLS_PER_SENDER))
        return max(4, min(SLICE, quota.per_second * 10))

    def _submit(self, attempts: list[OpenAttempt]) -> None:
        for attempt, wait in zip(attempts, self._waits(len(attempts)), strict=True):
            self._senders.submit(
                partial(_send, attempt=attempt, now=self._now, waited=wait),
                failed=partial(_failed, attempt),
                wait_seconds=wait,
            )

    def _waits(self, calls: int) -> list[float]:
        quota = self._settings.quota
        if quota is None:
            return [0.0] * calls
        return pacing.take(
            self._engine,
            merchant_id=self._merchant.id,
            operation=CREATE_CHARGE,
            quota=quota,
            calls=calls,
            now=self._now(),
        )

    def _record(self, *, wait_seconds: float) -> bool:
        """Write what came back; false when nothing did."""
        outcomes = self._senders.collect(wait_seconds=wait_seconds)
        until = time.monotonic() + GATHER_SECONDS
        while outcomes and len(outcomes) < RECORD_AT and self._senders.outstanding:
            more = self._senders.collect(wait_seconds=max(0.0, until - time.monotonic()))
            if not more:
                break
            outcomes += more
        if not outcomes:
            return False
        record_outcomes(self._engine, self._merchant, outcomes, at=self._now())
        for outcome in outcomes:
            self._report.count(outcome)
            self._watch_for_silence(outcome)
            self._plan_replay(outcome)
        self._learn(outcomes)
        self._on_progress(self._report)
        return True

    def _watch_for_silence(self, outcome: Outcome) -> None:
        """Count what says that it is not this one charge but Amazon, or our credentials.

        Old doubts say nothing about today: only attempts begun in this run count as silence.
        """
        if outcome.kind is not OutcomeKind.UNKNOWN:
            self._unknown_in_a_row = 0
        elif outcome.attempt.id in self._fresh:
            self._unknown_in_a_row += 1
        foreign = outcome.reason_code == FOREIGN
        self._foreign_in_a_row = self._foreign_in_a_row + 1 if foreign else 0
        if self._foreign_in_a_row >= FOREIGN_AFTER:
            self._stopped = (
                "Amazon Pay says of every charge permission that it is not this merchant's; "
                "check that AUTOPAY_PUBLIC_KEY_ID and the private key are of the account that the "
                "permissions were made for"
            )

    def _plan_replay(self, outcome: Outcome) -> None:
        fresh = outcome.attempt.id in self._fresh
        tries = self._tries.get((outcome.attempt.id, outcome.kind), 0)
        self._tries[outcome.attempt.id, outcome.kind] = tries + 1
        wait: float | None = None
        match outcome.kind:
            case OutcomeKind.UNKNOWN if fresh and tries < len(REPLAY_WAITS):
                wait = REPLAY_WAITS[tries]
            case OutcomeKind.THROTTLED if tries < THROTTLED_TRIES:
                wait = THROTTLED_WAIT
            case OutcomeKind.MISCONFIGURED:
                self._stopped = outcome.detail
        if wait is not None:
            self._replays.append(_Replay(outcome.attempt, time.monotonic() + wait))

    def _replay(self) -> None:
        if self._begins_nothing:
            # They stay open in the books; a later run claims and replays them.
            self._replays.clear()
        if self._stopping():
            self._senders.drop_waiting()
        now = time.monotonic()
        ready = [replay for replay in self._replays if replay.at <= now]
        self._replays = [replay for replay in self._replays if replay.at > now]
        self._submit([replay.attempt for replay in ready])

    def _learn(self, outcomes: list[Outcome]) -> None:
        quota = self._settings.quota
        if quota is None:
            return
        throttled = any(outcome.kind is OutcomeKind.THROTTLED for outcome in outcomes)
        pacing.learn(
            self._engine,
            merchant_id=self._merchant.id,
            operation=CREATE_CHARGE,
            quota=quota,
            throttled=throttled,
        )


def _send(
    client: AmazonPayClient, *, attempt: OpenAttempt, now: Callable[[], datetime], waited: float
) -> Outcome:
    return logged(attempt, lambda: send(client, attempt, now=now), bucket_wait_seconds=waited)


def _failed(attempt: OpenAttempt, error: Exception) -> Outcome:
    # Not knowing what went wrong means not knowing what happened at Amazon.
    return Outcome(attempt, OutcomeKind.UNKNOWN, detail=f"{type(error).__name__}: {error}")
