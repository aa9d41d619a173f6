"""What the engine refuses between the look at a page and its form: said in words, nothing stuck."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from join_desk import NEW, JoinDesk, consents, hidden, signed_up, words
from sqlalchemy import Connection
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from app.web.mypage import extras, sign_up_checkout
from billing import pull_brake, writing
from billing.checkouts import claim_completion
from plans import BadInput

PLANS = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
add_ons:
  - {code: mug, name: {ja: マグ, en: Mug}, price: 1500, per_seat: true, tax: standard,
     recurring: false}
"""


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(sqlite_url, sandbox) as opened:
        yield opened(subscribers=[subscriber(1)], catalogue=PLANS)


def test_a_checkout_that_another_tab_sent_off_meanwhile_leads_to_what_came_of_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is completed between the look at it and the consent: nothing is agreed to twice."""
    desk = JoinDesk.at(shop)
    last = desk.last_screen("/my/join/plans/basic", email=NEW)
    form = hidden(desk, last)
    assert desk.agree(last).status_code == 303
    kept = shop.rows("SELECT 1 FROM consent WHERE checkout_id = :i", i=last[-32:])

    store = sign_up_checkout.agree_checkout

    def sent_off_first(connection: Connection, *args: Any, **named: Any) -> Any:
        claim_completion(connection, *args, checkout_id=named["checkout_id"])
        return store(connection, *args, **named)

    monkeypatch.setattr(sign_up_checkout, "agree_checkout", sent_off_first)
    answer = desk.browser.send("POST", last, data=form | {"agree": "yes"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{last}/result"
    monkeypatch.undo()
    assert shop.rows("SELECT 1 FROM consent WHERE checkout_id = :i", i=last[-32:]) == kept
    # The form may be sent once more, and says the same.
    again = desk.browser.send("POST", last, data=form | {"agree": "yes"})
    assert again.headers["location"] == f"{last}/result"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "What was shown has changed"), ("ja", "表示していた内容が変わりました")],
)
def test_an_extra_that_the_engine_refuses_keeps_what_was_typed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    """The same form may be sent again: nothing was bought, and nothing is stuck."""
    desk = JoinDesk.at(shop, language=language)
    desk.sign_up("/my/join/plans/basic", email=NEW)
    page = f"/my/extras/{signed_up(shop)['external_id']}/mug"
    form = hidden(desk, f"{page}?quantity=3") | {"agree": "yes"}
    before = shop.taken()

    def refused(*args: Any, **named: Any) -> Any:
        raise BadInput(field="total_yen", value=4500, rule="has no room", remedy="wait")

    monkeypatch.setattr(extras, "request_one_off", refused)
    answer = desk.browser.send("POST", page, data=form)
    assert answer.status_code == 422
    assert re.search(rf'id="problem-agree">{said}', answer.text), words(answer)
    assert 'name="quantity" type="text" value="3"' in answer.text
    assert (shop.taken(), consents(shop)) == (before, [])
    monkeypatch.undo()
    assert desk.browser.send("POST", page, data=form).status_code == 303
    assert [yen for _, yen in shop.taken()][len(before) :] == [4500]


def test_an_extra_that_cannot_be_charged_any_more_says_what_hinders_it(shop: Shop) -> None:
    """With no box to tick there is none to lead to either."""
    desk = JoinDesk.at(shop)
    desk.sign_up("/my/join/plans/basic", email=NEW)
    page = f"/my/extras/{signed_up(shop)['external_id']}/mug"
    form, before = hidden(desk, page), shop.taken()
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(shop.database, lambda c: pull_brake(c, merchant, by="test", reason="a drill", at=at))
    answer = desk.browser.send("POST", page, data=form)
    assert answer.status_code == 422
    assert 'href="#agree"' not in answer.text
    assert "notice-bad" in answer.text
    assert shop.taken() == before
