"""`autopay charge one-off` and `autopay subscription replace-permission`."""

from contextlib import closing
from datetime import datetime
from typing import Any

import typer

from app import crash_points
from app.commands.charge_words import Language
from app.commands.desk_clock import desk_clock
from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import note, say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import Replaced, reading, replace_permission, writing
from billing.one_off import (
    OneOff,
    OneOffCharge,
    OneOffItem,
    OneOffPreview,
    one_off_charge,
    preview_one_off,
    request_one_off,
)
from plans import TaxCategory

__all__ = ["one_off", "replace"]

Item = tuple[str, str, int, int, str]


def one_off(
    *,
    subscription: str,
    reference: str,
    item: Item,
    reason: str,
    actor: str,
    dry_run: bool,
    yes: bool,
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Charge once what the staff say; raises `Refused` (exit 1) when it is not paid."""
    if as_json and not yes and not dry_run:
        raise typer.BadParameter(
            "a program cannot answer questions; add --yes", param_hint="--json"
        )
    japanese, english, price, quantity, tax = item
    order = OneOff(
        subscription, reference, (OneOffItem(japanese, english, price, quantity, TaxCategory(tax)),)
    )
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        engine = charging_engine(books, desk_clock(books, at))
        known, preview = _looked_up(books, order, engine.clock.now())
        if dry_run:
            _show_preview(preview, known, language, as_json=as_json)
            return
        if known is None and not yes:
            _ask(preview, language)
        asked = writing(
            books.database,
            lambda c: request_one_off(
                c, books.merchant, order=order, actor=actor, reason=reason, at=engine.clock.now()
            ),
        )
        if asked.state == "due":
            engine.charge_now([asked.slot_id])
        with reading(books.database) as connection:
            charge = one_off_charge(connection, books.merchant, order=order) or asked
    _tell(charge, asked, language, as_json=as_json)


def _looked_up(
    books: Books, order: OneOff, at: datetime
) -> tuple[OneOffCharge | None, OneOffPreview]:
    with reading(books.database) as connection:
        known = one_off_charge(connection, books.merchant, order=order)
        return known, preview_one_off(connection, books.merchant, order=order, at=at)


def _ask(preview: OneOffPreview, language: Language) -> None:
    if preview.refused is not None:
        raise preview.refused
    yen = f"{preview.total_yen:,}"
    question = (
        f"{preview.order.subscription_id}に{yen}円を1回だけ請求します。よろしいですか"
        if language == "ja"
        else f"Charge {yen} yen to {preview.order.subscription_id} once?"
    )
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        raise Refused("nothing was charged, nobody answered; add --yes where nobody can") from None
    if not agreed:
        raise Refused("nothing was charged, as you said")


def _show_preview(
    preview: OneOffPreview, known: OneOffCharge | None, language: Language, *, as_json: bool
) -> None:
    if as_json:
        write_json(_preview_record(preview) | {"known": known and _record(known)})
    elif language == "ja":
        say(
            f"{preview.order.number}: {preview.total_yen:,}円"
            f"(今月あと{preview.room_yen:,}円まで請求できます)"
        )
    else:
        say(
            f"{preview.order.number}: {preview.total_yen:,} yen "
            f"(the cap has room for {preview.room_yen:,})"
        )
    if known is None and preview.refused is not None:
        raise preview.refused


def _preview_record(preview: OneOffPreview) -> dict[str, Any]:
    refused = preview.refused
    return {
        "subscription": preview.order.subscription_id,
        "reference": preview.order.reference,
        "charge_permission_id": preview.charge_permission_id,
        "total": preview.total_yen,
        "taxes": [
            {
                "category": rate.category.value,
                "rate": str(rate.rate_percent),
                "gross": rate.gross_yen,
                "tax": rate.tax_yen,
                "net": rate.net_yen,
            }
            for rate in preview.rates
        ],
        "room": preview.room_yen,
        "room_from": preview.room_from,
        "refused": None if refused is None else str(refused),
    }


def _record(charge: OneOffCharge) -> dict[str, Any]:
    return {
        "subscription": charge.subscription_id,
        "reference": charge.reference,
        "invoice": charge.invoice,
        "amount": charge.amount_yen,
        "state": charge.state,
        "reason": charge.reason,
        "charge_id": charge.charge_id,
        "repeated": charge.repeated,
    }


def _tell(charge: OneOffCharge, asked: OneOffCharge, language: Language, *, as_json: bool) -> None:
    if as_json:
        write_json(_record(charge) | {"repeated": asked.repeated})
    elif charge.is_paid:
        before = (" (以前の請求です)", " (charged before)") if asked.repeated else ("", "")
        said = f"{charge.invoice}: {charge.amount_yen:,}"
        japanese = f"{said}円を受領しました{before[0]}"
        say(japanese if language == "ja" else f"{said} yen are taken{before[1]}")
    if charge.is_off:
        raise Refused(
            f"{charge.invoice} was not paid ({charge.reason}) and is called off; nothing is owed"
        )
    if not charge.is_paid:
        note(f"{charge.invoice} is {charge.state}; the next run goes on with it. Do not ask anew.")


def replace(
    *,
    subscription: str,
    charge_permission: str,
    reason: str,
    actor: str,
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Let a subscription be charged to another permission; raises what Amazon's client does."""
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        engine = charging_engine(books, desk_clock(books, at))
        with closing(engine.make_client()) as client:
            new = client.get_charge_permission(charge_permission)
        done = writing(
            books.database,
            lambda c: replace_permission(
                c,
                books.merchant,
                subscription_id=subscription,
                new=new,
                actor=actor,
                reason=reason,
                at=engine.clock.now(),
            ),
        )
        if done.slot_ids:
            engine.charge_now(done.slot_ids)
        engine.settle_shipments()
    _tell_replaced(done, language, as_json=as_json)


def _tell_replaced(done: Replaced, language: Language, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "subscription": done.subscription_id,
                "old": done.old,
                "new": done.new,
                "moved": list(done.moved),
                "kept": list(done.kept),
                "repeated": done.repeated,
            }
        )
    elif language == "ja":
        say(f"{done.subscription_id}: 今後は{done.new}に請求します")
    else:
        say(f"{done.subscription_id} is charged to {done.new} from now on")
    if done.kept:
        note(f"{', '.join(done.kept)} keep {done.old} until Amazon has answered.")
