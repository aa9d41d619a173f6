"""Plays the months: the clock jumps from one charge hour to the next, day by day."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from app.demo.buyers import Repairs
from app.local_amazon import LocalAmazon
from billing import OutcomeKind, charge_instant, permissions_waiting, reading
from scheduler import BillingEngine, RunReport, ShiftedClock

# Once a month these answers of Amazon get lost on the way: the work of unknown outcomes.
LOST_ANSWERS = ("reset_after", "500_after", "cut_body", "reset_before", "500_before")


@dataclass(slots=True)
class Played:
    """What happened while playing; counts of answers by kind."""

    ends_at: datetime
    outcomes: dict[OutcomeKind, int] = field(default_factory=dict)
    repairs: int = 0
    lost_answers: int = 0


def last_day(starts_at: datetime, *, months: int, timezone: str) -> date:
    """The last civil day of a play of so many months."""
    return starts_at.astimezone(ZoneInfo(timezone)).date() + relativedelta(months=months)


def play(
    *,
    engine: BillingEngine,
    clock: ShiftedClock,
    amazon: LocalAmazon,
    repairs: Repairs,
    starts_at: datetime,
    until: date,
    on_day: Callable[[int], None],
) -> Played:
    """Run every day up to `until`, the last one included; `on_day` gets how many are done."""
    merchant = engine.merchant
    day = starts_at.astimezone(ZoneInfo(merchant.timezone)).date() + timedelta(days=1)
    played = Played(ends_at=starts_at)
    done = 0
    while day <= until:
        at = charge_instant(on=day, timezone=merchant.timezone, hour=merchant.charge_hour)
        _play_day(engine, clock, amazon, repairs, day, at, played)
        day += timedelta(days=1)
        done += 1
        on_day(done)
    _settle_evening(engine, clock, amazon, until, played)
    return played


def _play_day(
    engine: BillingEngine,
    clock: ShiftedClock,
    amazon: LocalAmazon,
    repairs: Repairs,
    day: date,
    at: datetime,
    played: Played,
) -> None:
    amazon.set_clock(at)
    clock.set(at)
    if day.day == 1:
        played.lost_answers += _lose_answers(amazon)
    played.repairs += repairs.carry_out(amazon, on=day)
    engine.watch()
    _add(played, engine.run_due())
    played.ends_at = at
    with reading(engine.database) as connection:
        repairs.notice(permissions_waiting(connection, engine.merchant.id), on=day)


def _settle_evening(
    engine: BillingEngine, clock: ShiftedClock, amazon: LocalAmazon, day: date, played: Played
) -> None:
    """Charges that Amazon was still capturing in the morning are asked about in the evening."""
    zone = ZoneInfo(engine.merchant.timezone)
    at = datetime.combine(day, time(21), tzinfo=zone).astimezone(UTC)
    amazon.set_clock(at)
    clock.set(at)
    _add(played, engine.run_due())
    played.ends_at = at


def _lose_answers(amazon: LocalAmazon) -> int:
    faults = [
        {"operation": "createCharge", "kind": kind, "times": 1, "after": 3 * position}
        for position, kind in enumerate(LOST_ANSWERS)
    ]
    amazon.control("POST", "/faults", faults)
    return len(faults)


def _add(played: Played, report: RunReport) -> None:
    for kind, number in report.outcomes.items():
        played.outcomes[kind] = played.outcomes.get(kind, 0) + number
