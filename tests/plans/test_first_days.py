"""Days before the first fixed day, or the first last day: their price, and what they count for."""

from datetime import date

import pytest
from lifecycle_cases import MONTHLY, Stage

from plans import (
    ALWAYS,
    AnchorRule,
    BadInput,
    FirstPeriod,
    Interval,
    LineKind,
    Period,
    Replacement,
    Side,
    Terms,
    Unit,
    cycle_lines,
    cycle_period,
    first_period_charge,
    parse_catalogue,
    plan_anchor,
)
from plans.lifecycle import (
    Cancel,
    ChangePlan,
    ChargeSucceeded,
    MinimumTermOpen,
    Timing,
    charge_on,
    event_from_json,
    event_to_json,
    first_days_free,
    replay,
)

NOV_15, NOV_27 = date(2026, 11, 15), date(2026, 11, 27)
FREE = {"anchor_day": 27, "first_period": FirstPeriod.FREE}


def dues(first_period: str, anchor: str = "anchor: last_day"):
    """A plan of 3,000 yen a month from a price list."""
    return parse_catalogue(f"""plans:
  - {{code: p, name: {{ja: 会費, en: Dues}}, price: 3000, tax: standard, first_price: 1000,
     every: {{unit: month, count: 1}}, {anchor}, first_period: {first_period},
     setup_fee: {{price: 700, tax: standard}},
     gifts: [{{cycle: 1, item: mug, name: {{ja: マグ, en: Mug}}}}]}}
""")


