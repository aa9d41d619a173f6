"""Every setting of proration bites in a quote: divisor, change day, effect; and the words."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quote_cases import (
    CHANGE,
    FIRST,
    OPEN,
    asked,
    happen,
    of,
    paid,
    signed_up,
    stranger,
    subscriber,
    totals,
)

from billing.quotes import QuoteRules, Situation, plan_change
from plans import (
    Amount,
    BadInput,
    ChangeDay,
    ChangeEffect,
    ChangeRule,
    Divisor,
    Interval,
    Period,
    ProrationRule,
    Side,
    SubscriptionState,
    Terms,
    Unit,
    UsageCharge,
    parse_catalogue,
    settle_change,
)
from plans.lifecycle import (
    AddAddOn,
    Cancel,
    ChangeQuantity,
    PaidDays,
    Pause,
    Refund,
    Resume,
    ResumeMode,
    Timing,
)

NOW, END = Timing.NOW, Timing.PERIOD_END
MAY = date(2026, 5, 1)
ANYTHING = replace(OPEN, refunds=frozenset(Refund))
THIRTY = QuoteRules(change=ChangeRule(proration=ProrationRule(divisor=Divisor.THIRTY)))
KEEPS_DAY = ProrationRule(change_day=ChangeDay.OLD)


def old_day(effect: ChangeEffect = ChangeEffect.CHARGE_NOW, **more) -> QuoteRules:
    return QuoteRules(change=ChangeRule(effect=effect, proration=KEEPS_DAY), **more)


def changed(view: Situation, plan: str, **how):
    return plan_change(view, plan_code=plan, on=CHANGE, **how)


def leaving(refund: Refund = Refund.PRORATED) -> Cancel:
    return Cancel(NOW, refund=refund)


# 1. A divisor of 30 is about months; a longer cycle is divided by its own days.

YEARLY = subscriber("year", rules=THIRTY)  # 36,000 for 1 April 2026 to 31 March 2027


def test_a_year_is_left_by_its_own_days_under_a_divisor_of_thirty():
    found = asked(YEARLY, leaving(), policy=ANYTHING)
    # 350 of 365 days are left: 36,000 × 350 ÷ 365 = 34,520.54…
    assert found.refund_yen == 34_520
    assert "36,000円×350日÷365日" in found.lines[0].text_ja
    assert "¥36,000 × 350 ÷ 365 days" in found.lines[0].text_en


def test_a_year_can_be_changed_and_paused_under_a_divisor_of_thirty():
    to_month = asked(YEARLY, changed(YEARLY, "large", timing=NOW))
    # a new cycle of 10,000 less 34,520
    assert [line.amount_yen for line in to_month.lines] == [-34_520, 10_000]
    snack = asked(YEARLY, AddAddOn("support"))
    assert snack.charge_today_yen == 575  # 600 × 350 ÷ 365 = 575.34…
    rest = asked(YEARLY, Pause(NOW, paid_days=PaidDays.FORFEIT, until=date(2026, 6, 10)))
    assert rest.forfeited_yen == 34_520


def test_a_month_keeps_its_divisor_of_thirty():
    view = subscriber("small", date(2026, 5, 1), rules=THIRTY)
    found = asked(view, leaving(), on=date(2026, 5, 12), policy=ANYTHING)
    assert found.refund_yen == 2000  # 20 of 31 days: 3,000 × 20 ÷ 30


# 2. The day of the change belongs to the old terms: 14 of 30 days are left after 16 April.


def test_a_change_inside_a_cycle_keeps_its_day():
    view = subscriber(rules=old_day())
    found = asked(view, changed(view, "large"))
    # 10,000 × 14 ÷ 30 = 4,666.67, 3,000 × 14 ÷ 30 = 1,400
    assert [line.amount_yen for line in found.lines] == [-1400, 4666]
    assert found.effective_on == date(2026, 4, 17)
    assert found.lines[1].period == Period(date(2026, 4, 17), MAY)


@pytest.mark.parametrize(
    ("rules", "credit", "due"),
    [
        pytest.param(QuoteRules(change=ChangeRule(ChangeEffect.RESTART_CYCLE)), 1500, 8500,
                     id="new"),
        pytest.param(old_day(ChangeEffect.RESTART_CYCLE), 1400, 8600, id="old"),
    ],
)  # fmt: skip
def test_a_restart_gives_back_what_its_day_leaves(rules, credit, due):
    view = subscriber(rules=rules)
    found = asked(view, changed(view, "large"))
    assert [line.amount_yen for line in found.lines] == [-credit, 10_000]
    assert found.charge_today_yen == due
    # the new cycle is counted from the day it is paid
    assert found.effective_on == CHANGE
    assert found.coming[0].on == date(2026, 5, 16)


@settings(deadline=None)
@given(
    plan=st.sampled_from(["small", "year"]),
    days=st.integers(0, 28),
    proration=st.builds(ProrationRule, st.sampled_from(Divisor), st.sampled_from(ChangeDay)),
)
def test_restarts_and_ends_give_back_what_settle_change_does(plan, days, proration):
    rule = ChangeRule(ChangeEffect.RESTART_CYCLE, proration=proration)
    view, day = subscriber(plan, rules=QuoteRules(change=rule)), FIRST + timedelta(days=days)
    to = Terms(Side(10_000), Interval(Unit.MONTH))
    settled = settle_change(held=view.paid[0].time, change_on=day, to=to, rule=rule)
    back = settled.lines[0].amount_yen
    up = asked(view, plan_change(view, plan_code="large", on=day, timing=NOW), day)
    assert [line.amount_yen for line in up.lines] == [back, 10_000]
    assert asked(view, leaving(), day, policy=ANYTHING).refund_yen == -back


def test_a_restart_is_undone_for_nothing_under_old_too():
    view = subscriber(rules=old_day(ChangeEffect.RESTART_CYCLE))
    begun = paid(happen(view, changed(view, "large"), CHANGE))
    back = asked(begun, plan_change(begun, plan_code="small", on=CHANGE, timing=NOW))
    assert sum(line.amount_yen for line in back.lines) == -8600
    assert back.credit_yen == 8600
    # Nobody remembers what was closed: the 14 days are bought at their price again.
    forgotten = replace(begun, closed=None)
    found = asked(forgotten, plan_change(begun, plan_code="small", on=CHANGE, timing=NOW))
    assert [line.amount_yen for line in found.lines] == [1400]
    assert sum(line.amount_yen for line in found.coming[0].lines) == 3000 - 10_000
    # nothing of the new cycle is used on the day that the old one kept
    assert asked(begun, leaving(), policy=ANYTHING).refund_yen == 10_000


@pytest.mark.parametrize(
    ("rules", "back"),
    [
        pytest.param(QuoteRules(), 1500, id="new"),
        pytest.param(old_day(), 1400, id="old"),
    ],
)
def test_what_leaving_and_pausing_give_up_follows_the_change_day(rules, back):
    view = subscriber(rules=rules)
    assert asked(view, leaving(), policy=ANYTHING).refund_yen == back
    assert asked(view, leaving(Refund.NONE), policy=ANYTHING).forfeited_yen == back
    rest = Pause(NOW, paid_days=PaidDays.FORFEIT, until=date(2026, 6, 10))
    assert asked(view, rest).forfeited_yen == back
    assert asked(view, leaving(), policy=ANYTHING).effective_on == CHANGE


def test_seats_and_add_ons_keep_their_day():
    seats = subscriber("seats", quantity=10, rules=old_day())
    found = asked(seats, ChangeQuantity(12, NOW))
    # 12,000 × 14 ÷ 30 = 5,600, 10,000 × 14 ÷ 30 = 4,666.67
    assert found.charge_today_yen == 5600 - 4666
    assert found.effective_on == date(2026, 4, 17)
    view = subscriber(rules=old_day())
    more = asked(view, AddAddOn("support"))
    assert (more.charge_today_yen, more.effective_on) == (280, date(2026, 4, 17))  # 600 × 14 ÷ 30


def test_banked_days_were_not_served_so_none_of_them_is_a_day_of_change():
    view = subscriber(rules=old_day())
    resting = happen(view, Pause(NOW, until=date(2026, 6, 10)), CHANGE)
    assert of(resting).pause.banked_days == 15
    later = date(2026, 4, 20)
    # all 15 days: 1,500 back
    assert asked(resting, leaving(), later, policy=ANYTHING).refund_yen == 1500
    up = plan_change(resting, plan_code="large", on=later, timing=NOW)
    found = asked(resting, up, later)
    waited = [line.amount_yen for bill in found.coming for line in bill.lines[:2]]
    assert waited[:3] == [2000, -1500, 5000]  # 6 open days come first
    again = asked(resting, Resume(mode=ResumeMode.RESTART), later)
    assert again.next_charge.on == date(2026, 5, 5)  # 20 April and 15 days


def test_dates_at_the_ends_of_cycles_stay_under_old():
    view = subscriber(rules=old_day())
    at_end = asked(view, changed(view, "large", timing=END))
    assert (at_end.effective_on, at_end.lines) == (MAY, ())
    assert asked(view, Cancel(END)).effective_on == MAY
    later = asked(view, changed(view, "large", on_date=date(2026, 4, 20)))
    assert later.effective_on == date(2026, 4, 21)
    # 10 of 30 days: 3,333 − 1,000
    assert sum(bill.charge_yen for bill in later.coming if bill.on == date(2026, 4, 20)) == 2333
    last = asked(view, plan_change(view, plan_code="large", on=date(2026, 4, 30)),
                 date(2026, 4, 30))  # fmt: skip
    assert (last.charge_today_yen, last.effective_on) == (0, MAY)


# 3. No difference is settled, so a cycle cannot get another length.


def test_another_interval_inside_a_cycle_is_refused_without_a_difference():
    view = subscriber(rules=QuoteRules(change=ChangeRule(effect=ChangeEffect.NONE)))
    for timing, on_date in ((NOW, None), (Timing.ON_DATE, date(2026, 6, 10))):
        with pytest.raises(BadInput, match="at the end of the period") as refused:
            asked(view, changed(view, "year", timing=timing, on_date=on_date))
        assert refused.value.field == "effect"
    at_end = asked(view, changed(view, "year", timing=END))
    assert (at_end.charge_today_yen, at_end.next_charge.charge_yen) == (0, 36_000)
    assert asked(view, changed(view, "large", timing=NOW)).charge_today_yen == 0


# 4. A price of the nth cycle does not hide that a change is undone.

OWN = parse_catalogue("""plans:
  - {code: try, name: {ja: 試, en: Try}, price: 3000, first_price: 500, tax: standard,
     per_seat: true, setup_fee: {price: 2000},
     cycle_prices: [{cycle: 2, price: 900}], every: {unit: month, count: 1}}
  - {code: big, name: {ja: 大, en: Big}, price: 10000, tax: standard,
     every: {unit: month, count: 1}}
