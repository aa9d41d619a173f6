"""What the cap says about a quote: everything on the charge permission, before and after."""

from dataclasses import replace
from datetime import date

import pytest
from quote_cases import CAP, CHANGE, OPEN, asked, instant, subscriber

from billing.cap.plan import CapPart, CapRule, PlannedCharge, Verdict
from billing.quotes import CapRefuses, CapRoom, confirm, explain_ja, plan_change
from plans import Month
from plans.lifecycle import ChangeQuantity, Timing

REFUSE, DEFER, SPLIT = CapRule.REFUSE, CapRule.DEFER, CapRule.SPLIT
OK, DEFERRED, SPLITTED, REFUSED, IMPOSSIBLE = Verdict
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
# Another subscription of the same buyer: 9,000 on the 3rd of each of the next three months.
OTHERS = tuple(
    PlannedCharge(f"sub-2/{month:04d}", date(2026, month, 3), 9_000) for month in (5, 6, 7)
)


def to_huge(view, **how):
    """45,000 a month from 1 May on."""
    command = plan_change(view, plan_code="huge", on=CHANGE, timing=Timing.PERIOD_END, **how)
    return asked(view, command)


def hits(found):
    return [(row.charge.id, row.verdict) for row in found.cap.hits]


def test_what_fits_is_ok():
    found = to_huge(subscriber())
    assert (found.cap.verdict_before, found.cap.verdict, found.cap.allows) == (OK, OK, True)
    assert found.cap.limit_yen == 50_000
    assert found.cap.hits == ()


@pytest.mark.parametrize(
    ("rule", "verdict", "parts"),
    [
        # 45,000 on 1 May leave 5,000 for the other subscription's 9,000 of 3 May ...
        pytest.param(SPLIT, SPLITTED, [("05-03", 5_000), ("06-01", 4_000)], id="split"),
        # ... which under `defer` waits for the first month with room: August, after its last one
        pytest.param(DEFER, DEFERRED, None, id="defer"),
        pytest.param(REFUSE, REFUSED, [], id="refuse"),
    ],
)
def test_the_other_subscription_of_the_permission_is_hit(rule, verdict, parts):
    found = to_huge(subscriber(cap=replace(CAP, rule=rule), sharing=OTHERS))
    first = found.cap.hits[0]
    assert first.charge.id == "sub-2/0005"
    assert first.verdict is verdict
    assert found.cap.verdict_before is OK
    assert found.cap.allows is (rule is not REFUSE)
    if parts is not None:
        assert [(f"{part.on:%m-%d}", part.amount_yen) for part in first.parts] == parts


def test_what_is_taken_already_counts():
    """In April 49,000 are taken: of today's 3,500 the 1,000 fit, 2,500 come on 1 May."""
    cap = CapRoom(50_000, SPLIT, ((Month(2026, 4), 49_000),))
    view = subscriber(cap=cap)
    found = asked(view, plan_change(view, plan_code="large", on=CHANGE))
    (row,) = found.cap.hits
    assert row.parts == (CapPart(CHANGE, 1_000), CapPart(MAY, 2_500))
    assert "1,000円" in explain_ja(found)
    assert found.charge_today_yen == 3_500


def test_more_than_a_cap_is_impossible_unless_it_is_split():
    view = subscriber("seats", cap=replace(CAP, rule=DEFER))
    found = asked(view, ChangeQuantity(51, Timing.PERIOD_END))  # 51,000 a month
    assert found.cap.verdict is IMPOSSIBLE
    assert not found.cap.allows
    with pytest.raises(CapRefuses, match="51,000") as refused:
        confirm(found, view, on=CHANGE, at=instant(CHANGE), policy=OPEN)
    assert refused.value.quote is found


def test_a_change_that_makes_it_better_is_allowed():
    """60 seats never fitted; 55 do not fit either, but nobody keeps the buyer from going down."""
    cap = replace(CAP, rule=REFUSE)
    view = subscriber("seats", cap=cap, quantity=60)
    fewer = asked(view, ChangeQuantity(55, Timing.PERIOD_END))
    more = asked(view, ChangeQuantity(61, Timing.PERIOD_END))
    assert (fewer.cap.verdict, fewer.cap.allows) == (IMPOSSIBLE, True)
    assert (more.cap.verdict, more.cap.allows) == (IMPOSSIBLE, False)


@pytest.mark.parametrize(
    ("rule", "seats", "fits"),
    [
        # 12 months hold 600,000. 50 seats are 600,000, 51 are 612,000.
        pytest.param(SPLIT, 50, True, id="split: a full month every month"),
        pytest.param(SPLIT, 51, False, id="split: more than any month"),
    ],
)
def test_parts_must_fit_the_year_too(rule, seats, fits):
    """Split for ever, the rest of each month would be pushed into the next, and grow."""
    view = subscriber("seats", cap=replace(CAP, rule=rule))
    found = asked(view, ChangeQuantity(seats, Timing.PERIOD_END))
    assert found.cap.allows is fits
    fewer = subscriber("seats", cap=replace(CAP, rule=rule), quantity=60)
    assert asked(fewer, ChangeQuantity(seats, Timing.PERIOD_END)).cap.allows


def test_own_invoiced_charges_take_their_room():
    """An open invoice of 20,000 on 2 May beside 45,000 on the 1st: 5,000 fit."""
    view = replace(
        subscriber(), open_charges=(PlannedCharge("sub-1/open-9", date(2026, 5, 2), 20_000),)
    )
    found = to_huge(view)
    assert hits(found)[0] == ("sub-1/open-9", SPLITTED)


def test_the_order_of_a_day_does_not_depend_on_who_asks():
    a, b = PlannedCharge("a", JUNE, 30_000), PlannedCharge("b", JUNE, 30_000)
    one = to_huge(subscriber(sharing=(a, b)))
    other = to_huge(subscriber(sharing=(b, a)))
    assert one.cap == other.cap
