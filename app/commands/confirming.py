"""Confirming a kept quote and charging what it charges, at once; or saying why it cannot be."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NoReturn

from app.commands.asking import kept
from app.commands.quote_words import (
    Language,
    differences_line,
    show_differences,
    show_quote,
    show_summary,
)
from app.commands.quotes import kept_record
from app.context import Books, charging_engine
from app.local_amazon import amazon_for
from app.output import note, say, write_json
from app.problems import Refused
from billing import StoredQuote, reading, stored_quote, writing
from billing.agreements import Confirmation, confirm_quote
from billing.quotes import Quote, StaleQuote, quote_record
from scheduler import AmazonSilent, BillingEngine, Clock, RunStopped

__all__ = ["Confirmed", "confirmed", "tell"]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What confirming a quote did.

    `repeated`: somebody had confirmed it before, and nothing was done again. `trouble` says why
    its charge has no answer yet, when Amazon could not be asked.
    """

    kept: StoredQuote
    repeated: bool
    refund_yen: int
    trouble: str | None = None


def confirmed(
    books: Books, clock: Clock, answer: Quote, *, language: Language, as_json: bool
) -> Confirmed:
    """Confirm a kept quote and charge it now; raises `Refused` with the new quote of a stale one.

    Nothing is changed unless the merchant's keys can charge. Also raises what `confirm_quote` does.
    """
    before = _read(books, answer.quote_id)
    with ExitStack() as stack:
        engine = None
        if answer.charge_today_yen:
            engine = charging_engine(books, clock)
            stack.enter_context(amazon_for(books.settings))
        try:
            done = writing(
                books.database,
                lambda connection: confirm_quote(
                    connection, books.merchant, quote_id=answer.quote_id, at=clock.now()
                ),
            )
        except StaleQuote as stale:
            _refuse_stale(books, stale, language, as_json=as_json)
        trouble = None if engine is None else _charge(engine, done)
    after = _read(books, answer.quote_id)
    return Confirmed(after, before.state != "open", done.refund_yen, trouble)


def _read(books: Books, quote_id: str) -> StoredQuote:
    with reading(books.database) as connection:
        return stored_quote(connection, books.merchant, quote_id=quote_id)


def _charge(engine: BillingEngine, done: Confirmation) -> str | None:
    """Charge what was confirmed; says what hindered it, for the charge is owed by now."""
    if not done.slot_ids:
        return None
    try:
        engine.charge_now(done.slot_ids)
    except (AmazonSilent, RunStopped) as hindered:
        return str(hindered)
    return None


def _refuse_stale(
    books: Books, stale: StaleQuote, language: Language, *, as_json: bool
) -> NoReturn:
    """Print the differences and the new quote, which is kept; raises `Refused`."""
    differences = [(each.text_ja, each.text_en) for each in stale.differences]
    new = None if stale.new_quote is None else kept(books, stale.new_quote)
    if as_json:
        told = [
            {"what": each.what, "ja": each.text_ja, "en": each.text_en}
            for each in stale.differences
        ]
        fresh = None if new is None else quote_record(new) | {"state": "open"}
        write_json({"stale": stale.quote.quote_id, "differences": told, "new_quote": fresh})
    else:
        show_differences(differences, language)
        if new is not None:
            show_quote(new, language)
    if new is None:
        raise Refused(str(stale)) from stale
    raise Refused(
        f"quote {stale.quote.quote_id} is stale ({differences_line(differences)}); nothing was "
        f"changed. Look at the new quote and confirm it: autopay subscription change "
        f"{new.subscription_id} --quote {new.quote_id}"
    ) from stale


def tell(done: Confirmed, *, language: Language, as_json: bool) -> None:
    """Say what confirming did; raises `Refused` when the change was not made."""
    found = done.kept
    if as_json:
        write_json(_record(done))
    elif not done.repeated and found.state == "confirmed":
        show_summary(found.quote, language)
    quote_id = found.quote.quote_id
    if found.state == "declined":
        raise Refused(
            f"Amazon declined the charge of {found.quote.charge_today_yen:,} yen ({found.result}); "
            "nothing was changed. Ask for a new quote when the buyer has another payment method"
        )
    if done.trouble is not None and found.state == "charging":
        raise Refused(
            f"quote {quote_id} is confirmed, and its charge has no answer yet ({done.trouble}); "
            "the change is made when it is paid. Do not ask anew: autopay run finishes it"
        )
    if found.state == "charging":
        note(
            f"The charge of quote {quote_id} has no definite answer yet; autopay run finishes it "
            "with the same key, and the change is made when it is paid. Do not ask anew."
        )
    if not as_json:
        say(_words(done, language))


def _record(done: Confirmed) -> dict[str, Any]:
    return kept_record(done.kept) | {"repeated": done.repeated}


def _words(done: Confirmed, language: Language) -> str:
    found, japanese = done.kept, language == "ja"
    number = f"見積番号 {found.quote.quote_id}" if japanese else f"Quote {found.quote.quote_id}"
    if found.state == "charging":
        words = "お支払いの結果を待っています" if japanese else "waits for the answer to its charge"
    elif done.repeated:
        words = "すでに確定済みです" if japanese else "was confirmed before; nothing was done again"
    else:
        words = "確定しました" if japanese else "is confirmed"
    refund = ""
    if done.refund_yen:
        refund = (
            f" {done.refund_yen:,}円を返金します(autopay runで送信)。"
            if japanese
            else f" {done.refund_yen:,} yen go back with the next autopay run."
        )
    return f"{number}: {words}。{refund}" if japanese else f"{number} {words}.{refund}"
