"""`autopay charge refund`, `retry` and `show`: what the back office does about one charge."""

import secrets
import sys
from contextlib import closing
from datetime import date, datetime
from typing import Any

import typer
from sqlalchemy import Connection

from app import crash_points
from app.commands.charge_words import (
    SLOT_STATES,
    Language,
    refund_record,
    show_refund_plan,
    show_refunds,
    show_story,
    state_word,
    story_record,
)
from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import note, say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import (
    ChargeStory,
    PaidByHand,
    RefundRequest,
    StoredRefund,
    WatchedPermission,
    charge_story,
    check_retry,
    civil_date,
    end_late_refund,
    latest_moment,
    make_due,
    past_amazons_count,
    reading,
    record_permissions,
    refundable_charges,
    refunds_of_request,
    request_refund,
    spread_refund,
    writing,
)
from plans import BadInput
from scheduler import BillingEngine, Clock, ShiftedClock, SystemClock

__all__ = ["refund", "retry", "show"]

LONGEST_REQUEST_ID = 64
_NOT_MADE = ("declined", "quarantined")


def refund(
    *,
    name: str,
    amount_yen: int | None,
    everything: bool,
    reason: str,
    request_id: str | None,
    at: datetime | None,
    language: Language,
    as_json: bool,
    yes: bool,
    paid_by_hand: str | None = None,
    paid_on: date | None = None,
    actor: str = "staff",
) -> None:
    """Give money back; raises `Refused` (exit 1) when Amazon does not make a refund."""
    if everything == (amount_yen is not None):
        raise typer.BadParameter("give one of --amount and --all", param_hint="--amount")
    if as_json and not yes:
        raise typer.BadParameter(
            "a program cannot answer questions; add --yes", param_hint="--json"
        )
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        clock = _clock(books, at)
        by_hand = _by_hand(books, clock, paid_by_hand, paid_on)
        request_id = request_id or _request_id(by_hand)
        target = _target(books, name)
        if not yes:
            amount_yen = _confirmed(books, target, amount_yen, request_id, language, by_hand)

        def ask(connection: Connection) -> RefundRequest:
            if by_hand is not None:
                end_late_refund(
                    connection,
                    books.merchant,
                    reference=name,
                    actor=actor,
                    reason=reason,
                    at=clock.now(),
                )
            return request_refund(
                connection,
                books.merchant,
                request_id=request_id,
                amount_yen=amount_yen,
                reason=reason,
                actor=actor,
                at=clock.now(),
                by_hand=by_hand,
                **target,
            )

        request = writing(books.database, ask)
        if by_hand is None:
            charging_engine(books, clock).send_refunds(request_id=request_id)
        with reading(books.database) as connection:
            made = refunds_of_request(connection, books.merchant, request_id=request_id)
    _tell_refunds(request, made, books.merchant.timezone, language, as_json=as_json)


def _by_hand(
    books: Books, clock: Clock, bank_reference: str | None, paid_on: date | None
) -> PaidByHand | None:
    """How the money went back, where not by Amazon."""
    if bank_reference is None:
        if paid_on is not None:
            raise typer.BadParameter("is the day of a transfer", param_hint="--on")
        return None
    today = civil_date(at=clock.now(), timezone=books.merchant.timezone)
    return PaidByHand(bank_reference, paid_on or today)


def _request_id(by_hand: PaidByHand | None) -> str:
    """A transfer is one request, so that telling it twice books it once."""
    if by_hand is None:
        return f"desk-{secrets.token_hex(8)}"
    return f"hand-{by_hand.bank_reference}"[:LONGEST_REQUEST_ID]


def _clock(books: Books, at: datetime | None) -> Clock:
    if at is not None and books.merchant.environment == "live":
        raise Refused(
            "--at pretends another time, and the environment is live; live refunds and charges "
            "follow the clock: leave --at out"
        )
    if at is None and books.merchant.environment != "live":
        # A played demo's books lie in the future: their own last moment is "now" for them.
        with reading(books.database) as connection:
            latest = latest_moment(connection, books.merchant.id)
        at = latest if latest > SystemClock().now() else None
    return SystemClock() if at is None else ShiftedClock(at)


