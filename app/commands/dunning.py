"""`autopay dunning`: preview a schedule, see where unpaid invoices stand, what tries bring in."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection

from app.commands.desk_clock import desk_clock
from app.context import Books, opened_books
from app.output import say, write_json, write_table
from app.settings import load_settings
from billing import (
    DunningStanding,
    Recovery,
    civil_date,
    dunning_standing,
    load_catalogue,
    merchant_schedule,
    reading,
    recovery_by_step,
    schedules_in_force,
    subscription_ahead,
)
from billing.dunning import (
    CapAhead,
    DunningPreview,
    PreviewedTry,
    end_words,
    move_words,
    preview_dunning,
    reason_words,
)
from plans import BadInput, DunningSchedule, offer_text

Language = Literal["ja", "en"]
LAST_DAYS = 30
OWN_RULES = "(merchant)"

_TAKEN = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))=(\d{1,9})")
_HEADS = {
    "ja": ("回", "日", "時", "予定表の日", "理由"),
    "en": ("Try", "Day", "Hour", "By the list", "Why"),
}
_SCHEDULES = ("Schedule", "Valid from", "Tries after days", "Pay-days", "Buyer's days", "End")
_STANDING = ("Schedule", "State", "Reason", "Declines", "Invoices", "Yen", "Next")
_RECOVERY = ("Reason", "Step", "Tries", "Recovered", "Declined", "Rate, %", "Recovered, yen")


def preview(
    *,
    plan: str | None,
    subscription: str | None,
    declined_on: date | None,
    reason: str,
    taken: Iterable[str],
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Print every try after a decline; raises BadInput for a plan or reason that is none."""
    if (plan is None) == (subscription is None):
        raise typer.BadParameter("give one of the two", param_hint="--plan or --subscription")
    used = dict(_taken(text) for text in taken)
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        now = desk_clock(books, at).now()
        on = declined_on or civil_date(at=now, timezone=books.merchant.timezone)
        plan_code, cap = _asked(connection, books, plan, subscription, used, on, now)
        schedule = load_catalogue(connection, books.merchant.id).schedule_on(plan_code, on)
        schedule = schedule or merchant_schedule(books.merchant)
        seen = preview_dunning(
            schedule=schedule,
            reason_code=reason,
            declined_on=on,
            charge_hour=books.merchant.charge_hour,
            cap=cap,
        )
    if as_json:
        write_json(_preview_json(plan_code, _name(schedule, books), schedule, seen))
    else:
        _show_preview(_name(schedule, books), seen, language)


def _asked(
    connection: Connection,
    books: Books,
    plan: str | None,
    subscription: str | None,
    taken: Mapping[str, int],
    on: date,
    now: datetime,
) -> tuple[str, CapAhead | None]:
    """The plan, and the room its charge will find: a subscription's own, or a supposed one."""
    if subscription is not None:
        ahead = subscription_ahead(connection, books.merchant, subscription=subscription, at=now)
        return ahead.plan_code, _with_taken(ahead.cap, taken)
    catalogue = load_catalogue(connection, books.merchant.id)
    plan_code = catalogue.plan(plan or "").code
    if not taken:
        return plan_code, None
    merchant = books.merchant
    amount_yen = catalogue.price_on(plan_code, on).amount_yen
    cap = CapAhead(amount_yen, merchant.cap_yen, merchant.cap_rule, merchant.timezone)
    return plan_code, _with_taken(cap, taken)


def _with_taken(cap: CapAhead, taken: Mapping[str, int]) -> CapAhead:
    return CapAhead(
        amount_yen=cap.amount_yen,
        limit_yen=cap.limit_yen,
        rule=cap.rule,
        timezone=cap.timezone,
        taken_yen={**cap.taken_yen, **taken},
    )


def _taken(text: str) -> tuple[str, int]:
    found = _TAKEN.fullmatch(text)
    if found is None:
        raise BadInput(
            field="taken",
            value=text,
            rule="is not a month and yen",
            remedy="write it as 2027-02=50000",
        )
    return found[1], int(found[2])


def _name(schedule: DunningSchedule, books: Books) -> str:
    own = schedule == merchant_schedule(books.merchant)
    return OWN_RULES if own else schedule.code


def _show_preview(name: str, seen: DunningPreview, language: Language) -> None:
    """For people, in one language."""
    pick = 0 if language == "ja" else 1
    say(f"{name}: {seen.reason_code}, {seen.declined_on}")
    say(reason_words(seen.reason_code)[pick])
    if seen.tries:
        write_table(_HEADS[language], (_try_row(each, pick) for each in seen.tries))
    for move in seen.stopped_by:
        say(move_words(move)[pick])
    end = end_words(seen.end)[pick]
    say(f"{seen.ends_on}: {end}")


