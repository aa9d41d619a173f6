"""Ties one merchant's rules, keys and clients to the runs that serve it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from amazonpay import AmazonPayClient
from billing import Merchant, Outcome, load_credentials, load_merchant, reading
from scheduler.clock import Clock
from scheduler.identity import this_worker
from scheduler.pacing import PUBLISHED, Quota
from scheduler.run import ChargeRun, RunReport, RunSettings
from scheduler.senders import Senders
from scheduler.watch import Seen, watch_permissions


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
        at: datetime | None = None,
        on_progress: Callable[[RunReport], None] = lambda report: None,
    ) -> RunReport:
        """Charge everything due at `at` (now by default); raises `RunStopped`."""
        with Senders[Outcome](self.make_client, threads=self.endpoint.in_flight) as senders:
            run = ChargeRun(
                engine=self.database,
                merchant=self.merchant,
                senders=senders,
                settings=RunSettings(this_worker(), self._quota, self.endpoint.in_flight),
                now=self.clock.now,
                on_progress=on_progress,
            )
            return run.run_due(at=at or self.clock.now())

    def watch(self, *, at: datetime | None = None) -> int:
        """Look at permissions that wait for their buyer; returns how many were read."""
        with Senders[Seen](self.make_client, threads=4) as senders:
            return watch_permissions(
                engine=self.database,
                merchant=self.merchant,
                senders=senders,
                quota=self._quota,
                at=at or self.clock.now(),
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
        )

    return BillingEngine(database, merchant, endpoint, make_client, clock)
