"""Ties one merchant's rules, keys and clients to the runs that serve it."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from amazonpay import NO_RETRIES, AmazonPayClient, Transport, transport_named
from billing import (
    ActOutcomeKind,
    Merchant,
    Outcome,
    RefundOutcomeKind,
    chain_books,
    check_clock,
    end_waits,
    follow_replacements,
    load_brake,
    load_credentials,
    load_merchant,
    merchant_mark,
    reading,
    writing,
)
from billing.checkouts import unfinished_checkouts
from billing.evidence import PATIENT, DoubtRules, JanitorReport
from billing.notifications import forget_old
from billing.store.environment import NotThisEnvironment
from scheduler.captures import CaptureRun
from scheduler.checkouts import Finished, finish_checkout, try_finish
from scheduler.clock import Clock
from scheduler.guard import EnvironmentGuard
from scheduler.identity import this_worker
from scheduler.inbox import InboxReport, InboxRun
from scheduler.janitor import clear_doubts
from scheduler.near_cap import read_near_cap
from scheduler.pacing import PUBLISHED, Quota
from scheduler.refunds import RefundRun
from scheduler.reports import ReportsCollected, collect_reports
from scheduler.run import ChargeRun, RunReport, RunSettings, RunStopped
from scheduler.senders import Senders
from scheduler.ticks import won
from scheduler.watch import SWEEP_SECONDS, PermissionWatch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AmazonEndpoint:
    """Where and how Amazon Pay is reached, and whether our own pacing is on."""

    base_url: str
    ca_file: Path | None = None
    paced: bool = True
    in_flight: int = 16
    deadline_seconds: float = 10.0
    transport: Transport = "standard"


@dataclass(frozen=True, slots=True)
class BillingEngine:
    """Everything needed to bill one merchant from this process.

    `mark` tells rules and keys of one moment from those of another; `again` makes the engine anew
    with those of now.
    """

    database: Engine
    merchant: Merchant
    endpoint: AmazonEndpoint
    make_client: Callable[[], AmazonPayClient]
    clock: Clock
    doubts: DoubtRules = PATIENT
    guard: EnvironmentGuard | None = None
    mark: str = ""
    again: Callable[[], "BillingEngine"] | None = field(default=None, repr=False, compare=False)

    def run_due(
        self,
        *,
        on_progress: Callable[[RunReport], None] = lambda report: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> RunReport:
        """Charge everything that is due by the engine's clock, then send the refunds that are.

        A clock that jumped pulls the brake, and nothing new is begun while it is pulled.

        When `stopping` turns true the run begins nothing new. Raises `RunStopped` and
        `AmazonSilent`.
        """
        self._look_at_brake()
        acts = self.settle_shipments(stopping=stopping)
        settings = RunSettings(this_worker(), self._quota, self.endpoint.in_flight)
        report = self._run(settings, on_progress, stopping)
        report.acts = acts
        report.refunds = self.send_refunds(stopping=stopping)
        return report

    def new_senders(self) -> Senders[Outcome]:
        """Threads that call Amazon for this merchant; whoever makes them closes them."""
        return Senders[Outcome](self.make_client, threads=self.endpoint.in_flight)

    def run_slice(
        self,
        senders: Senders[Outcome],
        *,
        run_id: str,
        limit: int,
        seconds: float,
        stopping: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Charge up to `limit` of what is due, for at most so long; true when there is more.

        Raises `RunStopped` and `AmazonSilent`.
        """
        self._look_at_brake()
        threads = self.endpoint.in_flight
        settings = RunSettings(run_id, self._quota, threads, limit=limit, seconds=seconds)
        run = self._charge_run(senders, settings, lambda report: None, stopping)
        try:
            run.run_due()
        finally:
            self._note_sent(at_once=True)
        return run.has_more

    def _check_environment(self) -> None:
        """Nothing is sent with books that belong elsewhere; raises `RunStopped`."""
        if self.guard is None:
            return
        try:
            self.guard.check(self.merchant, at=self.clock.now())
        except NotThisEnvironment as elsewhere:
            raise RunStopped(str(elsewhere)) from elsewhere

    def _note_sent(self, *, at_once: bool = False) -> None:
        """Remember outside the books how far they are; see `scheduler.guard`."""
        if self.guard is not None:
            self.guard.sent(now=at_once)

    def _look_at_brake(self) -> None:
        brake = writing(self.database, lambda c: check_clock(c, self.merchant, at=self.clock.now()))
        if brake.is_pulled:
            log.error("%s", brake.words)

    def _clock_jumped(self) -> bool:
        """By such a clock nothing lapses, no wait is over, and no key is sealed.

        Only read while all is well: the moment of the last run is for charge runs to note.
        """
        now = self.clock.now()
        with reading(self.database) as connection:
            brake = load_brake(connection, self.merchant.id)
        if self.merchant.environment != "live" or not brake.is_overtaken(now):
            return False
        self._look_at_brake()
        return True

    def send_refunds(
        self,
        *,
        request_id: str | None = None,
        run_id: str | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> dict[RefundOutcomeKind, int]:
        """Send the refunds that are due, or those of one request; counts answers by kind.

        Raises `RunStopped` when Amazon refuses to work with us; the refunds stay open then.
        """
        self._check_environment()
        run = RefundRun(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            worker_id=run_id or this_worker(),
            quota=self._quota,
            in_flight=self.endpoint.in_flight,
            now=self.clock.now,
            stopping=stopping,
        )
        refused = run.send_due(request_id=request_id)
        if refused is not None:
            raise RunStopped(refused)
        return run.counts

    def settle_shipments(
        self,
        *,
        only: Collection[str] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> dict[ActOutcomeKind, int]:
        """Capture what was shipped, cancel what will not be, look at what is authorised.

        `only` names the acts that somebody waits for. Raises `RunStopped` when Amazon refuses to
        work with us; what is open stays open then.
        """
        self._check_environment()
        if self._clock_jumped():
            return {}
        if only is None:
            follow_replacements(self.database, self.merchant, at=self.clock.now())
        run = CaptureRun(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            worker_id=this_worker(),
            quota=self._quota,
            now=self.clock.now,
            stopping=stopping,
        )
        refused = run.settle() if only is None else run.send_due(only=only)
        if refused is not None:
            raise RunStopped(refused)
        return run.counts

    def charge_now(self, slot_ids: Collection[int]) -> RunReport:
        """Charge the named slots and nothing else: what somebody confirmed or asked for now.

        What gets no definite answer stays in doubt and is replayed by later runs. Raises
        `RunStopped` and `AmazonSilent`.
        """
        threads = max(1, min(len(slot_ids), self.endpoint.in_flight))
        settings = RunSettings(this_worker(), self._quota, threads, frozenset(slot_ids))
        return self._run(settings, lambda report: None, lambda: False)

    def _run(
        self,
        settings: RunSettings,
        on_progress: Callable[[RunReport], None],
        stopping: Callable[[], bool],
    ) -> RunReport:
        with Senders[Outcome](self.make_client, threads=settings.in_flight) as senders:
            try:
                return self._charge_run(senders, settings, on_progress, stopping).run_due()
            finally:
                self._note_sent(at_once=True)

    def _charge_run(
        self,
        senders: Senders[Outcome],
        settings: RunSettings,
        on_progress: Callable[[RunReport], None],
        stopping: Callable[[], bool],
    ) -> ChargeRun:
        self._check_environment()

        def progress(report: RunReport) -> None:
            self._note_sent()
            on_progress(report)

        return ChargeRun(
            engine=self.database,
            merchant=self.merchant,
            senders=senders,
            settings=settings,
            now=self.clock.now,
            on_progress=progress,
            stopping=stopping,
            before_intending=lambda limit: read_near_cap(
                engine=self.database,
                merchant=self.merchant,
                make_client=self.make_client,
                quota=self._quota,
                now=self.clock.now,
                limit=limit,
                only=settings.only,
            ),
        )

    def clear_doubts(self, *, stopping: Callable[[], bool] = lambda: False) -> JanitorReport:
        """Look for proofs of what replays did not settle; book, close or park what they show."""
        if self._clock_jumped():
            return JanitorReport()
        return clear_doubts(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            quota=self._quota,
            rules=self.doubts,
            now=self.clock.now,
            stopping=stopping,
        )

    def collect_reports(self, *, wanted: bool = False) -> ReportsCollected:
        """Ask Amazon for a transaction report when it is time or `wanted`, read what is made."""
        self._check_environment()
        return collect_reports(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            rules=self.doubts,
            now=self.clock.now,
            wanted=wanted,
        )

    def finish_checkout(self, checkout_id: str) -> Finished:
        """Complete a checkout that its buyer has agreed to, book it, and charge what is due.

        Raises as `finish_checkout` of `scheduler.checkouts` and as `charge_now` do; what is booked
        stays booked then, and the next run charges it.
        """
        self._check_environment()
        done = finish_checkout(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            now=self.clock.now,
            checkout_id=checkout_id,
        )
        if done.booked is not None and done.booked.slot_ids:
            self.charge_now(done.booked.slot_ids)
        return done

    def finish_checkouts(self) -> int:
        """Finish what a death left between Amazon and our books; returns how many were finished."""
        with reading(self.database) as connection:
            waiting = unfinished_checkouts(connection, self.merchant)
        if waiting:  # what would stop every one of them is said once
            self._check_environment()
        found = [try_finish(self.finish_checkout, each) for each in waiting]
        return sum(each is not None and each.state != "completing" for each in found)

    def watch(self) -> int:
        """Look at permissions that wait for their buyer; returns how many were read."""
        return 0 if self._clock_jumped() else self._permissions.waiting().read

    def watch_and_charge(self, *, stopping: Callable[[], bool] = lambda: False) -> int:
        """The same, and charge at once what a buyer has cured. Raises as `charge_now` does."""
        if self._clock_jumped():
            return 0
        done = self._permissions.waiting(stopping=stopping)
        self._charge_cured(done.became_due)
        return done.read

    def sweep(
        self,
        *,
        seconds: float = SWEEP_SECONDS,
        stopping: Callable[[], bool] = lambda: False,
    ) -> int:
        """Look at the permissions that are charged within the merchant's `sweep_days`.

        Each is read once a day at most; what is left after `seconds` is read the next time.
        Charges what a buyer has cured; returns how many permissions were read.
        """
        if self._clock_jumped():
            return 0
        done = self._permissions.coming(seconds=seconds, stopping=stopping)
        self._charge_cured(done.became_due)
        forget_old(self.database, self.merchant.id, at=self.clock.now())
        return done.read

    def process_notifications(self, *, stopping: Callable[[], bool] = lambda: False) -> InboxReport:
        """Look into what notifications name, and charge at once what a buyer has cured."""
        report = InboxRun(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            worker_id=this_worker(),
            quota=self._quota,
            now=self.clock.now,
            stopping=stopping,
        ).process()
        if report.objects and not self._clock_jumped():
            end_waits(self.database, self.merchant, at=self.clock.now())
        self._charge_cured(report.became_due)
        return report

    def chain_books(self) -> int:
        """Add what was booked to the hash chain, if no other worker does in this minute."""
        now = self.clock.now()
        slot = now.replace(second=0, microsecond=0)
        won_it = won(
            self.database, job="chain", slot=slot, worker_id=this_worker(), every_seconds=60
        )
        if not won_it:
            return 0
        return chain_books(self.database, at=now)

    def _charge_cured(self, slot_ids: Collection[int]) -> None:
        if slot_ids:
            self.charge_now(slot_ids)

    @property
    def _permissions(self) -> PermissionWatch:
        return PermissionWatch(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            quota=self._quota,
            now=self.clock.now,
        )

    @property
    def _quota(self) -> Quota | None:
        return Quota(*PUBLISHED[self.merchant.environment]) if self.endpoint.paced else None


def start_engine(
    *,
    database: Engine,
    merchant_id: str,
    master_key: bytes,
    endpoint: AmazonEndpoint,
    clock: Clock,
    doubts: DoubtRules = PATIENT,
    guard: EnvironmentGuard | None = None,
) -> BillingEngine:
    """Load a merchant and its key; raises `UnknownMerchant`, `CannotUnseal`.

    With a `guard` every run first checks that the books belong here.
    """
    with reading(database) as connection:
        merchant, mark = (
            load_merchant(connection, merchant_id),
            merchant_mark(connection, merchant_id),
        )
        credentials = load_credentials(connection, merchant_id, master_key=master_key)

    def make_client() -> AmazonPayClient:
        return AmazonPayClient(
            credentials=credentials,
            environment=merchant.environment,
            clock=clock.now,
            base_url=endpoint.base_url,
            ca_file=endpoint.ca_file,
            deadline_seconds=endpoint.deadline_seconds,
            transport=transport_named(endpoint.transport, ca_file=endpoint.ca_file),
            # One try per send: the attempt's row and the pacing row in the database decide more.
            retries=NO_RETRIES,
            pacing=None,
        )

    def again() -> BillingEngine:
        return start_engine(
            database=database,
            merchant_id=merchant_id,
            master_key=master_key,
            endpoint=endpoint,
            clock=clock,
            doubts=doubts,
            guard=guard,
        )

    return BillingEngine(
        database, merchant, endpoint, make_client, clock, doubts, guard, mark, again
    )
