"""`autopay charge chargeback` and `autopay subscription close-permission`."""

from datetime import date, datetime

from app import crash_points
from app.commands.charge_words import Language
from app.commands.desk_clock import desk_clock
from app.context import charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import note, say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import (
    book_chargeback,
    capture_states,
    charge_story,
    reading,
    request_close,
    writing,
)
from plans import BadInput

__all__ = ["chargeback", "close_permission"]


def chargeback(
    *,
    name: str,
    amount_yen: int,
    on: date,
    reason: str,
    case_id: str | None,
    actor: str,
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Book money that a bank took back; nothing moves by it."""
    with opened_books(load_settings()) as books:
        clock = desk_clock(books, at)
        with reading(books.database) as connection:
            story = charge_story(connection, books.merchant, reference=name)
        captured = [a.charge_id for a in story.attempts if a.state == "captured"]
        if not captured or captured[0] is None:
            raise BadInput(
                field="reference",
                value=name,
                rule=f"it is {story.state}, and only captured money can be taken back",
                remedy=f"see: autopay charge show {story.reference}",
            )
        charge_id = captured[0]
        booked = writing(
            books.database,
            lambda c: book_chargeback(
                c,
                books.merchant,
                charge_id=charge_id,
                amount_yen=amount_yen,
                on=on,
                reason=reason,
                actor=actor,
                at=clock.now(),
                case_id=case_id,
            ),
        )
    record = {
        "reference": booked.reference,
        "charge_id": booked.charge_id,
        "case": booked.case_id,
        "amount": booked.amount_yen,
        "captured": booked.captured_yen,
        "returned": booked.returned_yen,
        "repeated": booked.repeated,
    }
    if as_json:
        write_json(record)
    elif language == "ja":
        say(f"{booked.reference}: チャージバック{booked.amount_yen:,}円を記帳しました")
    else:
        say(f"{booked.reference}: a chargeback of {booked.amount_yen:,} yen is booked")
    if booked.is_too_much:
        note(
            f"{booked.returned_yen:,} of {booked.captured_yen:,} yen went back, refunds included: "
            "somebody may have the money twice; contest the chargeback in Seller Central"
        )


def close_permission(
    *, subscription: str, actor: str, at: datetime | None, language: Language, as_json: bool
) -> None:
    """Close the charge permission of an ended subscription at Amazon, for good."""
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        clock = desk_clock(books, at)
        act = writing(
            books.database,
            lambda c: request_close(
                c, books.merchant, subscription_id=subscription, actor=actor, at=clock.now()
            ),
        )
        charging_engine(books, clock).settle_shipments(only=[act])
        with reading(books.database) as connection:
            state = capture_states(connection, books.merchant, [act])[act]
    if as_json:
        write_json({"subscription": subscription, "act": act, "state": state})
    elif state == "done":
        say("終了しました" if language == "ja" else "It is closed; it can never be opened again")
    if state == "quarantined":
        raise Refused(f"Amazon did not close it: {act}; look at it in Seller Central")
    if state != "done":
        note("No definite answer yet; the next run asks again.")
