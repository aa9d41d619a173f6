"""Add-ons, coupons, families and price migrations in the database: versions that never change.

Their names are words and may change at any time; their terms are kept as canonical text, so the
same terms are the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of, update_many
from billing.tables import OfferRow, OfferVersionRow
from plans import AddOn, Coupon, Offer, offer_from_text, offer_text

__all__ = ["OfferChange", "differing_offers", "load_offers", "store_offers"]

_offers = table_of(OfferRow)
_versions = table_of(OfferVersionRow)

_Entry = tuple[str, str]
_Version = tuple[str, str, date]


@dataclass(frozen=True, slots=True)
class OfferChange:
    """What an import did with offers."""

    added: int
    renamed: int
    unchanged: int


def load_offers(connection: Connection, merchant_id: str) -> tuple[Offer, ...]:
    """Read every version of every offer of a merchant, by section, code and date."""
    return tuple(
        offer_from_text(
            section=row["section"],
            code=row["code"],
            valid_from=row["valid_from"],
            names=(row["name_ja"], row["name_en"]),
            text=row["terms"],
        )
        for row in _stored_versions(connection, merchant_id)
    )


def differing_offers(
    connection: Connection, merchant_id: str, given: Iterable[Offer]
) -> tuple[Offer, ...]:
    """List the versions that are stored with other terms: somebody may have agreed to those."""
    stored = {_version(row): row for row in _stored_versions(connection, merchant_id)}
    return tuple(
        offer
        for offer in given
        if (row := stored.get(_key(offer))) is not None and row["terms"] != offer_text(offer)
    )


def store_offers(connection: Connection, merchant_id: str, given: Sequence[Offer]) -> OfferChange:
    """Write what is new, in the caller's transaction; `differing_offers` must have found none."""
    entries = _stored_entries(connection, merchant_id)
    stored = {_version(row) for row in _stored_versions(connection, merchant_id)}
    words = {(offer.section, offer.code): _names(offer) for offer in given}
    renamed = [
        {"id": row["id"], "name_ja": words[entry][0], "name_en": words[entry][1]}
        for entry, row in entries.items()
        if entry in words and (row["name_ja"], row["name_en"]) != words[entry]
    ]
    update_many(connection, _offers, renamed)
    new_entries = {entry: named for entry, named in words.items() if entry not in entries}
    ids = {entry: row["id"] for entry, row in entries.items()}
    ids |= _insert_entries(connection, merchant_id, new_entries)
    new = [offer for offer in given if _key(offer) not in stored]
    rows = [_row(merchant_id, ids[offer.section, offer.code], offer) for offer in new]
    insert_many(connection, _versions, rows)
    return OfferChange(added=len(new), renamed=len(renamed), unchanged=len(given) - len(new))


def _stored_entries(connection: Connection, merchant_id: str) -> dict[_Entry, Row]:
    statement = select(_offers).where(_offers.c.merchant_id == merchant_id)
    return {(row["section"], row["code"]): row for row in fetch(connection, statement)}


def _stored_versions(connection: Connection, merchant_id: str) -> list[Row]:
    statement = (
        select(
            _offers.c.section,
            _offers.c.code,
            _offers.c.name_ja,
            _offers.c.name_en,
            _versions.c.valid_from,
            _versions.c.terms,
        )
        .join(_versions, _versions.c.offer_id == _offers.c.id)
        .where(_offers.c.merchant_id == merchant_id)
        .order_by(_offers.c.section, _offers.c.code, _versions.c.valid_from)
    )
    return fetch(connection, statement)


def _insert_entries(
    connection: Connection, merchant_id: str, entries: Mapping[_Entry, tuple[str, str]]
) -> dict[_Entry, int]:
    rows = [
        {
            "merchant_id": merchant_id,
            "section": section,
            "code": code,
            "name_ja": names[0],
            "name_en": names[1],
        }
        for (section, code), names in entries.items()
    ]
    return dict(zip(entries, insert_returning_ids(connection, _offers, rows), strict=True))


def _row(merchant_id: str, offer_id: int, offer: Offer) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "offer_id": offer_id,
        "valid_from": offer.valid_from,
        "terms": offer_text(offer),
        "content_hash": offer.content_hash,
    }


def _names(offer: Offer) -> tuple[str, str]:
    """Families and migrations have no names, only codes."""
    return (offer.name_ja, offer.name_en) if isinstance(offer, AddOn | Coupon) else ("", "")


def _key(offer: Offer) -> _Version:
    return offer.section, offer.code, offer.valid_from


def _version(row: Row) -> _Version:
    return row["section"], row["code"], row["valid_from"]
