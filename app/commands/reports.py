"""`autopay forecast`."""

from datetime import datetime
from typing import Any

from app.context import opened_books
from app.output import say, write_json, write_table
from app.settings import load_settings
from billing import ComingCharge, DayTotal, latest_moment, reading
from billing import forecast as look_ahead
from scheduler import SystemClock

COMING_COLUMNS = ("Due", "Subscription", "Plan", "Yen", "Cap", "Charged on", "Why", "Will fail")
DAY_COLUMNS = ("Day", "Charges", "Yen", "Expected to fail, yen")


def forecast(*, days: int, at: datetime | None, as_json: bool) -> None:
    """Show what is to come within `days` days of `at`."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        moment = at or max(SystemClock().now(), latest_moment(connection, books.merchant.id))
        seen = look_ahead(connection, books.merchant, at=moment, days=days)
    if as_json:
        write_json(
            {
                "from": seen.first,
                "to": seen.last,
                "charges": [_coming_json(charge) for charge in seen.charges],
                "days": [_day_json(day) for day in seen.days()],
            }
        )
        return
    write_table(COMING_COLUMNS, (_coming_row(charge) for charge in seen.charges))
    write_table(DAY_COLUMNS, (tuple(_day_json(day).values()) for day in seen.days()))
    total = sum(day.amount_yen for day in seen.days())
    say(f"{seen.first} to {seen.last}: {len(seen.charges):,} charges, {total:,} yen.")


def _coming_row(charge: ComingCharge) -> tuple[object, ...]:
    parts = " + ".join(f"{part.on} ¥{part.amount_yen:,}" for part in charge.parts)
    return (
        str(charge.on),
        charge.subscription,
        charge.plan_code,
        charge.amount_yen,
        str(charge.verdict),
        parts,
        charge.why_en,
        charge.expected_failure or "",
    )


def _coming_json(charge: ComingCharge) -> dict[str, Any]:
    return {
        "on": charge.on,
        "subscription": charge.subscription,
        "customer": charge.customer_name,
        "plan": charge.plan_code,
        "cycle": charge.cycle,
        "amount": charge.amount_yen,
        "why": {"ja": charge.why_ja, "en": charge.why_en},
        "charge_permission_id": charge.charge_permission_id,
        "verdict": str(charge.verdict),
        "parts": [{"on": part.on, "amount": part.amount_yen} for part in charge.parts],
        "expected_failure": charge.expected_failure,
    }


def _day_json(day: DayTotal) -> dict[str, Any]:
    return {
        "on": day.on,
        "charges": day.charges,
        "amount": day.amount_yen,
        "expected_to_fail": day.expected_to_fail_yen,
    }
