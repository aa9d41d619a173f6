"""Where the money of a change goes: effects, negative results, tax categories, restarts."""

from datetime import date

import pytest
from proration_cases import APRIL, FEBRUARY, MONTHLY, at

from plans import (
    AnchorRule,
    BadInput,
    ChangeDay,
    Interval,
    Period,
    ProrationRule,
    TaxCategory,
    Unit,
)
from plans.proration.change_effect import settle_change
from plans.proration.change_rule import (
    ChangeEffect,
    ChangeRule,
    NegativeResult,
    TaxedYen,
)
from plans.proration.paid_time import PaidTime

YEARLY = Interval(Unit.YEAR)
NOW, NEXT = ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE
RESTART, NONE = ChangeEffect.RESTART_CYCLE, ChangeEffect.NONE
CARRY, REFUND, FORFEIT = NegativeResult
STANDARD, REDUCED = TaxCategory.STANDARD, TaxCategory.REDUCED


def paid(yen, *, cycle=APRIL, tax=STANDARD):
    return PaidTime.of_cycle(cycle=cycle, terms=at(yen, tax=tax))


def destinations(settled):
    return (
        settled.due_today_yen,
        settled.next_invoice_yen,
        sum(lot.amount_yen for lot in settled.credit_lots),
        sum(refund.amount_yen for refund in settled.refunds),
        settled.forfeited_yen,
    )


@pytest.mark.parametrize(
    ("old", "new", "effect", "negative", "expected"),
    [
        # On 16 April 15 of 30 days are left. Expected: (today, next, credit, refund, forfeited).
        # 10,000×15/30 − 3,000×15/30 = 5,000 − 1,500
        pytest.param(3000, 10000, NOW, CARRY, (3500, 0, 0, 0, 0), id="upgrade, charged now"),
        pytest.param(3000, 10000, NEXT, CARRY, (0, 3500, 0, 0, 0), id="upgrade, next invoice"),
        pytest.param(3000, 10000, NONE, CARRY, (0, 0, 0, 0, 0), id="upgrade, no difference"),
        # 10,000 − 1,500
        pytest.param(3000, 10000, RESTART, CARRY, (8500, 0, 0, 0, 0), id="upgrade, restart"),
        # 1,500 − 5,000
        pytest.param(10000, 3000, NOW, CARRY, (0, 0, 3500, 0, 0), id="downgrade, carried"),
        pytest.param(10000, 3000, NOW, REFUND, (0, 0, 0, 3500, 0), id="downgrade, refunded"),
        pytest.param(10000, 3000, NOW, FORFEIT, (0, 0, 0, 0, 3500), id="downgrade, forfeited"),
        pytest.param(10000, 3000, NEXT, CARRY, (0, 0, 3500, 0, 0), id="downgrade, next invoice"),
        pytest.param(10000, 3000, NONE, REFUND, (0, 0, 0, 0, 0), id="downgrade, no difference"),
        # 3,000 − 5,000
        pytest.param(10000, 3000, RESTART, CARRY, (0, 0, 2000, 0, 0), id="restart, carried"),
        pytest.param(10000, 3000, RESTART, FORFEIT, (0, 0, 0, 0, 2000), id="restart, forfeited"),
        pytest.param(3000, 3000, NOW, CARRY, (0, 0, 0, 0, 0), id="no change"),
        # The same terms from today: 3,000 − 1,500
        pytest.param(3000, 3000, RESTART, CARRY, (1500, 0, 0, 0, 0), id="only the dates move"),
    ],
)
def test_destinations(old, new, effect, negative, expected):
    settled = settle_change(
        held=paid(old),
        change_on=date(2026, 4, 16),
        to=at(new),
        rule=ChangeRule(effect, negative),
    )
    assert destinations(settled) == expected


@pytest.mark.parametrize(
    ("old", "new", "on", "today_yen", "credit_yen"),
    [
        # 6,800 − floor(3,800×10/30 = 1,266.67)
        pytest.param(3800, 6800, "2026-04-21", 5534, 0, id="upgrade"),
        # 3,800 − 11,800×21/30 = 3,800 − 8,260
        pytest.param(11800, 3800, "2026-04-10", 0, 4460, id="downgrade"),
    ],
)
def test_restart_vectors(old, new, on, today_yen, credit_yen):
    change_on = date.fromisoformat(on)
    settled = settle_change(
        held=paid(old), change_on=change_on, to=at(new), rule=ChangeRule(RESTART)
    )
    assert destinations(settled)[:3] == (today_yen, 0, credit_yen)
    assert settled.cycle == Period(change_on, change_on.replace(month=5))
    assert settled.held.cycle == settled.cycle


