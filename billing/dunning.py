"""What happens after a definite decline, by Amazon's reason code. Pure.

Retries come on the days of the merchant's schedule, counted from the first decline of the slot.
A reason that only the buyer can cure waits for the buyer until the schedule's last day; then the
merchant's policy (pause, cancel, keep open) ends it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

RETRYABLE = frozenset({"SoftDeclined", "TransactionTimedOut", "ProcessingFailure"})
BUYER_MUST_ACT = frozenset(
    {
        "HardDeclined",
        "PaymentMethodNotAllowed",
        "MFANotCompleted",
        "AmazonRejected",
        "InvalidChargePermissionStatus",
        "TransactionAmountExceeded",
        "TransactionCountExceeded",
        # Amazon does not know the permission: a wrong id, or one of another account. The back
        # office must act; the slot waits the same way and goes on once Amazon knows it.
        "ResourceNotFound",
        "UnauthorizedAccess",
        # A charge that was cancelled at Amazon, or lapsed there: a definite no.
        "AmazonCanceled",
        "BuyerCanceled",
        "ChargePermissionCanceled",
        "ExpiredUnused",
        "MerchantCanceled",
    }
)
# A debt older than this is no longer dunning, and dates stay far from the calendar's end.
LONGEST_DUNNING_DAYS = 365


class NextStep(StrEnum):
    """What a declined slot does next."""

    RETRY = "retry"
    WAIT_FOR_BUYER = "wait_for_buyer"
    END = "end"


@dataclass(frozen=True, slots=True)
class DunningStep:
    """The next step and its civil date: of the retry, or the last day that the buyer has."""

    step: NextStep
    on: date


def parse_schedule(text: str) -> tuple[int, ...]:
    """Days after the first decline, "1,3,7,14" → (1, 3, 7, 14); must ascend from 1 to 365.

    Raises `ValueError` with the rule otherwise.
    """
    try:
        days = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"dunning_days {text!r} must be whole days such as 1,3,7,14") from error
    if not days or days[0] < 1 or list(days) != sorted(set(days)):
        raise ValueError(f"dunning_days {text!r} must ascend and begin at 1 or later")
    if days[-1] > LONGEST_DUNNING_DAYS:
        raise ValueError(
            f"dunning_days {text!r} must end after {LONGEST_DUNNING_DAYS} days at the latest"
        )
    return days


def after_decline(
    *, reason_code: str, declines: int, first_declined_on: date, on: date, schedule: tuple[int, ...]
) -> DunningStep:
    """The step after the `declines`-th decline (1 = the first), which happened on `on`."""
    last_day = first_declined_on + timedelta(days=schedule[-1])
    if reason_code in BUYER_MUST_ACT:
        return DunningStep(NextStep.WAIT_FOR_BUYER, max(last_day, on + timedelta(days=1)))
    if declines > len(schedule):
        return DunningStep(NextStep.END, on)
    planned = first_declined_on + timedelta(days=schedule[declines - 1])
    # After a stop of the engine a planned day may be gone: one try a day at most, never two.
    return DunningStep(NextStep.RETRY, max(planned, on + timedelta(days=1)))
