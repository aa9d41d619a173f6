"""What a schedule will do, date by date, if nothing is ever paid. Pure."""

from dataclasses import dataclass
from datetime import date

from billing.dunning.cap_ahead import CapAhead
from billing.dunning.reasons import BUYER_MUST_ACT, RETRYABLE
from billing.dunning.steps import Decline, Move, NextStep, next_step
from plans import BadInput, DunningEnd, DunningSchedule

__all__ = ["DunningPreview", "PreviewedTry", "preview_dunning"]

CAP_REFUSAL = "PeriodicAmountExceeded"


@dataclass(frozen=True, slots=True)
class PreviewedTry:
    """The `number`-th try: its day and hour, the day by the list alone, and how one came of the
    other."""

    number: int
    on: date
    hour: int
    planned: date
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class DunningPreview:
    """All tries after a first decline, and the day on which `end` holds.

    `stopped_by` are the moves that led a try past the last day, so that it ends before the list.
    """

    reason_code: str
    declined_on: date
    waits_for_buyer: bool
    tries: tuple[PreviewedTry, ...]
    ends_on: date
    end: DunningEnd
    stopped_by: tuple[Move, ...]


def preview_dunning(
    *,
    schedule: DunningSchedule,
    reason_code: str,
    declined_on: date,
    charge_hour: int,
    cap: CapAhead | None = None,
) -> DunningPreview:
    """Play a schedule: every try on its day, each declined for the same reason.

    Raises BadInput for a code that is no decline, or that no rule covers.
    """
    _check_decline(reason_code)
    tries: list[PreviewedTry] = []
    on = declined_on
    while True:
        decline = Decline(reason_code, len(tries), declined_on, on)
        step = next_step(schedule=schedule, decline=decline, charge_hour=charge_hour, cap=cap)
        if step.step is not NextStep.RETRY:
            return DunningPreview(
                reason_code=reason_code,
                declined_on=declined_on,
                waits_for_buyer=step.step is NextStep.WAIT_FOR_BUYER,
                tries=tuple(tries),
                ends_on=step.on,
                end=schedule.end,
                stopped_by=step.moves,
            )
        tries.append(PreviewedTry(len(tries) + 1, step.on, step.hour, step.planned, step.moves))
        on = step.on


def _check_decline(reason_code: str) -> None:
    if reason_code == CAP_REFUSAL:
        raise BadInput(
            field="reason",
            value=reason_code,
            rule="is no decline: the charge moves to the first day with room, and no try is spent",
            remedy="ask for the reason of a decline, as SoftDeclined",
        )
    if reason_code not in RETRYABLE | BUYER_MUST_ACT:
        raise BadInput(
            field="reason",
            value=reason_code,
            rule="is no reason code that a rule covers: such a charge is set aside for a person",
            remedy=f"use one of {', '.join(sorted(RETRYABLE | BUYER_MUST_ACT))}",
        )