@pytest.mark.parametrize(
    ("on", "interval", "change_day", "anchor_rule", "cycle"),
    [
        pytest.param(
            "2026-02-15", MONTHLY, "new", "keep_day", ("2026-02-15", "2026-03-15"), id="month"
        ),
        pytest.param(
            "2026-02-15", YEARLY, "new", "keep_day", ("2026-02-15", "2027-02-15"), id="to a year"
        ),
        pytest.param(
            "2026-02-15", MONTHLY, "old", "keep_day", ("2026-02-16", "2026-03-16"), id="day after"
        ),
        # 31 January + 1 month: 28 February, or by statute 1 March
        pytest.param(
            "2026-01-31", MONTHLY, "new", "statute", ("2026-01-31", "2026-03-01"), id="statute"
        ),
        pytest.param(
            "2026-01-31", MONTHLY, "new", "last_day", ("2026-01-31", "2026-02-28"), id="last day"
        ),
    ],
)
def test_dates_of_a_restarted_cycle(on, interval, change_day, anchor_rule, cycle):
    settled = settle_change(
        held=paid(980, cycle=FEBRUARY),
        change_on=date.fromisoformat(on),
        to=at(1980, interval=interval),
        rule=ChangeRule(RESTART, proration=ProrationRule(change_day=ChangeDay(change_day))),
        anchor_rule=AnchorRule(anchor_rule),
    )
    assert settled.cycle == Period(*map(date.fromisoformat, cycle))
    assert settled.anchor.day == settled.cycle.start.day


def test_tax_categories_are_never_netted():
    settled = settle_change(held=paid(3000, tax=REDUCED), change_on=date(2026, 4, 16), to=at(10000))
    assert settled.by_category == (TaxedYen(STANDARD, 5000), TaxedYen(REDUCED, -1500))
    assert [(line.kind.value, line.period.days) for line in settled.lines] == [
        ("credit", 15),
        ("charge", 15),
    ]


def test_what_is_given_back_keeps_the_old_category():
    settled = settle_change(held=paid(10000, tax=REDUCED), change_on=date(2026, 4, 16), to=at(3000))
    assert settled.credit_lots == (TaxedYen(REDUCED, 3500),)


def test_the_words_hold_every_number():
    settled = settle_change(
        held=paid(980, cycle=FEBRUARY), change_on=date(2026, 2, 15), to=at(1980)
    )
    assert settled.explain_ja == (
        "変更前の未使用分 980円×13日÷28日(1円未満切捨て)=455円を差し引き、"
        "変更後の残り期間分 1,980円×13日÷28日(1円未満切捨て)=919円を加算。本日のお支払い 464円。"
    )
    assert settled.explain_en == (
        "Less the unused part of the old terms: ¥980 × 13 ÷ 28 days (rounded down) = ¥455; "
        "plus the rest of the period on the new terms: ¥1,980 × 13 ÷ 28 days (rounded down) "
        "= ¥919. ¥464 is charged today."
    )


@pytest.mark.parametrize(
    ("rule", "to_yen", "ja", "en"),
    [
        pytest.param(
            ChangeRule(NEXT), 6000, "次回のご請求に 1,500円を加算", "next invoice", id="next"
        ),
        pytest.param(ChangeRule(), 1000, "1,000円を次回以降", "¥1,000 is kept", id="carry"),
        pytest.param(ChangeRule(NOW, REFUND), 1000, "1,000円を返金", "refunded", id="refund"),
        pytest.param(
            ChangeRule(NOW, FORFEIT), 1000, "返金されません", "not returned", id="forfeit"
        ),
        pytest.param(ChangeRule(NONE), 6000, "2026年5月1日から", "from 2026-05-01", id="none"),
        pytest.param(
            ChangeRule(RESTART),
            6000,
            "契約期間は 2026年4月16日〜2026年5月15日",
            "2026-05-15",
            id="restart",
        ),
    ],
)
def test_the_words_tell_where_the_money_goes(rule, to_yen, ja, en):
    settled = settle_change(held=paid(3000), change_on=date(2026, 4, 16), to=at(to_yen), rule=rule)
    assert ja.replace(" ", "") in settled.explain_ja.replace(" ", "")
    assert en in settled.explain_en


