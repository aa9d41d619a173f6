"""Flat, per seat, tiered and metered prices: amounts with the arithmetic beside them, and words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import (
    BadInput,
    Flat,
    PerSeat,
    Rounding,
    Tier,
    Tiered,
    TierMode,
    UsageTerms,
    UsageTier,
    amount_of,
)

TIERS = (Tier(10, 1_000), Tier(50, 900, 500), Tier(None, 800, 300))
GRADUATED = Tiered(TierMode.GRADUATED, TIERS)
VOLUME = Tiered(TierMode.VOLUME, TIERS)
CALLS = UsageTerms("calls", 1_000, Decimal("0.5"))
STEPPED = UsageTerms(
    "calls",
    1_000,
    Decimal("0.5"),
    tiers=(UsageTier(10_000, Decimal("0.5")), UsageTier(None, Decimal("0.3"))),
)


@pytest.mark.parametrize(
    ("model", "quantity", "yen"),
    [
        pytest.param(Flat(3_240), 1, 3_240, id="flat"),
        pytest.param(PerSeat(1_480), 12, 17_760, id="12 × 1480"),
        pytest.param(GRADUATED, 1, 1_000, id="graduated: 1 × 1000"),
        pytest.param(GRADUATED, 10, 10_000, id="graduated at the bound: 10 × 1000"),
        pytest.param(GRADUATED, 11, 11_400, id="10 × 1000 + 1 × 900 + 500"),
        pytest.param(GRADUATED, 50, 46_500, id="10 × 1000 + 40 × 900 + 500"),
        pytest.param(GRADUATED, 51, 47_600, id="46500 + 1 × 800 + 300"),
        pytest.param(VOLUME, 10, 10_000, id="volume at the bound: 10 × 1000"),
        pytest.param(VOLUME, 11, 10_400, id="11 × 900 + 500"),
        pytest.param(VOLUME, 50, 45_500, id="50 × 900 + 500"),
        pytest.param(VOLUME, 51, 41_100, id="51 × 800 + 300"),
    ],
)
def test_quantities(model, quantity, yen):
    assert amount_of(model, quantity=quantity).yen == yen


@pytest.mark.parametrize(
    ("terms", "used", "yen"),
    [
        pytest.param(CALLS, 0, 0, id="nothing used"),
        pytest.param(CALLS, 1_000, 0, id="just the included units"),
        pytest.param(CALLS, 1_001, 0, id="1 × 0.5 = 0.5, floor"),
        pytest.param(CALLS, 1_003, 1, id="3 × 0.5 = 1.5, floor"),
        pytest.param(CALLS, Decimal("1500.5"), 250, id="500.5 × 0.5 = 250.25"),
        pytest.param(
            UsageTerms("calls", 1_000, Decimal("0.5"), rounding=Rounding.CEIL), 1_003, 2, id="ceil"
        ),
        pytest.param(
            UsageTerms("calls", 0, Decimal("0.5"), rounding=Rounding.HALF_UP), 3, 2, id="half up"
        ),
        pytest.param(STEPPED, 11_000, 5_000, id="10000 × 0.5"),
        pytest.param(STEPPED, 12_000, 5_300, id="10000 × 0.5 + 1000 × 0.3"),
        pytest.param(STEPPED, 11_003, 5_000, id="5000 + 3 × 0.3 = 5000.9, rounded once"),
    ],
)
def test_use(terms, used, yen):
    assert amount_of(terms, usage=used).yen == yen


@pytest.mark.parametrize(
    ("amount", "ja", "en"),
    [
        (amount_of(Flat(3_240)), "3,240円", "¥3,240"),
        (amount_of(PerSeat(1_480), quantity=3), "1,480円×3=4,440円", "¥1,480 × 3 = ¥4,440"),
        (
            amount_of(GRADUATED, quantity=25),
            "1,000円×10+900円×15+基本料500円=24,000円",
            "¥1,000 × 10 + ¥900 × 15 + flat fee ¥500 = ¥24,000",
        ),
        (
            amount_of(CALLS, usage=1_501),
            "利用1,501−無料枠1,000=501、0.5円×501=250円(1円未満切捨て)",
            "1,501 used − 1,000 free = 501; ¥0.5 × 501 = ¥250 (rounded down)",
        ),
        (
            amount_of(CALLS, usage=7),
            "利用7(無料枠1,000以内)=0円",
            "7 used (1,000 free) = ¥0",
        ),
    ],
    ids=["flat", "per seat", "graduated", "metered", "included"],
)
def test_words(amount, ja, en):
    assert (amount.words_ja, amount.words_en) == (ja, en)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: Flat(0), "price", id="free"),
        pytest.param(lambda: Flat(10_000_001), "price", id="too dear"),
        pytest.param(lambda: PerSeat(-1), "price", id="negative seat"),
        pytest.param(lambda: Tier(10, -1), "unit_price", id="negative tier"),
        pytest.param(lambda: Tier(10, 1, 10_000_001), "flat_fee", id="fee too dear"),
        pytest.param(lambda: Tiered(TierMode.VOLUME, ()), "tiers", id="no tier"),
        pytest.param(lambda: Tiered(TierMode.VOLUME, (Tier(5, 1),)), "tiers", id="no open tier"),
        pytest.param(
            lambda: Tiered(TierMode.VOLUME, (Tier(5, 1), Tier(5, 1), Tier(None, 1))),
            "tiers",
            id="bounds that do not ascend",
        ),
        pytest.param(
            lambda: Tiered(TierMode.VOLUME, (Tier(None, 1), Tier(None, 1))), "tiers", id="two open"
        ),
        pytest.param(
            lambda: Tiered(TierMode.VOLUME, (Tier(0, 1), Tier(None, 1))), "up_to", id="bound 0"
        ),
        pytest.param(
            lambda: Tiered(TierMode.VOLUME, (Tier(None, 0),)), "tiers", id="first unit free"
        ),
        pytest.param(lambda: UsageTerms("m", -1, Decimal(1)), "included", id="included below 0"),
        pytest.param(
            lambda: UsageTerms("m", 0, Decimal(1), late_days=-1), "late_days", id="late below 0"
        ),
        pytest.param(lambda: UsageTier(None, Decimal(-1)), "unit_price", id="negative unit"),
        pytest.param(lambda: amount_of(PerSeat(1), quantity=0), "quantity", id="no seat"),
        pytest.param(lambda: amount_of(Flat(1), quantity=2), "quantity", id="flat twice"),
        pytest.param(lambda: amount_of(CALLS, usage=-1), "usage", id="negative use"),
    ],
)
def test_refused(make, field):
    with pytest.raises(BadInput) as refused:
        make()
    assert refused.value.field == field


@st.composite
def tiers(draw):
    bounds = sorted(draw(st.sets(st.integers(1, 200), max_size=4)))
    units = draw(st.lists(st.integers(1, 5_000), min_size=len(bounds) + 1, max_size=5))
    fees = draw(st.lists(st.integers(0, 500), min_size=5, max_size=5))
    steps = zip([*bounds, None], units, fees, strict=False)
    return tuple(Tier(bound, unit, fee) for bound, unit, fee in steps)


@given(tiers(), st.integers(1, 300))
def test_one_more_seat_costs_its_own_tier_and_nothing_else(steps, quantity):
    """So a graduated amount grows with every seat, and only a flat fee makes a step at a bound."""
    model = Tiered(TierMode.GRADUATED, steps)
    more = amount_of(model, quantity=quantity + 1).yen - amount_of(model, quantity=quantity).yen
    tier = next(each for each in steps if each.up_to is None or quantity + 1 <= each.up_to)
    enters = any(each.up_to == quantity for each in steps)
    assert more == tier.unit_yen + (tier.flat_fee_yen if enters else 0)


@given(tiers(), st.integers(1, 300))
def test_volume_prices_every_seat_alike(steps, quantity):
    tier = next(each for each in steps if each.up_to is None or quantity <= each.up_to)
    amount = amount_of(Tiered(TierMode.VOLUME, steps), quantity=quantity)
    assert amount.yen == quantity * tier.unit_yen + tier.flat_fee_yen


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_more_use_never_costs_less(one, other):
    less, more = sorted((one, other))
    assert amount_of(STEPPED, usage=less).yen <= amount_of(STEPPED, usage=more).yen
