"""`autopay notifications`: the inbox at the desk of the back office."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

from app import crash_points
from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import say, write_json, write_table
from app.settings import load_settings
from billing import reading, writing
from billing.notifications import (
    InboxFilter,
    InboxResult,
    LookedKind,
    StoredNotification,
    list_notifications,
    refused_counts,
    retry_notification,
    show_notification,
)
from scheduler import InboxReport, SystemClock

COLUMNS = ("Received", "Message", "About", "State", "Result")

WORDS: Mapping[InboxResult, str] = {
    InboxResult.READ: "read at Amazon, and the books say what it says",
    InboxResult.SETTLED_BEFORE: "the books held the final answer already",
    InboxResult.SET_ASIDE: "its charge or refund is set aside for a person",
    InboxResult.UNKNOWN_OBJECT: "our books do not know this object; look in Seller Central",
    InboxResult.UNREACHABLE: "Amazon did not let us read it",
    InboxResult.CHARGEBACK: "a chargeback; look up the charge permission in Seller Central",
    InboxResult.UNKNOWN_TYPE: "a kind of object that this program does not know",
    InboxResult.UNREADABLE: "genuine, but no message that this program can read",
    InboxResult.UNSUBSCRIBED: "this topic stops notifying us; add the endpoint again",
    InboxResult.TO_CONFIRM: "asks to confirm the topic; nobody did, see notifications show",
}
ENDED: Mapping[LookedKind, str] = {
    LookedKind.READ: "read",
    LookedKind.NOTHING_TO_READ: "settled before",
    LookedKind.UNKNOWN_OBJECT: "not known",
    LookedKind.UNREACHABLE: "could not be read",
    LookedKind.THROTTLED: "throttled",
}


def list_messages(*, state: str | None, about: str | None, limit: int, as_json: bool) -> None:
    """The newest messages; with `as_json` one line per message."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        wanted = InboxFilter(state=state, about=about, limit=limit)
        found = list_notifications(connection, books.merchant.id, wanted)
        zone = ZoneInfo(books.merchant.timezone)
    if as_json:
        for message in found:
            write_json(_document(message, zone))
        return
    rows = [
        (
            _local(message.received_at, zone),
            message.message_id,
            f"{message.object_type or message.kind} {message.object_id or ''}".strip(),
            message.state,
            _words(message),
        )
        for message in found
    ]
    write_table(COLUMNS, rows, title="Notifications")


def list_refused(*, as_json: bool) -> None:
    """How often deliveries were refused, by kind."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        counts = refused_counts(connection, books.merchant.id)
        zone = ZoneInfo(books.merchant.timezone)
    if as_json:
        for count in counts:
            write_json(asdict(count) | {"last_at": _local(count.last_at, zone)})
        return
    rows = [(c.kind, c.refused, _local(c.last_at, zone), c.last_reason) for c in counts]
    write_table(("Kind", "Refused", "Last", "Last reason"), rows, title="Refused deliveries")


def show(*, message_id: str, as_json: bool) -> None:
    """One message; raises `UnknownNotification`."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        found = show_notification(connection, books.merchant.id, message_id=message_id)
        zone = ZoneInfo(books.merchant.timezone)
    _tell(found, zone, as_json=as_json)


def retry(*, message_id: str, as_json: bool) -> None:
    """Look into it again; raises `UnknownNotification`, or BadInput for what no call can read."""
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        at = SystemClock().now()
        mine = books.merchant.id
        writing(books.database, lambda c: retry_notification(c, mine, message_id=message_id, at=at))
        _process(books)
        with reading(books.database) as connection:
            found = show_notification(connection, mine, message_id=message_id)
        _tell(found, ZoneInfo(books.merchant.timezone), as_json=as_json)


def process(*, as_json: bool) -> None:
    """Work off what waits; raises what charging raises for a slot that a buyer has cured."""
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        report = _process(books)
    counts = {kind.value: report.ended.get(kind, 0) for kind in LookedKind}
    if as_json:
        write_json({"objects": report.objects, **counts, "became_due": len(report.became_due)})
        return
    told = ", ".join(f"{ENDED[kind]} {n:,}" for kind, n in report.ended.items() if n)
    say(f"objects looked into: {report.objects:,}{f' ({told})' if told else ''}")
    if report.became_due:
        say(f"chargeable again, charged at once: {len(report.became_due):,}")


def sweep(*, as_json: bool) -> None:
    """Read the permissions of the coming charges."""
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        read = charging_engine(books).sweep()
    if as_json:
        write_json({"permissions_read": read})
    else:
        say(f"charge permissions read: {read:,}")


def _process(books: Books) -> InboxReport:
    return charging_engine(books).process_notifications()


def _tell(found: StoredNotification, zone: ZoneInfo, *, as_json: bool) -> None:
    document = _document(found, zone)
    if as_json:
        write_json(document)
        return
    rows = [(name.replace("_", " "), value) for name, value in document.items()]
    write_table(("Field", "Value"), rows, title="Notification")


def _document(message: StoredNotification, zone: ZoneInfo) -> dict[str, object]:
    document: dict[str, object] = asdict(message)
    for name, value in document.items():
        if isinstance(value, datetime):
            document[name] = _local(value, zone)
    return document | {"result_words": _words(message) or None}


def _words(message: StoredNotification) -> str:
    return "" if message.result is None else WORDS[InboxResult(message.result)]


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="seconds")
