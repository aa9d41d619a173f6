"""One notice of each kind as the books would hold it, and the mail it becomes.

As a program (`python tests/billing/mail_samples.py`) it writes tests/data/mails anew; look at every
difference before you keep it.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from amazonpay import Environment
from billing.cap.plan import CapRule
from billing.deliveries import KINDS, NoticeRules, OwnWords
from billing.deliveries.composing import Composed, MailFacts, composed
from billing.store.merchants import Merchant
from billing.tax import TaxRounding

FOLDER = Path(__file__).parents[1] / "data" / "mails"
AT = datetime(2026, 11, 30, 0, 0, 5, tzinfo=UTC)  # 9:00 in Tokyo
LATER = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
ENVIRONMENT: Environment = "sandbox"

MERCHANT = Merchant(
    "shop",
    ENVIRONMENT,
    "Asia/Tokyo",
    9,
    50_000,
    CapRule.SPLIT,
    TaxRounding.FLOOR,
    (1, 3, 7, 14),
    "pause",
)
RULES = NoticeRules(
    mail_from="billing@shop.example",
    mail_name="花と珈琲の店",
    reply_to="help@shop.example",
    staff_email="staff@shop.example",
    seller_name="株式会社花と珈琲",
    seller_postal_code="1530064",
    seller_address="東京都目黒区下目黒1-8-1",
    seller_phone="03-0000-0000",
    seller_url="https://shop.example/law",
)
LINES = (
    {
        "description_ja": "チーム 2026年11月30日〜2026年12月29日",
        "description_en": "Team, 2026-11-30 to 2026-12-29",
        "quantity": 3,
        "unit_yen": 1_480,
        "amount_yen": 4_440,
    },
    {
        "description_ja": "珈琲豆 定期便 2026年11月30日〜2026年12月29日",
        "description_en": "Coffee beans, 2026-11-30 to 2026-12-29",
        "quantity": 1,
        "unit_yen": 1_080,
        "amount_yen": 1_080,
    },
)
TAXES = (
    # 4,440 × 10 ÷ 110 = 403.6; 1,080 × 8 ÷ 108 = 80
    {
        "tax_category": "standard",
        "rate_percent": "10",
        "gross_yen": 4_440,
        "tax_yen": 403,
        "net_yen": 4_037,
    },
    {
        "tax_category": "reduced",
        "rate_percent": "8",
        "gross_yen": 1_080,
        "tax_yen": 80,
        "net_yen": 1_000,
    },
)
INVOICE = {"total_yen": 5_520, "offset_yen": 0}
NOTICE = {
    "merchant_id": "shop",
    "subscription": "cust-00003",
    "reference": "cust-00003-0010-renewal",
    "amount_yen": 5_520,
    "reason": None,
    "next_try_at": None,
    "written_at": AT,
    "facts": None,
    "customer_name": "髙橋 花子",
    "customer_language": None,
    "email": "hanako@mail.example",
    "amazon_id": "B03-1234567-1234567",
    "plan_ja": "チーム",
    "plan_en": "Team",
}
_WHY = [
    ["チーム 2026年12月10日〜2027年1月9日 1,480円×3=4,440円", "Team: ¥1,480 × 3 = ¥4,440"],
]
_NO_SLOT = {"reference": None, "amount_yen": None}
CHANGES: dict[str, dict[str, Any]] = {
    "upcoming": {
        "reference": None,
        "amount_yen": 4_440,
        "facts": {"on": "2026-12-10", "cycle": 11, "deadline": "2026-12-09", "why": _WHY},
    },
    "failed": {"reason": "SoftDeclined", "next_try_at": LATER},
    "payment_method_needed": {"reason": "HardDeclined"},
    "change_declined": {"reason": "HardDeclined"},
    "one_off_declined": {"reason": "SoftDeclined", "reference": "cust-00003-order-1"},
    "cap_moved": {"reason": "cap", "next_try_at": LATER},
    "refunded": {"reference": "cust-00003-0010-renewal/refund-1", "amount_yen": 500},
    "paused": {**_NO_SLOT, "facts": {"until": "2027-01-30"}},
    "skipped": {**_NO_SLOT, "facts": {"until": "2027-01-30"}},
    "resumed": {**_NO_SLOT, "facts": {"on": "2026-11-30"}},
    "cancel_scheduled": {**_NO_SLOT, "facts": {"on": "2026-12-30"}},
    "canceled": {"reason": "HardDeclined"},
    "price_change": {
        **_NO_SLOT,
        "facts": {"on": "2027-02-01", "old_yen": 4_440, "new_yen": 4_740},
    },
    "price_stays": {
        **_NO_SLOT,
        "facts": {"on": "2027-02-01", "old_yen": 4_440, "new_yen": 4_740},
    },
    "signed_up": {
        "reference": None,
        "amount_yen": 1_980,
        "facts": {"on": "2026-12-14", "regular_yen": 4_440, "every": ["1か月ごと", "every month"]},
    },
    "sign_in_link": {**_NO_SLOT, "facts": {"seed": "s", "address": "https://my.example.jp"}},
    "amazon_linked": {
        **_NO_SLOT,
        **dict.fromkeys(("subscription", "customer_name", "email", "amazon_id")),
        **dict.fromkeys(("plan_ja", "plan_en")),
        "facts": {"to": "hanako@mail.example", "customer": "髙橋 花子", "language": "en"},
    },
    "cap_refused": {"reason": "cap"},
    "permission_unknown": {"reason": "ResourceNotFound"},
    "permission_closed": {**_NO_SLOT, "reason": "BuyerClosed"},
    "permission_suspended": {**_NO_SLOT, "reason": "PaymentMethodDeleted"},
    # 15:30 of the 19th in UTC is the 20th in Tokyo.
    "permission_expires": {**_NO_SLOT, "facts": {"expires_at": "2026-12-19T15:30:00+00:00"}},
    "limit_lowered": {**_NO_SLOT, "facts": {"limit_yen": 1_000}},
    "quarantined": {"reason": "contradiction"},
    "refund_declined": {
        "reason": "AmazonRejected",
        "reference": "cust-00003-0010-renewal/refund-1",
    },
    "refund_quarantined": {
        "reason": "contradiction",
        "reference": "cust-00003-0010-renewal/refund-1",
    },
    "refund_by_hand": {"reference": None, "amount_yen": 700},
    "returned_too_much": {"amount_yen": 500, "reason": "6020 of 5520 yen went back"},
    "shipment_overdue": {"reason": "not shipped"},
    "webhook_disabled": {
        **_NO_SLOT,
        **dict.fromkeys(("subscription", "customer_name", "email", "amazon_id")),
        **dict.fromkeys(("plan_ja", "plan_en")),
        "reason": "warehouse",
    },
    **{
        kind: {
            **_NO_SLOT,
            **dict.fromkeys(("subscription", "customer_name", "email", "amazon_id")),
            **dict.fromkeys(("plan_ja", "plan_en")),
            "reason": "hanako: Telephone",
        }
        for kind in ("passkey_added", "passkey_removed", "passkey_copied")
    },
    "other": {"kind": "something_new", "reason": "why"},
}


def sample(
    kind: str,
    language: str,
    *,
    words: OwnWords | None = None,
    invoice: Mapping[str, Any] = INVOICE,
    rules: NoticeRules = RULES,
    **changes: Any,
) -> Composed:
    """The mail of one kind; `changes` are columns of the notice or its customer."""
    row = {
        **NOTICE,
        "kind": kind,
        "customer_language": language,
        **CHANGES.get(kind, {}),
        **changes,
    }
    if isinstance(row["facts"], dict):
        row["facts"] = json.dumps(row["facts"], ensure_ascii=False)
    has_slot = row["reference"] is not None
    facts = MailFacts(
        notice=row,
        invoice=invoice if has_slot else None,
        lines=LINES if has_slot else (),
        taxes=TAXES if has_slot else (),
    )
    # Staff read the merchant's language, whatever the customer speaks.
    theirs = NoticeRules(**{**_values(rules), "language": language})
    target = KINDS[kind].audience
    return composed(facts, MERCHANT, theirs, words or OwnWords({}), target=target)


def _values(rules: NoticeRules) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in NoticeRules.__slots__}


def text_of(mail: Composed) -> str:
    """A mail as a file of the folder holds it."""
    return f"To: {mail.recipient}\nSubject: {mail.subject}\n\n{mail.body}"


def file_of(kind: str, language: str) -> Path:
    """Where the mail of a kind in a language lies."""
    return FOLDER / f"{kind}.{language}.txt"


if __name__ == "__main__":
    for each in KINDS:
        for tongue in ("ja", "en"):
            file_of(each, tongue).write_text(text_of(sample(each, tongue)), encoding="utf-8")
