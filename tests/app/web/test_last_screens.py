"""Every last screen has the six items of the law (特商法 12条の6), right for that agreement."""

import hashlib
from collections.abc import Iterator

import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment
from join_desk import JoinDesk
from last_screen_words import SIX, quoted, terms
from my_shop import MyShop, my_shop
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from app.web.mypage import sign_up_offer
from app.web.shell.rendering import environment

RENEWS = {"ja": "自動更新(期限の定めなし)", "en": "renewed by itself (no fixed end)"}
AT_ANY_TIME = {"ja": "マイページからいつでも", "en": "Any time on My Page"}
PLANS = """
plans:
  - {code: plain, name: {ja: ふつう, en: Plain}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: bound, name: {ja: しばり, en: Bound}, price: 3000, tax: standard,
     every: {unit: month, count: 1}, minimum_cycles: 3}
  - {code: goods, name: {ja: 豆, en: Beans}, price: 3240, tax: reduced, physical: true,
     every: {unit: month, count: 1}}
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory, shared_sandbox: Sandbox) -> Iterator[MyShop]:
    shared_sandbox.reset()
    url = f"sqlite:///{tmp_path_factory.mktemp('last') / 'books.sqlite3'}"
    with my_shop(url, shared_sandbox) as shop:
        yield shop


@pytest.fixture
def selling(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(sqlite_url, sandbox) as opened:
        yield opened(subscribers=[subscriber(1)], catalogue=PLANS.replace("plain", "basic", 1))


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    ("number", "query"),
    [
        pytest.param(1, "what=plan&plan=pro&when=now", id="a larger plan, now"),
        pytest.param(5, "what=plan&plan=basic&when=renewal", id="a smaller plan, later"),
        pytest.param(5, "what=seats&quantity=4&when=now", id="a seat more"),
        pytest.param(5, "what=seats&quantity=2&when=renewal", id="a seat less, later"),
        pytest.param(5, "what=seats&quantity=4&when=on&on=2027-01-10", id="a seat more, on a day"),
        pytest.param(1, "what=options&add_on=storage&pieces=1", id="an add-on"),
        pytest.param(1, "what=coupon&coupon=HALF", id="a coupon"),
    ],
)
def test_a_change_says_all_six(mine: MyShop, number: int, query: str, language: str) -> None:
    browser = mine.browser(number)
    browser.cookies.set("autopay_lang", language, domain="autopay.test", path="/")
    said = terms(quoted(browser, mine.path(number, f"/change?{query}")))
    assert list(said) == SIX[language]
    assert all(said.values()), said
    what, *_, leaving = said.values()
    assert RENEWS[language] in what
    assert AT_ANY_TIME[language] in leaving


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            [
                "You can cancel once 2 more payments are made.",
                "The earliest end is Sun, 28 Feb 2027.",
                "After that, on My Page: cancel by 23:59 on the day before the next charge",
            ],
        ),
        (
            "ja",
            [
                "あと2回のお支払いまでは解約できません。",
                "最短で 2027年2月28日(日) に解約できます。",
                "その後は、マイページから手続きできます。次回のお支払い日の1日前の23:59まで",
            ],
        ),
    ],
    ids=["en", "ja"],
)
def test_the_minimum_term_that_is_left_binds_after_the_change_too(
    mine: MyShop, language: str, said: list[str]
) -> None:
    """12 of 14 cycles are paid: 30 December and 30 January come, 28 February is free."""
    browser = mine.browser(6)
    browser.cookies.set("autopay_lang", language, domain="autopay.test", path="/")
    page = mine.path(6, "/change?what=options&add_on=storage&pieces=1")
    *_, leaving = terms(quoted(browser, page)).values()
    assert [words for words in said if words not in leaving] == [], leaving
    assert AT_ANY_TIME[language] not in leaving
    assert "いつでも" not in leaving


def test_a_new_plan_brings_its_minimum_term(mine: MyShop) -> None:
    """Basic owes nothing, coffee 14 paid cycles: further away than the quote looks."""
    page = mine.path(8, "/change?what=plan&plan=coffee&when=now")
    leaving = terms(quoted(mine.browser(8), page))["Cancelling"]
    assert "You can cancel once 14 more payments are made." in leaving
    assert "earliest end" not in leaving
    assert "Any time" not in leaving


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("plan", ["basic", "bound", "goods"])
def test_a_sign_up_says_all_six(selling: Shop, plan: str, language: str) -> None:
    desk = JoinDesk.at(selling, language=language)
    said = terms(desk.browser.get(desk.last_screen(f"/my/join/plans/{plan}")))
    assert list(said) == SIX[language]
    assert all(said.values()), said
    what, *_, leaving = said.values()
    assert RENEWS[language] in what
    assert (AT_ANY_TIME[language] in leaving) == (plan != "bound")


@pytest.mark.parametrize(
    ("language", "first", "said"),
    [
        (
            "en",
            "At least 3 paid cycles",
            [
                "You can cancel after 3 payments.",
                "The earliest end is Mon, 22 Feb 2027.",
                "After that, on My Page: cancel by 23:59 on the day before the next charge",
                "No fee after that.",
            ],
        ),
        (
            "ja",
            "最低ご利用回数 3回",
            [
                "3回のお支払いまでは解約できません。",
                "最短で 2027年2月22日(月) に解約できます。",
                "その後は、マイページから手続きできます。次回のお支払い日の1日前の23:59まで",
                "その後の解約料 0円",
            ],
        ),
    ],
    ids=["en", "ja"],
)
def test_a_sign_up_says_its_minimum_term(
    selling: Shop, language: str, first: str, said: list[str]
) -> None:
    """Paid on 22 November, December and January: free on 22 February."""
    desk = JoinDesk.at(selling, language=language)
    what, *_, leaving = terms(desk.browser.get(desk.last_screen("/my/join/plans/bound"))).values()
    assert first in what
    assert [words for words in said if words not in leaving] == [], leaving
    assert AT_ANY_TIME[language] not in leaving
    assert "いつでも" not in leaving


@pytest.mark.parametrize(
    "template", [sign_up_offer.TEMPLATE, "mypage/quote_terms.html", "mypage/extra_offer.html"]
)
def test_other_words_in_a_shared_part_are_another_wording(template: str) -> None:
    """What is kept as evidence names all templates that the shown words come from."""
    whole = environment()
    assert whole.loader is not None
    named = sign_up_offer.sources_of(whole, template)
    assert {template, "mypage/six_items.html"} <= set(named)
    other = whole.overlay()
    changed = DictLoader({"mypage/six_items.html": "{# other words #}"})
    other.loader = ChoiceLoader([changed, whole.loader])
    before = sign_up_offer.wording_of(whole, template, "ja")
    assert sign_up_offer.wording_of(whole, template, "ja") == before
    assert sign_up_offer.wording_of(other, template, "ja") != before


def test_a_template_that_is_named_by_a_figure_has_no_version() -> None:
    """Nobody could say which words were shown."""
    templates = Environment(
        loader=DictLoader({"a": "{% include part %}", "b": "{% include 'a' %}"}), autoescape=True
    )
    with pytest.raises(AssertionError, match="nobody knows which"):
        sign_up_offer.wording_of(templates, "b", "ja")


def test_what_is_kept_names_the_version_of_the_words_that_were_shown(mine: MyShop) -> None:
    browser, page = mine.browser(2), mine.path(2, "/change?what=options&add_on=storage&pieces=1")
    answer = quoted(browser, page)
    quote = str(answer.url.path)
    assert browser.post_form(quote, quote).status_code == 303
    (kept,) = mine.shop.rows(
        "SELECT * FROM consent WHERE subscription_id = :i", i=mine.id_of("subscription", 2)
    )
    assert kept["wording"] == sign_up_offer.wording_version("mypage/quote_terms.html", "en")
    assert kept["html"] in answer.text
    assert kept["html_hash"] == hashlib.sha256(kept["html"].encode()).hexdigest()
    assert kept["agreed_at"] is not None
