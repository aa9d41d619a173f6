"""A last screen says nothing that does not hold: trials, pauses, ends, days of charges, fees."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from join_desk import ICHIRO, NEW, JoinDesk, later, pages_of, signed_up
from last_screen_words import SIX, quoted, terms
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import Browser

Newcomer = Callable[..., JoinDesk]
MONTHLY = "tax: standard, every: {unit: month, count: 1}"
PLANS = f"""
plans:
  - {{code: basic, name: {{ja: ベーシック, en: Basic}}, price: 1980, {MONTHLY}}}
  - {{code: trial, name: {{ja: お試し付き, en: With a trial}}, price: 1980, {MONTHLY},
     trial_days: 14}}
  - {{code: bound, name: {{ja: しばり, en: Bound}}, price: 3000, {MONTHLY}, minimum_cycles: 3,
     trial_days: 14, cancellation_fee: {{kind: fixed, yen: 5000}}}}
  - {{code: month_end, name: {{ja: 末日, en: Month end}}, price: 1980, {MONTHLY}, anchor: last_day}}
  - {{code: statute, name: {{ja: 民法, en: Statute}}, price: 1980, {MONTHLY}, anchor: statute}}
  - {{code: gift, name: {{ja: 初回無料, en: First free}}, price: 1980, {MONTHLY}, first_price: 0}}
  - {{code: steps, name: {{ja: 段階, en: Steps}}, price: 1980, {MONTHLY},
     cycle_prices: [{{cycle: 1, to: 5, price: 980}}]}}
add_ons:
  - {{code: storage, name: {{ja: 追加容量, en: Storage}}, price: 300, tax: standard,
     per_seat: true}}
  - {{code: mug, name: {{ja: マグ, en: Mug}}, price: 1500, tax: standard, recurring: false}}
