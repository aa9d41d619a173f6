"""`autopay subscription …`: what customers and the back office do about one agreement.

Every verb asks for a quote, shows it, and confirms that very quote. What ends or stops an
agreement with an open invoice costs nothing and is decided at once, without one.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typer

from app import crash_points
from app.commands.asking import Asks, Question, asked, existing, kept, plain_refusals, situation_of
from app.commands.confirming import confirmed, tell
from app.commands.desk_clock import desk_clock
from app.commands.questions import to_change
from app.commands.quote_words import Language, show_quote, show_summary
from app.commands.quotes import kept_record, show_kept
from app.commands.subscription_words import show_story, story_record
from app.context import Books, opened_books
from app.output import say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import civil_date, reading, stored_quote, subscription_story, writing
from billing.agreements import Confirmation, act
from billing.quotes import Quote, Situation, quote_record
from plans import canonical_form
from plans.lifecycle import (
    Actor,
    Cancel,
    Command,
    Pause,
    Reactivate,
    ReasonNeeded,
    Resume,
    Undo,
    decide,
)
from scheduler import Clock

__all__ = ["Desk", "carry_out", "change", "show"]

# These never charge, so an invoice that is open need not be settled before them.
_NEED_NO_QUOTE = (Undo, Cancel, Pause, Reactivate, Resume)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """How a verb is given: on which subscription, by whom and why, and how it is answered."""

    subscription: str
    actor: str = "staff"
    reason: str = ""
    at: datetime | None = None
    language: Language = "ja"
    as_json: bool = False
    dry_run: bool = False
    yes: bool = False


def show(
    *, subscription: str, charges: int, at: datetime | None, language: Language, as_json: bool
) -> None:
    """Print everything about one subscription."""
    with opened_books(load_settings()) as books:
        now = desk_clock(books, None).now() if at is None else at.astimezone(UTC)
        with reading(books.database) as connection, plain_refusals():
            story = subscription_story(
                connection, books.merchant, subscription_id=subscription, at=now, charges=charges
            )
    if as_json:
        write_json(story_record(story, books.merchant.timezone))
    else:
        show_story(story, books.merchant.timezone, language)


def change(desk: Desk, *, given: Mapping[str, Any], quote_id: str | None) -> None:
    """Change one thing, or confirm a quote that was kept; `given` are options by their names.

    Raises BadParameter for options that do not go together.
    """
    if quote_id is None:
        carry_out(desk, to_change(given))
        return
    others = [name for name, value in given.items() if value is not None]
    if others:
        raise typer.BadParameter(
            "a quote says already what is changed, when, by whom and why; leave them out",
            param_hint=", ".join(others),
        )
    _confirm_kept(desk, quote_id=quote_id)


def carry_out(desk: Desk, asks: Asks) -> None:
    """Quote what is asked, let it be agreed to, confirm that quote and charge it.

    Raises `Refused` when it is not carried out, and nothing is changed then.
    """
    crash_points.arm()
    with opened_books(load_settings()) as books, plain_refusals():
        clock = desk_clock(books, desk.at)
        at = clock.now()
        situation = situation_of(books, desk.subscription, at=at)
        command = asks(situation, civil_date(at=at, timezone=books.merchant.timezone))
        if _needs_no_quote(situation, command):
            _at_once(books, clock, desk, situation, command)
            return
        question = Question(desk.subscription, asks, Actor(desk.actor), desk.reason)
        answer = kept(books, _with_reason(books, question, at))
        if desk.dry_run:
            _tell_quote(answer, desk)
            return
        if not desk.yes:
            _agreed(answer, desk)
        done = confirmed(books, clock, answer, language=desk.language, as_json=desk.as_json)
    tell(done, language=desk.language, as_json=desk.as_json)


def _confirm_kept(desk: Desk, *, quote_id: str) -> None:
    """Confirm a quote that was kept; to name it is to agree to it."""
    crash_points.arm()
    with opened_books(load_settings()) as books, plain_refusals():
        clock = desk_clock(books, desk.at)
        with reading(books.database) as connection:
            found = stored_quote(connection, books.merchant, quote_id=quote_id)
        if found.quote.subscription_id != desk.subscription:
            raise Refused(
                f"quote {quote_id!r}: it is of subscription {found.quote.subscription_id!r}, not "
                f"of {desk.subscription!r}; name the subscription that was quoted"
            )
        if desk.dry_run:
            if desk.as_json:
                write_json(kept_record(found))
            else:
                show_kept(found, desk.language)
            return
        done = confirmed(books, clock, found.quote, language=desk.language, as_json=desk.as_json)
    tell(done, language=desk.language, as_json=desk.as_json)


def _with_reason(books: Books, question: Question, at: datetime) -> Quote:
    try:
        return asked(books, question, at=at)
    except ReasonNeeded as needed:
        raise Refused(f"{needed} (--reason TEXT)") from needed


def _tell_quote(answer: Quote, desk: Desk) -> None:
    if desk.as_json:
        write_json(quote_record(answer) | {"state": "open"})
    else:
        show_quote(answer, desk.language)


def _agreed(answer: Quote, desk: Desk) -> None:
    """Show what is about to happen and ask; raises `Refused` unless somebody says yes."""
    if not desk.as_json:
        show_quote(answer, desk.language)
        show_summary(answer, desk.language)
    question = (
        f"本日 {answer.charge_today_yen:,}円のご請求です。変更を確定しますか"
        if desk.language == "ja"
        else f"{answer.charge_today_yen:,} yen are charged today. Make this change?"
    )
    later = f"autopay subscription change {desk.subscription} --quote {answer.quote_id}"
    _ask(question, desk, otherwise=f"or confirm this quote later: {later}")


def _ask(question: str, desk: Desk, *, otherwise: str = "") -> None:
    if desk.as_json or not sys.stdin.isatty():
        raise Refused(
            "nothing was changed, for nobody was there to agree; add --yes where nobody can"
            + (f", {otherwise}" if otherwise else "")
        )
    if not typer.confirm(question, err=True):
        raise Refused("nothing was changed, as you said")


def _needs_no_quote(situation: Situation, command: Command) -> bool:
    invoiced = situation.invoiced_cycle == existing(situation).next_cycle
    return invoiced and isinstance(command, _NEED_NO_QUOTE)


def _at_once(
    books: Books, clock: Clock, desk: Desk, situation: Situation, command: Command
) -> None:
    """Carry out what costs nothing while an invoice is open; ending an agreement gives it up."""
    record: dict[str, Any] = {
        "quote_id": None,
        "subscription": desk.subscription,
        "command": {"name": type(command).__name__, **canonical_form(command)},
        "events": _decided_kinds(books, clock, desk, situation, command),
        "open_invoice": sum(charge.amount_yen for charge in situation.open_charges),
        "charge_today": 0,
        "refund": 0,
        "state": None,
    }
    if not desk.dry_run:
        if not desk.yes:
            _ask(_at_once_words(record, desk.language), desk)
        done = _act(books, clock, desk, command)
        record |= {"refund": done.refund_yen, "state": done.state}
    if desk.as_json:
        write_json(record)
    else:
        say(_at_once_words(record, desk.language))


def _decided_kinds(
    books: Books, clock: Clock, desk: Desk, situation: Situation, command: Command
) -> list[str]:
    """What would happen, by the kinds of the events; raises what the life cycle refuses."""
    at = clock.now()
    on = civil_date(at=at, timezone=books.merchant.timezone)
    actor, reason = Actor(desk.actor), desk.reason
    try:
        events = decide(situation.subscription, command, actor=actor, reason=reason, at=at, on=on)
    except ReasonNeeded as needed:
        raise Refused(f"{needed} (--reason TEXT)") from needed
    return [event.fact.kind for event in events]


def _act(books: Books, clock: Clock, desk: Desk, command: Command) -> Confirmation:
    return writing(
        books.database,
        lambda connection: act(
            connection,
            books.merchant,
            subscription_id=desk.subscription,
            command=command,
            actor=Actor(desk.actor),
            reason=desk.reason,
            at=clock.now(),
        ),
    )


def _at_once_words(record: dict[str, Any], language: Language) -> str:
    kinds, owed = ", ".join(record["events"]), record["open_invoice"]
    done = record["state"] is not None
    if language == "ja":
        state = "確定しました" if done else "見積もり不要、本日のご請求 0円"
        return f"{record['subscription']}: {kinds}。{state} (未払いのご請求 {owed:,}円)"
    state = "done" if done else "needs no quote, nothing is charged today"
    return f"{record['subscription']}: {kinds}; {state} (open invoice: {owed:,} yen)"
