"""Makes a mail of a notice: the facts from the books, the merchant's words, the imprint.

Everything a mail says is read from rows that never change (invoice lines, tax, the notice itself),
and the words are frozen with the delivery before the first try: a repetition says the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.dates import civil_date
from billing.deliveries.kinds import CUSTOMER, kind_of
from billing.deliveries.mail_words import (
    addressed,
    day_words,
    lines_words,
    part_words,
    tax_words,
    yen_words,
)
from billing.deliveries.own_words import OwnWords
from billing.deliveries.plain import one_line
from billing.deliveries.reasons import reason_words
from billing.deliveries.rules import NoticeRules
from billing.deliveries.templates import fill
from billing.refunds import refund_remedy
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import (
    ChargePermissionRow,
    CustomerRow,
    InvoiceLineRow,
    InvoiceRow,
    InvoiceTaxRow,
    NoticeRow,
    PlanRow,
    PriceRow,
    SlotRow,
    SubscriptionRow,
)

__all__ = ["Composed", "MailFacts", "composed", "load_mail_facts"]

# Stands in the stored words; the secret itself is put in when the mail is sent, and nowhere kept.
LINK_MARK = "<< sign-in link >>"

_notices = table_of(NoticeRow)
_subscriptions = table_of(SubscriptionRow)
_customers = table_of(CustomerRow)
_permissions = table_of(ChargePermissionRow)
_prices = table_of(PriceRow)
_plans = table_of(PlanRow)
_slots = table_of(SlotRow)
_invoices = table_of(InvoiceRow)
_lines = table_of(InvoiceLineRow)
_taxes = table_of(InvoiceTaxRow)


@dataclass(frozen=True, slots=True)
class MailFacts:
    """What the books hold about one notice; `invoice` is None for what has no slot."""

    notice: Row
    invoice: Row | None
    lines: tuple[Row, ...]
    taxes: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail's words and whom they are for; `version` is that of the words (0: the program's)."""

    recipient: str
    language: str
    version: int
    subject: str
    body: str


def load_mail_facts(connection: Connection, notice_ids: Sequence[int]) -> dict[int, MailFacts]:
    """What the books hold about notices, by their ids; a fixed number of queries."""
    notices = fetch(connection, _notice_query().where(_notices.c.id.in_(notice_ids)))
    invoice_ids = {row["invoice_id"] for row in notices if row["invoice_id"] is not None}
    invoices = _by(connection, _invoices, _invoices.c.id, invoice_ids)
    lines = _by(connection, _lines, _lines.c.invoice_id, invoice_ids, _lines.c.position)
    taxes = _by(connection, _taxes, _taxes.c.invoice_id, invoice_ids, _taxes.c.tax_category.desc())
    return {
        row["id"]: MailFacts(
            notice=row,
            invoice=next(iter(invoices.get(row["invoice_id"], ())), None),
            lines=tuple(lines.get(row["invoice_id"], ())),
            taxes=tuple(taxes.get(row["invoice_id"], ())),
        )
        for row in notices
    }


def _notice_query() -> Any:
    same_slot = (_slots.c.merchant_id == _notices.c.merchant_id) & (
        _slots.c.reference == _notices.c.reference
    )
    return (
        select(
            _notices,
            _subscriptions.c.external_id.label("subscription"),
            _customers.c.name.label("customer_name"),
            _customers.c.email,
            _customers.c.language.label("customer_language"),
            _permissions.c.amazon_id,
            _plans.c.name_ja.label("plan_ja"),
            _plans.c.name_en.label("plan_en"),
            _slots.c.invoice_id,
        )
        .outerjoin(_subscriptions, _subscriptions.c.id == _notices.c.subscription_id)
        .outerjoin(_customers, _customers.c.id == _subscriptions.c.customer_id)
        .outerjoin(_permissions, _permissions.c.id == _subscriptions.c.permission_id)
        .outerjoin(_prices, _prices.c.id == _subscriptions.c.price_id)
        .outerjoin(_plans, _plans.c.id == _prices.c.plan_id)
        .outerjoin(_slots, same_slot)
    )


def _by(
    connection: Connection, table: Any, key: Any, ids: Any, *order: Any
) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    if ids:
        for row in fetch(connection, select(table).where(key.in_(ids)).order_by(key, *order)):
            found.setdefault(row[key.name], []).append(row)
    return found


