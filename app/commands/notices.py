"""`autopay notices`: what was told to whom, in which words, and sending it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app import crash_points
from app.commands.desk_clock import desk_clock
from app.context import Books, environment_guard, opened_books
from app.deliveries import delivering
from app.output import note, say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import reading, writing
from billing.deliveries import (
    NoticeRules,
    StoredNotice,
    list_notices,
    load_notice_rules,
    load_own_words,
    preview_notice,
    reset_own_words,
    retry_dead_mails,
    set_customer_language,
    store_own_words,
    words_in_force,
)
from scheduler import DeliveryReport, SystemClock

_BY = "staff"


def list_them(
    *, subscription: str | None, kind: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """The newest notices with their deliveries."""
    with opened_books(load_settings()) as books:
        with reading(books.database) as connection:
            found = list_notices(
                connection,
                books.merchant,
                subscription_id=subscription,
                kind=kind,
                state=state,
                limit=limit,
            )
            rules = load_notice_rules(connection, books.merchant.id)
        _hint(rules, found, has_server=bool(books.settings.smtp_host))
        if as_json:
            write_json([_record(notice, books) for notice in found])
            return
        rows = [_row(notice, books) for notice in found]
        write_table(("No.", "At", "Kind", "Subscription", "Yen", "Reason", "Deliveries"), rows)


def _hint(rules: NoticeRules, found: Sequence[StoredNotice], *, has_server: bool) -> None:
    """Say on standard error why notices went to nobody, or why their mails wait."""
    mailed = any(each.channel == "mail" for notice in found for each in notice.deliveries)
    unset = [
        name
        for name, missing in (
            ("AUTOPAY_MAIL_FROM", not rules.mail_from and not mailed),
            ("AUTOPAY_SMTP_HOST", not has_server),
            ("AUTOPAY_STAFF_EMAIL", not rules.staff_email and _for_staff(found)),
        )
        if missing
    ]
    if found and unset:
        note(
            f"not everybody is told by mail: set {' and '.join(unset)}, as docs/notices.md says; "
            "programs are told by: autopay webhooks add"
        )


def _for_staff(found: Sequence[StoredNotice]) -> bool:
    return any(notice.audience == "staff" for notice in found)


def _row(notice: StoredNotice, books: Books) -> tuple[object, ...]:
    deliveries = "; ".join(
        f"{each.channel} {each.target}: {each.state}" + (f" ({each.detail})" if each.detail else "")
        for each in notice.deliveries
    )
    at = _local(notice.written_at, books)
    about = notice.subscription or ""
    return (
        *(notice.id, f"{at:%Y-%m-%d %H:%M}", notice.kind, about, notice.amount_yen),
        *(notice.reason, deliveries or ("nobody" if notice.delivered_at else "not planned yet")),
    )


def _record(notice: StoredNotice, books: Books) -> dict[str, Any]:
    return {
        "notice": notice.id,
        "cursor": notice.position,
        "kind": notice.kind,
        "audience": notice.audience,
        "subscription": notice.subscription,
        "reference": notice.reference,
        "amount": notice.amount_yen,
        "reason": notice.reason,
        "written_at": _iso(notice.written_at, books),
        "delivered_at": _iso(notice.delivered_at, books),
        "deliveries": [
            {
                "channel": each.channel,
                "target": each.target,
                "state": each.state,
                "tries": each.tries,
                "next_try_at": _iso(each.next_try_at, books),
                "settled_at": _iso(each.settled_at, books),
                "detail": each.detail,
                "message_id": each.message_id,
            }
            for each in notice.deliveries
        ],
    }


def preview(*, notice_id: int, as_json: bool) -> None:
    """The mail of a notice."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        mail = preview_notice(connection, books.merchant, notice_id=notice_id)
    if as_json:
        write_json(
            {
                "notice": mail.notice_id,
                "as_sent": mail.frozen,
                "to": mail.recipient,
                "language": mail.language,
                "words_version": mail.version,
                "subject": mail.subject,
                "body": mail.body,
            }
        )
        return
    say(f"To: {mail.recipient or '(nobody)'}")
    say(f"Subject: {mail.subject}")
    say("")
    say(mail.body)