""")


def customer_of(plan: str, on: date = FIRST, **parts) -> Situation:
    """Somebody who has signed up for a plan of the list above; nothing is paid yet."""
    view = stranger(catalogue=OWN, **parts)
    price = OWN.price_on(plan, on)
    create = replace(
        signed_up("small", on),
        plan_code=plan,
        price_ref=f"{plan}@{price.valid_from}",
    )
    return happen(view, create, on)


def cycle_of(view: Situation, nth: int) -> Situation:
    """Let so many cycles be paid."""
    for _ in range(nth):
        view = paid(view)
    return view


@pytest.mark.parametrize(
    ("nth", "own"), [pytest.param(1, 500, id="first price"), pytest.param(2, 900, id="2nd price")]
)
@pytest.mark.parametrize("numbered", [None, 0])
def test_a_change_in_a_cycle_with_its_own_price_is_undone_for_nothing(nth, own, numbered):
    view = cycle_of(customer_of("try", first_cycle=numbered), nth)
    day = of(view).period.start + timedelta(days=15)
    up = plan_change(view, plan_code="big", on=day, timing=NOW)
    charged = asked(view, up, day).charge_today_yen
    assert charged > 0
    there = happen(view, up, day)
    back = plan_change(there, plan_code="try", on=day, timing=NOW)
    found = asked(there, back, day)
    assert totals(found)[:3] == (0, 0, charged)
    assert happen(there, back, day).paid == view.paid
    assert view.paid[0].time.terms.side.price_yen == own
    # Seats too; the next day the regular price counts for what is left.
    more = happen(view, ChangeQuantity(3, NOW), day)
    assert happen(more, ChangeQuantity(1, NOW), day).paid == view.paid
    tomorrow = happen(there, back, day + timedelta(days=1))
    assert tomorrow.paid[0].time.terms.side.price_yen == 3000


# 5. Use that is known when the agreement ends is owed.

MARCH = Period(date(2026, 3, 1), FIRST)
CALLS = UsageCharge("calls", MARCH, Amount(700, "7回", "7 calls"))


@pytest.mark.parametrize(
    ("refund", "back"),
    [
        pytest.param(Refund.NONE, 0, id="none"),
        pytest.param(Refund.PRORATED, 1500, id="prorated"),
        pytest.param(Refund.FULL, 3000, id="full"),
    ],
)
def test_leaving_bills_the_use_of_an_ended_period(refund, back):
    view = replace(subscriber(), usage=(CALLS,))
    found = asked(view, leaving(refund), policy=ANYTHING)
    line = found.lines[0]
    assert (line.kind, line.amount_yen, line.period) == ("usage", 700, MARCH)
    assert line.tax_category is view.catalogue.price_on("small", FIRST).tax_category
    assert (found.charge_today_yen, found.refund_yen) == (max(0, 700 - back), max(0, back - 700))
    at_end = asked(view, Cancel(END))
    assert at_end.next_charge.charge_yen == 700
    assert happen(view, leaving(), CHANGE, policy=ANYTHING).usage == ()


# 6. What comes once comes with the first cycle that is paid, whatever its number.


def kinds(found) -> list[list[str]]:
    return [[line.kind for line in bill.lines] for bill in found.coming[:3]]


@pytest.mark.parametrize("numbered", [None, 0])
def test_a_skipped_first_cycle_takes_nothing_that_comes_once(numbered):
    # Its charge was declined and given up; the service begins with the second one.
    view = customer_of("try", first_cycle=numbered)
    begun = replace(of(view), state=SubscriptionState.ACTIVE, next_cycle=1)
    found = asked(replace(view, subscription=begun), ChangeQuantity(2, END), CHANGE)
    assert kinds(found) == [["first_cycle", "setup_fee"], ["cycle_price"], ["plan"]]
    assert found.coming[0].on == MAY


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        pytest.param(12, ["plan"], id="counted alike"),
        pytest.param(0, ["cycle_price"], id="a new minimum term: the first one was paid elsewhere"),
        pytest.param(40, ["plan"], id="never more than the number"),
    ],
)
def test_an_imported_subscription_never_pays_again_what_comes_once(done, expected):
    view = cycle_of(customer_of("try", first_cycle=0), 12)
    imported = replace(of(view), cycles_done=done)
    found = asked(replace(view, subscription=imported), Cancel(END), date(2027, 3, 5))
    assert [line.kind for bill in found.coming_before[:1] for line in bill.lines] == expected


# 7. Each amount is said once.

FIXED = """plans:
  - {code: small, name: {ja: 小, en: Small}, price: 9300, tax: standard, anchor_day: 27,
     first_period: FIRST, every: {unit: month, count: 1},
     gifts: [{cycle: 2, item: mug, name: {ja: 杯, en: Mug}}]}