def composed(
    facts: MailFacts, merchant: Merchant, rules: NoticeRules, words: OwnWords, *, target: str
) -> Composed:
    """Write the mail of a notice to its customer or to the staff."""
    notice = facts.notice
    told: dict[str, Any] = json.loads(notice["facts"] or "{}")
    chosen = notice["customer_language"] or told.get("language")
    language = (chosen if target == CUSTOMER else None) or rules.language
    kind = kind_of(notice["kind"]).code
    template = words.of(kind, language)
    values = _values(facts, merchant, rules, language)
    return Composed(
        # Who has no subscription yet is named by the notice itself.
        recipient=str(notice["email"] or told.get("to") or "")
        if target == CUSTOMER
        else rules.staff_email,
        language=language,
        version=template.version,
        subject=one_line(fill(template.subject, values)),
        body=f"{fill(template.body, values)}\n{_imprint(rules, language)}",
    )


def _values(
    facts: MailFacts, merchant: Merchant, rules: NoticeRules, language: str
) -> Mapping[str, str]:
    notice = facts.notice
    told: dict[str, Any] = json.loads(notice["facts"] or "{}")
    japanese = language == "ja"

    def day(instant: datetime | None) -> str:
        on = None if instant is None else civil_date(at=instant, timezone=merchant.timezone)
        return day_words(on, language)

    def told_day(name: str) -> str:
        return day_words(date.fromisoformat(told[name]), language) if told.get(name) else ""

    def lapses() -> str:
        at = told.get("expires_at")
        return day(datetime.fromisoformat(at)) if at else ""

    def yen(amount: int | None) -> str:
        return yen_words(amount, language)

    customer = one_line(notice["customer_name"] or told.get("customer") or "")
    remedy_en, remedy_ja = refund_remedy(notice["reason"])
    about_money = notice["amount_yen"] is not None
    return {
        "name": addressed(customer, language),
        "customer": customer,
        "subscription": one_line(notice["subscription"] or ""),
        "plan": one_line(notice["plan_ja" if japanese else "plan_en"] or ""),
        "seller": rules.seller_name or rules.mail_name,
        "kind": notice["kind"],
        "day": told_day("on") or day(notice["written_at"]),
        "charge_day": told_day("on"),
        "deadline": f"{told_day('deadline')} 23:59" if told.get("deadline") else "",
        "until": told_day("until"),
        "lapses": lapses(),
        "next_try": day(notice["next_try_at"]),
        "amount": yen(notice["amount_yen"]),
        "old_amount": yen(told.get("old_yen")),
        "new_amount": yen(told.get("new_yen")),
        "limit": yen(told.get("limit_yen")),
        "fee": yen(told.get("fee_yen") or None),
        "lines": lines_words(facts.lines, told.get("why", ()), language),
        "tax": tax_words(facts.taxes, merchant.tax_rounding, language),
        "part": part_words(facts.invoice, notice["amount_yen"], language),
        "reference": notice["reference"] or "",
        "reason": reason_words(notice["reason"])[0 if japanese else 1] if about_money else "",
        "code": notice["reason"] or "",
        "remedy": remedy_ja if japanese else remedy_en,
        "regular": yen(told.get("regular_yen")),
        "every": (told.get("every") or ("", ""))[0 if japanese else 1],
        "link": LINK_MARK if told.get("seed") else "",
        "buyer_link": rules.buyer_link(notice["amazon_id"] or "") if about_money else "",
    }


def _imprint(rules: NoticeRules, language: str) -> str:
    """Who sends this: under every mail, so that no merchant's own words can leave it out."""
    code = rules.seller_postal_code.replace("-", "")
    postal = f"〒{code[:3]}-{code[3:]}" if code else ""
    address = " ".join(each for each in (postal, rules.seller_address) if each)
    phone, page = ("電話", "特定商取引法に基づく表記") if language == "ja" else ("Phone", "Imprint")
    lines = (
        rules.seller_name or rules.mail_name,
        address,
        f"{phone}: {rules.seller_phone}" if rules.seller_phone else "",
        rules.reply_to,
        f"{page}: {rules.seller_url}" if rules.seller_url else "",
    )
    given = "\n".join(line for line in lines if line)
    return f"\n-- \n{given}\n" if given else ""