def send(*, dead: bool, at: datetime | None, as_json: bool) -> None:
    """Send what is due at `at`, or now; raises `NotThisEnvironment` for a copy of the books."""
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books:
        environment_guard(books).compare(books.merchant)
        clock = desk_clock(books, at)
        if dead:
            now = clock.now()
            again = writing(books.database, lambda c: retry_dead_mails(c, books.merchant, at=now))
            note(f"{again:,} mails that were given up are tried again")
        run = delivering(settings).of(books.database, books.merchant, now=clock.now)
        report = run.run_due()
    if not settings.smtp_host:
        note("AUTOPAY_SMTP_HOST is not set: mails wait")
    _tell(report, as_json=as_json)


def _tell(report: DeliveryReport, *, as_json: bool) -> None:
    mails = {result.value: count for result, count in report.mails.items()}
    webhooks = {result.value: count for result, count in report.webhooks.items()}
    if as_json:
        write_json(
            {
                "held": report.is_held,
                "told_ahead": report.told_ahead,
                "planned": report.planned,
                "mails": mails,
                "webhooks": webhooks,
            }
        )
        return
    if report.is_held:
        say(
            "Nobody is told anything while books from a backup are compared with Amazon: "
            "autopay restore show"
        )
        return
    say(f"told ahead {report.told_ahead:,}, planned {report.planned:,}")
    for name, counts in (("mails", mails), ("webhooks", webhooks)):
        said = ", ".join(f"{result} {count:,}" for result, count in sorted(counts.items()))
        say(f"{name}: {said or 'none'}")


def words(*, kind: str, language: str, file: Path | None, reset: bool, as_json: bool) -> None:
    """Show the words of a kind, or put others over them; raises BadInput and `Refused`."""
    if file is not None and reset:
        raise Refused("--file and --reset contradict each other; use one of them")
    with opened_books(load_settings()) as books:
        at, merchant = SystemClock().now(), books.merchant
        if file is not None:
            subject, body = _words_of(file)
            version = writing(
                books.database,
                lambda c: store_own_words(
                    c,
                    merchant,
                    kind=kind,
                    language=language,
                    subject=subject,
                    body=body,
                    by=_BY,
                    at=at,
                ),
            )
            note(f"version {version} of the words of {kind} ({language}) holds from now")
        if reset:
            writing(
                books.database,
                lambda c: reset_own_words(c, merchant, kind=kind, language=language, by=_BY, at=at),
            )
        with reading(books.database) as connection:
            own = load_own_words(connection, merchant.id)
    template, placeholders = words_in_force(own, kind=kind, language=language)
    if as_json:
        write_json(
            {
                "kind": kind,
                "language": language,
                "version": template.version,
                "subject": template.subject,
                "body": template.body,
                "placeholders": list(placeholders),
            }
        )
        return
    say(template.subject)
    say("")
    say(template.body.rstrip("\n"))
    note("placeholders: " + " ".join(f"{{{name}}}" for name in placeholders))


def _words_of(file: Path) -> tuple[str, str]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"--file {file} is not UTF-8 text; save it as UTF-8") from error
    subject, _, body = text.replace("\r\n", "\n").partition("\n\n")
    return subject.strip("\n"), body


def set_language(*, customer: str, language: str | None) -> None:
    """Choose the language of one customer's mails; raises BadInput for an unknown customer."""
    with opened_books(load_settings()) as books:
        writing(
            books.database,
            lambda c: set_customer_language(
                c, books.merchant, customer_id=customer, language=language
            ),
        )
    say(f"{customer} is written to in {language or 'the language of the merchant'}.")


def _local(at: datetime, books: Books) -> datetime:
    return at.astimezone(ZoneInfo(books.merchant.timezone))


def _iso(at: datetime | None, books: Books) -> str | None:
    return None if at is None else _local(at, books).isoformat()
