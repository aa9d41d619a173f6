"""Versions of a merchant's own words for notices: kept, listed, and one of before taken again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.deliveries import Template, reset_own_words, store_own_words
from billing.deliveries.kinds import known_kind
from billing.deliveries.templates import check_template, fill
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import NoticeTemplateRow
from plans import BadInput

__all__ = ["WordsVersion", "preview_words", "restore_words", "store_words", "words_versions"]

_templates = table_of(NoticeTemplateRow)
PROGRAM = 0
"""Version of the words that come with the program."""


@dataclass(frozen=True, slots=True)
class WordsVersion:
    """One version of own words; subject and body are None where it went back to the program's."""

    version: int
    subject: str | None
    body: str | None
    made_at: datetime
    made_by: str


def words_versions(
    connection: Connection, *, merchant_id: str, kind: str, language: str
) -> list[WordsVersion]:
    """Every version of own words of a kind, newest first."""
    statement = (
        select(_templates)
        .where(
            _templates.c.merchant_id == merchant_id,
            _templates.c.kind == kind,
            _templates.c.language == language,
        )
        .order_by(_templates.c.version.desc())
    )
    return [_version(row) for row in fetch(connection, statement)]


def preview_words(*, kind: str, subject: str, body: str, sample: Mapping[str, str]) -> Template:
    """Words filled in with sample values, as a customer would read them.

    Raises BadInput for an unknown kind or placeholder, and for words that could not be sent.
    """
    check_template(Template(subject, body), allowed=known_kind(kind).placeholders)
    return Template(fill(subject, sample), fill(body, sample))


def store_words(
    connection: Connection,
    merchant: Merchant,
    *,
    kind: str,
    language: str,
    subject: str,
    body: str,
    by: str,
    at: datetime,
) -> int:
    """Keep new words and say so in the audit log; raises as `store_own_words`."""
    made = store_own_words(
        connection,
        merchant,
        kind=kind,
        language=language,
        subject=subject,
        body=body,
        by=by,
        at=at,
    )
    _note(connection, merchant, kind, language, made, None, by=by, at=at)
    return made


def restore_words(
    connection: Connection,
    merchant: Merchant,
    *,
    kind: str,
    language: str,
    version: int,
    by: str,
    at: datetime,
) -> int:
    """Take the words of an earlier version again, as a new version; 0 is the program's.

    Raises BadInput for a version that is not there, and as `store_own_words` does for old words
    whose placeholders are no longer known.
    """
    wanted = _wanted(connection, merchant.id, kind, language, version)
    if wanted is None or wanted.subject is None or wanted.body is None:
        made = reset_own_words(connection, merchant, kind=kind, language=language, by=by, at=at)
    else:
        made = store_own_words(
            connection,
            merchant,
            kind=kind,
            language=language,
            subject=wanted.subject,
            body=wanted.body,
            by=by,
            at=at,
        )
    _note(connection, merchant, kind, language, made, version, by=by, at=at)
    return made


def _wanted(
    connection: Connection, merchant_id: str, kind: str, language: str, version: int
) -> WordsVersion | None:
    if version == PROGRAM:
        return None
    known = words_versions(connection, merchant_id=merchant_id, kind=kind, language=language)
    for each in known:
        if each.version == version:
            return each
    raise BadInput(
        field="version",
        value=version,
        rule="is no version of these words",
        remedy="choose one of the list",
    )


def _note(
    connection: Connection,
    merchant: Merchant,
    kind: str,
    language: str,
    made: int,
    restored: int | None,
    *,
    by: str,
    at: datetime,
) -> None:
    detail = {"kind": kind, "language": language, "version": made}
    if restored is not None:
        detail["restored"] = restored
    write_audit_event(
        connection,
        kind="words_changed",
        actor=by,
        reason=f"{kind} ({language}): version {made}",
        at=at,
        merchant_id=merchant.id,
        detail=json.dumps(detail, sort_keys=True),
    )


def _version(row: Row) -> WordsVersion:
    names = ("version", "subject", "body", "made_at", "made_by")
    return WordsVersion(**{name: row[name] for name in names})
