"""When: the clock, what is due, many calls in flight, pacing under Amazon's throttle.

This is the public door; `app` uses what is listed here and nothing else.
"""

from scheduler.clock import Clock, ShiftedClock, SystemClock
from scheduler.engine import AmazonEndpoint, BillingEngine, start_engine
from scheduler.identity import dead_workers, this_worker
from scheduler.pacing import PUBLISHED, Quota
from scheduler.run import AmazonSilent, RunReport, RunStopped
from scheduler.worker import Worker

__all__ = [
    "PUBLISHED",
    "AmazonEndpoint",
    "AmazonSilent",
    "BillingEngine",
    "Clock",
    "Quota",
    "RunReport",
    "RunStopped",
    "ShiftedClock",
    "SystemClock",
    "Worker",
    "dead_workers",
    "start_engine",
    "this_worker",
]