def test_unpaid_time_gives_none_and_says_so():
    held = PaidTime.of_cycle(cycle=APRIL, terms=at(3000), paid_yen=0)
    settled = settle_change(held=held, change_on=date(2026, 4, 16), to=at(10000))
    assert destinations(settled) == (5000, 0, 0, 0, 0)
    assert len(settled.lines) == 1
    assert "未払いのため差し引きなし" in settled.explain_ja
    assert "Nothing was paid" in settled.explain_en


def test_what_waits_on_the_next_invoice_is_corrected_there_before_money_goes_back():
    rule = ChangeRule(NEXT, REFUND)
    up = settle_change(held=paid(3000), change_on=date(2026, 4, 16), to=at(10000), rule=rule)
    assert up.held.pending_yen == 3500
    # 3,000×11/30 − 10,000×11/30 = 1,100 − 3,666
    down = settle_change(held=up.held, change_on=date(2026, 4, 20), to=at(3000), rule=rule)
    assert destinations(down) == (0, -2566, 0, 0, 0)
    assert "次回のご請求から2,566円を減額" in down.explain_ja
    # 0 − 3,000×10/30 = −1,000, of which 934 still wait
    free = settle_change(held=down.held, change_on=date(2026, 4, 21), to=at(0), rule=rule)
    assert destinations(free) == (0, -934, 0, 66, 0)


def test_a_forfeited_credit_is_restored_when_the_change_is_undone_that_day():
    rule = ChangeRule(NOW, FORFEIT)
    down = settle_change(held=paid(10000), change_on=date(2026, 4, 16), to=at(3000), rule=rule)
    back = settle_change(held=down.held, change_on=date(2026, 4, 16), to=at(10000), rule=rule)
    assert destinations(down) == (0, 0, 0, 0, 3500)
    assert destinations(back) == (0, 0, 0, 0, -3500)
    assert back.held == paid(10000)


def test_a_change_whose_charge_failed_is_undone_for_nothing():
    up = settle_change(held=paid(3000), change_on=date(2026, 4, 16), to=at(10000))
    failed = up.held.without_payment(yen=up.due_today_yen)
    back = settle_change(held=failed, change_on=date(2026, 4, 16), to=at(3000))
    assert destinations(back) == (0, 0, 0, 0, 0)
    assert back.held == paid(3000)


def test_undoing_a_restart_takes_up_the_old_cycle():
    rule = ChangeRule(RESTART)
    there = settle_change(
        held=paid(3000), change_on=date(2026, 4, 16), to=at(30000, interval=YEARLY), rule=rule
    )
    back = settle_change(held=there.held, change_on=date(2026, 4, 16), to=at(3000), rule=rule)
    assert there.due_today_yen == 28500  # 30,000 − 3,000×15/30
    assert destinations(back) == (0, 0, 28500, 0, 0)
    assert (back.held, back.cycle) == (paid(3000), APRIL)


def test_at_renewal_no_money_moves():
    settled = settle_change(held=paid(3000), change_on=APRIL.end, to=at(9, interval=YEARLY))
    assert destinations(settled) == (0, 0, 0, 0, 0)
    assert (settled.effective_on, settled.held) == (APRIL.end, paid(3000))


def _settle(on="2026-04-16", rule=None, *, to=None, anchor_rule=AnchorRule.KEEP_DAY, held=None):
    return settle_change(
        held=held or paid(3000),
        change_on=date.fromisoformat(on),
        to=to or at(1),
        rule=rule or ChangeRule(),
        anchor_rule=anchor_rule,
    )


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(lambda: _settle("2026-03-31"), "change_on", id="before the cycle"),
        pytest.param(lambda: _settle("2026-05-02"), "change_on", id="after the cycle"),
        pytest.param(
            lambda: _settle("2026-04-15", held=PaidTime(APRIL, date(2026, 4, 16), at(9), 4)),
            "change_on",
            id="before the last change",
        ),
        pytest.param(
            lambda: _settle(to=at(1, interval=YEARLY)), "effect", id="another interval, charged now"
        ),
        pytest.param(
            lambda: _settle(rule=ChangeRule(NONE), to=at(1, interval=YEARLY)),
            "effect",
            id="another interval, no difference",
        ),
        pytest.param(
            lambda: _settle(rule=ChangeRule(RESTART), anchor_rule=AnchorRule.LAST_DAY),
            "effect",
            id="restart of a last-day plan in mid-month",
        ),
    ],
)
def test_refused(call, field):
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == field
