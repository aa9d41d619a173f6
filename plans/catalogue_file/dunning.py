"""Dunning schedules of a price list: every key of `dunning:`."""

from __future__ import annotations

from plans.catalogue.dunning import (
    DAY_OF_MONTH,
    DUNNING_DAYS,
    GAP_DAYS,
    HOUR,
    LAST_OF_MONTH,
    MOST_TRIES,
    UNTIL_HOUR,
    WITHIN_DAYS,
    DunningEnd,
    DunningSchedule,
    PayDays,
    Tries,
)
from plans.catalogue.prices import ALWAYS
from plans.catalogue_file.parts import code_text, made, read_all
from plans.catalogue_file.yaml_nodes import Fields, Value, choice, iso_date, read_fields, whole

__all__ = ["SCHEDULE_KEYS", "read_schedule"]

_DAY, _TRIES, _GAP = map(whole, (DUNNING_DAYS, MOST_TRIES, GAP_DAYS))
_HOUR, _UNTIL, _OF_MONTH, _WITHIN = map(whole, (HOUR, UNTIL_HOUR, DAY_OF_MONTH, WITHIN_DAYS))
_LISTS = ("soft", "timed_out", "processing")
_BOUNDS = ("buyer_days", "max_tries", "last_day", "min_gap_days", "hours", "pay_days")
SCHEDULE_KEYS = ("code", "valid_from", *_LISTS, *_BOUNDS, "end", "end_when_closed")


def read_schedule(fields: Fields) -> DunningSchedule | None:
    """Read one version of a schedule; None when it has no code."""
    code = fields.required("code", code_text)
    valid_from = fields.optional("valid_from", iso_date, ALWAYS)
    soft = fields.optional("soft", _tries, Tries())
    timed_out, processing = fields.maybe("timed_out", _tries), fields.maybe("processing", _tries)
    hours = fields.maybe("hours", lambda given: read_fields(given, known=["from", "until"]))
    buyer_days, last_day = fields.maybe("buyer_days", _DAY), fields.maybe("last_day", _DAY)
    max_tries = fields.maybe("max_tries", _TRIES)
    min_gap_days = fields.optional("min_gap_days", _GAP, 1)
    pay_days = fields.maybe("pay_days", _pay_days)
    end = fields.optional("end", choice(DunningEnd), DunningEnd.PAUSE)
    end_when_closed = fields.maybe("end_when_closed", choice(DunningEnd))
    if code is None:
        return None
    # What breaks a rule has its finding; the stand-in lets plans name it without another one.
    schedule = made(
        fields,
        lambda: DunningSchedule(
            code=code,
            valid_from=valid_from,
            soft=soft,
            timed_out=timed_out,
            processing=processing,
            buyer_days=buyer_days,
            max_tries=max_tries,
            last_day=last_day,
            min_gap_days=min_gap_days,
            from_hour=hours.optional("from", _HOUR, 0) if hours else 0,
            until_hour=hours.optional("until", _UNTIL, 24) if hours else 24,
            pay_days=pay_days,
            end=end,
            end_when_closed=end_when_closed,
        ),
    )
    return schedule or DunningSchedule(code, valid_from)


def _tries(value: Value) -> Tries | None:
    fields = read_fields(value, known=["days", "hour"])
    if fields is None:
        return None
    days = fields.required("days", lambda given: read_all(given, _DAY))
    hour = fields.maybe("hour", _HOUR)
    return None if days is None else made(fields, lambda: Tries(days, hour))


def _pay_days(value: Value) -> PayDays | None:
    fields = read_fields(value, known=["days", "within", "hour"])
    if fields is None:
        return None
    days = fields.required("days", lambda given: read_all(given, _pay_day))
    within = fields.optional("within", _WITHIN, 6)
    hour = fields.optional("hour", _HOUR, 12)
    return None if days is None else made(fields, lambda: PayDays(days, within, hour))


def _pay_day(value: Value) -> int | None:
    """Read a day of the month, or `last`."""
    return LAST_OF_MONTH if value.scalar == "last" else _OF_MONTH(value)
