"""What becomes of a change: charged today, put on the next invoice, kept as credit, or refunded.

`settle_change` turns the paid time and the new terms into amounts; every choice a merchant has is
a field of `ChangeRule`. Old and new terms make a line each, in their own tax category: consumption
tax of one rate is never netted against another's, though the customer pays one sum.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from plans.calendar import Anchor, AnchorRule, Period, cycle_period
from plans.errors import BadInput
from plans.proration.change_rule import (
    ChangeEffect,
    ChangeLine,
    ChangeLineKind,
    ChangeRule,
    NegativeResult,
    Settlement,
    TaxedYen,
)
from plans.proration.change_words import LineWords, joined_en, joined_ja
from plans.proration.paid_time import PaidTime, SameDay, Terms, days_share, unused_share
from plans.proration.rule import ProrationRule, takes_effect

__all__ = ["settle_change"]

_DEFAULT_RULE = ChangeRule()


def settle_change(
    *,
    held: PaidTime,
    change_on: date,
    to: Terms,
    rule: ChangeRule = _DEFAULT_RULE,
    anchor_rule: AnchorRule = AnchorRule.KEEP_DAY,
) -> Settlement:
    """Say what a change from the paid time to new terms costs, and where the money goes.

    `change_on` lies in the cycle, or is its end for a change at renewal, which moves no money.
    Going back on the same day to the terms that were left takes everything back, whatever the
    effect; asking again for the terms that run changes nothing. `anchor_rule` is the new plan's
    and counts when the cycle restarts. Raises BadInput for a date before the
    paid time or after the cycle, another interval without a restart, or a restart that a
    `last_day` plan cannot make on that date.
    """
    effective_on = _effective_on(held, change_on, rule)
    restarts = rule.effect is ChangeEffect.RESTART_CYCLE
    # Before the undoing: a restart with the same terms, asked for twice, is not undone by that.
    goes_on = to == held.terms and (effective_on == held.cycle.start or not restarts)
    if effective_on == held.cycle.end or goes_on:
        return _nothing(held, effective_on, to)
    day = held.same_day if held.starts_on == effective_on else None
    if day is not None and to == day.before.terms:
        return _taken_back(held, day, rule)
    if rule.effect is ChangeEffect.NONE:
        return _nothing(held, effective_on, to)
    if restarts:
        anchor, cycle = _restarted(effective_on, to, anchor_rule)
        settled = _settled(held, day, effective_on, to, rule, cycle)
        return _in_cycle(settled, anchor, cycle)
    _check_interval(held.terms, to)
    return _settled(held, day, effective_on, to, rule, held.cycle)


def _settled(
    held: PaidTime,
    day: SameDay | None,
    effective_on: date,
    to: Terms,
    rule: ChangeRule,
    cycle: Period,
) -> Settlement:
    credit = _credit_line(held, effective_on, rule.proration)
    charge = _charge_line(to, cycle, effective_on, rule.proration)
    before = held if day is None else day.before
    credited_yen = -credit.amount_yen if day is None else day.credited_yen
    net_yen = charge.amount_yen - credited_yen
    already_yen = 0 if day is None else day.taken_yen
    taken_yen = _taken_yen(net_yen, already_yen, rule.negative)
    afterwards = PaidTime(
        cycle=cycle,
        starts_on=effective_on,
        terms=to,
        paid_yen=charge.amount_yen,
        pending_yen=held.pending_yen,
        same_day=SameDay(before, credited_yen, net_yen, taken_yen),
    )
    return _settlement((credit, charge), taken_yen - already_yen, rule, afterwards)


def _taken_back(held: PaidTime, day: SameDay, rule: ChangeRule) -> Settlement:
    """Undo the day's changes: what was taken is given back, what was credited is taken again."""
    words = LineWords.taken_back(held.terms.name_ja, held.terms.name_en, held.paid_yen)
    undone = _whole_line(held.terms, held.days, -held.paid_yen, words)
    before, yen = day.before, day.credited_yen
    words = LineWords.restored(before.terms.name_ja, before.terms.name_en, yen)
    restored_days = Period(held.starts_on, before.cycle.end)
    restored = _whole_line(before.terms, restored_days, yen, words)
    afterwards = replace(before, pending_yen=held.pending_yen)
    settled = _settlement((undone, restored), -day.taken_yen, rule, afterwards)
    return settled if before.cycle == held.cycle else _in_cycle(settled, None, before.cycle)


def _settlement(
    lines: tuple[ChangeLine, ChangeLine], due_yen: int, rule: ChangeRule, held: PaidTime
) -> Settlement:
    """Send the sum of a change where the rule wants it; `due_yen` below 0 is given back."""
    waits = rule.effect is ChangeEffect.NEXT_INVOICE
    refunds = rule.negative is NegativeResult.REFUND
    owed_yen = max(0, due_yen)
    # What still waits on the next invoice was never received: the draft is corrected first.
    # The rest under `forfeit` was taken earlier the same day, so it is no unused time either.
    off_next_yen = min(held.pending_yen, max(0, -due_yen))
    back_yen = max(0, -due_yen) - off_next_yen
    back = (TaxedYen(lines[0].tax_category, back_yen),) if back_yen else ()
    next_yen = (owed_yen if waits else 0) - off_next_yen
    settled = Settlement(
        effective_on=lines[1].period.start,
        lines=tuple(line for line in lines if line.amount_yen),
        due_today_yen=0 if waits else owed_yen,
        next_invoice_yen=next_yen,
        credit_lots=() if refunds else back,
        refunds=back if refunds else (),
        forfeited_yen=due_yen - sum(line.amount_yen for line in lines),
        held=replace(held, pending_yen=held.pending_yen + next_yen),
        anchor=None,
        cycle=None,
        explain_ja=joined_ja([line.text_ja for line in lines]),
        explain_en=joined_en([line.text_en for line in lines]),
    )
    return _with_outcome(settled)


