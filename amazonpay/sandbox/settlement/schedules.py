"""Report schedules (api.md §11): one per report type, each making a report every so often.

A schedule is worked off when somebody looks: what it would have made by then is made then, as of
its own instants. The book is append-only, so this cannot be told from a timer, and a clock that
jumps a year past a five-minute schedule costs nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox import fields
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import compact
from amazonpay.sandbox.options import DAY_MS, SECOND_MS
from amazonpay.sandbox.refusals import Refused, invalid_value, not_found
from amazonpay.sandbox.settlement import paging, report_store, report_types
from amazonpay.sandbox.settlement.instants import read_instant
from amazonpay.sandbox.settlement.numbers import from_id, to_id
from amazonpay.sandbox.world import Reply, Request, World

_UNITS: Final = {"M": 60 * SECOND_MS, "H": 3600 * SECOND_MS, "D": DAY_MS}
# SDK-D's list; `PT24H` and `P1D` are two names of one day.
FREQUENCIES: Final = (
    *("PT5M", "PT15M", "PT30M", "PT1H", "PT2H", "PT4H", "PT8H", "PT12H", "PT24H", "PT84H"),
    *("P1D", "P2D", "P3D", "P7D", "P14D", "P15D", "P18D", "P30D"),
)
_FIELDS: Final = (
    *("reportType", "scheduleFrequency", "nextReportCreationTime", "deleteExistingSchedule"),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule; field order is column order."""

    seq: int
    type: str
    frequency: str
    next_at: int

    @property
    def step_ms(self) -> int:
        """The time from one report to the next, which is also the window of each."""
        return step_ms(self.frequency)


def step_ms(frequency: str) -> int:
    """Milliseconds of a frequency such as `PT5M` or `P14D`."""
    return int(re.sub(r"\D", "", frequency)) * _UNITS[frequency[-1]]


def catch_up(world: World, now: int) -> None:
    """Makes the reports that schedules are due to have made; those past keeping are left out."""
    rows = world.store.connection.execute(
        "SELECT * FROM report_schedules WHERE next_at <= ?", (now,)
    ).fetchall()
    for row in rows:
        _catch_up(world, Schedule(*row), now)


def _catch_up(world: World, schedule: Schedule, now: int) -> None:
    step = schedule.step_ms
    forgotten = max((now - report_store.KEPT_MS - schedule.next_at) // step, 0)
    at = schedule.next_at + forgotten * step
    while at <= now:
        report_store.add(world, kind=schedule.type, start=at - step, end=at, created_at=at)
        at += step
    world.store.connection.execute(
        "UPDATE report_schedules SET next_at = ? WHERE seq = ?", (at, schedule.seq)
    )


def get_schedules(world: World, request: Request) -> Reply:
    """200 with all schedules, or those of some types."""
    catch_up(world, request.now)
    query = paging.known_only(request.query, ("reportTypes",))
    kinds = paging.listed(query, "reportTypes", report_types.TYPES)
    rows = world.store.connection.execute("SELECT * FROM report_schedules ORDER BY seq")
    found = [Schedule(*row) for row in rows]
    shown = [_shape(row) for row in found if not kinds or row.type in kinds]
    return Reply(200, {"reportSchedules": shown}, "")


def get_schedule(world: World, request: Request) -> Reply:
    """200 with the schedule."""
    catch_up(world, request.now)
    return Reply(200, _shape(_find(world, request.target_id)), request.target_id)


def cancel_schedule(world: World, request: Request) -> Reply:
    """204; what the schedule made stays."""
    catch_up(world, request.now)
    schedule = _find(world, request.target_id)
    world.store.connection.execute("DELETE FROM report_schedules WHERE seq = ?", (schedule.seq,))
    return Reply(204, None, request.target_id)


def create_schedule(world: World, request: Request) -> Reply:
    """201 with the id; a second one of a type needs `deleteExistingSchedule`."""
    catch_up(world, request.now)
    fields.only(request.body, _FIELDS)
    kind = fields.required_text(request.body, "reportType", longest=128)
    report_types.require_type(world, kind, schedule=True)
    frequency = _frequency(request.body)
    next_at = _first(request.body, frequency, request.now)
    _make_room(world, kind, replaces=fields.flag(request.body, "deleteExistingSchedule"))
    cursor = world.store.connection.execute(
        "INSERT INTO report_schedules (type, frequency, next_at) VALUES (?, ?, ?)",
        (kind, frequency, next_at),
    )
    schedule_id = to_id("schedule", int(cursor.lastrowid or 0))
    return Reply(201, {"reportScheduleId": schedule_id}, schedule_id)


def _frequency(body: Json) -> str:
    frequency = fields.required_text(body, "scheduleFrequency", longest=16)
    if frequency not in FREQUENCIES:
        raise invalid_value("scheduleFrequency", " Known are " + ", ".join(FREQUENCIES) + ".")
    return frequency


def _first(body: Json, frequency: str, now: int) -> int:
    """The first report: as asked, which must not be past, or one step from now."""
    text = fields.text(body, "nextReportCreationTime", longest=64)
    if not text:
        return now + step_ms(frequency)
    first = read_instant("nextReportCreationTime", text)
    # Written to the second: the running second is not yet past.
    if first < now - now % SECOND_MS:
        raise invalid_value("nextReportCreationTime", " It lies in the past.")
    return first


def _make_room(world: World, kind: str, *, replaces: bool) -> None:
    execute = world.store.connection.execute
    found = execute("SELECT seq FROM report_schedules WHERE type = ?", (kind,)).fetchone()
    if found is None:
        return
    if not replaces:
        raise Refused(
            400,
            "InvalidRequest",
            f"The report type [{kind}] has the schedule [{to_id('schedule', found[0])}] already; "
            "set deleteExistingSchedule to replace it.",
        )
    execute("DELETE FROM report_schedules WHERE seq = ?", found)


def _find(world: World, schedule_id: str) -> Schedule:
    row = world.store.connection.execute(
        "SELECT * FROM report_schedules WHERE seq = ?", (from_id("schedule", schedule_id),)
    ).fetchone()
    if row is None:
        raise not_found(schedule_id)
    return Schedule(*row)


def _shape(row: Schedule) -> Json:
    return {
        "reportScheduleId": to_id("schedule", row.seq),
        "reportType": row.type,
        "scheduleFrequency": row.frequency,
        "nextReportCreationTime": compact(row.next_at),
    }
