"""Small books written row by row, so that what reads them is not proved by what charges."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, MetaData, PrimaryKeyConstraint, insert

from billing.tables import metadata

MERCHANT = "shop"
AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # noon in Tokyo
CHARGED_AT = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)  # 9:00 in Tokyo

ANCHOR = {"anchor_year": 2026, "anchor_month": 11, "anchor_day": 20}


def unguarded() -> MetaData:
    """The same tables without any constraint: an audit must not lean on what guards the books."""
    bare = MetaData()
    for table in metadata.sorted_tables:
        copy = table.to_metadata(bare)
        copy.constraints = {c for c in copy.constraints if isinstance(c, PrimaryKeyConstraint)}
        copy.indexes.clear()
    return bare


class SmallBooks:
    """Writes rows; whatever is not given gets a plain default. Ids are returned."""

    def __init__(self, connection: Connection, **rules: Any) -> None:
        self.connection = connection
        self._ids: dict[str, int] = {}
        defaults = {
            "environment": "sandbox",
            "seller_id": "A1",
            "store_id": "amzn1.store",
            "public_key_id": "SANDBOX-A",
            "algorithm": "AMZN-PAY-RSASSA-PSS-V2",
            "sealed_private_key": b"-",
            "key_fingerprint": "-",
            "timezone": "Asia/Tokyo",
            "charge_hour": 9,
            "cap_yen": 50_000,
            "cap_rule": "split",
            "tax_rounding": "floor",
            "dunning_days": "1,3,7,14",
            "dunning_end": "pause",
        }
        self._insert("merchant", {"id": MERCHANT, **defaults, **rules})

    def add(self, table: str, **values: Any) -> int:
        """Insert one row with the next id of its table."""
        self._ids[table] = self._ids.get(table, 0) + 1
        self._insert(table, {"id": self._ids[table], "merchant_id": MERCHANT, **values})
        return self._ids[table]

    def write(self, table: str, **values: Any) -> None:
        """Insert one row exactly as given."""
        self._insert(table, values)

    def _insert(self, table: str, values: dict[str, Any]) -> None:
        self.connection.execute(insert(metadata.tables[table]).values(values))

    def price(self, *, code: str = "basic", amount_yen: int = 3_000, **terms: Any) -> int:
        """A plan with one price."""
        plan = self.add("plan", code=code, name_ja=f"プラン{code}", name_en=f"Plan {code}")
        defaults = {
            "valid_from": date(1970, 1, 1),
            "tax_category": "standard",
            "interval_unit": "month",
            "interval_count": 1,
            "anchor_rule": "keep_day",
            "per_seat": False,
            "trial_days": 0,
            "minimum_cycles": 0,
            "physical": False,
            "content_hash": "-",
        }
        return self.add("price", **{**defaults, "plan_id": plan, "amount_yen": amount_yen, **terms})

    def permission(self, **values: Any) -> int:
        """A charge permission, Chargeable with Amazon's usual limit."""
        number = self._ids.get("charge_permission", 0) + 1
        amazon_id = f"B01-0000000-{number:07d}"
        defaults = {"buyer_id": "-", "state": "Chargeable", "amount_limit_yen": 100_000}
        return self.add("charge_permission", **{"amazon_id": amazon_id, **defaults, **values})

    def subscription(self, name: str, *, price: int, permission: int, **values: Any) -> int:
        """A subscription of a customer of its own; active, next due a month after AT."""
        customer = {"name": f"顧客 {name}", "kana": "", "postal_code": "", "note": ""}
        email = f"{name}@example.jp"
        customer_id = self.add("customer", external_id=f"c-{name}", email=email, **customer)
        defaults = {
            **ANCHOR,
            "external_id": name,
            "customer_id": customer_id,
            "permission_id": permission,
            "price_id": price,
            "quantity": 1,
            "state": "active",
            "started_on": date(2026, 11, 20),
            "first_cycle": 0,
            "next_cycle": 1,
            "cycles_done": 1,
            "due_at": datetime(2026, 12, 20, 0, 0, tzinfo=UTC),
            "cancel_at_period_end": False,
        }
        return self.add("subscription", **{**defaults, **values})

    def invoice(self, subscription: int, number: str, total_yen: int, **values: Any) -> int:
        """An open invoice of cycle 0 with its line, tax (10 %, floor) and journal."""
        defaults = {
            "cycle": 0,
            "state": "open",
            "issued_on": date(2026, 11, 20),
            "period_start": date(2026, 11, 20),
            "period_end": date(2026, 12, 20),
            "paid_yen": 0,
        }
        row = {**defaults, "subscription_id": subscription, "number": number, **values}
        invoice_id = self.add("invoice", total_yen=total_yen, **row)
        tax_yen = total_yen * 10 // 110
        self._write_line(invoice_id, total_yen, tax_yen)
        income = {"sales:standard": tax_yen - total_yen, "consumption_tax:standard": -tax_yen}
        self.journal(
            f"{number}/issued",
            "invoice_issued",
            invoice_id,
            customer_receivable=total_yen,
            **income,
        )
        return invoice_id

    def _write_line(self, invoice_id: int, total_yen: int, tax_yen: int) -> None:
        category = {"invoice_id": invoice_id, "tax_category": "standard"}
        words = {"description_ja": "プランbasic", "description_en": "Plan basic"}
        line = {"position": 1, "kind": "plan", "quantity": 1, "unit_yen": total_yen, **words}
        self._insert("invoice_line", {**category, **line, "amount_yen": total_yen})
        tax = {"gross_yen": total_yen, "tax_yen": tax_yen, "net_yen": total_yen - tax_yen}
        self._insert("invoice_tax", {**category, "rate_percent": "10", **tax})

    def journal(self, reference: str, kind: str, invoice_id: int, **postings: int) -> int:
        """A journal with its postings, account → signed yen."""
        row = {"reference": reference, "kind": kind, "invoice_id": invoice_id}
        journal_id = self.add("journal", booked_on=date(2026, 11, 20), **row)
        for account, amount_yen in postings.items():
            posting = {"journal_id": journal_id, "account": account, "amount_yen": amount_yen}
            self._insert("posting", posting)
        return journal_id

    def slot(self, invoice: int, subscription: int, permission: int, **values: Any) -> int:
        """A due slot of cycle 0."""
        defaults = {
            "cycle": 0,
            "purpose": "renewal",
            "part": 1,
            "reference": f"i{invoice}-renewal",
            "amount_yen": 3_000,
            "state": "due",
            "first_due_at": CHARGED_AT,
            "due_at": CHARGED_AT,
            "attempts": 0,
            "declines": 0,
            "cap_moves": 0,
        }
        owner = {"subscription_id": subscription, "permission_id": permission}
        return self.add("slot", **{**defaults, "invoice_id": invoice, **owner, **values})

    def attempt(self, slot: int, permission: int, **values: Any) -> int:
        """A captured attempt."""
        number = self._ids.get("attempt", 0) + 1
        defaults = {
            "number": 1,
            "idempotency_key": f"key-{number}",
            "body": b"{}",
            "amount_yen": 3_000,
            "state": "captured",
            "worker_id": "w",
            "intended_at": CHARGED_AT,
            "look_at": CHARGED_AT,
            "sends": 1,
            "charge_id": f"B01-0000000-0000000-C{number:06d}",
        }
        owner = {"slot_id": slot, "permission_id": permission}
        return self.add("attempt", **{**defaults, **owner, **values})

    def cap(self, permission: int, *, month: str = "2026-11", used: int = 0, held: int = 0) -> None:
        """A cap month."""
        row = {"permission_id": permission, "month": month, "limit_yen": 50_000}
        self._insert("cap_month", {**row, "used_yen": used, "held_yen": held})

    def hold(self, attempt: int, permission: int, amount_yen: int, state: str) -> None:
        """What an attempt takes of November 2026."""
        row = {"attempt_id": attempt, "permission_id": permission, "month": "2026-11"}
        self._insert("cap_hold", {**row, "amount_yen": amount_yen, "state": state})
