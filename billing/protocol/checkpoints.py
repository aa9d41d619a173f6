"""Named points of the charging path at which a process may die.

The engine announces that it reached a point; nobody listens in production. Crash tests register
an observer that kills the process there, so that every point is tried against the real code.
"""

from collections.abc import Callable

NAMES = (
    "cycle.opened",
    "charge.intended",
    "charge.before_send",
    "charge.after_send",
    "charge.before_record",
    "charge.recorded",
    "doubt.claimed",
    "janitor.claimed",
    "janitor.judged",
    "refund.claimed",
    "refund.before_send",
    "refund.after_send",
    "refund.before_record",
    "refund.recorded",
    "notice.claimed",
    "notice.after_send",
    "act.intended",
    "act.claimed",
    "act.before_send",
    "act.after_send",
    "act.before_record",
    "act.recorded",
    "notification.kept",
    "notification.claimed",
    "notification.before_settle",
    "bulk.kept",
)

_observers: list[Callable[[str], None]] = []


def observe(observer: Callable[[str], None]) -> None:
    """Call `observer` with the name of every point reached from now on."""
    _observers.append(observer)


def reached(name: str) -> None:
    """Announce a point; free when nobody listens."""
    for observer in _observers:
        observer(name)