def _try_row(each: PreviewedTry, pick: int) -> tuple[object, ...]:
    why = ("、", "; ")[pick].join(move_words(move)[pick] for move in each.moves)
    return each.number, str(each.on), f"{each.hour:02d}:00", str(each.planned), why


def _preview_json(
    plan_code: str, name: str, schedule: DunningSchedule, seen: DunningPreview
) -> dict[str, Any]:
    return {
        "plan": plan_code,
        "schedule": name,
        "valid_from": schedule.valid_from,
        "reason": seen.reason_code,
        "declined_on": seen.declined_on,
        "waits_for_buyer": seen.waits_for_buyer,
        "tries": [_try_json(each) for each in seen.tries],
        "ends_on": seen.ends_on,
        "end": str(seen.end),
        "end_words": _both(end_words(seen.end)),
        "stopped_by": [_both(move_words(move)) for move in seen.stopped_by],
    }


def _try_json(each: PreviewedTry) -> dict[str, Any]:
    why = [_both(move_words(move)) for move in each.moves]
    return {
        "try": each.number,
        "on": each.on,
        "hour": each.hour,
        "planned": each.planned,
        "why": why,
    }


def _both(words: tuple[str, str]) -> dict[str, str]:
    return {"ja": words[0], "en": words[1]}


def show(*, at: datetime | None, as_json: bool) -> None:
    """Print the schedules in force and where the unpaid invoices stand."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        now = desk_clock(books, at).now()
        on = civil_date(at=now, timezone=books.merchant.timezone)
        schedules = {OWN_RULES: merchant_schedule(books.merchant)}
        schedules |= schedules_in_force(connection, books.merchant, on=on)
        standing = dunning_standing(connection, books.merchant)
        zone = ZoneInfo(books.merchant.timezone)
    if as_json:
        write_json(
            {
                "on": on,
                "schedules": [_schedule_json(*each) for each in schedules.items()],
                "standing": [_standing_json(each, zone) for each in standing],
            }
        )
        return
    write_table(_SCHEDULES, (_schedule_row(*each) for each in schedules.items()))
    write_table(_STANDING, (tuple(_standing_json(each, zone).values()) for each in standing))
    invoices = sum(each.invoices for each in standing)
    say(f"{invoices:,} unpaid invoices in dunning.")


def _schedule_row(name: str, schedule: DunningSchedule) -> tuple[object, ...]:
    """The terms that people ask for; `--json` has all of them."""
    pay_days = schedule.pay_days.days if schedule.pay_days else ()
    return (
        name,
        str(schedule.valid_from),
        ", ".join(map(str, schedule.soft.days)),
        ", ".join(map(str, pay_days)),
        schedule.wait_days,
        str(schedule.end),
    )


def _schedule_json(name: str, schedule: DunningSchedule) -> dict[str, Any]:
    return {"schedule": name, "valid_from": schedule.valid_from, "terms": offer_text(schedule)}


def _standing_json(each: DunningStanding, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "schedule": each.schedule_code or OWN_RULES,
        "state": each.state,
        "reason": each.reason_code,
        "declines": each.step,
        "invoices": each.invoices,
        "amount_yen": each.amount_yen,
        "next_at": each.next_at.astimezone(zone).isoformat(timespec="minutes"),
    }


def recovery(
    *, date_from: date | None, date_to: date | None, at: datetime | None, as_json: bool
) -> None:
    """Print what the tries of a period brought in; both days are included."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        zone = ZoneInfo(books.merchant.timezone)
        today = desk_clock(books, at).now().astimezone(zone).date()
        last = date_to or today
        first = date_from or last - timedelta(days=LAST_DAYS - 1)
        found = recovery_by_step(
            connection,
            books.merchant,
            since=datetime.combine(first, time(), tzinfo=zone),
            until=datetime.combine(last + timedelta(days=1), time(), tzinfo=zone),
        )
    if as_json:
        rows = [_recovery_json(each) for each in found]
        write_json({"from": first, "to": last, "recovery": rows})
        return
    write_table(_RECOVERY, (tuple(_recovery_json(each).values()) for each in found))
    tries, recovered = (sum(values) for values in _sums(found))
    say(f"{first} to {last}: {tries:,} tries, {recovered:,} recovered.")


def _sums(found: Iterable[Recovery]) -> tuple[list[int], list[int]]:
    kept = list(found)
    return [each.tries for each in kept], [each.recovered for each in kept]


def _recovery_json(each: Recovery) -> dict[str, Any]:
    return {
        "reason": each.reason_code,
        "step": each.step,
        "tries": each.tries,
        "recovered": each.recovered,
        "declined": each.declined,
        "rate_percent": each.rate_percent,
        "recovered_yen": each.recovered_yen,
    }
