"""`autopay forecast --summary`: totals of a whole merchant, however many subscriptions it has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.context import opened_books
from app.output import say, write_json, write_table
from app.settings import load_settings
from billing import latest_moment, reading
from billing.mass_forecast import (
    CapHit,
    HitNames,
    MassForecast,
    MonthTotal,
    forecast_in_mass,
    names_of_hits,
)
from scheduler import SystemClock

HIT_COLUMNS = (
    "Hits the cap on",
    "Subscription",
    "Customer",
    "Permission",
    "Yen",
    "Cap",
    "Charged on",
)

Names = Mapping[int, HitNames]


def summary(*, days: int, at: datetime | None, as_json: bool) -> None:
    """Show what is to come within `days` days of `at`, by month, and who hits the cap first."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        # As for the whole forecast: a played demo's books lie in the future.
        moment = at or max(SystemClock().now(), latest_moment(connection, books.merchant.id))
        seen = forecast_in_mass(connection, books.merchant, at=moment, days=days)
        names = names_of_hits(connection, [hit.subscription for hit in seen.hits])
    if as_json:
        write_json(_as_json(seen, names))
    else:
        _print(seen, names)


def _print(seen: MassForecast, names: Names) -> None:
    columns = [list(_month_row(month)) for month in seen.months]
    write_table(columns[0], (tuple(_month_row(month).values()) for month in seen.months))
    if seen.hits:
        title = f"The first {len(seen.hits)} of {seen.tight:,} permissions that hit the cap"
        write_table(HIT_COLUMNS, (_hit_row(hit, names) for hit in seen.hits), title=title)
    say(
        f"{seen.first} to {seen.last}: {seen.subscriptions:,} subscriptions, "
        f"{seen.charges:,} charges, {seen.amount_yen:,} yen; "
        f"{seen.tight:,} of {seen.permissions:,} permissions hit the cap."
    )


def _month_row(month: MonthTotal) -> dict[str, object]:
    """A column per verdict: how many charges got it, and their yen."""
    verdicts = {
        str(verdict).capitalize(): f"{total.charges:,} ¥{total.amount_yen:,}"
        for verdict, total in month.by_verdict.items()
    }
    total = {"Month": str(month.month), "Charges": month.charges, "Yen": month.amount_yen}
    return {**total, **verdicts, "Expected to fail, yen": month.expected_to_fail_yen}


def _hit_row(hit: CapHit, names: Names) -> tuple[object, ...]:
    who = names[hit.subscription]
    parts = " + ".join(f"{part.on} ¥{part.amount_yen:,}" for part in hit.parts)
    owner = (str(hit.on), who.subscription, who.customer_name, who.charge_permission_id)
    return (*owner, hit.amount_yen, str(hit.verdict), parts)


def _as_json(seen: MassForecast, names: Names) -> dict[str, Any]:
    return {
        "from": seen.first,
        "to": seen.last,
        "subscriptions": seen.subscriptions,
        "charges": seen.charges,
        "amount": seen.amount_yen,
        "permissions": seen.permissions,
        "permissions_hit": seen.tight,
        "months": [_month_json(month) for month in seen.months],
        "days": [
            {
                "on": day.on,
                "charges": day.charges,
                "amount": day.amount_yen,
                "expected_to_fail": day.expected_to_fail_yen,
            }
            for day in seen.days
        ],
        "cap_hits": [_hit_json(hit, names[hit.subscription]) for hit in seen.hits],
    }


def _month_json(month: MonthTotal) -> dict[str, Any]:
    return {
        "month": str(month.month),
        "charges": month.charges,
        "amount": month.amount_yen,
        "expected_to_fail": month.expected_to_fail_yen,
        "verdicts": {
            str(verdict): {"charges": total.charges, "amount": total.amount_yen}
            for verdict, total in month.by_verdict.items()
        },
    }


def _hit_json(hit: CapHit, who: HitNames) -> dict[str, Any]:
    return {
        "on": hit.on,
        "subscription": who.subscription,
        "customer": who.customer_name,
        "charge_permission_id": who.charge_permission_id,
        "amount": hit.amount_yen,
        "verdict": str(hit.verdict),
        "parts": [{"on": part.on, "amount": part.amount_yen} for part in hit.parts],
    }
