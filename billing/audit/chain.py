"""Verifies the hash chain: every entry of the append-only books against the links, streamed.

It finds every entry that was changed, deleted or inserted since it was chained, and every link that
was. Only what stands behind the newest link, or a tail cut off together with its links, needs more:
a head that was kept outside the database.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, DateTime, LargeBinary, text

from billing.audit.books import Finding
from billing.audit.sql import Family
from billing.books.chain import LARGEST_LINK, Fault, FaultKind, Head, Link, faults
from billing.books.chain_books import BOOKS, Book, entries_of, newest_id, row_name

__all__ = ["ChainReport", "audit_chain", "chain_heads"]

LINKS_AT_A_TIME = 200
IDS_AT_A_TIME = 5_000
MOST_FINDINGS = 50
LATE_AFTER = timedelta(hours=26)
"""Links are made every minute: a day without one, while entries wait, is a job that died."""

_LINKS = text(
    "SELECT number, last_id, entries, leaves, digest, chained_at FROM chain_link "
    "WHERE book = :book AND number > :after ORDER BY number LIMIT :page"
).columns(leaves=LargeBinary, digest=LargeBinary, chained_at=DateTime(timezone=True))

_HEAD = text(
    "SELECT number, last_id, digest FROM chain_link WHERE book = :book "
    "AND number = COALESCE(:number, (SELECT MAX(number) FROM chain_link WHERE book = :book))"
).columns(digest=LargeBinary)

_WORDS = {
    FaultKind.CHANGED: (
        "it was changed after it was chained (link {number} of {book})",
        "記録後に変更されています({book}の鎖 {number})",
    ),
    FaultKind.DELETED: (
        "it was deleted after it was chained (link {number} of {book})",
        "記録後に削除されています({book}の鎖 {number})",
    ),
    FaultKind.INSERTED: (
        "it was inserted among entries that were chained already (link {number} of {book})",
        "記録済みの範囲に後から挿入されています({book}の鎖 {number})",
    ),
    FaultKind.LINK: (
        "the link itself was changed, or the one before it is missing: no entry up to it is proven",
        "鎖そのものが変更されたか、前の鎖が失われています。ここまでの記録は証明できません",
    ),
}


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was verified: entries under links, entries that wait for one, and the faults.

    `heads` are what the next verification may start from; kept elsewhere they prove the tail.
    """

    verified: int
    waiting: int
    heads: tuple[Head, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Tally:
    verified: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.findings) >= MOST_FINDINGS


def chain_heads(connection: Connection) -> tuple[Head, ...]:
    """The newest link of every book; number 0 for a book that has none."""
    return tuple(_head(connection, book.name, None) or Head(book.name) for book in BOOKS)


def audit_chain(
    connection: Connection,
    *,
    at: datetime,
    known: Sequence[Head] = (),
    since: Sequence[Head] = (),
) -> ChainReport:
    """Verify the chain of every book of the database, all merchants alike; nothing is written.

    `known` are heads that were kept elsewhere: each must still be in the chain. Of books in
    `since` only what came after that head is verified. `at` is now, by a clock of this machine.
    """
    tally = _Tally()
    trusted = {head.book: head for head in since}
    for head in (*known, *since):
        tally.findings += _missing(connection, head)
    heads = [_verify(connection, book, trusted.get(book.name), tally) for book in BOOKS]
    waiting = 0
    for book, head in zip(BOOKS, heads, strict=True):
        late = newest_id(connection, book)
        if late > head.last_id:
            waiting += _waiting(connection, book, head.last_id, late)
            tally.findings += _late(connection, head, at)
    return ChainReport(tally.verified, waiting, tuple(heads), tuple(tally.findings))


def _waiting(connection: Connection, book: Book, after: int, upto: int) -> int:
    """How many entries wait for a link; in steps, for books that were never chained are long."""
    return sum(
        len(entries_of(connection, book, after=first, upto=min(first + IDS_AT_A_TIME, upto)))
        for first in range(after, upto, IDS_AT_A_TIME)
    )


def _missing(connection: Connection, head: Head) -> Iterator[Finding]:
    """A head that we knew must still be there, whatever came after it."""
    if head.number == 0 or _head(connection, head.book, head.number) == head:
        return
    yield Finding(
        Family.CHAIN,
        "chain_head_lost",
        f"{head.book} link {head.number}",
        "the chain no longer holds a link that was known outside: its end was cut off or "
        "rewritten, or the books were restored from an older backup",
        "外部に控えた鎖がありません。末尾が切り取られたか書き換えられた、"
        "または古いバックアップから復元されています",
    )


def _verify(connection: Connection, book: Book, start: Head | None, tally: _Tally) -> Head:
    previous = start or Head(book.name)
    while page := _links(connection, book, previous):
        for batch in _batches(page):
            entries = entries_of(
                connection, book, after=previous.last_id, upto=max(one.last_id for one in batch)
            )
            begin = 0
            for one in batch:
                end = bisect_right(entries, one.last_id, lo=begin, key=itemgetter(0))
                tally.verified += one.entries
                for fault in faults(previous, one, entries[begin:end]):
                    tally.findings.append(_finding(connection, book, fault))
                previous, begin = one.head, end
        if tally.is_full:
            return previous
    return previous


def _batches(page: Sequence[Link]) -> Iterator[list[Link]]:
    """Links whose entries are read together: small shops have many links of a few entries."""
    batch: list[Link] = []
    for one in page:
        if batch and sum(each.entries for each in batch) + one.entries > LARGEST_LINK:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _links(connection: Connection, book: Book, after: Head) -> list[Link]:
    parameters = {"book": book.name, "after": after.number, "page": LINKS_AT_A_TIME}
    rows: list[dict[str, Any]] = [
        dict(row) for row in connection.execute(_LINKS, parameters).mappings()
    ]
    return [
        Link(**(row | {"book": book.name, "chained_at": _aware(row["chained_at"])})) for row in rows
    ]


def _head(connection: Connection, book: str, number: int | None) -> Head | None:
    found = connection.execute(_HEAD, {"book": book, "number": number}).first()
    return None if found is None else Head(book, *found)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _late(connection: Connection, head: Head, at: datetime) -> Iterator[Finding]:
    """Entries wait although there were links: whoever makes them has stopped."""
    if head.number == 0:
        return
    (newest,) = _links(connection, _book(head.book), Head(head.book, head.number - 1))[:1]
    if at - newest.chained_at > LATE_AFTER:
        yield Finding(
            Family.CHAIN,
            "chain_not_kept_up",
            head.book,
            f"entries wait for the chain, the last link is of {newest.chained_at:%Y-%m-%d %H:%M} "
            "UTC; check that a worker runs",
            f"最後の鎖は{newest.chained_at:%Y-%m-%d %H:%M} UTCのものです。"
            "ワーカーの稼働を確認してください",
        )


def _book(name: str) -> Book:
    return next(book for book in BOOKS if book.name == name)


def _finding(connection: Connection, book: Book, fault: Fault) -> Finding:
    en, ja = _WORDS[fault.kind]
    shown = {"number": fault.number, "book": book.name}
    subject = f"{book.name} link {fault.number}"
    if fault.entry_id is not None:
        subject = row_name(connection, book, fault.entry_id)
    return Finding(
        Family.CHAIN, f"chain_{fault.kind}", subject, en.format(**shown), ja.format(**shown)
    )
