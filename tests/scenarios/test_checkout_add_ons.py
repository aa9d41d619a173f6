"""Add-ons chosen at a sign-up: in the offer, in the first charge and in every one after it."""

from collections.abc import Iterator

import pytest
from checkout_desk import CheckoutDesk
from support.sandbox import Sandbox
from support.shop import Shop, opening

from billing import reading
from billing.checkouts import Offer, Wanted, sign_up_offer
from plans import UnknownOffer

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: trial, name: {ja: お試し付き, en: With a trial}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, trial_days: 14}
  - {code: large, name: {ja: ラージ, en: Large}, price: 49700, tax: standard,
     every: {unit: month, count: 1}}
add_ons:
  - {code: storage, name: {ja: 追加容量, en: Storage}, price: 300, tax: standard}
  - {code: bottle, name: {ja: 牛乳, en: Milk}, price: 216, per_seat: true, quantity: {min: 2},
     tax: reduced}
  - {code: mug, name: {ja: マグ, en: Mug}, price: 1500, tax: standard, recurring: false}
  - {code: other, name: {ja: 別, en: Other}, price: 100, tax: standard, plans: [large]}
coupons:
  - {code: HALF, valid_from: 2026-01-01, name: {ja: 半額, en: Half price}, off: {percent: 50},
     cycles: 1}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shared_sandbox: Sandbox) -> Iterator[Shop]:
    """One shop; each test signs up for itself."""
    shared_sandbox.reset()
    url = f"sqlite:///{tmp_path_factory.mktemp('add-ons') / 'books.sqlite3'}"
    with opening(url, shared_sandbox) as open_one:
        yield open_one(subscribers=[], catalogue=CATALOGUE)


def offer_of(shop: Shop, wanted: Wanted) -> Offer:
    with reading(shop.database) as connection:
        return sign_up_offer(
            connection,
            shop.engine.merchant,
            wanted=wanted,
            subscription_id="preview",
            at=shop.clock.now(),
        )


BOTH = ("bottle", "storage")


@pytest.mark.parametrize(
    ("wanted", "today_yen", "regular_yen", "year_yen"),
    [
        # 1,980 + 300 in each of twelve months
        pytest.param(Wanted(plan_code="basic", add_ons=("storage",)), 2280, 2280, 27_360, id="one"),
        # two bottles at least: 1,980 + 300 + 2 × 216 = 2,712
        pytest.param(Wanted(plan_code="basic", add_ons=BOTH), 2712, 2712, 32_544, id="both"),
        # half of 2,280 once: 1,140 + 11 × 2,280
        pytest.param(
            Wanted(plan_code="basic", add_ons=("storage",), coupon="HALF"),
            *(1140, 2280, 26_220),
            id="with a coupon",
        ),
        # nothing for 14 days, then twelve charges from 6 December on
        pytest.param(Wanted(plan_code="trial", add_ons=("storage",)), 0, 2280, 27_360, id="trial"),
        pytest.param(Wanted(plan_code="basic"), 1980, 1980, 23_760, id="none"),
    ],
)
def test_the_offer_has_them_in_every_charge(
    shop: Shop, wanted: Wanted, today_yen: int, regular_yen: int, year_yen: int
) -> None:
    offer = offer_of(shop, wanted)
    assert (offer.today_yen, offer.regular_yen, offer.year_yen) == (
        today_yen,
        regular_yen,
        year_yen,
    )
    assert offer.fits


def test_what_is_over_the_cap_only_with_them_has_no_button(shop: Shop) -> None:
    """49,700 fits under 50,000 in every month; with 300 still, with 300 + 432 no more."""
    fits = [offer_of(shop, Wanted(plan_code="large", add_ons=a)).fits for a in ((), BOTH[1:], BOTH)]
    assert fits == [True, True, False]


@pytest.mark.parametrize("code", ["mug", "other", "nothing"])
def test_what_is_not_sold_with_the_plan_cannot_be_chosen(shop: Shop, code: str) -> None:
    with pytest.raises(UnknownOffer, match=code):
        offer_of(shop, Wanted(plan_code="basic", add_ons=(code,)))


@pytest.mark.parametrize("plan", ["basic", "trial"])
def test_the_year_that_was_agreed_to_is_the_year_that_is_charged(shop: Shop, plan: str) -> None:
    desk = CheckoutDesk(shop, begun={"basic": 0, "trial": 2**64}[plan])
    wanted = Wanted(plan_code=plan, add_ons=BOTH)
    offer = offer_of(shop, wanted)
    found = desk.agreed(wanted=wanted)
    assert Wanted.from_text(found.wanted.to_text()) == found.wanted
    shop.engine.finish_checkout(found.id)
    now = shop.clock.now()
    due = [bill.on for bill in offer.bills[:3] if bill.on > now.date()]
    for on in due:
        shop.charge_on(on)
    taken = [yen for reference, yen in shop.taken() if reference.startswith(found.subscription)]
    assert taken == [bill.charge_yen for bill in offer.bills[:3]] == [2712] * 3
    assert shop.faults() == []
    shop.amazon.set_clock(now)
    shop.clock.set(now)