"""


@pytest.mark.parametrize(
    ("setting", "on", "ja", "en"),
    [
        pytest.param("full", 20, "小 2026年4月20日〜2026年4月26日 初回 1期間分 9,300円",
                     "Small, 2026-04-20 to 2026-04-26, first period, whole: ¥9,300", id="full"),
        pytest.param("prorate", 20,
                     "小 2026年4月20日〜2026年4月26日 初回日割り 9,300円×7日÷31日(1円未満切捨て)"
                     "=2,100円",
                     "Small, 2026-04-20 to 2026-04-26, first period: ¥9,300 × 7 ÷ 31 days "
                     "(rounded down) = ¥2,100", id="prorate"),
    ],
)  # fmt: skip
def test_the_words_of_a_first_period_say_its_amount_once(setting, on, ja, en):
    view = stranger(catalogue=parse_catalogue(FIXED.replace("FIRST", setting)))
    create = signed_up("small", date(2026, 4, on), anchor_day=27)
    found = asked(view, create, date(2026, 4, on))
    line = found.today[0].lines[0]
    assert (line.text_ja, line.text_en) == (ja, en)
    gift = found.coming[0].lines[-1]
    assert gift.text_ja.count("0円") == 1
    assert gift.text_en.count("¥0") == 1


def test_a_full_refund_names_its_plan():
    (line,) = asked(subscriber(), leaving(Refund.FULL), policy=ANYTHING).lines
    assert line.text_ja == "小: 今期のお支払い分3,000円を全額返金"
    assert line.text_en == "Small: less all that was paid for this period, ¥3,000"
