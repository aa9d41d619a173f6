"""Every last screen has the six items of the law (特商法 12条の6), right for that agreement."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest
from jinja2 import ChoiceLoader, DictLoader
from join_desk import JoinDesk, words
from my_shop import MyShop, my_shop
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import Browser

from app.web.mypage import sign_up_offer
from app.web.shell.rendering import environment

SIX = {
    "ja": [
        "ご契約内容・分量",
        "お支払額",
        "お支払いの時期と方法",
        "提供・お届けの時期",
        "申込期間",
        "解約",
    ],
    "en": [
        "What and how much",
        "What you pay",
        "When and how you pay",
        "When it starts",
        "Offer period",
        "Cancelling",
    ],
}
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


def quoted(browser: Browser, page: str) -> httpx.Response:
    """The last screen of a change that is asked for on its page."""
    text = browser.get(page).text
    form = re.search(r'<form method="post" action="[^"]*/change".*?</form>', text, re.DOTALL)
    assert form, words(browser.get(page))
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
    answer = browser.post_form(page, page.split("?")[0], **fields)
    assert answer.status_code == 303, words(answer)
    return browser.get(answer.headers["location"])


def terms(answer: httpx.Response) -> dict[str, str]:
    """The items of a last screen: heading → words."""
    found = re.search(r'<dl class="terms">(.*?)</dl>', answer.text, re.DOTALL)
    assert found, words(answer)
    text = html.unescape(found[1])
    items = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", text, re.DOTALL)
    return {
        name: " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split()) for name, text in items
    }


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    ("number", "query"),
    [
        pytest.param(1, "what=plan&plan=pro&when=now", id="a larger plan, now"),
        pytest.param(5, "what=plan&plan=basic&when=renewal", id="a smaller plan, later"),
        pytest.param(5, "what=seats&quantity=4&when=now", id="a seat more"),
        pytest.param(5, "what=seats&quantity=2&when=renewal", id="a seat less, later"),
        pytest.param(1, "what=options&add_on=storage&pieces=1", id="an add-on"),
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


def test_the_minimum_term_that_is_left_binds_after_the_change_too(mine: MyShop) -> None:
    """12 of 14 cycles are paid: 30 December and 30 January come, 28 February is free."""
    page = mine.path(6, "/change?what=options&add_on=storage&pieces=1")
    leaving = terms(quoted(mine.browser(6), page))["Cancelling"]
    assert "You can cancel once 2 more payments are made." in leaving
    assert "The earliest end is Sun, 28 Feb 2027." in leaving
    assert "Any time" not in leaving


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
    if plan == "bound" and language == "en":
        # Paid on 22 November, December and January: free on 22 February.
        assert "You can cancel after 3 payments." in leaving
        assert "The earliest end is Mon, 22 Feb 2027." in leaving


@pytest.mark.parametrize("template", [sign_up_offer.TEMPLATE, "mypage/quote_terms.html"])
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