def _target(books: Books, name: str) -> dict[str, Any]:
    """What a name stands for: the charge of a charge id or reference, or a whole subscription."""
    with reading(books.database) as connection:
        try:
            story = charge_story(connection, books.merchant, reference=name)
        except BadInput:
            refundable_charges(connection, books.merchant, subscription_id=name)
            return {"subscription_id": name}
    captured = [a.charge_id for a in story.attempts if a.state == "captured"]
    if not captured:
        raise BadInput(
            field="reference",
            value=name,
            rule=f"it is {story.state}, and only what Amazon captured can be given back",
            remedy=f"see: autopay charge show {story.reference}",
        )
    return {"charge_id": captured[0]}


def _confirmed(
    books: Books,
    target: dict[str, Any],
    amount_yen: int | None,
    request_id: str,
    language: Language,
    by_hand: PaidByHand | None,
) -> int | None:
    """Show what will happen and ask; the amount agreed to is exactly the one shown.

    A request that was made before moves nothing again, so nobody is asked about it.
    """
    with reading(books.database) as connection:
        if refunds_of_request(connection, books.merchant, request_id=request_id):
            return amount_yen
        charges = refundable_charges(connection, books.merchant, **target)
        parts = spread_refund(
            amount_yen, charges if by_hand is None else past_amazons_count(charges)
        )
    show_refund_plan(parts, language)
    total = sum(yen for _, yen in parts)
    japanese = f"{total:,}円を返金します。よろしいですか"
    if not _agreed(japanese if language == "ja" else f"Give {total:,} yen back?"):
        raise Refused("nothing was given back, as you said")
    return total


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        raise Refused(
            "nothing was given back, nobody answered; add --yes where nobody can"
        ) from None


def _tell_refunds(
    request: RefundRequest,
    made: list[StoredRefund],
    timezone: str,
    language: Language,
    *,
    as_json: bool,
) -> None:
    if as_json:
        write_json(
            {
                "request_id": request.request_id,
                "amount": request.amount_yen,
                "repeated": request.repeated,
                "refunds": [refund_record(refund, timezone) for refund in made],
            }
        )
    else:
        show_refunds(made, language)
        say(
            f"依頼番号 {request.request_id}"
            if language == "ja"
            else f"Request {request.request_id}"
        )
    if any(refund.state in ("intended", "in_doubt") for refund in made):
        note("No definite answer yet; the next run sends the same key again. Do not ask anew.")
    unmade = [refund for refund in made if refund.state in _NOT_MADE]
    if unmade:
        told = ", ".join(f"{r.reference} ({r.reason_code or r.detail})" for r in unmade)
        raise Refused(f"Amazon did not give back: {told}; the money stays owed")


def retry(*, name: str, at: datetime | None, language: Language, as_json: bool) -> None:
    """Charge a slot now; raises `Refused` (exit 1) when it is not paid or under way after it."""
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        engine = charging_engine(books, _clock(books, at))
        story = _story(books, name)
        check_retry(story)
        _read_permission(engine, story)
        writing(
            books.database,
            lambda connection: make_due(
                connection, books.merchant, reference=story.reference, at=engine.clock.now()
            ),
        )
        engine.charge_now([story.slot_id])
        story = _story(books, name)
    if as_json:
        write_json(story_record(story, books.merchant.timezone))
    else:
        show_story(story, books.merchant.timezone, language)
    if story.state not in ("paid", "open"):
        word = state_word(SLOT_STATES, story.state, "en")
        raise Refused(f"{story.reference} was not paid: it is {word} ({story.reason})")


def _read_permission(engine: BillingEngine, story: ChargeStory) -> None:
    """Ask Amazon whether the buyer has acted meanwhile; the books may not know it yet."""
    if story.permission_state == "Chargeable" and story.state != "waiting_buyer":
        return
    watched = WatchedPermission(story.permission_id, story.charge_permission_id)
    with closing(engine.make_client()) as client:
        permission = client.get_charge_permission(watched.amazon_id)
    seen = [(watched, permission)]
    record_permissions(engine.database, engine.merchant, seen, at=engine.clock.now())


def show(*, name: str, language: Language, as_json: bool) -> None:
    """Print everything about one charge."""
    with opened_books(load_settings()) as books:
        story = _story(books, name)
    if as_json:
        write_json(story_record(story, books.merchant.timezone))
    else:
        show_story(story, books.merchant.timezone, language)


def _story(books: Books, name: str) -> ChargeStory:
    with reading(books.database) as connection:
        return charge_story(connection, books.merchant, reference=name)
