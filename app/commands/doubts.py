"""`autopay doubt`: what nobody knows the end of, its proofs, and what a person decides."""

from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import Connection

from app.commands.desk_clock import desk_clock
from app.commands.doubt_words import Language, item_record, show_item, show_items
from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import reading, send_refund, writing
from billing.evidence import (
    Decision,
    DeskItem,
    DeskKind,
    Verdict,
    begin_rest,
    book_found,
    book_refund,
    decide_no_effect,
    desk_item,
    list_desk,
    no_refund,
    note_decision,
    open_reports,
    refund_in_question,
)
from billing.evidence import abandon as give_up
from billing.evidence import release as give_back
from scheduler import BillingEngine

__all__ = ["abandon", "list_all", "release", "report", "resolve", "show"]


def list_all(*, language: Language, as_json: bool) -> None:
    """Print everything that waits for a person or for proofs."""
    with opened_books(load_settings()) as books:
        with reading(books.database) as connection:
            items = list_desk(connection, books.merchant)
        zone = books.merchant.timezone
    if as_json:
        write_json({"doubts": [item_record(item, zone) for item in items]})
    else:
        show_items(items, zone, language)


def show(*, name: str, language: Language, as_json: bool) -> None:
    """Print one of them with every proof."""
    with opened_books(load_settings()) as books:
        item = _item(books, name)
        zone = books.merchant.timezone
    _tell(item, zone, language, as_json=as_json)


def resolve(
    *,
    name: str,
    happened: bool,
    reason: str,
    by: str,
    amazon_id: str | None,
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Carry out what a person says; raises `Refused` (exit 1) while a second one must agree."""
    settings = load_settings()
    with opened_books(settings) as books:
        item = _item(books, name)
        if happened and amazon_id is None:
            raise Refused(
                f"{name}: what happened has an id in Seller Central, and only by it can it be "
                "booked: give it with --id"
            )
        verdict = Verdict.HAPPENED if happened else Verdict.DID_NOT_HAPPEN
        decision = Decision(verdict, by, reason, amazon_id)
        with amazon_for(settings):
            engine = charging_engine(books, desk_clock(books, at))
            if not _noted(books, engine, item, decision):
                raise Refused(
                    f"{name} is of {item.amount_yen} yen: noted, and a second person must decide "
                    "the same within 24 hours; nothing is changed yet"
                )
            _carry_out(books, engine, _item(books, name), decision)
        told = _still_there(books, name)
    if as_json:
        write_json({"reference": name, "verdict": str(verdict), "settled": told is None})
    else:
        done = "済み" if language == "ja" else "is settled"
        say(f"{name} {done}" if told is None else f"{name}: {told.reason}")


def _noted(books: Books, engine: BillingEngine, item: DeskItem, decision: Decision) -> bool:
    now = engine.clock.now()

    def note(connection: Connection) -> bool:
        ready = note_decision(
            connection, books.merchant, item, decision, rules=engine.doubts, at=now
        )
        if decision.verdict is Verdict.DID_NOT_HAPPEN:
            begin_rest(connection, books.merchant, item, at=now)
        return ready

    return writing(books.database, note)


def _carry_out(books: Books, engine: BillingEngine, item: DeskItem, decision: Decision) -> None:
    now = engine.clock.now()
    if decision.verdict is Verdict.DID_NOT_HAPPEN:
        writing(
            books.database,
            lambda c: decide_no_effect(
                c, books.merchant, item, decision, rules=engine.doubts, at=now
            ),
        )
        if item.kind is DeskKind.REFUND:
            outcome = no_refund(writing(books.database, lambda c: refund_in_question(c, item)))
            book_refund(books.database, books.merchant, item, outcome, at=now)
    elif item.kind is DeskKind.REFUND:
        _book_refund(books, engine, item, decision, now)
    else:
        with closing(engine.make_client()) as client:
            charge = client.get_charge(decision.amazon_id or "")
        book_found(books.database, books.merchant, item, charge, at=now)


def _book_refund(
    books: Books, engine: BillingEngine, item: DeskItem, decision: Decision, now: datetime
) -> None:
    refund = writing(books.database, lambda c: refund_in_question(c, item))
    with closing(engine.make_client()) as client:
        found = replace(refund, refund_id=decision.amazon_id)
        outcome = send_refund(client, found, now=lambda: now)
    book_refund(books.database, books.merchant, item, outcome, at=now)


def release(*, name: str, reason: str, by: str, at: datetime | None, as_json: bool) -> None:
    """Give something back to the machine; nothing gets a new key by it."""
    with opened_books(load_settings()) as books:
        now = desk_clock(books, at).now()
        item = _item(books, name)
        writing(
            books.database,
            lambda c: give_back(c, books.merchant, item, by=by, reason=reason, at=now),
        )
    _done(name, f"released by {by}: {reason}", as_json=as_json)


def abandon(*, name: str, reason: str, by: str, at: datetime | None, as_json: bool) -> None:
    """Give up what will not be charged any more."""
    with opened_books(load_settings()) as books:
        now = desk_clock(books, at).now()
        item = _item(books, name)
        decision = Decision(Verdict.DID_NOT_HAPPEN, by, reason)
        writing(books.database, lambda c: give_up(c, books.merchant, item, decision, at=now))
    _done(name, f"given up by {by}: {reason}", as_json=as_json)


def report(*, at: datetime | None, language: Language, as_json: bool) -> None:
    """Ask for a report or read the one asked for before; raises `Refused` when it cannot be had."""
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        engine = charging_engine(books, desk_clock(books, at))
        with reading(books.database) as connection:
            waiting = bool(open_reports(connection, books.merchant))
        done = engine.collect_reports(wanted=not waiting)
        ruled = engine.clear_doubts().rulings if done.read else {}
    if as_json:
        write_json(asdict(done) | {"rulings": ruled})
    elif language == "ja":
        say(f"読み込んだレポート: {done.read}、新しい証拠: {done.proofs}、作成中: {done.waiting}")
    else:
        say(f"Reports read: {done.read}, new proofs: {done.proofs}, in the making: {done.waiting}")
    if done.problems:
        raise Refused("; ".join(done.problems))


def _done(name: str, what: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"reference": name, "done": what})
    else:
        say(f"{name} {what}")


def _item(books: Books, name: str) -> DeskItem:
    with reading(books.database) as connection:
        return desk_item(connection, books.merchant, name=name)


def _still_there(books: Books, name: str) -> DeskItem | None:
    with reading(books.database) as connection:
        left = [item for item in list_desk(connection, books.merchant) if item.name == name]
    return left[0] if left else None


def _tell(item: DeskItem, zone: str, language: Language, *, as_json: bool) -> None:
    if as_json:
        write_json(item_record(item, zone))
    else:
        show_item(item, zone, language)
