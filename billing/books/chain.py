"""The hash chain of the append-only books. Pure: entries in, links and faults out.

A link covers some hundred entries of one book. It keeps id and SHA-256 of each, so that the first
entry that does not fit can be named, and its digest covers the digest of the link before, so that
no link can be changed alone. Nobody who charges waits for it: links are made after the commit.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

__all__ = ["LARGEST_LINK", "Entry", "Fault", "FaultKind", "Head", "Link", "faults", "leaf", "link"]

LARGEST_LINK = 1_000
"""Entries of one link at most: its leaves are 40 KB then, read in one go."""

VERSION = b"autopay chain 1"
ID_BYTES = 8
LEAF_BYTES = ID_BYTES + hashlib.sha256().digest_size

_json = json.JSONEncoder(ensure_ascii=False, default=repr).encode

Entry = tuple[int, bytes]
"""Id of an entry, and its leaf."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a book is chained: kept outside the database, it shows that a tail was cut off."""

    book: str
    number: int = 0
    last_id: int = 0
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Link:
    """One link as stored; `leaves` holds id and leaf of each entry, one after another."""

    book: str
    number: int
    last_id: int
    entries: int
    leaves: bytes
    digest: bytes
    chained_at: datetime

    @property
    def head(self) -> Head:
        """The chain up to and with this link."""
        return Head(self.book, self.number, self.last_id, self.digest)


class FaultKind(StrEnum):
    """In which way an entry, or a link, does not fit."""

    CHANGED = "changed"
    DELETED = "deleted"
    INSERTED = "inserted"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing of a link that does not fit; `entry_id` is None for the link itself."""

    book: str
    number: int
    kind: FaultKind
    entry_id: int | None = None


def leaf(values: Sequence[object]) -> bytes:
    """SHA-256 of an entry; `values` are texts, whole numbers, None, and lists of them."""
    # JSON says where each value ends and what kind it is: 1 and "1" differ, so do ["ab"] and
    # ["a", "b"].
    # A value of another kind (SQLite stores anything) must not end the audit but differ.
    return hashlib.sha256(_json(values).encode(errors="surrogatepass")).digest()


def link(previous: Head, entries: Sequence[Entry], *, at: datetime) -> Link:
    """The link after `previous` over at least one entry, ids ascending."""
    leaves = _packed(entries)
    last_id = entries[-1][0]
    number = previous.number + 1
    digest = _digest(previous, number, last_id, len(entries), leaves, at)
    return Link(previous.book, number, last_id, len(entries), leaves, digest, at)


def faults(previous: Head, found: Link, entries: Sequence[Entry]) -> Iterator[Fault]:
    """What does not fit in a link and the entries that stand in its range now."""
    first = _first_difference(found, entries)
    if first is not None:
        yield first
    if not _follows(previous, found):
        yield Fault(found.book, found.number, FaultKind.LINK)


def _follows(previous: Head, found: Link) -> bool:
    whole = len(found.leaves) == found.entries * LEAF_BYTES and found.entries > 0
    ends = whole and _ids(found.leaves[-LEAF_BYTES:]) == [found.last_id]
    counted = found.number == previous.number + 1
    digest = _digest(
        previous, found.number, found.last_id, found.entries, found.leaves, found.chained_at
    )
    return ends and counted and digest == found.digest


def _first_difference(found: Link, entries: Sequence[Entry]) -> Fault | None:
    if _packed(entries) == found.leaves:
        return None
    kept = dict(_unpacked(found.leaves))
    now = dict(entries)
    for entry_id in sorted(kept.keys() | now.keys()):
        if entry_id not in now:
            return Fault(found.book, found.number, FaultKind.DELETED, entry_id)
        if entry_id not in kept:
            return Fault(found.book, found.number, FaultKind.INSERTED, entry_id)
        if kept[entry_id] != now[entry_id]:
            return Fault(found.book, found.number, FaultKind.CHANGED, entry_id)
    return Fault(found.book, found.number, FaultKind.LINK)


def _digest(
    previous: Head, number: int, last_id: int, entries: int, leaves: bytes, at: datetime
) -> bytes:
    moment = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    frame = [previous.book, number, last_id, entries, moment, previous.digest.hex()]
    return hashlib.sha256(VERSION + json.dumps(frame).encode() + leaves).digest()


def _packed(entries: Sequence[Entry]) -> bytes:
    return b"".join(
        [entry_id.to_bytes(ID_BYTES, "big", signed=True) + digest for entry_id, digest in entries]
    )


def _unpacked(leaves: bytes) -> Iterator[Entry]:
    for begin in range(0, len(leaves) - LEAF_BYTES + 1, LEAF_BYTES):
        one = leaves[begin : begin + LEAF_BYTES]
        yield int.from_bytes(one[:ID_BYTES], "big", signed=True), one[ID_BYTES:]


def _ids(leaves: bytes) -> list[int]:
    return [entry_id for entry_id, _ in _unpacked(leaves)]
