"""Questions: changes made from what is held and sold, and what a question must satisfy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from billing.quotes.agreed import (
    add_on_held,
    agreed,
    coupon_held,
    price_ref,
    price_ref_text,
)
from billing.quotes.effective import lies_inside
from billing.quotes.ending import leaving_fee
from billing.quotes.values import Situation
from plans import (
    AddOn,
    BadInput,
    ChangeEffect,
    Price,
    Replacement,
    check_add_on,
    check_coupon,
    check_quantity,
    check_stacking,
    replacement,
)
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeAddOn,
    ChangePlan,
    ChangeQuantity,
    Command,
    Create,
    EarlyLeave,
    Policy,
    RemoveAddOn,
    Subscription,
    Timing,
    period_end,
)

__all__ = ["add_on_change", "completed", "existing", "plan_change"]

_Timed = ChangePlan | ChangeQuantity | AddAddOn | ChangeAddOn | AddCoupon | Cancel


def plan_change(
    situation: Situation,
    *,
    plan_code: str,
    on: date,
    quantity: int | None = None,
    timing: Timing | None = None,
    on_date: date | None = None,
) -> ChangePlan | ChangeQuantity:
    """Make the command for moving to a plan; only seats change when it is the same plan.

    Without a timing an upgrade is made now and everything else at the period's end. The price is
    the one sold on the day the change takes effect. Raises UnknownPlan, NoPriceYet, NoLongerSold,
    NotReplaceable or BadInput.
    """
    was = existing(situation)
    if timing is None and on_date is not None:
        timing = Timing.ON_DATE
    if plan_code == was.plan_code and quantity is not None:
        seats = Timing.NOW if quantity >= was.quantity else Timing.PERIOD_END
        return ChangeQuantity(quantity, timing or seats, on_date)
    if timing is None:
        sold = situation.catalogue.price_on(plan_code, on)
        upgrade = _direction(situation, was, sold, on) is Replacement.UPGRADE
        timing = Timing.NOW if upgrade else Timing.PERIOD_END
    effective_on = _date_of(was, timing, on_date, on)
    plan, price = (
        situation.catalogue.plan(plan_code),
        situation.catalogue.price_on(plan_code, effective_on),
    )
    restarts = situation.rules.change.effect is ChangeEffect.RESTART_CYCLE
    if quantity is None and not price.per_seat and was.quantity > 1:
        quantity = 1
    return ChangePlan(
        replaces=was.plan_code,
        plan_code=plan_code,
        price_ref=price_ref_text(price),
        direction=_direction(situation, was, price, effective_on),
        timing=timing,
        on_date=on_date,
        interval=price.interval,
        anchor_rule=plan.anchor_rule,
        quantity=quantity,
        minimum_cycles=price.minimum_cycles,
        restarts=restarts and timing is not Timing.PERIOD_END,
        first_period=plan.first_period,
    )


def add_on_change(
    situation: Situation,
    *,
    code: str,
    quantity: int,
    timing: Timing | None = None,
    on_date: date | None = None,
) -> AddAddOn | ChangeAddOn | RemoveAddOn:
    """Make the command for having so many of an add-on from now on; 0 gives it up.

    Without a timing more is made now and less at the period's end, as with seats. Raises BadInput
    for a situation without a subscription; what is sold is checked when it is asked.
    """
    held = {each.code: each.quantity for each in existing(situation).add_ons}.get(code, 0)
    if timing is None and on_date is not None:
        timing = Timing.ON_DATE
    if timing is None:
        timing = Timing.NOW if quantity and quantity >= held else Timing.PERIOD_END
    if not quantity:
        return RemoveAddOn(code, timing, on_date)
    change = ChangeAddOn if held else AddAddOn
    return change(code, quantity, timing, on_date)


def completed(situation: Situation, command: Command, *, policy: Policy, on: date) -> Command:
    """Check a command against the catalogue, and give a cancellation its fee.

    Asking for a quote of leaving early is asking for its price: the fee is filled in, and to
    confirm the quote is to agree to it. Raises BadInput, UnknownPlan, UnknownOffer, NotReplaceable
    or CouponRefused.
    """
    if isinstance(command, Create):
        check_quantity(price=_price(situation, command.price_ref), quantity=command.quantity)
        plan = situation.catalogue.plan(command.plan_code)
        for each in command.add_ons:
            add_on = situation.catalogue.add_on_on(each.code, on)
            check_add_on(add_on=add_on, plan_code=command.plan_code, quantity=each.quantity)
        return replace(command, first_period=plan.first_period)
    was = existing(situation)
    match command:
        case ChangePlan():
            _check_plan_change(situation, was, command, on)
        case ChangeQuantity(quantity):
            terms = agreed(situation.catalogue, was, on=on)
            check_quantity(price=terms.price, quantity=quantity)
        case AddAddOn(code, quantity) | ChangeAddOn(code, quantity):
            add_on = _add_on(situation, was, command, on)
            check_add_on(add_on=add_on, plan_code=was.plan_code, quantity=quantity)
        case AddCoupon(code):
            _check_coupon(situation, was, code, on)
        case Cancel():
            return _with_fee(situation, was, command, policy, on)
        case _:
            pass
    return command


def existing(situation: Situation) -> Subscription:
    """The subscription of a situation; raises BadInput for one of nobody yet."""
    if situation.subscription is None:
        raise BadInput(
            field="subscription",
            value=None,
            rule="only an agreement that exists can be changed",
            remedy="ask with the command Create first",
        )
    return situation.subscription


def _price(situation: Situation, ref: str) -> Price:
    return situation.catalogue.price_of(price_ref(ref))


def _date_of(was: Subscription, timing: Timing, on_date: date | None, on: date) -> date:
    if timing is Timing.PERIOD_END:
        return period_end(was, on=on)
    return on if timing is Timing.NOW or on_date is None else on_date


def _direction(situation: Situation, was: Subscription, new: Price, on: date) -> Replacement:
    old = agreed(situation.catalogue, was, on=on).price
    return replacement(families=situation.catalogue.families_on(on), old=old, new=new)


def _check_plan_change(
    situation: Situation, was: Subscription, command: ChangePlan, on: date
) -> None:
    price = _price(situation, command.price_ref)
    quantity = was.quantity if command.quantity is None else command.quantity
    check_quantity(price=price, quantity=quantity)
    effective_on = _date_of(was, command.timing, command.on_date, on)
    direction = _direction(situation, was, price, effective_on)
    if (price.plan_code, direction) != (command.plan_code, command.direction):
        raise BadInput(
            field="direction",
            value=f"{command.plan_code}, {command.direction.value}",
            rule=f"by the catalogue it is {price.plan_code}, {direction.value}",
            remedy="make the command with plan_change",
        )
    _check_interval(situation, was, price, effective_on)
    for held in was.add_ons:
        add_on = add_on_held(situation.catalogue, was, held)
        check_add_on(add_on=add_on, plan_code=command.plan_code, quantity=held.quantity)


def _check_interval(situation: Situation, was: Subscription, price: Price, on: date) -> None:
    """Refuse what `settle_change` refuses: a cycle of two lengths when no difference is settled."""
    effect = situation.rules.change.effect
    if effect is not ChangeEffect.NONE or price.interval == was.interval:
        return
    if lies_inside(situation, was, on=on):
        raise BadInput(
            field="effect",
            value=effect.value,
            rule=f"no difference is charged, so a cycle that runs {was.interval.text_en} cannot "
            f"become one that runs {price.interval.text_en} on {on.isoformat()}",
            remedy="move at the end of the period, or choose an effect that settles the difference",
        )


def _add_on(
    situation: Situation, was: Subscription, command: AddAddOn | ChangeAddOn, on: date
) -> AddOn:
    """Give the version a question is about: what is held stays as agreed, what comes is new."""
    held = next((each for each in was.add_ons if each.code == command.code), None)
    if held is None or isinstance(command, AddAddOn):
        return situation.catalogue.add_on_on(command.code, on)
    return add_on_held(situation.catalogue, was, held)


def _check_coupon(situation: Situation, was: Subscription, code: str, on: date) -> None:
    coupon = situation.catalogue.coupon_on(code, on)
    used = code in situation.coupons_used
    check_coupon(coupon=coupon, plan_code=was.plan_code, on=on, used_by_buyer=used)
    held = (coupon_held(situation.catalogue, each, on=on) for each in was.coupons)
    if code not in {each.code for each in was.coupons}:
        check_stacking([*held, coupon])


def _with_fee(
    situation: Situation, was: Subscription, command: Cancel, policy: Policy, on: date
) -> Cancel:
    fee = leaving_fee(situation, was, on=_date_of(was, command.timing, command.on_date, on))
    if fee.yen == 0 or policy.leave_early is not EarlyLeave.FOR_FEE:
        if command.pays_fee and command.fee_yen:
            raise _other_fee(command, 0)
        return command
    if command.fee_yen is not None and command.fee_yen != fee.yen:
        raise _other_fee(command, fee.yen)
    return replace(command, fee_yen=fee.yen, pays_fee=True)


def _other_fee(command: Cancel, fee_yen: int) -> BadInput:
    return BadInput(
        field="fee_yen",
        value=command.fee_yen,
        rule=f"by the catalogue leaving on that date costs {fee_yen} yen",
        remedy="leave the fee out; the quote fills it in",
    )
