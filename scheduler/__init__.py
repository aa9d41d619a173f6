"""When: the clock, what is due, many calls in flight, pacing under Amazon's throttle.

This is the public door; `app` uses what is listed here and nothing else.
"""

from scheduler.checkouts import Finished
from scheduler.clock import Clock, ShiftedClock, SystemClock
from scheduler.deliveries import (
    Delivering,
    DeliveryReport,
    DeliveryRun,
    Mailer,
    WebhookCaller,
)
from scheduler.ending import Ending
from scheduler.engine import AmazonEndpoint, BillingEngine, start_engine
from scheduler.fleet import AllMerchants
from scheduler.guard import EnvironmentGuard
from scheduler.identity import dead_workers, this_worker
from scheduler.inbox import InboxReport
from scheduler.meters import serve_meters
from scheduler.pacing import PUBLISHED, Quota
from scheduler.reconcile import ReconcileReport, reconcile
from scheduler.run import AmazonSilent, RunReport, RunStopped
from scheduler.worker import Worker

__all__ = [
    "PUBLISHED",
    "AllMerchants",
    "AmazonEndpoint",
    "AmazonSilent",
    "BillingEngine",
    "Clock",
    "Delivering",
    "DeliveryReport",
    "DeliveryRun",
    "Ending",
    "EnvironmentGuard",
    "Finished",
    "InboxReport",
    "Mailer",
    "Quota",
    "ReconcileReport",
    "RunReport",
    "RunStopped",
    "ShiftedClock",
    "SystemClock",
    "WebhookCaller",
    "Worker",
    "dead_workers",
    "reconcile",
    "serve_meters",
    "start_engine",
    "this_worker",
]
