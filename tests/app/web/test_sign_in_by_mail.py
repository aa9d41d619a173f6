"""A link by mail: only the browser that asked is signed in by it, and every other one is helped."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from join_desk import ADDRESS, JoinDesk, pages_of, words
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import Browser

from billing import writing
from billing.customers import LINK_LASTS, ask_mail_link, mail_link_token
from billing.deliveries.words_en import WORDS_EN
from billing.deliveries.words_ja import WORDS_JA

WAYS_IN, ASK, LINK = "/my/sign-in", "/my/sign-in/mail", "/my/sign-in/link"
MINE = "user1@example.jp"
OTHER = "only in the browser where it was asked for"


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(sqlite_url, sandbox) as opened:
        yield opened(subscribers=[subscriber(1), subscriber(2)])


@pytest.fixture
def browser(shop: Shop) -> Callable[[], Browser]:
    """New browsers in front of the pages of the shop."""
    at = partial(JoinDesk.at, shop, pages_of(shop))
    return lambda: at().browser


def mailed(shop: Shop) -> list[str]:
    """The pages of the links that were mailed, the newest last."""
    told = shop.rows("SELECT facts FROM notice WHERE kind = 'sign_in_link' ORDER BY id")
    seeds = [json.loads(row["facts"])["seed"] for row in told]
    merchant = shop.engine.merchant.id
    made = [
        mail_link_token(master_key=shop.master_key, merchant_id=merchant, seed=s) for s in seeds
    ]
    return [f"{LINK}?token={each}" for each in made]


def asked(shop: Shop, browser: Browser, email: str = MINE) -> str:
    """Ask for a link; its page."""
    assert browser.post_form(WAYS_IN, ASK, email=email).headers["location"] == "/my/sign-in/sent"
    return mailed(shop)[-1]


def is_used(shop: Shop, number: int = -1) -> bool:
    rows = shop.rows("SELECT used_at FROM mail_link WHERE customer_id IS NOT NULL ORDER BY id")
    return rows[number]["used_at"] is not None


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/my/").status_code == 200


def test_a_link_signs_in_the_browser_that_asked_and_says_whom_before(
    shop: Shop, browser: Callable[[], Browser]
) -> None:
    """Somebody else's link, sent on to a customer, must not lead her into a stranger's pages."""
    mine = browser()
    page = asked(shop, mine)
    assert "Open the link in this browser" in words(mine.get("/my/sign-in/sent"))
    assert "You sign in as u…@example.jp" in words(mine.get(page))
    assert "user1" not in mine.get(page).text
    assert mine.post_form(page, LINK).headers["location"] == "/my/"
    assert is_signed_in(mine)
    assert "You sign in as" not in words(mine.get(page))  # it works once


def test_another_browser_is_not_signed_in_and_spends_nothing(
    shop: Shop, browser: Callable[[], Browser]
) -> None:
    mine, other = browser(), browser()
    page = asked(shop, mine)
    token = page.partition("token=")[2]
    shown = other.get(page)
    assert shown.status_code == 200
    assert OTHER in words(shown)
    assert "It goes to u…@example.jp" in words(shown)
    assert MINE not in shown.text
    # Whoever sends the form all the same, with a secret of her own and with none.
    fields = {"form_token": other.token(WAYS_IN), "token": token}
    refused = other.send("POST", LINK, data=fields)
    assert (refused.status_code, OTHER in words(refused)) == (409, True)
    other.cookies.delete("__Host-autopay_join")
    assert other.send("POST", LINK, data=fields).status_code == 409
    assert not is_signed_in(other)
    assert not is_used(shop)
    assert mine.post_form(page, LINK).headers["location"] == "/my/"


def test_a_mark_cannot_be_put_into_somebody_elses_link(
    shop: Shop, browser: Callable[[], Browser]
) -> None:
    """The mark stands in the token: with another one in its place it is no link at all."""
    mine, thief = browser(), browser()
    secret, _, mark = asked(shop, mine).partition(".")
    own = asked(shop, thief, "user2@example.jp").partition(".")[2]
    assert own != mark
    assert "used before or has expired" in words(thief.get(f"{secret}.{own}"))
    fields = {"form_token": thief.token(WAYS_IN), "token": f"{secret.partition('=')[2]}.{own}"}
    assert thief.send("POST", LINK, data=fields).status_code == 410
    assert "You sign in as" in words(mine.get(f"{secret}.{mark}"))


def test_who_opens_the_mail_on_the_telephone_gets_a_link_there(
    shop: Shop, browser: Callable[[], Browser]
) -> None:
    desk, telephone = browser(), browser()
    first = asked(shop, desk)
    sent = telephone.post_form(first, ASK)
    assert sent.headers["location"] == "/my/sign-in/sent"
    second = mailed(shop)[-1]
    assert second != first
    assert telephone.post_form(second, LINK).headers["location"] == "/my/"
    assert is_signed_in(telephone)
    assert not is_used(shop, 0)  # the first one still works where it was asked for
    assert desk.post_form(first, LINK).headers["location"] == "/my/"


def test_a_link_from_before_browsers_were_marked_leads_to_a_new_one(
    shop: Shop, browser: Callable[[], Browser]
) -> None:
    asked_for = {"email": MINE, "source": "s", "address": ADDRESS, "seed": "s", "browser": ""}
    merchant, key, at = shop.engine.merchant, shop.master_key, datetime.now(UTC)
    writing(shop.database, lambda c: ask_mail_link(c, merchant, **asked_for, master_key=key, at=at))
    (page,) = mailed(shop)
    assert "." not in page
    mine = browser()
    assert OTHER in words(mine.get(page))
    assert mine.post_form(page, ASK).status_code == 303
    assert "You sign in as" in words(mine.get(mailed(shop)[-1]))


def test_what_looks_into_mails_spends_nothing(shop: Shop, browser: Callable[[], Browser]) -> None:
    mine = browser()
    page = asked(shop, mine)
    for method in ("GET", "HEAD", "GET"):
        browser().send(method, page)
    assert not is_used(shop)
    assert mine.post_form(page, LINK).headers["location"] == "/my/"


def test_a_link_that_is_over_asks_for_nothing(shop: Shop, browser: Callable[[], Browser]) -> None:
    mine, other = browser(), browser()
    page = asked(shop, mine)
    fields = other.form_of(page, ASK)
    assert mine.post_form(page, LINK).status_code == 303
    assert other.send("POST", ASK, data=fields).status_code == 410
    assert len(mailed(shop)) == 1
    assert "used before or has expired" in words(other.get(page))


def test_a_browser_that_signed_out_has_forgotten_what_it_asked_for(
    shop: Shop, browser: Callable[[], Browser]
) -> None:
    """Whoever uses a shared computer next must not come in by a link that is left there."""
    mine = browser()
    first, second = asked(shop, mine), asked(shop, mine)
    assert mine.post_form(first, LINK).status_code == 303
    mine.send("POST", "/my/sign-out", data={"form_token": mine.token("/my/")})
    assert OTHER in words(mine.get(second))


def test_the_cookie_is_a_secret_of_this_host(shop: Shop, browser: Callable[[], Browser]) -> None:
    mine = browser()
    token = mine.token(WAYS_IN)
    mine.cookies.delete("__Host-autopay_join")
    sent = mine.send("POST", ASK, data={"form_token": token, "email": MINE})
    (cookie,) = [
        each
        for each in sent.headers.get_list("set-cookie")
        if each.startswith("__Host-autopay_join=")
    ]
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "You sign in as" in words(mine.get(mailed(shop)[-1]))
    secret = cookie.partition("=")[2].partition(";")[0]
    stored = "".join(str(shop.rows(f"SELECT * FROM {table}")) for table in ("mail_link", "notice"))
    assert secret not in stored


def test_a_link_by_mail_is_asked_for_in_the_same_time(browser: Callable[[], Browser]) -> None:
    mine = browser()
    for email in (MINE, "nobody@example.jp"):
        begun = time.monotonic()
        answer = mine.post_form(WAYS_IN, ASK, email=email)
        assert answer.headers["location"] == "/my/sign-in/sent"
        assert time.monotonic() - begun >= 0.2


def test_the_mail_says_how_long_and_where_the_link_works() -> None:
    minutes = int(LINK_LASTS / timedelta(minutes=1))
    english, japanese = WORDS_EN["sign_in_link"].body, WORDS_JA["sign_in_link"].body
    assert f"within {minutes} minutes" in english
    assert "in the browser in which you" in english
    assert f"{minutes}分以内" in japanese
    assert "同じブラウザ" in japanese