@pytest.mark.parametrize(
    ("setting", "starts_on", "yen"),
    [
        # The cycle of 31 October has 30 days, to 29 November; 15 of them are left on the 15th.
        pytest.param("prorate", date(2026, 11, 15), 3000 * 15 // 30, id="15 of 30 days"),
        pytest.param("full", date(2026, 11, 15), 3000, id="whole"),
        pytest.param("free", date(2026, 11, 15), 0, id="free"),
        pytest.param("prorate", date(2026, 11, 29), 3000 * 1 // 30, id="one day"),
        # In the cycle of 31 January (28 days), 18 days are left on 10 February: 1,928.57…
        pytest.param("prorate", date(2026, 2, 10), 3000 * 18 // 28, id="February"),
        *(
            pytest.param(setting, date(2026, 11, 30), 3000, id=f"on the last day, {setting}")
            for setting in FirstPeriod
        ),
    ],
)
def test_first_days_of_a_plan_on_the_last_day(setting, starts_on, yen):
    plan = dues(setting).plan("p")
    assert (plan.anchor_rule, plan.first_period) == (AnchorRule.LAST_DAY, FirstPeriod(setting))
    anchor = plan_anchor(plan=plan, interval=MONTHLY, paid_from=starts_on)
    first = first_period_charge(
        cycle=cycle_period(anchor=anchor, interval=MONTHLY, cycle=0),
        starts_on=starts_on,
        terms=Terms(Side(3000), MONTHLY),
        setting=plan.first_period,
    )
    assert first.amount_yen == yen


@pytest.mark.parametrize("anchor", ["anchor_day: 27", "anchor: last_day"])
def test_days_of_weeks_have_no_fixed_day(anchor):
    plan = dues("free", anchor).plan("p")
    with pytest.raises(BadInput):
        plan_anchor(plan=plan, interval=Interval(Unit.WEEK), paid_from=NOV_15)


def test_free_days_are_a_line_and_nothing_else_of_the_first_cycle():
    catalogue = dues("free", "anchor_day: 27")

    def lines(period, **terms):
        found = cycle_lines(
            plan=catalogue.plan("p"),
            price=catalogue.price_on("p", ALWAYS),
            quantity=1,
            first_cycle=0,
            period=period,
            **terms,
        )
        return [(line.kind, line.amount_yen) for line in found], found[0]

    free, line = lines(Period(NOV_15, NOV_27), cycle=0, free_days=True)
    assert free == [(LineKind.FREE_DAYS, 0)]
    assert line.description_ja == "会費 2026年11月15日〜2026年11月26日 初回 12日分は無料"
    assert line.description_en == "Dues, 2026-11-15 to 2026-11-26, the first 12 days are free"
    _, one = lines(Period(date(2026, 11, 26), NOV_27), cycle=0, free_days=True)
    assert one.description_en.endswith("the first day is free")
    paid, _ = lines(Period(NOV_27, date(2026, 12, 27)), cycle=1, paid_before=0)
    assert paid == [(LineKind.FIRST_CYCLE, 1000), (LineKind.SETUP_FEE, 700), (LineKind.GIFT, 0)]


def begun(**terms) -> Stage:
    """Signed up on 15 November for the 27th, with free first days unless told otherwise."""
    return Stage.begun(None, **{"starts_on": NOV_15, **FREE, **terms})


def pay(stage: Stage, cycles: int) -> Stage:
    for _ in range(cycles):
        stage.on = charge_on(stage.sub)
        stage.say(ChargeSucceeded(stage.sub.next_cycle))
    return stage


@pytest.mark.parametrize(
    ("terms", "counts"),
    [
        pytest.param({}, [0, 1, 2], id="free days do not count"),
        pytest.param({"first_period": FirstPeriod.PRORATE}, [1, 2, 3], id="prorated"),
        pytest.param({"first_period": FirstPeriod.FULL}, [1, 2, 3], id="full"),
        pytest.param({"anchor_day": 15}, [1, 2, 3], id="on the fixed day"),
        pytest.param(
            {"anchor_day": None, "anchor_rule": AnchorRule.LAST_DAY}, [0, 1, 2], id="last day"
        ),
        # The trial ends on 5 December: the 27th of November has begun, its other days are free.
        pytest.param({"trial_days": 20}, [0, 1, 2], id="after a trial"),
    ],
)
def test_what_counts_as_a_paid_cycle(terms, counts):
    stage = begun(coupons=("c",), **terms)
    found = [(pay(stage, 1).sub.cycles_done, stage.sub.coupons[0].cycles_used) for _ in range(3)]
    assert found == [(count, count) for count in counts]
    assert not first_days_free(stage.sub)
    assert replay(event_from_json(event_to_json(each)) for each in stage.events) == stage.sub


def test_free_days_are_charged_on_their_day_as_before():
    stage = begun()
    assert first_days_free(stage.sub)
    assert charge_on(stage.sub) == NOV_15
    pay(stage, 1)
    assert (stage.sub.paid_through, charge_on(stage.sub)) == (NOV_27, NOV_27)


@pytest.mark.parametrize(
    ("first_period", "leaves_on", "owed"),
    [
        # Three paid cycles from 27 November: until 27 February all of them are charged.
        pytest.param(FirstPeriod.FREE, date(2027, 1, 27), 1, id="free: two are paid"),
        pytest.param(FirstPeriod.FREE, date(2027, 1, 28), 0, id="free: three are paid"),
        # The prorated days are the first paid cycle, so it is a month less.
        pytest.param(FirstPeriod.PRORATE, date(2026, 12, 27), 1, id="prorated: two are paid"),
        pytest.param(FirstPeriod.PRORATE, date(2026, 12, 28), 0, id="prorated: three are paid"),
    ],
)
def test_the_minimum_term_counts_paid_cycles(first_period, leaves_on, owed):
    stage = begun(minimum_cycles=3, first_period=first_period)
    command = Cancel(Timing.ON_DATE, leaves_on)
    if not owed:
        stage.say(command)
        return
    with pytest.raises(MinimumTermOpen) as refused:
        stage.say(command)
    assert refused.value.remaining_cycles == owed


def test_another_plan_in_the_trial_brings_its_own_first_days():
    stage = begun(trial_days=20, first_period=FirstPeriod.PRORATE)
    other = ("basic", "pro", "pro@1", Replacement.UPGRADE, Timing.NOW)
    stage.say(ChangePlan(*other, first_period=FirstPeriod.FREE))
    assert first_days_free(stage.sub)
    assert pay(stage, 1).sub.cycles_done == 0


def test_a_sign_up_stored_before_first_periods_is_read_as_it_was():
    event = begun(trial_ends_on=date(2026, 12, 1)).events[0]
    stored = event_to_json(event).replace('"trial_ends_on"', '"trial_until"')
    old = stored.replace('"first_period":"free",', "")
    assert old != stored
    fact = event_from_json(old).fact
    assert (fact.trial_ends_on, fact.first_period) == (date(2026, 12, 1), FirstPeriod.PRORATE)
    assert event_from_json(stored) == event
