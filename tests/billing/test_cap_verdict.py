"""The cap's word on one due charge: charge, split, move or refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.cap.plan import CapRule
from billing.cap.verdict import IMPOSSIBLE, REFUSED, Charge, Move, Refuse, Split, Verdict, judge
from billing.dates import possible_months

TOKYO = "Asia/Tokyo"
# 9:03 in Tokyo on the 1st: the charge hour is 9:00, and by a clock that is 3 minutes fast this is
# the first moment that is December everywhere.
DECEMBER = datetime(2026, 12, 1, 0, 3, tzinfo=UTC)
JANUARY = datetime(2027, 1, 1, 0, 3, tzinfo=UTC)
REFUSE, DEFER, SPLIT = CapRule.REFUSE, CapRule.DEFER, CapRule.SPLIT
LIMIT = 50_000


def verdict(
    amount: int, rooms: dict[str, int], rule: CapRule, *, limit: int = LIMIT, hour: int = 9
) -> Verdict:
    return judge(
        amount_yen=amount,
        rooms=sorted(rooms.items()),
        limit_yen=limit,
        rule=rule,
        timezone=TOKYO,
        charge_hour=hour,
    )


@pytest.mark.parametrize("rule", CapRule)
@pytest.mark.parametrize(
    ("amount", "room"),
    [
        pytest.param(1, 1, id="the last yen"),
        pytest.param(30_000, 30_000, id="exactly the room"),
        pytest.param(30_000, 30_001, id="one yen to spare"),
        pytest.param(LIMIT, LIMIT, id="a whole month"),
    ],
)
def test_what_fits_is_charged_whole_under_every_rule(amount: int, room: int, rule: CapRule) -> None:
    assert verdict(amount, {"2026-11": room}, rule) == Charge(amount)


@pytest.mark.parametrize(
    ("amount", "room", "rule", "expected"),
    [
        pytest.param(30_001, 30_000, REFUSE, Refuse(REFUSED), id="refuse: one yen over"),
        pytest.param(30_001, 30_000, DEFER, Move(DECEMBER), id="defer: one yen over"),
        pytest.param(30_001, 30_000, SPLIT, Split(30_000, 1, DECEMBER), id="split: one yen over"),
        pytest.param(45_000, 12_000, SPLIT, Split(12_000, 33_000, DECEMBER), id="split: partial"),
        pytest.param(2, 1, SPLIT, Split(1, 1, DECEMBER), id="split: the last yen first"),
        pytest.param(45_000, 0, REFUSE, Refuse(REFUSED), id="refuse: no room"),
        pytest.param(45_000, 0, DEFER, Move(DECEMBER), id="defer: no room"),
        pytest.param(45_000, 0, SPLIT, Move(DECEMBER), id="split: no room, whole next month"),
        pytest.param(50_001, 50_000, REFUSE, Refuse(IMPOSSIBLE), id="refuse: no month takes it"),
        pytest.param(50_001, 50_000, DEFER, Refuse(IMPOSSIBLE), id="defer: no month takes it"),
        pytest.param(50_001, 50_000, SPLIT, Split(50_000, 1, DECEMBER), id="split: limit + 1"),
        pytest.param(120_000, 0, SPLIT, Move(DECEMBER), id="split: more than two months, no room"),
        pytest.param(120_000, 50_000, SPLIT, Split(50_000, 70_000, DECEMBER), id="split: 3 months"),
    ],
)
def test_what_does_not_fit_follows_the_rule(
    amount: int, room: int, rule: CapRule, expected: Verdict
) -> None:
    assert verdict(amount, {"2026-11": room}, rule) == expected


@pytest.mark.parametrize("rule", CapRule)
def test_a_limit_of_0_makes_every_charge_impossible(rule: CapRule) -> None:
    assert verdict(1, {"2026-11": 0}, rule, limit=0) == Refuse(IMPOSSIBLE)


@pytest.mark.parametrize(
    ("amount", "rooms", "rule", "expected"),
    [
        pytest.param(30_000, (30_000, 50_000), REFUSE, Charge(30_000), id="fits both months"),
        pytest.param(30_000, (50_000, 30_000), REFUSE, Charge(30_000), id="fits both, other way"),
        # November has too little, December more: at 9:03 on the 1st only December counts.
        pytest.param(30_000, (29_999, 50_000), REFUSE, Move(DECEMBER), id="refuse waits"),
        pytest.param(30_000, (29_999, 50_000), DEFER, Move(DECEMBER), id="defer waits"),
        pytest.param(30_000, (29_999, 50_000), SPLIT, Move(DECEMBER), id="split waits"),
        pytest.param(30_000, (0, 10), SPLIT, Move(DECEMBER), id="split waits for little"),
        # December is no better, so waiting some hours gains nothing: the month after it.
        pytest.param(30_000, (50_000, 0), DEFER, Move(JANUARY), id="the new month is full"),
        pytest.param(30_000, (50_000, 0), REFUSE, Refuse(REFUSED), id="refuse: new month full"),
        pytest.param(30_000, (10_000, 10_000), DEFER, Move(JANUARY), id="both alike"),
        pytest.param(30_000, (20_000, 9_000), SPLIT, Split(9_000, 21_000, JANUARY), id="min room"),
    ],
)
def test_at_a_boundary_both_months_count(
    amount: int, rooms: tuple[int, int], rule: CapRule, expected: Verdict
) -> None:
    november, december = rooms
    assert verdict(amount, {"2026-11": november, "2026-12": december}, rule) == expected


@pytest.mark.parametrize(
    ("hour", "to"),
    [
        # A charge hour before 9:00 on the 1st may itself be at a boundary; it is looked at again.
        pytest.param(0, datetime(2026, 11, 30, 15, tzinfo=UTC), id="0:00 JST on the 1st"),
        pytest.param(8, datetime(2026, 11, 30, 23, tzinfo=UTC), id="an hour before the edge"),
        pytest.param(23, datetime(2026, 12, 1, 14, tzinfo=UTC), id="23:00 JST on the 1st"),
    ],
)
def test_a_moved_charge_comes_at_the_merchants_hour_on_the_1st(hour: int, to: datetime) -> None:
    assert verdict(45_000, {"2026-11": 0}, DEFER, hour=hour) == Move(to)


@st.composite
def situations(draw: st.DrawFn) -> dict[str, object]:
    """A charge at some instant, with the rooms of the months it could count in."""
    first, seconds = datetime(2020, 1, 1, tzinfo=UTC), 40 * 365 * 86_400
    anywhere = st.integers(0, seconds).map(lambda s: first + timedelta(seconds=s))
    at = draw(anywhere | anywhere.map(lambda i: i.replace(day=1)))
    timezone = draw(st.sampled_from([TOKYO, "UTC", "America/Los_Angeles"]))
    limit = draw(st.integers(0, 100_000))
    rooms = [
        (month, draw(st.integers(0, limit))) for month in possible_months(at=at, timezone=timezone)
    ]
    return {
        "at": at,
        "amount_yen": draw(st.integers(1, 200_000)),
        "rooms": rooms,
        "limit_yen": limit,
        "rule": draw(st.sampled_from(CapRule)),
        "timezone": timezone,
        "charge_hour": draw(st.integers(0, 23)),
    }


@given(situations())
def test_the_amount_is_kept_and_no_room_is_passed(situation: dict[str, object]) -> None:
    at, amount = situation.pop("at"), situation["amount_yen"]
    rooms = dict(situation["rooms"])
    match judge(**situation):
        case Charge(amount_yen=now):
            assert now == amount
            assert now <= min(rooms.values())
        case Split(amount_yen=now, rest_yen=rest, rest_at=rest_at):
            assert now + rest == amount
            assert 0 < now <= min(rooms.values())
            assert rest > 0
            assert situation["rule"] is SPLIT
            _is_later(rest_at, at, rooms, situation["timezone"])
        case Move(to=to):
            _is_later(to, at, rooms, situation["timezone"])
        case Refuse(reason=reason):
            assert situation["rule"] is not SPLIT or situation["limit_yen"] == 0
            assert (reason == IMPOSSIBLE) == (
                situation["limit_yen"] == 0 or amount > situation["limit_yen"]
            )


def _is_later(to: datetime, at: datetime, rooms: dict[str, int], timezone: str) -> None:
    """In the future, and at a moment that has a better month than those of now."""
    assert to > at
    months = possible_months(at=to, timezone=timezone)
    later = max(rooms)
    waits_out_the_boundary = len(rooms) == 2 and months == (later,)
    assert waits_out_the_boundary or max(months) > later
