"""Dunning in words, Japanese and English: why a try is on its day, and how it ends. Pure."""

from datetime import date

from billing.dunning.reasons import RETRYABLE
from billing.dunning.steps import Move, MoveCause
from plans import DunningEnd

__all__ = ["end_words", "move_words", "reason_words"]

_ENDS = {
    DunningEnd.PAUSE: (
        "未払いの請求書を償却し、契約を休止します",
        "the invoice is written off and the agreement pauses",
    ),
    DunningEnd.CANCEL: (
        "未払いの請求書を償却し、契約を解約します",
        "the invoice is written off and the agreement ends",
    ),
    DunningEnd.KEEP_OPEN: (
        "請求書も契約もそのまま残し、担当者が判断します",
        "invoice and agreement stay as they are, for a person to decide",
    ),
}


def move_words(move: Move) -> tuple[str, str]:
    """Say one move: ("給料日のため25日に移動", "moved to 25 December because it is a pay-day")."""
    to_ja, to_en = _day(move.after)
    match move.cause:
        case MoveCause.PAY_DAY:
            return f"給料日のため{to_ja}に移動", f"moved to {to_en}: a pay-day"
        case MoveCause.CAP:
            month_ja, month_en = f"{move.before.month}月", f"{move.before:%B}"
            return (
                f"{month_ja}は月間上限に空きがないため{to_ja}に移動",
                f"moved to {to_en}: the cap has no room in {month_en}",
            )
        case MoveCause.LATE:
            return (
                f"前回の試行から間隔を空けるため{to_ja}に移動",
                f"moved to {to_en}: not so soon after the last try",
            )


def end_words(end: DunningEnd) -> tuple[str, str]:
    """Say what becomes of an invoice that stays unpaid."""
    return _ENDS[end]


def reason_words(reason_code: str) -> tuple[str, str]:
    """Say what a decline for this reason means for the next tries."""
    if reason_code in RETRYABLE:
        return "日を改めて再請求します", "it is tried again on later days"
    return (
        "購入者の対応を待ち、再請求しません。対応があれば一度だけ直ちに請求します",
        "nothing is tried until the buyer has acted; then it is charged once, at once",
    )


def _day(on: date) -> tuple[str, str]:
    return f"{on.month}月{on.day}日", f"{on.day} {on:%B}"
