"""Price migrations for tests: between plans of one price each, valid since always."""

from datetime import date, timedelta

from small_books import SmallBooks

from plans import ALWAYS, Grandfathering, PriceMigration, PriceRef, offer_text


def migration(
    old: str, new: str, *, on: date, stay: Grandfathering | None = None, code: str | None = None
) -> PriceMigration:
    """From the price of one plan to that of another, announced 30 days before."""
    return PriceMigration(
        code=code or f"{old}-{new}",
        valid_from=ALWAYS,
        old=PriceRef(old, ALWAYS),
        new=PriceRef(new, ALWAYS),
        notice_on=on - timedelta(days=30),
        effective_on=on,
        grandfathered=stay,
    )


def store_migration(books: SmallBooks, given: PriceMigration) -> None:
    """Write one version of a migration that has no other."""
    offer = books.add("offer", section=given.section, code=given.code, name_ja="", name_en="")
    store_version(books, offer, given)


def store_version(books: SmallBooks, offer: int, given: PriceMigration) -> None:
    """Write a version of a stored migration."""
    terms = {"valid_from": given.valid_from, "terms": offer_text(given), "content_hash": "-"}
    books.add("offer_version", offer_id=offer, **terms)
