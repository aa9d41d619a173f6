"""`autopay webhooks`: addresses that are told every event, the events themselves, replay."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection

from app.commands.desk_clock import desk_clock
from app.context import Books, opened_books
from app.output import note, say, write_json, write_table
from app.settings import load_settings
from app.webhook_caller import HttpWebhookCaller, check_literal_address
from billing import reading, writing
from billing.deliveries import (
    DeliveryResult,
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    endpoints_of,
    events_after,
    plan_notices,
    probe_webhook,
    replay_events,
    rotate_endpoint,
)
from scheduler import SystemClock

Result = TypeVar("Result")


def add(*, code: str, url: str, at: datetime | None, as_json: bool) -> None:
    """Add an address; raises BadInput."""
    settings = load_settings()
    check_literal_address(url)
    with opened_books(settings) as books:
        since, key = desk_clock(books, at).now(), settings.master_key_bytes()
        secret = _written(
            books,
            lambda c: add_endpoint(
                c,
                books.merchant,
                code=code,
                url=url,
                at=since,
                master_key=key,
                loopback=settings.webhook_loopback,
            ),
        )
    _tell_secret(code, secret, as_json=as_json)


def rotate(*, code: str, overlap_hours: int, as_json: bool) -> None:
    """Replace a secret; raises BadInput."""
    settings = load_settings()
    with opened_books(settings) as books:
        at, key = desk_clock(books, None).now(), settings.master_key_bytes()
        secret = _written(
            books,
            lambda c: rotate_endpoint(
                c,
                books.merchant,
                code=code,
                at=at,
                master_key=key,
                overlap_hours=overlap_hours,
            ),
        )
    _tell_secret(code, secret, as_json=as_json)


def _tell_secret(code: str, secret: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"code": code, "secret": secret})
        return
    say(f"The secret of {code}, shown this once: {secret}")


def list_them(*, as_json: bool) -> None:
    """Every address."""
    with opened_books(load_settings()) as books:
        with reading(books.database) as connection:
            found = endpoints_of(connection, books.merchant)
        if as_json:
            write_json(
                [
                    {
                        "code": each.code,
                        "url": each.url,
                        "state": each.state,
                        "made_at": _iso(each.made_at, books),
                        "failing_since": _iso(each.failing_since, books),
                        "old_secret_until": _iso(each.old_secret_until, books),
                        "disabled_at": _iso(each.disabled_at, books),
                        "disabled_reason": each.disabled_reason,
                    }
                    for each in found
                ]
            )
            return
        rows = [
            (each.code, each.url, each.state, _iso(each.failing_since, books), each.disabled_reason)
            for each in found
        ]
    write_table(("Code", "Address", "State", "Failing since", "Why disabled"), rows)


def test(*, code: str, as_json: bool) -> None:
    """Post a test event; exits 1 when it is not taken."""
    settings = load_settings()
    with opened_books(settings) as books:
        at, key = desk_clock(books, None).now(), settings.master_key_bytes()
        webhook = _written(
            books, lambda c: probe_webhook(c, books.merchant, code=code, at=at, master_key=key)
        )
    # The receiver checks the moment against its own clock, so this one goes by the real one.
    caller = HttpWebhookCaller(loopback=settings.webhook_loopback)
    outcome = caller.call(webhook, at=SystemClock().now())
    taken = outcome.result is DeliveryResult.SENT
    if as_json:
        write_json({"code": code, "taken": taken, "answer": outcome.detail})
    elif taken:
        say(f"{code} took it ({outcome.detail}).")
    else:
        note(f"autopay: {code} did not take it ({outcome.detail}); look at its log, or its address")
    if not taken:
        raise typer.Exit(1)


def disable(*, code: str, reason: str, as_json: bool) -> None:
    """Stop sending to an address; raises BadInput."""
    with opened_books(load_settings()) as books:
        at = desk_clock(books, None).now()
        _written(
            books, lambda c: disable_endpoint(c, books.merchant, code=code, at=at, reason=reason)
        )
    _tell_state(code, "disabled", as_json=as_json)


def enable(*, code: str, as_json: bool) -> None:
    """Send to an address again; raises BadInput."""
    with opened_books(load_settings()) as books:
        _written(books, lambda c: enable_endpoint(c, books.merchant, code=code))
    _tell_state(code, "active", as_json=as_json)


def _tell_state(code: str, state: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"code": code, "state": state})
    else:
        say(f"{code} is {state}.")


def events(*, after: int, limit: int, as_json: bool) -> None:
    """Events behind a cursor, one line each."""
    with opened_books(load_settings()) as books:
        at = desk_clock(books, None).now()
        while plan_notices(books.database, books.merchant, at=at):
            pass  # what nobody has planned yet has no cursor
        with reading(books.database) as connection:
            found = events_after(connection, books.merchant, after=after, limit=limit)
    if as_json:
        for each in found:
            write_json(each.document)
        return
    rows = [
        (
            *(str(each.position), each.at.isoformat(), each.kind),
            *(each.data["subscription"], each.data["reference"], each.data["amount"]),
        )
        for each in found
    ]
    write_table(("Cursor", "At", "Type", "Subscription", "Reference", "Yen"), rows)


def replay(
    *,
    code: str,
    after: int,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Have events sent again; raises BadInput."""
    with opened_books(load_settings()) as books:
        at = desk_clock(books, None).now()
        count, last = _written(
            books,
            lambda c: replay_events(
                c, books.merchant, code=code, at=at, after=after, since=since, until=until
            ),
        )
    if as_json:
        write_json({"code": code, "events": count, "cursor": last})
        return
    say(f"{count:,} events go to {code} again, up to cursor {last}.")


def _written(books: Books, work: Callable[[Connection], Result]) -> Result:
    return writing(books.database, work)


def _iso(at: datetime | None, books: Books) -> str | None:
    return None if at is None else at.astimezone(ZoneInfo(books.merchant.timezone)).isoformat()