"""
OPTION = "what=options&add_on=storage&pieces=1&when=now"
WHAT, COST, WHEN, _, _, LEAVING = SIX["en"]


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(sqlite_url, sandbox) as opened:
        yield opened(subscribers=[subscriber(1)], catalogue=PLANS)


@pytest.fixture
def newcomer(shop: Shop) -> Newcomer:
    """Browsers of buyers, in front of pages that allow leaving early for a fee."""
    return partial(JoinDesk.at, shop, pages_of(shop, leave_early="for_fee"))


def own(shop: Shop, page: str) -> str:
    return f"/my/subscriptions/{signed_up(shop)['id']}{page}"


def done(browser: Browser, page: str, **fields: str) -> None:
    quote = browser.post_form(page, page, **fields).headers["location"]
    assert browser.post_form(quote, quote).status_code == 303


def offered(desk: JoinDesk, plan: str) -> dict[str, str]:
    return terms(desk.browser.get(desk.last_screen(f"/my/join/plans/{plan}", email=ICHIRO)))


def test_what_ends_is_not_said_to_be_renewed(shop: Shop, newcomer: Newcomer) -> None:
    """Cancelled for 22 December; an option until then is charged today only."""
    desk = newcomer()
    desk.sign_up("/my/join/plans/basic", email=NEW)
    done(desk.browser, own(shop, "/cancel"), when="renewal", reason="")
    said = terms(quoted(desk.browser, own(shop, f"/change?{OPTION}")))
    ends = "it ends on Tue, 22 Dec 2026 and is not renewed"
    assert ends in said[WHAT]
    assert ends in said[LEAVING]
    assert "renewed by itself" not in said[WHAT]
    assert "Any time" not in said[LEAVING]
    assert "Next 12 months ¥0" in said[COST]
    assert "every month" not in said[WHEN]


def test_what_is_paused_says_so_and_what_it_will_cost(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/gift", email=NEW)
    done(desk.browser, own(shop, "/pause"), kind="pause", when="now", until="")
    said = terms(quoted(desk.browser, own(shop, f"/change?{OPTION}")))
    assert "Nothing is charged until you resume it" in said[WHAT]
    assert "renewed by itself" not in said[WHAT]
    assert "The plan regularly costs ¥1,980 (every month)" in said[COST]
    assert "The option costs ¥300 (every month)" in said[COST]
    assert "One year" not in said[COST]


def test_a_change_within_a_trial_says_until_when_it_is_free(shop: Shop, newcomer: Newcomer) -> None:
    """The trial of 22 November ends on 6 December, whatever is taken beside it."""
    desk = newcomer()
    desk.sign_up("/my/join/plans/trial", email=NEW)
    said = terms(quoted(desk.browser, own(shop, f"/change?{OPTION}")))
    assert "Free until the day before Sun, 6 Dec 2026" in said[COST]
    assert "On Sun, 6 Dec 2026 the first ¥2,280 is charged" in said[COST]
    assert "on day 6 of the month" in said[WHEN]
    bound = terms(quoted(desk.browser, own(shop, "/change?what=plan&plan=bound&when=now")))
    for each in ("Until 2026-12-05 23:59 you can cancel within the trial", "fixed ¥5,000"):
        assert each in bound[LEAVING]
    assert "fee after the first payment" in bound[LEAVING]
    assert "Cancelling now would cost" not in bound[LEAVING]
    # Paid on 6 December, January and February.
    assert "Ending it on Sat, 6 Mar 2027 or later costs no fee" in bound[LEAVING]


def test_a_trial_is_free_to_leave_as_its_last_screen_says(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    before = shop.taken()
    leaving = offered(desk, "bound")[LEAVING]
    assert "Until 2026-12-05 23:59 you can cancel within the trial" in leaving
    assert "Leaving before 3 payments are made costs a fee" in leaving
    assert "Ending it on Sat, 6 Mar 2027 or later costs no fee" in leaving
    assert "Any time" not in leaving
    desk.sign_up("/my/join/plans/bound", email=ICHIRO)
    with later(shop, days=13, hours=11, minutes=58):  # 5 December 23:58 in Japan
        done(desk.browser, own(shop, "/cancel"), when="now", reason="")
    assert signed_up(shop)["state"] == "canceled"
    assert shop.taken() == before


def test_a_change_at_the_renewal_says_what_holds_until_then(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/basic", email=NEW)
    page = own(shop, "/change?what=plan&plan=gift&when=renewal")
    at_renewal = terms(quoted(desk.browser, page))[WHAT]
    until = "Until the day before Tue, 22 Dec 2026 everything stays as it is."
    assert f"The change is made when the running period ends. {until}" in at_renewal
    page = own(shop, "/change?what=options&add_on=storage&pieces=1&when=")
    on_a_day = terms(quoted(desk.browser, f"{page}on&on=2026-12-10"))[WHAT]
    assert "Until the day before Thu, 10 Dec 2026 everything stays" in on_a_day
    assert "running period ends" not in on_a_day
    assert "everything stays" not in terms(quoted(desk.browser, f"{page}now"))[WHAT]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("basic", "on day 30 of the month (on the last day of months without day 30)"),
        ("statute", "on day 30 of the month (after months without day 30, on the 1st of the next)"),
        ("month_end", "on the last day of the month"),
        # Nothing is charged today: the days count from here all the same.
        ("gift", "on day 30 of the month (on the last day of months without day 30)"),
    ],
)
def test_short_months_are_said_at_sign_up_and_at_a_change(
    shop: Shop, newcomer: Newcomer, plan: str, said: str
) -> None:
    desk = newcomer()
    with later(shop, days=8):  # 30 November
        assert f"Then every month, {said}" in offered(desk, plan)[WHEN]
        desk.sign_up(f"/my/join/plans/{plan}", email=NEW)
        changed = terms(quoted(desk.browser, own(shop, f"/change?{OPTION}")))
        assert f"Then every month, {said}" in changed[WHEN]


def test_a_moved_charge_does_not_change_the_usual_day(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/basic", email=NEW)
    done(desk.browser, own(shop, "/pause"), kind="move", to="2026-12-28")
    page = own(shop, "/change?what=options&add_on=storage&pieces=1&when=on&on=2027-01-22")
    said = terms(quoted(desk.browser, page))
    assert "Mon, 28 Dec 2026" in said[WHEN]
    assert "on day 22 of the month" in said[WHEN]


def test_a_later_price_stands_beside_the_first_ones(shop: Shop, newcomer: Newcomer) -> None:
    """Five cycles of 980, then 1,980: the sixth begins on 22 April."""
    desk = newcomer()
    assert "Thu, 22 Apr 2027 ¥1,980" in offered(desk, "steps")[WHEN]
    desk.sign_up("/my/join/plans/steps", email=NEW)
    said = terms(quoted(desk.browser, own(shop, f"/change?{OPTION}")))
    assert "Tue, 22 Dec 2026 ¥1,280" in said[WHEN]
    assert "Thu, 22 Apr 2027 ¥2,280" in said[WHEN]
    assert "Mon, 22 Mar 2027" not in said[WHEN]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_purchase_beside_a_subscription_says_all_six(
    shop: Shop, newcomer: Newcomer, language: str
) -> None:
    desk = newcomer(language=language)
    desk.sign_up("/my/join/plans/basic", email=NEW)
    page = f"/my/extras/{signed_up(shop)['external_id']}/mug"
    said = terms(desk.browser.get(page))
    assert list(said) == SIX[language]
    assert all(said.values()), said


@pytest.mark.parametrize("language", ["ja", "en"])
def test_giving_an_option_up_says_all_six(shop: Shop, newcomer: Newcomer, language: str) -> None:
    """More of it and none of it, as the first of it."""
    desk = newcomer(language=language)
    desk.sign_up("/my/join/plans/basic?add_on=storage", email=NEW)
    for pieces in ("2", "0"):
        page = own(shop, f"/change?what=options&add_on=storage&pieces={pieces}")
        said = terms(quoted(desk.browser, page))
        assert list(said) == SIX[language]
        assert all(said.values()), said
