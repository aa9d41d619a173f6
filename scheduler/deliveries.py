"""Delivers notices: tells what is coming, plans, then claims, sends and records slice by slice.

It stands beside charging and never in its way: it has its own job, its own claims and its own
calls, and whatever goes wrong here ends here. A message that was sent and not marked, because the
process died, is sent again under the same id when its lease is over.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from billing import CannotUnseal, Merchant, checkpoints, reading
from billing.deliveries import (
    DeliveryOutcome,
    DeliveryResult,
    OutgoingMail,
    OutgoingWebhook,
    claim_mails,
    claim_webhooks,
    plan_notices,
    record_deliveries,
    tell_price_changes,
    tell_upcoming,
)
from billing.restore import last_restoration
from billing.store.environment import NotThisEnvironment
from scheduler.fleet import Fleet
from scheduler.identity import this_worker
from scheduler.ticks import slot_of, won

log = logging.getLogger(__name__)

# Within the lease of 60 seconds: nothing new is begun after these, and no call takes longer than
# what is left of it.
BEGIN_WITHIN_SECONDS = 20.0
MAIL_SLICE = 20
WEBHOOK_SLICE = 32
WEBHOOK_THREADS = 8
TELL_AHEAD_EVERY_SECONDS = 3600
# Of one channel in a tick: a queue that takes all day must not keep the other channel and the
# other merchants waiting. The next tick goes on.
ROUND_SECONDS = 30.0


class Mailer(Protocol):
    """Something that speaks to the merchant's mail server."""

    def send(self, mails: Iterable[OutgoingMail]) -> Iterator[DeliveryOutcome]:
        """Send over one connection, one outcome per mail; ends early when the server is away."""
        ...


