"""Every verb of a subscription on its pages: by role, previewed, confirmed once, stale, refused."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from acting_shop import ActingShop, acting
from examples_backoffice_acting import examples
from support.sandbox import Sandbox
from web_books import Browser, WebBooks, add_merchant

QUOTE = re.compile(r"/quotes/[0-9a-f]{32}")
VERBS = (
    *("plan", "quantity", "add_on", "date", "trial", "skip"),
    *("pause", "resume", "cancel", "undo", "reactivate"),
)
NO_PAGE = ("/confirm", "/withdraw", "/decide", "/run")


@pytest.fixture
def desk(database_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    with acting(database_url, sandbox) as shop:
        yield shop


def asked(desk: ActingShop, whose: int, verb: str, role: str = "support", **fields: str) -> str:
    """Ask for a verb; the page of its quote, or of its decision."""
    row = desk.id_of(whose)
    page = f"/subscriptions/{row}/act"
    return desk.done(f"{page}?verb={verb}", page, role, verb=verb, **fields)


def made(desk: ActingShop, whose: int, verb: str, **fields: str) -> str:
    """Ask and confirm; where it leads to."""
    quote = asked(desk, whose, verb, **fields)
    assert QUOTE.fullmatch(quote), quote
    return desk.done(quote, quote, "support")


def state(desk: ActingShop, number: int) -> str:
    return str(desk.shop.subscription(f"sub-{number:03d}")["state"])


def test_the_staff_changes_subscriptions(desk: ActingShop) -> None:
    each_role_sees_its_buttons(desk)
    a_change_is_quoted_and_confirmed_once(desk)
    a_life_of_pauses_and_endings(desk)
    what_is_refused_keeps_what_was_typed(desk)
    a_stale_quote_does_nothing(desk)
    a_cancellation_gives_back_what_one_person_may(desk)
    assert desk.shop.faults() == []


def each_role_sees_its_buttons(desk: ActingShop) -> None:
    row = desk.id_of(1)
    for verb in VERBS:
        path = f"/subscriptions/{row}/act?verb={verb}"
        assert f"verb={verb}" in desk.get(f"/subscriptions/{row}", "support")
        desk.get(path, "support")
        for role in ("viewer", "finance"):
            desk.get(path, role, status=403)
            assert f"verb={verb}" not in desk.get(f"/subscriptions/{row}", role)
    desk.get(f"/subscriptions/{row}/act?verb=unknown", status=404)
    desk.get("/subscriptions/99999/act", status=404)
    desk.get(f"/quotes/{'0' * 32}", status=404)


def test_another_merchants_rows_are_not_there(web_books: WebBooks, staff: Browser) -> None:
    add_merchant(web_books.database, "other")
    books = WebBooks(web_books.database, merchant_id="other", added=500)
    books.add_plan()
    pages = [path for path in examples(books).values() if not path.endswith(NO_PAGE)]
    assert len(pages) >= 8
    for path in pages:
        assert staff.get(path).status_code == 404, path


def a_change_is_quoted_and_confirmed_once(desk: ActingShop) -> None:
    """3 to 5 seats of 1,480 on the first day of a month that was paid: 2 × 1,480 = 2,960 more."""
    before = desk.shop.taken()
    quote = asked(desk, 3, "quantity", number="5", when="now", reason="電話でご依頼")
    page = desk.get(quote, "support")
    assert "¥2,960" in page
    assert "support: 電話でご依頼" in page
    assert desk.shop.taken() == before, "a preview moves nothing"
    form, other_tab = (desk.who("support").form_of(quote, quote) for _ in range(2))
    for sent in (form, form, other_tab):
        assert desk.who("support").send("POST", quote, data=sent).status_code == 303
    new = [row for row in desk.shop.taken() if row not in before]
    assert [yen for _, yen in new] == [2_960]
    events = desk.shop.rows("SELECT reason FROM subscription_event ORDER BY id")
    assert "support: 電話でご依頼" in {row["reason"] for row in events}
    assert desk.audit("desk_confirmed") == [("desk_confirmed", "support")]


def a_life_of_pauses_and_endings(desk: ActingShop) -> None:
    made(desk, 1, "pause", when="now", until="2026-12-15")
    assert state(desk, 1) == "paused"
    made(desk, 1, "resume")
    assert state(desk, 1) == "active"
    made(desk, 1, "skip", number="1", reason="旅行")
    waits = desk.get(f"/subscriptions/{desk.id_of(1)}/act?verb=undo", "support")
    (change,) = re.findall(r'<option value="([^"]+)"', waits)
    made(desk, 1, "undo", code=change, reason="締切後")
    made(desk, 1, "date", on="2027-01-05", reason="給料日")
    # 9:00 in Japan is 0:00 UTC of the same day.
    assert str(desk.shop.subscription("sub-001")["due_at"]).startswith("2027-01-05 00:00")
    made(desk, 4, "cancel", when="renewal", refund="none", reason="引っ越し")
    assert state(desk, 4) == "active", "until the end of what was paid"
    made(desk, 4, "reactivate", reason="やっぱり続ける")
    made(desk, 4, "plan", code="studio", when="renewal", reason="電話")
    made(desk, 6, "cancel", when="now", refund="none", reason="申し出")
    assert state(desk, 6) == "canceled"


def what_is_refused_keeps_what_was_typed(desk: ActingShop) -> None:
    page = f"/subscriptions/{desk.id_of(1)}/act"
    cases = [
        ("quantity", {"number": "many", "reason": "残るはず"}, 'value="many"'),
        ("quantity", {"number": "0", "reason": "残るはず"}, "1"),
        ("date", {"on": "2026-02-30", "reason": "残るはず"}, 'value="2026-02-30"'),
        ("date", {"on": "2020-01-01", "reason": "残るはず"}, "2020-01-01"),
        ("plan", {"code": "nonsense", "reason": "残るはず"}, "nonsense"),
        ("cancel", {"refund": "double", "reason": "残るはず"}, "残るはず"),
        ("undo", {"code": "nothing", "reason": "残るはず"}, "not waiting"),
    ]
    for verb, fields, shown in cases:
        form = desk.who("support").form_of(f"{page}?verb=quantity", page)
        answer = desk.who("support").send("POST", page, data=form | {"verb": verb} | fields)
        assert answer.status_code == 422, (verb, fields, answer.status_code)
        assert shown in answer.text, (verb, shown)
        assert "残るはず" in answer.text or verb == "undo", verb


def a_stale_quote_does_nothing(desk: ActingShop) -> None:
    first = asked(desk, 3, "quantity", number="6", when="now")
    made(desk, 3, "quantity", number="4", when="renewal", reason="減員")
    before = desk.shop.taken()
    second = desk.done(first, first, "support")
    assert QUOTE.fullmatch(second)
    assert second != first
    assert "Nothing was done" in desk.get(second, "support")
    assert desk.shop.taken() == before


def a_cancellation_gives_back_what_one_person_may(desk: ActingShop) -> None:
    """29,800 are above 10,000; 1,980 of another subscription are not."""
    large = asked(desk, 2, "cancel", when="now", refund="full", reason="誤り")
    refused = desk.send(large, large, "support")
    assert refused.status_code == 409
    assert "more than one person may give back" in refused.text
    assert state(desk, 2) == "active"
    small = asked(desk, 4, "cancel", when="now", refund="full", reason="誤り")
    assert "¥1,980" in desk.get(small, "support")
    desk.done(small, small, "support")
    assert state(desk, 4) == "canceled"
    (row,) = desk.shop.rows("SELECT amount_yen FROM refund")
    assert row["amount_yen"] == 1_980


def test_an_open_invoice_needs_no_quote_to_end(desk: ActingShop) -> None:
    before = desk.shop.taken()
    decide = asked(desk, 5, "cancel", when="now", refund="none", reason="払えない")
    assert "/decide?" in decide
    page = desk.get(decide, "support")
    assert "¥1,980" in page
    assert "given up" in page
    action = decide.split("?")[0]
    desk.done(decide, action, "support")
    assert state(desk, 5) == "canceled"
    desk.shop.charge_on(date(2026, 11, 30) + timedelta(days=1))
    assert desk.shop.taken() == before
    assert desk.audit("desk_decided") == [("desk_decided", "support")]
    assert desk.shop.faults() == []
