"""How a charge with its refunds is shown to people and to programs."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app.output import say, write_table
from billing import ChargeStory, RefundableCharge, StoredRefund, TaxPart, refund_remedy

Language = Literal["ja", "en"]

REFUND_STATES = {
    "intended": ("返金予定", "to be sent"),
    "in_doubt": ("結果未確定", "in doubt"),
    "pending": ("返金処理中", "Amazon is working on it"),
    "refunded": ("返金済み", "given back"),
    "declined": ("返金不可", "declined"),
    "by_hand": ("振込などで返金済み", "paid by hand"),
    "quarantined": ("要確認", "set aside for a person"),
}
SLOT_STATES = {
    "due": ("請求予定", "due"),
    "open": ("処理中", "under way"),
    "authorized": ("承認済み・出荷待ち", "authorised, waits for its shipment"),
    "waiting_buyer": ("お客様対応待ち", "waits for the buyer"),
    "paid": ("支払い済み", "paid"),
    "refused": ("上限により請求不可", "refused by the cap"),
    "quarantined": ("要確認", "set aside for a person"),
    "uncollectible": ("回収不能", "given up"),
}
_PLAN_COLUMNS = {
    "ja": ("請求枠", "課金番号", "受領額", "返金済み", "今回の返金"),
    "en": ("Reference", "Charge", "Captured", "Given back", "Will be given back"),
}
_REFUND_COLUMNS = {
    "ja": ("返金番号", "課金番号", "円", "状態", "Amazonの返金番号", "理由コード"),
    "en": ("Refund", "Charge", "Yen", "State", "Refund id at Amazon", "Reason code"),
}
_ATTEMPT_COLUMNS = {
    "ja": ("回", "日時", "円", "状態", "課金番号", "理由コード", "送信回数"),
    "en": ("Attempt", "At", "Yen", "State", "Charge", "Reason code", "Sends"),
}
_LEDGER_COLUMNS = {
    "ja": ("記帳日", "仕訳", "勘定", "円(借方+・貸方-)"),
    "en": ("Booked on", "Journal", "Account", "Yen (debit +, credit -)"),
}


def state_word(words: dict[str, tuple[str, str]], state: str, language: Language) -> str:
    """The state in a person's language; a state without a word stands for itself."""
    return words.get(state, (state, state))[0 if language == "ja" else 1]


def show_refund_plan(parts: Sequence[tuple[RefundableCharge, int]], language: Language) -> None:
    """What a refund would take from which charge."""
    rows = [
        (charge.reference, charge.charge_id, charge.captured_yen, charge.refunded_yen, yen)
        for charge, yen in parts
    ]
    write_table(_PLAN_COLUMNS[language], rows)


def show_refunds(refunds: Sequence[StoredRefund], language: Language) -> None:
    """Refunds as they stand, with what to do about those that Amazon did not make."""
    rows = [
        (
            refund.reference,
            refund.charge_id,
            refund.amount_yen,
            state_word(REFUND_STATES, refund.state, language),
            refund.refund_id,
            refund.reason_code,
        )
        for refund in refunds
    ]
    write_table(_REFUND_COLUMNS[language], rows)
    for refund in refunds:
        if refund.state in ("declined", "quarantined"):
            english, japanese = refund_remedy(refund.reason_code)
            say(f"{refund.reference}: {japanese if language == 'ja' else english}")


def show_story(story: ChargeStory, timezone: str, language: Language) -> None:
    """A slot with its attempts, refunds and journals."""
    japanese = language == "ja"
    state = state_word(SLOT_STATES, story.state, language)
    why = "、".join(ja for ja, _ in story.why) if japanese else "; ".join(en for _, en in story.why)
    reason = f" ({story.reason})" if story.reason else ""
    due = _local(story.due_at, timezone)
    amount = f"{story.amount_yen:,}円" if japanese else f"{story.amount_yen:,} yen"
    say(f"{story.reference}: {amount}, {state}{reason}, {'期日' if japanese else 'due'} {due}")
    say(f"{'内訳' if japanese else 'For'}: {why}")
    write_table(
        _ATTEMPT_COLUMNS[language],
        [
            (
                *(a.number, _local(a.at, timezone), a.amount_yen, a.state),
                *(a.charge_id, a.reason_code, a.sends),
            )
            for a in story.attempts
        ],
    )
    if story.refunds:
        show_refunds(story.refunds, language)
    write_table(
        _LEDGER_COLUMNS[language],
        [
            (journal.booked_on, journal.reference, account, yen)
            for journal in story.ledger
            for account, yen in journal.postings
        ],
    )


def refund_record(refund: StoredRefund, timezone: str) -> dict[str, Any]:
    """A refund for programs; instants are in the merchant's zone, yen are whole."""
    english, japanese = refund_remedy(refund.reason_code)
    unmade = refund.state in ("declined", "quarantined")
    return {
        "reference": refund.reference,
        "charge_id": refund.charge_id,
        "amount": refund.amount_yen,
        "state": refund.state,
        "state_ja": state_word(REFUND_STATES, refund.state, "ja"),
        "refund_id": refund.refund_id,
        "reason_code": refund.reason_code,
        "detail": refund.detail,
        "reason": refund.reason,
        "actor": refund.actor,
        "request_id": refund.request_id,
        "requested_at": _iso(refund.requested_at, timezone),
        "answered_at": _iso(refund.answered_at, timezone),
        "taxes": [_tax_record(part) for part in refund.taxes],
        "remedy": {"ja": japanese, "en": english} if unmade else None,
    }


def _tax_record(part: TaxPart) -> dict[str, Any]:
    return {
        "category": part.tax_category,
        "rate": part.rate_percent,
        "gross": part.gross_yen,
        "tax": part.tax_yen,
        "net": part.net_yen,
    }


def story_record(story: ChargeStory, timezone: str) -> dict[str, Any]:
    """A slot with all that belongs to it, for programs."""
    return {
        "reference": story.reference,
        "subscription": story.subscription,
        "subscription_state": story.subscription_state,
        "charge_permission_id": story.charge_permission_id,
        "charge_permission_state": story.permission_state,
        "invoice": story.invoice,
        "cycle": story.cycle,
        "purpose": story.purpose,
        "amount": story.amount_yen,
        "state": story.state,
        "state_ja": state_word(SLOT_STATES, story.state, "ja"),
        "reason": story.reason,
        "due_at": _iso(story.due_at, timezone),
        "declines": story.declines,
        "cap_moves": story.cap_moves,
        "why": [{"ja": ja, "en": en} for ja, en in story.why],
        "attempts": [asdict(a) | {"at": _iso(a.at, timezone)} for a in story.attempts],
        "refunds": [refund_record(refund, timezone) for refund in story.refunds],
        "ledger": [asdict(j) | {"postings": dict(j.postings)} for j in story.ledger],
    }


def _local(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def _iso(at: datetime | None, timezone: str) -> str | None:
    return None if at is None else at.astimezone(ZoneInfo(timezone)).isoformat()
