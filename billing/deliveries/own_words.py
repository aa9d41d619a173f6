"""A merchant's own words over those of the program: versioned, checked, never overwritten."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from billing.deliveries.kinds import known_kind
from billing.deliveries.templates import LANGUAGES, Template, check_template
from billing.deliveries.words_en import WORDS_EN
from billing.deliveries.words_ja import WORDS_JA
from billing.store.merchants import Merchant
from billing.store.rows import fetch, fresh_row, table_of
from billing.tables import NoticeTemplateRow
from plans import BadInput

__all__ = [
    "OwnWords",
    "load_own_words",
    "reset_own_words",
    "store_own_words",
    "words_in_force",
]

_templates = table_of(NoticeTemplateRow)

_PROGRAM: Mapping[str, Mapping[str, Template]] = {"ja": WORDS_JA, "en": WORDS_EN}


@dataclass(frozen=True, slots=True)
class OwnWords:
    """The words that hold for a merchant, by (kind, language)."""

    written: Mapping[tuple[str, str], Template]

    def of(self, kind: str, language: str) -> Template:
        """The merchant's newest words; the program's where it has none."""
        return self.written.get((kind, language)) or _PROGRAM[language][kind]


def load_own_words(connection: Connection, merchant_id: str) -> OwnWords:
    """Read the newest version of everything the merchant wrote."""
    statement = (
        select(_templates)
        .where(_templates.c.merchant_id == merchant_id)
        .order_by(_templates.c.version)
    )
    newest = {(row["kind"], row["language"]): row for row in fetch(connection, statement)}
    return OwnWords(
        {
            key: Template(row["subject"], row["body"], row["version"])
            for key, row in newest.items()
            if row["subject"] is not None and row["body"] is not None
        }
    )


def words_in_force(own: OwnWords, *, kind: str, language: str) -> tuple[Template, tuple[str, ...]]:
    """The words of a kind and the placeholders they may use; raises BadInput for no such kind."""
    known = known_kind(kind)
    _check_language(language)
    return own.of(known.code, language), known.placeholders


def store_own_words(
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
    """Keep new words for a kind and return their version; mails already planned keep theirs.

    Raises BadInput for an unknown kind, language or placeholder, and for words that could not
    be sent.
    """
    template = Template(subject, body)
    check_template(template, allowed=known_kind(kind).placeholders)
    return _add(connection, merchant, kind, language, template, by, at)


def reset_own_words(
    connection: Connection, merchant: Merchant, *, kind: str, language: str, by: str, at: datetime
) -> int:
    """Go back to the program's words; what was written before is kept as older versions."""
    known_kind(kind)
    return _add(connection, merchant, kind, language, None, by, at)


def _add(
    connection: Connection,
    merchant: Merchant,
    kind: str,
    language: str,
    template: Template | None,
    by: str,
    at: datetime,
) -> int:
    _check_language(language)
    key = {"merchant_id": merchant.id, "kind": kind, "language": language}
    newest = select(func.max(_templates.c.version)).where(
        *(_templates.c[name] == value for name, value in key.items())
    )
    row = {
        **key,
        "subject": None if template is None else template.subject,
        "body": None if template is None else template.body,
        "made_at": at,
        "made_by": by,
    }
    while True:
        version: int = (connection.execute(newest).scalar() or 0) + 1
        fresh = fresh_row(connection, _templates, row | {"version": version})
        unless_known = fresh.on_conflict_do_nothing().returning(_templates.c.version)
        # Where somebody else has just taken the number, that commit is seen now: take the next.
        if connection.execute(unless_known).first() is not None:
            return version


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise BadInput(
            field="language",
            value=language,
            rule="has no words here",
            remedy="use one of " + ", ".join(LANGUAGES),
        )