class WebhookCaller(Protocol):
    """Something that posts a webhook to where its merchant wants it."""

    def call(self, webhook: OutgoingWebhook, *, at: datetime) -> DeliveryOutcome:
        """Post one webhook; never raises for what the other side does."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one round did: notices told ahead and planned, tries by channel and result.

    `is_held`: the books come from a backup and were not opened again, so nobody was told anything.
    """

    is_held: bool = False
    told_ahead: int = 0
    planned: int = 0
    mails: dict[DeliveryResult, int] = field(default_factory=dict)
    webhooks: dict[DeliveryResult, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """Delivers one merchant's notices; without a mailer its mails wait, and so with a caller."""

    database: Engine
    merchant: Merchant
    worker_id: str
    now: Callable[[], datetime]
    master_key: bytes = field(repr=False)
    mailer: Mailer | None = None
    caller: WebhookCaller | None = None
    stopping: Callable[[], bool] = lambda: False

    def tick(self) -> DeliveryReport:
        """One round; what is told ahead is looked for once an hour by one of all workers."""
        if self._is_held():
            return DeliveryReport(is_held=True)
        mine = won(
            self.database,
            job=f"notices/{self.merchant.id}",
            slot=slot_of(self.now(), every_seconds=TELL_AHEAD_EVERY_SECONDS),
            worker_id=self.worker_id,
            every_seconds=TELL_AHEAD_EVERY_SECONDS,
        )
        return self.run_due(tell_ahead=mine, seconds=ROUND_SECONDS)

    def run_due(self, *, tell_ahead: bool = True, seconds: float | None = None) -> DeliveryReport:
        """Send everything that is due, until nothing is left or a channel is away.

        With `seconds` no slice of a channel is begun after so many, but one always is.
        """
        if self._is_held():
            return DeliveryReport(is_held=True)
        told = self._tell_ahead() if tell_ahead else 0
        report = DeliveryReport(told_ahead=told, planned=self._plan())
        self._send_mails(report.mails, _Turn(seconds))
        self._send_webhooks(report.webhooks, _Turn(seconds))
        return report

    def _is_held(self) -> bool:
        """What restored books believe may be contradicted by the comparison with Amazon: until two
        people have ended it nobody is told. What is written meanwhile is told afterwards."""
        with reading(self.database) as connection:
            last = last_restoration(connection)
        return last is not None and last.is_open

    def _tell_ahead(self) -> int:
        return tell_upcoming(self.database, self.merchant, at=self.now()) + tell_price_changes(
            self.database, self.merchant, at=self.now()
        )

    def _plan(self) -> int:
        planned = 0
        while not self.stopping():
            more = plan_notices(self.database, self.merchant, at=self.now())
            if more == 0:
                break
            planned += more
        return planned

    def _send_mails(self, counts: dict[DeliveryResult, int], turn: "_Turn") -> None:
        while self.mailer is not None and turn.goes_on() and not self.stopping():
            mails = claim_mails(
                self.database,
                self.merchant,
                worker_id=self.worker_id,
                at=self.now(),
                limit=MAIL_SLICE,
                master_key=self.master_key,
            )
            if not mails:
                return
            checkpoints.reached("notice.claimed")
            answered = self._send_slice(self.mailer, mails, counts)
            left = [mail for mail in mails if mail.delivery_id not in answered]
            self._record([_held(mail) for mail in left], counts)
            if left:
                return  # the server is away, or slow: the next tick goes on

    def _send_slice(
        self, mailer: Mailer, mails: Sequence[OutgoingMail], counts: dict[DeliveryResult, int]
    ) -> set[int]:
        """Each mail is marked before the next is begun: a death repeats one mail at most."""
        answered: set[int] = set()
        for outcome in mailer.send(_in_time(mails, self.stopping)):
            if outcome.result is DeliveryResult.SENT:
                checkpoints.reached("notice.after_send")
            self._record([outcome], counts)
            answered.add(outcome.delivery_id)
        return answered

    def _send_webhooks(self, counts: dict[DeliveryResult, int], turn: "_Turn") -> None:
        # Endpoints that took nothing of a slice: what waits for them would fill every slice.
        silent: set[str] = set()
        while self.caller is not None and turn.goes_on() and not self.stopping():
            try:
                webhooks = claim_webhooks(
                    self.database,
                    self.merchant,
                    worker_id=self.worker_id,
                    at=self.now(),
                    master_key=self.master_key,
                    besides=silent,
                    limit=WEBHOOK_SLICE,
                )
            except CannotUnseal:
                log.error("webhooks cannot be signed: their secrets need another master key")
                return
            if not webhooks:
                return
            checkpoints.reached("notice.claimed")
            silent |= self._call_slice(self.caller, webhooks, counts)

    def _call_slice(
        self,
        caller: WebhookCaller,
        webhooks: Sequence[OutgoingWebhook],
        counts: dict[DeliveryResult, int],
    ) -> set[str]:
        """Call them all; returns the endpoints that failed and took nothing."""
        took: set[str] = set()
        calls = _Calls(caller, self.now, self.stopping)
        with ThreadPoolExecutor(WEBHOOK_THREADS, thread_name_prefix="webhook") as threads:
            running = {threads.submit(calls.call, each): each.endpoint for each in webhooks}
            for done in as_completed(running):
                outcome = done.result()
                if outcome.result is DeliveryResult.SENT:
                    took.add(running[done])
                    checkpoints.reached("notice.after_send")
                self._record([outcome], counts)
        return calls.failed - took

    def _record(
        self, outcomes: Sequence[DeliveryOutcome], counts: dict[DeliveryResult, int]
    ) -> None:
        record_deliveries(self.database, outcomes, at=self.now())
        for outcome in outcomes:
            counts[outcome.result] = counts.get(outcome.result, 0) + 1


@dataclass(frozen=True, slots=True)
class Delivering:
    """How a process delivers: its mail server, its way out for webhooks, the key of secrets."""

    master_key: bytes = field(repr=False)
    mailer: Mailer | None = None
    caller: WebhookCaller | None = None

    def of(
        self,
        database: Engine,
        merchant: Merchant,
        *,
        now: Callable[[], datetime],
        stopping: Callable[[], bool] = lambda: False,
    ) -> DeliveryRun:
        """The deliveries of one merchant."""
        return DeliveryRun(
            database=database,
            merchant=merchant,
            worker_id=this_worker(),
            now=now,
            master_key=self.master_key,
            mailer=self.mailer,
            caller=self.caller,
            stopping=stopping,
        )


def deliver_all(delivering: Delivering, fleet: Fleet, *, stopping: Callable[[], bool]) -> None:
    """One round for each merchant of a fleet; one that fails is logged and keeps no other waiting.

    It never raises: whoever calls it has more important things to do.
    """
    try:
        names = fleet.names()
    except Exception:
        log.exception("the merchants could not be read; the next tick delivers")
        return
    for name in names:
        if stopping():
            return
        try:
            engine = fleet.engine(name)
            if engine is not None:
                if engine.guard is not None:
                    engine.guard.compare(engine.merchant)
                run = delivering.of(
                    engine.database, engine.merchant, now=engine.clock.now, stopping=stopping
                )
                run.tick()
        except NotThisEnvironment as elsewhere:
            log.error("%s: %s", name, elsewhere)
        except Exception:
            log.exception("notices of %r could not be delivered; the next tick tries again", name)


class _Turn:
    """How long a channel may begin slices; without `seconds`, until nothing is left."""

    def __init__(self, seconds: float | None) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds
        self._begun = False

    def goes_on(self) -> bool:
        """Whether another slice may begin; the first one always may."""
        first, self._begun = not self._begun, True
        return first or self._until is None or time.monotonic() < self._until


class _Calls:
    """Calls of one slice: an endpoint that fails is not asked again for the rest of it."""

    def __init__(
        self, caller: WebhookCaller, now: Callable[[], datetime], stopping: Callable[[], bool]
    ) -> None:
        self._caller = caller
        self._now = now
        self._stopping = stopping
        self._until = time.monotonic() + BEGIN_WITHIN_SECONDS
        self.failed: set[str] = set()

    def call(self, webhook: OutgoingWebhook) -> DeliveryOutcome:
        late = time.monotonic() > self._until
        if late or self._stopping() or webhook.endpoint in self.failed:
            return _held(webhook)
        try:
            outcome = self._caller.call(webhook, at=self._now())
        except Exception as error:
            log.exception("webhook %s could not be sent", webhook.message_id)
            outcome = DeliveryOutcome(
                webhook.delivery_id, webhook.tries, DeliveryResult.LATER, type(error).__name__
            )
        if outcome.result is not DeliveryResult.SENT:
            self.failed.add(webhook.endpoint)
        return outcome


def _in_time(mails: Sequence[OutgoingMail], stopping: Callable[[], bool]) -> Iterator[OutgoingMail]:
    until = time.monotonic() + BEGIN_WITHIN_SECONDS
    for mail in mails:
        if stopping() or time.monotonic() > until:
            return
        yield mail


def _held(message: OutgoingMail | OutgoingWebhook) -> DeliveryOutcome:
    return DeliveryOutcome(message.delivery_id, message.tries, DeliveryResult.HELD)
