"""Ties one merchant's rules, keys and clients to the runs that serve it."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from amazonpay import NO_RETRIES, AmazonPayClient
from billing import (
    Merchant,
    Outcome,
    RefundOutcomeKind,
    check_clock,
    load_credentials,
    load_merchant,
    reading,
    writing,
)
from scheduler.clock import Clock
from scheduler.identity import this_worker
from scheduler.pacing import PUBLISHED, Quota
from scheduler.refunds import RefundRun
from scheduler.run import ChargeRun, RunReport, RunSettings, RunStopped
from scheduler.senders import Senders
from scheduler.watch import watch_permissions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AmazonEndpoint:
    """Where Amazon Pay is reached, and whether our own pacing is on."""

    base_url: str
    ca_file: Path | None = None
    paced: bool = True
    in_flight: int = 16
    deadline_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class BillingEngine:
    """Everything needed to bill one merchant from this process."""

    database: Engine
    merchant: Merchant
    endpoint: AmazonEndpoint
    make_client: Callable[[], AmazonPayClient]
    clock: Clock

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
        brake = writing(self.database, lambda c: check_clock(c, self.merchant, at=self.clock.now()))
        if brake.is_pulled:
            log.error("%s", brake.words)
        settings = RunSettings(this_worker(), self._quota, self.endpoint.in_flight)
        report = self._run(settings, on_progress, stopping)
        report.refunds = self.send_refunds(stopping=stopping)
        return report

    def send_refunds(
        self,
        *,
        request_id: str | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> dict[RefundOutcomeKind, int]:
        """Send the refunds that are due, or those of one request; counts answers by kind.

        Raises `RunStopped` when Amazon refuses to work with us; the refunds stay open then.
        """
        run = RefundRun(
            engine=self.database,
            merchant=self.merchant,
            make_client=self.make_client,
            worker_id=this_worker(),
            quota=self._quota,
            in_flight=self.endpoint.in_flight,
            now=self.clock.now,
            stopping=stopping,
        )
        refused = run.send_due(request_id=request_id)
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
            run = ChargeRun(
                engine=self.database,
                merchant=self.merchant,
                senders=senders,
                settings=settings,
                now=self.clock.now,
                on_progress=on_progress,
                stopping=stopping,
            )
            return run.run_due()

    def watch(self) -> int:
        """Look at permissions that wait for their buyer; returns how many were read."""
        return watch_permissions(
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
    *, database: Engine, merchant_id: str, master_key: bytes, endpoint: AmazonEndpoint, clock: Clock
) -> BillingEngine:
    """Load a merchant and its key; raises `UnknownMerchant`, `CannotUnseal`."""
    with reading(database) as connection:
        merchant = load_merchant(connection, merchant_id)
        credentials = load_credentials(connection, merchant_id, master_key=master_key)

    def make_client() -> AmazonPayClient:
        return AmazonPayClient(
            credentials=credentials,
            environment=merchant.environment,
            clock=clock.now,
            base_url=endpoint.base_url,
            ca_file=endpoint.ca_file,
            deadline_seconds=endpoint.deadline_seconds,
            # One try per send: the attempt's row and the pacing row in the database decide more.
            retries=NO_RETRIES,
            pacing=None,
        )

    return BillingEngine(database, merchant, endpoint, make_client, clock)
