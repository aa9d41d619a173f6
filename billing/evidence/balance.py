"""What the movement of Amazon's balance says about one attempt. Pure.

Amazon tells what is left under the monthly cap of a permission. What is used more than our own
books explain is the attempt, or somebody else's charge of just that amount; so a balance alone
never books money, it can only say that something moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.evidence.rule import Verdict


@dataclass(frozen=True, slots=True)
class Reading:
    """`limits` of a charge permission as Amazon told them at `at`; yen."""

    at: datetime
    limit_yen: int | None
    balance_yen: int


@dataclass(frozen=True, slots=True)
class Movement:
    """What was seen, for the proof's own record; `extra_yen` is what our books do not explain."""

    verdict: Verdict
    why: str
    extra_yen: int | None = None


def movement(
    *,
    amount_yen: int,
    before: Reading | None,
    after: Reading,
    ours_yen: int,
    months: Sequence[str],
    month_now: Sequence[str],
    others_open: bool,
    refunded: bool,
) -> Movement:
    """Compare a reading with the one before the first send, or with the month's beginning.

    `ours_yen` is what our books took since `before`, or in the month without it. `months` are all
    months in which the attempt could count, `month_now` those of the reading. Other charges
    without an answer, and refunds, make the balance say nothing.
    """
    if len(months) != 1 or tuple(month_now) != tuple(months):
        return Movement(Verdict.SILENT, "the balance is of another month")
    if others_open:
        return Movement(Verdict.SILENT, "other charges of the permission are open")
    if refunded:
        return Movement(Verdict.SILENT, "money went back, which may move the balance")
    if after.limit_yen is None or (before is not None and before.limit_yen != after.limit_yen):
        return Movement(Verdict.SILENT, "the limit is not known or was changed")
    start_yen = after.limit_yen if before is None else before.balance_yen
    extra_yen = start_yen - after.balance_yen - ours_yen
    return _by_extra(extra_yen, amount_yen)


def _by_extra(extra_yen: int, amount_yen: int) -> Movement:
    if extra_yen == 0:
        return Movement(Verdict.DID_NOT_HAPPEN, "the balance did not move", extra_yen)
    if extra_yen == amount_yen:
        return Movement(Verdict.HAPPENED, "the balance moved by the amount", extra_yen)
    return Movement(Verdict.SILENT, "the balance moved by something else", extra_yen)
