"""MRR and churn, counted back by events: the arithmetic stands beside each figure."""

from datetime import date
from fractions import Fraction

import pytest
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from billing import reading, writing
from billing.agreements import act, confirm_quote, keep_quote
from billing.desk import GrowthMonth, growth, monthly_yen
from billing.quotes import load_situation, plan_change, quote
from plans.lifecycle import Actor, Cancel, Command, Pause, Timing


@pytest.mark.parametrize(
    ("yen", "unit", "count", "quantity", "monthly"),
    [
        pytest.param(1_980, "month", 1, 1, Fraction(1_980), id="a month"),
        pytest.param(1_980, "month", 3, 1, Fraction(660), id="three months"),
        pytest.param(98_000, "year", 1, 1, Fraction(98_000, 12), id="a year"),
        pytest.param(1_480, "month", 1, 3, Fraction(4_440), id="three seats"),
        # 365.2425 ÷ 12 ÷ 7 = 4.348125 weeks a month
        pytest.param(1_000, "week", 1, 1, Fraction("4348.125"), id="a week"),
        pytest.param(1_000, "week", 2, 1, Fraction("2174.0625"), id="two weeks"),
        # 365.2425 ÷ 12 = 30.436875 days a month
        pytest.param(100, "day", 1, 1, Fraction("3043.6875"), id="a day"),
    ],
)
def test_a_price_by_the_month(
    yen: int, unit: str, count: int, quantity: int, monthly: Fraction
) -> None:
    found = monthly_yen(amount_yen=yen, interval_unit=unit, interval_count=count, quantity=quantity)
    assert found == monthly


def test_what_a_year_of_events_makes_of_mrr(database_url: str, sandbox: Sandbox) -> None:
    subscribers = [
        subscriber(1),
        subscriber(2, plan_code="yearly"),
        subscriber(3, plan_code="team", quantity=3),
        subscriber(4, plan_code="coffee"),
        subscriber(5, plan_code="gift"),
    ]
    with opening(database_url, sandbox) as opened:
        shop = opened(subscribers=subscribers)
        shop.charge_on(date(2026, 11, 30))
        changed_to(shop, "sub-001", "studio", date(2026, 12, 15))
        done(shop, "sub-003", Cancel(Timing.NOW), date(2026, 12, 20))
        done(shop, "sub-005", Pause(Timing.NOW), date(2026, 12, 21))
        shop.go_to(date(2026, 12, 25))
        november, december = months(shop)
        shop.go_to(date(2027, 1, 5))
        assert months(shop)[0].closing_yen == december.closing_yen
    # 1,980 + 98,000 ÷ 12 + 3 × 1,480 + 3,240 + 1,980 = 19,806.67, imported on 22 November.
    assert november == GrowthMonth(
        month=date(2026, 11, 1),
        opening_yen=0,
        new_yen=19_806,
        resumed_yen=0,
        changed_yen=0,
        paused_yen=0,
        canceled_yen=0,
        closing_yen=19_806,
        opening_agreements=0,
        new_agreements=5,
        canceled_agreements=0,
        closing_agreements=5,
    )
    # + (29,800 - 1,980) - 4,440 - 1,980 = 41,206.67
    assert december == GrowthMonth(
        month=date(2026, 12, 1),
        opening_yen=19_806,
        new_yen=0,
        resumed_yen=0,
        changed_yen=27_820,
        paused_yen=-1_980,
        canceled_yen=-4_440,
        closing_yen=41_206,
        opening_agreements=5,
        new_agreements=0,
        canceled_agreements=1,
        closing_agreements=3,
    )


def months(shop: Shop) -> tuple[GrowthMonth, GrowthMonth]:
    with reading(shop.database) as connection:
        found = growth(connection, shop.engine.merchant, at=shop.clock.now(), months=2)
    return found[0], found[1]


def changed_to(shop: Shop, subscription: str, plan: str, on: date) -> None:
    at, merchant = shop.go_to(on, hour=12), shop.engine.merchant
    with reading(shop.database) as connection:
        view = load_situation(connection, merchant, subscription_id=subscription, at=at)
        command = plan_change(view, plan_code=plan, on=on)
        asked = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="test")
    writing(shop.database, lambda c: keep_quote(c, merchant, asked))
    made = writing(
        shop.database, lambda c: confirm_quote(c, merchant, quote_id=asked.quote_id, at=at)
    )
    shop.engine.charge_now(made.slot_ids)


def done(shop: Shop, subscription: str, command: Command, on: date) -> None:
    at = shop.go_to(on, hour=12)
    writing(
        shop.database,
        lambda connection: act(
            connection,
            shop.engine.merchant,
            subscription_id=subscription,
            command=command,
            actor=Actor.STAFF,
            reason="test",
            at=at,
        ),
    )
