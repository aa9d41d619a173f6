"""How a merchant tells people: sender, imprint, language, days of warning; checked when stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, select, update

from billing.deliveries.plain import one_line
from billing.deliveries.templates import LANGUAGES
from billing.store.merchants import Merchant
from billing.store.rows import fetch, insert_many, table_of
from billing.tables import CustomerRow, NoticeRulesRow
from plans import BadInput

__all__ = [
    "BUYER_URL",
    "MAX_UPCOMING_DAYS",
    "NoticeRules",
    "check_address",
    "load_notice_rules",
    "set_customer_language",
    "store_notice_rules",
]

_rules = table_of(NoticeRulesRow)
_customers = table_of(CustomerRow)

MAX_UPCOMING_DAYS = 60
# Amazon Pay Japan names this address for buyers whose card was refused; a setting can change it.
BUYER_URL = "https://pay.amazon.com/jp/jr/your-account/ba/{charge_permission_id}"

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x20\x7f]+@[^\s@<>\"(),:;\\\[\]]+\.[^\s@.<>]+")
_POSTAL_CODE = re.compile(r"\d{3}-?\d{4}")
_LONGEST = 300
_OWN_ADDRESSES = frozenset({"mail_from", "reply_to", "staff_email"})


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """Rules of notices; an empty `mail_from` means that no mail is sent.

    `upcoming_days` before a charge its customer is told (0: never). Amazon asks for ten where
    the amount can vary. `seller_*` is the imprint under every mail. `buyer_url` holds
    `{charge_permission_id}`.
    """

    language: str = "ja"
    upcoming_days: int = 10
    mail_from: str = ""
    mail_name: str = ""
    reply_to: str = ""
    staff_email: str = ""
    seller_name: str = ""
    seller_postal_code: str = ""
    seller_address: str = ""
    seller_phone: str = ""
    seller_url: str = ""
    buyer_url: str = ""

    def __post_init__(self) -> None:
        _check(self)

    def buyer_link(self, charge_permission_id: str) -> str:
        """Amazon's page on which the buyer sees this permission and changes its card."""
        page = self.buyer_url or BUYER_URL
        return page.replace("{charge_permission_id}", charge_permission_id)


def load_notice_rules(connection: Connection, merchant_id: str) -> NoticeRules:
    """The merchant's rules of notices; the defaults where none were set."""
    found = fetch(connection, select(_rules).where(_rules.c.merchant_id == merchant_id))
    if not found:
        return NoticeRules()
    return NoticeRules(**{field.name: found[0][field.name] for field in fields(NoticeRules)})


def store_notice_rules(
    connection: Connection, merchant_id: str, given: Mapping[str, Any]
) -> NoticeRules:
    """Change the given rules, keep the others; raises BadInput for what no mail could use."""
    held = load_notice_rules(connection, merchant_id)
    values = {field.name: getattr(held, field.name) for field in fields(NoticeRules)}
    rules = NoticeRules(**{**values, **given})
    for name in _OWN_ADDRESSES & given.keys():
        _check_own_address(name, getattr(rules, name))
    if not given:
        return rules
    known = update(_rules).where(_rules.c.merchant_id == merchant_id).values(**given)
    if connection.execute(known).rowcount == 0:
        row = NoticeRulesRow(merchant_id=merchant_id, **given)
        insert_many(connection, _rules, [row.model_dump()])
    return rules


def set_customer_language(
    connection: Connection, merchant: Merchant, *, customer_id: str, language: str | None
) -> None:
    """Write to this customer in `language` from now on, or in the merchant's when None.

    Raises BadInput for a language without words, or a customer the merchant does not have.
    """
    if language is not None:
        _check_language(language)
    statement = (
        update(_customers)
        .where(_customers.c.merchant_id == merchant.id, _customers.c.external_id == customer_id)
        .values(language=language)
    )
    if connection.execute(statement).rowcount == 0:
        raise BadInput(
            field="customer",
            value=customer_id,
            rule="no customer of this merchant has that id",
            remedy="look it up with: autopay subscription show SUBSCRIPTION",
        )


def check_address(field: str, address: str) -> None:
    """Refuse what is no single e-mail address; raises BadInput."""
    if not _ADDRESS.fullmatch(address) or len(address) > _LONGEST:
        raise BadInput(
            field=field,
            value=address,
            rule="is no e-mail address",
            remedy="write one address, such as billing@example.jp",
        )


def _check_own_address(field: str, address: str) -> None:
    """An address of the merchant's stands in every mail, so every server must take it."""
    if not address.rpartition("@")[0].isascii():
        raise BadInput(
            field=field,
            value=address,
            rule="has other letters than ASCII before the @, which many mail servers refuse",
            remedy="use an address such as billing@example.jp",
        )


def _check(rules: NoticeRules) -> None:
    _check_language(rules.language)
    if not 0 <= rules.upcoming_days <= MAX_UPCOMING_DAYS:
        raise BadInput(
            field="upcoming_days",
            value=rules.upcoming_days,
            rule=f"is a number of days from 0 to {MAX_UPCOMING_DAYS}",
            remedy="use 10, or 0 to tell nobody before a charge",
        )
    for name in sorted(_OWN_ADDRESSES):
        if getattr(rules, name):
            check_address(name, getattr(rules, name))
    for field in fields(rules):
        _check_line(field.name, str(getattr(rules, field.name)))
    if rules.seller_postal_code and not _POSTAL_CODE.fullmatch(rules.seller_postal_code):
        raise BadInput(
            field="seller_postal_code",
            value=rules.seller_postal_code,
            rule="has seven digits",
            remedy="write it as 153-0064",
        )
    if rules.buyer_url and "{charge_permission_id}" not in rules.buyer_url:
        raise BadInput(
            field="buyer_url",
            value=rules.buyer_url,
            rule="names no charge permission",
            remedy=f"write {{charge_permission_id}} where its id belongs, as in {BUYER_URL}",
        )


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise BadInput(
            field="language",
            value=language,
            rule="has no words here",
            remedy="use one of " + ", ".join(LANGUAGES),
        )


def _check_line(field: str, text: str) -> None:
    if text != one_line(text) or len(text) > _LONGEST:
        raise BadInput(
            field=field,
            value=text,
            rule=f"is one line of at most {_LONGEST} characters",
            remedy="leave line breaks and invisible characters out",
        )
