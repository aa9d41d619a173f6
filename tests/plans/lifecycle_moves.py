"""Random commands for the laws of the life cycle: mostly sensible, sometimes impossible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import strategies as st
from lifecycle_cases import MONTHLY, YEARLY, Stage

from plans import AnchorRule, Interval, Replacement, Unit
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    BuyerClosedPermission,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    ChargeDeclined,
    ChargeSucceeded,
    Command,
    DunningEnded,
    DunningOutcome,
    EndTrialEarly,
    ExtendTrial,
    PaidDays,
    Pause,
    PermissionChargeable,
    PermissionNotChargeable,
    PermissionReplaced,
    Reactivate,
    Refund,
    RemoveAddOn,
    RemoveCoupon,
    Resume,
    ResumeMode,
    SkipCycles,
    TimePassed,
    Timing,
    Undo,
    why_not,
)

INTERVALS = [MONTHLY, YEARLY, Interval(Unit.WEEK, 2), Interval(Unit.DAY, 10)]
CODES = ["a", "b"]


@dataclass(frozen=True)
class Move:
    """One step of a random life: some days pass, then somebody says something."""

    days: int
    actor: Actor
    customers_only: bool
    pick: int
    number: int
    days_ahead: int
    timing: Timing
    code: str
    flag: bool
    mode: ResumeMode
    interval: Interval | None
    direction: Replacement


# How often each kind is drawn; the last four end many lives or stop charges, so they are rare.
KINDS = [
    *(ChangePlan, ChangeQuantity, AddAddOn, ChangeAddOn, RemoveAddOn, AddCoupon, RemoveCoupon),
    *(SkipCycles, ChangeNextDate, ChangeAnchor, Pause, Resume, Cancel, Undo),
    *(ChangePlan, ChangeQuantity, AddAddOn, AddCoupon, SkipCycles, Pause, Resume, Undo),
    *(Reactivate, EndTrialEarly, ExtendTrial, ChangePlan, ChangePlan, ChangeAnchor),
    *(TimePassed, ChargeDeclined, DunningEnded),
    *(BuyerClosedPermission, PermissionNotChargeable, PermissionChargeable, PermissionReplaced),
]
FOR_CUSTOMERS = KINDS[:28]


def _move(first: int, second: int) -> Move:
    """Make a move of two numbers: drawing each field by itself would take half of a law's time."""
    first, days = divmod(first, 41)
    first, actor = divmod(first, 2)
    first, number = divmod(first, 3)
    first, flag = divmod(first, 2)
    pick, mode = divmod(first, 2)
    second, ahead = divmod(second, 91)
    second, timing = divmod(second, 3)
    second, code = divmod(second, 2)
    interval, direction = divmod(second, 3)
    return Move(
        days=days,
        actor=(Actor.CUSTOMER, Actor.STAFF)[actor],
        customers_only=False,
        pick=pick,
        number=1 + number,
        days_ahead=ahead,
        timing=tuple(Timing)[timing],
        code=CODES[code],
        flag=bool(flag),
        mode=tuple(ResumeMode)[mode],
        interval=(None, None, None, *INTERVALS)[interval],
        direction=tuple(Replacement)[direction],
    )


# Below 2**24 each: of larger ranges Hypothesis would draw mostly small numbers.
moves = st.builds(
    _move,
    st.integers(0, 41 * 2 * 3 * 2 * 2 * 10_000 - 1),
    st.integers(0, 91 * 3 * 2 * 3 * (3 + len(INTERVALS)) - 1),
)
# What customers do whose permission is fine and whose charges succeed.
customer_moves = moves.map(lambda move: replace(move, customers_only=True, actor=Actor.CUSTOMER))

agreements = st.fixed_dictionaries(
    {
        "interval": st.sampled_from(INTERVALS[:2]),
        "anchor_rule": st.sampled_from(AnchorRule),
        "anchor_day": st.none() | st.integers(1, 31),
        "trial_days": st.sampled_from([0, 0, 14, 30]),
        "minimum_cycles": st.integers(0, 4),
    }
)


def kind_of(move: Move, stage: Stage) -> type:
    """Choose a kind that the table allows, and one time in ten any kind at all."""
    kinds = FOR_CUSTOMERS if move.customers_only else KINDS
    possible = [kind for kind in kinds if why_not(kind, stage.sub.state) is None]
    among = possible if possible and move.pick % 10 else kinds
    return among[move.pick % len(among)]


def command_of(move: Move, stage: Stage) -> Command:
    """Make the command a move means in front of this subscription."""
    sub, ahead = stage.sub, stage.on + timedelta(days=move.days_ahead)
    on_date = ahead if move.timing is Timing.ON_DATE else None
    when = {"timing": move.timing, "on_date": on_date}
    length = {"cycles": move.number} if move.flag else {}
    if not move.flag and move.number > 1:
        length = {"until": ahead + timedelta(days=30 * move.number)}
    waiting = [entry.id for entry in sub.queue] or ["chg-0"]
    makers = {
        ChangePlan: lambda: ChangePlan(
            replaces=sub.plan_code,
            plan_code=f"plan-{move.code}",
            price_ref=f"{move.code}@{move.number}",
            direction=move.direction,
            interval=move.interval,
            minimum_cycles=move.number if move.flag else 0,
            restarts=move.flag and move.number == 3,
            **when,
        ),
        ChangeQuantity: lambda: ChangeQuantity(move.number, **when),
        AddAddOn: lambda: AddAddOn(move.code, move.number, **when),
        ChangeAddOn: lambda: ChangeAddOn(move.code, move.number, **when),
        RemoveAddOn: lambda: RemoveAddOn(move.code, **when),
        AddCoupon: lambda: AddCoupon(move.code, **when),
        RemoveCoupon: lambda: RemoveCoupon(move.code, **when),
        SkipCycles: lambda: SkipCycles(move.number, sub.next_cycle + 1 if move.flag else None),
        ChangeNextDate: lambda: ChangeNextDate(ahead),
        ChangeAnchor: lambda: ChangeAnchor(ahead),
        Pause: lambda: Pause(
            paid_days=PaidDays.BANK if move.number < 3 else PaidDays.FORFEIT,
            mode=move.mode,
            **when,
            **length,
        ),
        Resume: lambda: Resume(
            ahead if move.flag else None, move.mode if move.number > 1 else None
        ),
        Cancel: lambda: Cancel(refund=Refund.NONE, fee_yen=1_000, pays_fee=move.flag, **when),
        Undo: lambda: Undo(waiting[move.number % len(waiting)]),
        Reactivate: lambda: Reactivate(move.mode),
        EndTrialEarly: lambda: EndTrialEarly(ahead),
        ExtendTrial: lambda: ExtendTrial(ahead),
        TimePassed: TimePassed,
        ChargeSucceeded: lambda: ChargeSucceeded(sub.next_cycle),
        ChargeDeclined: lambda: ChargeDeclined(sub.next_cycle, "SoftDeclined"),
        DunningEnded: lambda: DunningEnded(
            DunningOutcome.PAUSE if move.flag else DunningOutcome.CANCEL
        ),
        BuyerClosedPermission: BuyerClosedPermission,
        PermissionNotChargeable: lambda: PermissionNotChargeable("PaymentMethodInvalid"),
        PermissionChargeable: PermissionChargeable,
        PermissionReplaced: lambda: PermissionReplaced(f"C00-{move.number}"),
    }
    return makers[kind_of(move, stage)]()
