"""Which figures are alarming: one table for the terminal, for Prometheus and for the runbooks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from billing.watch.indicators import Indicator

__all__ = ["ALARMS", "Alarm", "Alarming", "alarming"]

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Alarm:
    """A figure above `above` (a count, or seconds) is alarming; `runbook` says what to do then.

    `label` narrows it to one value of a label. A `page` wakes somebody, a `ticket` waits for the
    morning.
    """

    name: str
    indicator: str
    above: int
    severity: Literal["page", "ticket"]
    runbook: str
    label: tuple[str, str] | None = None

    def concerns(self, indicator: Indicator) -> bool:
        """Whether this figure is the one that the alarm watches."""
        named = indicator.name == self.indicator
        return named and (self.label is None or self.label in indicator.labels)


@dataclass(frozen=True, slots=True)
class Alarming:
    """A figure that is above its alarm."""

    alarm: Alarm
    indicator: Indicator


ALARMS = (
    Alarm("ChargesLost", "autopay_charges_lost", 0, "page", "backlog-at-month-start"),
    Alarm(
        "InDoubtTooLong",
        "autopay_attempts_open_oldest_seconds",
        30 * MINUTE,
        "page",
        "in-doubt",
        ("state", "in_doubt"),
    ),
    Alarm(
        "IntendedTooLong",
        "autopay_attempts_open_oldest_seconds",
        30 * MINUTE,
        "page",
        "run-was-killed",
        ("state", "intended"),
    ),
    Alarm(
        "PendingTooLong",
        "autopay_attempts_open_oldest_seconds",
        DAY + HOUR,
        "ticket",
        "in-doubt",
        ("state", "pending"),
    ),
    Alarm("RunsMissing", "autopay_last_run_seconds", 3 * MINUTE, "page", "run-was-killed"),
    Alarm("BrakePulled", "autopay_brake_pulled", 0, "page", "suspected-double-charge"),
    Alarm("Reconciling", "autopay_reconciling", 0, "page", "restored-from-backup"),
    Alarm("DoubtsParked", "autopay_doubts_parked", 0, "ticket", "in-doubt"),
    Alarm("RowsSetAside", "autopay_rows_set_aside", 0, "ticket", "poison-rows"),
    Alarm(
        "NotificationsTooLong",
        "autopay_notifications_open_oldest_seconds",
        HOUR,
        "ticket",
        "notifications-do-not-arrive",
    ),
    Alarm(
        "NotificationsForPeople",
        "autopay_notifications_attention",
        0,
        "ticket",
        "notifications-do-not-arrive",
    ),
    Alarm("ChargesQuarantined", "autopay_charges_quarantined", 0, "ticket", "in-doubt"),
    Alarm("LateCharges", "autopay_dispatch_lag_seconds", HOUR, "page", "backlog-at-month-start"),
    Alarm(
        "Backlog",
        "autopay_charges_due_oldest_seconds",
        12 * HOUR,
        "ticket",
        "backlog-at-month-start",
    ),
    Alarm("RefundsTooLong", "autopay_refunds_open_oldest_seconds", DAY, "ticket", "in-doubt"),
    Alarm(
        "NoticesTooLong",
        "autopay_notices_waiting_oldest_seconds",
        5 * MINUTE,
        "page",
        "mail-or-webhook-is-down",
    ),
)
"""The limits are those of the engine's service levels (docs/monitoring.md)."""


def alarming(indicators: Iterable[Indicator]) -> tuple[Alarming, ...]:
    """The figures that are above their alarm, worst first: pages before tickets."""
    found = [
        Alarming(alarm, indicator)
        for indicator in indicators
        for alarm in ALARMS
        if alarm.concerns(indicator) and indicator.value > alarm.above
    ]
    return tuple(sorted(found, key=lambda each: (each.alarm.severity, each.alarm.name)))