def _with_outcome(settled: Settlement) -> Settlement:
    outcome = LineWords.outcome(
        today_yen=settled.due_today_yen,
        next_yen=settled.next_invoice_yen,
        lot_yen=sum(lot.amount_yen for lot in settled.credit_lots),
        refund_yen=sum(refund.amount_yen for refund in settled.refunds),
        forfeited_yen=settled.forfeited_yen,
    )
    return _said(settled, outcome)


def _in_cycle(settled: Settlement, anchor: Anchor | None, cycle: Period) -> Settlement:
    return _said(replace(settled, anchor=anchor, cycle=cycle), LineWords.cycle(cycle))


def _said(settled: Settlement, words: LineWords) -> Settlement:
    return replace(
        settled,
        explain_ja=f"{settled.explain_ja}{words.text_ja}",
        explain_en=f"{settled.explain_en} {words.text_en}",
    )


def _nothing(held: PaidTime, effective_on: date, to: Terms) -> Settlement:
    if effective_on != held.cycle.end:
        # The cycle would have two lengths; a change at its end starts the next one anyway.
        _check_interval(held.terms, to)
    words = LineWords.no_money(held.cycle.end, same=to == held.terms)
    return Settlement(
        effective_on, (), 0, 0, (), (), 0, held, None, None, words.text_ja, words.text_en
    )


def _credit_line(held: PaidTime, on: date, rule: ProrationRule) -> ChangeLine:
    share = unused_share(held, on=on, rule=rule)
    words = LineWords.credit(held.terms.name_ja, held.terms.name_en, share)
    return ChangeLine(
        kind=ChangeLineKind.CREDIT,
        terms=held.terms,
        period=Period(on, held.cycle.end),
        amount_yen=-share.amount_yen,
        exact_yen=-share.exact_yen,
        text_ja=words.text_ja,
        text_en=words.text_en,
    )


def _charge_line(to: Terms, cycle: Period, on: date, rule: ProrationRule) -> ChangeLine:
    share = days_share(to.side, cycle=cycle, on=on, rule=rule)
    words = LineWords.charge(to.name_ja, to.name_en, share)
    return ChangeLine(
        kind=ChangeLineKind.CHARGE,
        terms=to,
        period=Period(on, cycle.end),
        amount_yen=share.amount_yen,
        exact_yen=share.exact_yen,
        text_ja=words.text_ja,
        text_en=words.text_en,
    )


def _whole_line(terms: Terms, period: Period, amount_yen: int, words: LineWords) -> ChangeLine:
    kind = ChangeLineKind.CREDIT if amount_yen < 0 else ChangeLineKind.CHARGE
    exact_yen = Fraction(amount_yen)
    return ChangeLine(kind, terms, period, amount_yen, exact_yen, words.text_ja, words.text_en)


def _taken_yen(net_yen: int, already_yen: int, negative: NegativeResult) -> int:
    """Give what the day's changes are to have taken; forfeiting gives no more than is given back.

    What an earlier change of the day carried or refunded stays so: a downgrade costs nothing.
    """
    if negative is NegativeResult.FORFEIT:
        return max(net_yen, min(0, already_yen))
    return net_yen


def _restarted(on: date, to: Terms, anchor_rule: AnchorRule) -> tuple[Anchor, Period]:
    anchor = Anchor.on(on, rule=anchor_rule)
    cycle = cycle_period(anchor=anchor, interval=to.interval, cycle=0)
    if cycle.start != on:
        raise BadInput(
            field="effect",
            value=ChangeEffect.RESTART_CYCLE.value,
            rule=f"a plan whose cycles start on the month's last day cannot start one on "
            f"{on.isoformat()}",
            remedy="charge the difference now, change at renewal, or restart on the last day",
        )
    return anchor, cycle


def _effective_on(held: PaidTime, change_on: date, rule: ChangeRule) -> date:
    cycle = held.cycle
    if change_on == cycle.end:
        return cycle.end
    effective_on = takes_effect(change_on, rule.proration)
    if not held.starts_on <= effective_on <= cycle.end:
        raise BadInput(
            field="change_on",
            value=change_on.isoformat(),
            rule=f"a change lies in the cycle ({cycle.text_en}) and not before the last change, "
            f"which took effect on {held.starts_on.isoformat()}",
            remedy="give a date from then on, at most the cycle's end",
        )
    return effective_on


def _check_interval(old: Terms, new: Terms) -> None:
    if old.interval != new.interval:
        raise BadInput(
            field="effect",
            value=new.interval.text_en,
            rule=f"a cycle that runs {old.interval.text_en} cannot go on with another interval",
            remedy="restart the cycle, or change at renewal",
        )
