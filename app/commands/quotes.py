"""`autopay quote change`: what a change would cost, pinned, before anybody agrees to it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Literal

import typer

from app.context import opened_books
from app.output import say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import civil_date, latest_moment, reading
from billing.quotes import (
    Bill,
    Quote,
    explain_en,
    explain_ja,
    load_situation,
    plan_change,
    quote,
    quote_record,
)
from plans import PlansError
from plans.lifecycle import Actor, Timing
from scheduler import SystemClock

__all__ = ["quote_change"]

Language = Literal["ja", "en"]
_TIMINGS = {"now": Timing.NOW, "renewal": Timing.PERIOD_END}
_REASON = "autopay quote"
_LINE_COLUMNS = {"ja": ("本日の明細", "税区分", "円"), "en": ("Today's lines", "Tax", "Yen")}
_COMING_COLUMNS = {
    "ja": ("ご請求日", "種類", "円", "内訳"),
    "en": ("Charged on", "For", "Yen", "Lines"),
}


def quote_change(
    *,
    subscription: str,
    plan: str,
    quantity: int | None,
    on_date: date | None,
    when: str | None,
    at: datetime | None,
    actor: str,
    language: Language,
    as_json: bool,
) -> None:
    """Print the quote of moving a subscription to a plan."""
    if when is not None and on_date is not None:
        raise typer.BadParameter("give --on or --when, not both", param_hint="--on")
    asked = _asked(
        subscription=subscription,
        plan=plan,
        quantity=quantity,
        on_date=on_date,
        timing=None if when is None else _TIMINGS[when],
        at=at,
        actor=Actor(actor),
    )
    if as_json:
        write_json(quote_record(asked))
    else:
        _show(asked, language)


def _asked(
    *,
    subscription: str,
    plan: str,
    quantity: int | None,
    on_date: date | None,
    timing: Timing | None,
    at: datetime | None,
    actor: Actor,
) -> Quote:
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        latest = latest_moment(connection, books.merchant.id)
        moment = (at or max(SystemClock().now(), latest)).astimezone(UTC)
        today = civil_date(at=moment, timezone=books.merchant.timezone)
        try:
            situation = load_situation(
                connection, books.merchant, subscription_id=subscription, at=moment
            )
            command = plan_change(
                situation,
                plan_code=plan,
                on=today,
                quantity=quantity,
                timing=timing,
                on_date=on_date,
            )
            return quote(situation, command, on=today, at=moment, actor=actor, reason=_REASON)
        except PlansError as refused:
            raise Refused(str(refused)) from refused


def _show(asked: Quote, language: Language) -> None:
    rows = [
        (line.text_ja if language == "ja" else line.text_en, line.tax_category, line.amount_yen)
        for line in asked.lines
    ]
    if rows:
        write_table(_LINE_COLUMNS[language], rows)
    write_table(_COMING_COLUMNS[language], _coming_rows(asked, language))
    say(explain_ja(asked) if language == "ja" else explain_en(asked))
    if asked.overridden:
        names = ", ".join(asked.overridden)
        say(
            f"お客様にはできない変更です ({names})。"
            if language == "ja"
            else f"Customers may not do this themselves ({names})."
        )
    say(
        f"見積番号 {asked.quote_id} (有効期限 {_until(asked)})"
        if language == "ja"
        else f"Quote {asked.quote_id}, good until {_until(asked)}."
    )


def _coming_rows(asked: Quote, language: Language) -> Iterator[tuple[object, ...]]:
    for bill in (*asked.today, *asked.coming):
        if bill.charge_yen or bill.credit_used_yen:
            yield bill.on, bill.purpose.value, bill.charge_yen, _lines(bill, language)


def _lines(bill: Bill, language: Language) -> str:
    if language == "ja":
        return "、".join(line.text_ja for line in bill.lines)
    return "; ".join(line.text_en for line in bill.lines)


def _until(asked: Quote) -> str:
    return asked.expires_at.isoformat(timespec="minutes")
