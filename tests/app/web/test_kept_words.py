"""What was typed outlasts a second click, a preview's language link and a session that ended."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from conftest import app_of
from fastapi import FastAPI
from page_forms import Page, read_page
from sqlalchemy import update
from test_kept_forms import follow
from web_books import PASSWORD, TABLES, Browser, WebBooks, open_books

from app.web.shell import kept
from app.web.shell.kept import KeptForms
from billing import reading, writing

BODY = "いつもありがとうございます。\n本日の <b>お支払い</b> を受け付けました。"
WORDS = "/settings/words?kind=charged&language=ja"
NEW = "/settings/staff/new"
NOT_DONE = "送信した内容は実行していません"
USES = TABLES["form_use"]


def written(page: Page, path: str) -> dict[str, str]:
    form = page.form(path)
    assert form is not None, f"no form for {path}"
    return form.written()


def end_sessions(books: WebBooks) -> None:
    """Everybody has been away for an hour."""
    sessions = TABLES["web_session"]
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    writing(books.database, lambda c: c.execute(update(sessions).values(used_at=long_ago)))


def signed_in_again(browser: Browser, way_in: str, **who: str) -> httpx.Response:
    """Where the log-in leads to, from the page that it was asked on."""
    form = read_page(browser.get(way_in).text).form("/login")
    assert form is not None
    fields = dict(form.fields) | {"user": "staff", "password": PASSWORD} | who
    return browser.send("POST", "/login", data=fields)


def words_form(browser: Browser, **changes: str) -> dict[str, str]:
    form = read_page(browser.get(WORDS).text).form("/settings/words")
    assert form is not None
    return dict(form.fields) | {"body": BODY, "do": "preview"} | changes


def post_words(browser: Browser, fields: dict[str, str]) -> httpx.Response:
    came = {"referer": f"{browser.base_url}{WORDS}"}
    return browser.send("POST", "/settings/words", data=fields, headers=came)


def kept_rows(books: WebBooks) -> list[str]:
    with reading(books.database) as connection:
        rows = connection.execute(USES.select().where(USES.c.form_hash.like("kept-%"))).all()
    return [str(row) for row in rows]


def grow_old(books: WebBooks) -> None:
    """Half an hour goes by."""
    old = datetime.now(UTC) - kept.LASTS - timedelta(seconds=1)
    writing(books.database, lambda c: c.execute(update(USES).values(used_at=old)))


def test_a_form_of_a_session_that_ended_is_there_again_after_the_log_in(
    staff: Browser, web_books: WebBooks
) -> None:
    fields = words_form(staff, do="store")
    end_sessions(web_books)
    answer = post_words(staff, fields)
    assert answer.status_code == 303
    way_in = answer.headers["location"]
    assert way_in.startswith("/login?next=")
    goes_to = signed_in_again(staff, way_in).headers["location"]
    assert goes_to.startswith(WORDS)
    shown = staff.get(goes_to)
    assert NOT_DONE in shown.text
    assert written(read_page(shown.text), "/settings/words")["body"].strip() == BODY
    with reading(web_books.database) as connection:
        assert connection.execute(TABLES["notice_template"].select()).first() is None
    form = read_page(shown.text).form("/settings/words")
    assert form is not None
    stored = post_words(staff, dict(form.fields) | {"do": "store"})
    assert stored.status_code == 303
    assert stored.headers["location"].startswith("/settings/words")
    with reading(web_books.database) as connection:
        assert connection.execute(TABLES["notice_template"].select()).first() is not None


def test_nobody_else_sees_those_words(
    staff: Browser, web_books: WebBooks, as_role: Callable[[str], Browser]
) -> None:
    other = as_role("owner")
    fields = words_form(staff)
    end_sessions(web_books)
    way_in = post_words(staff, fields).headers["location"]
    other = Browser(other.app)
    goes_to = signed_in_again(other, way_in, user="owner").headers["location"]
    shown = other.get(goes_to)
    assert shown.status_code == 200
    assert NOT_DONE not in shown.text
    assert "お支払い&lt;" not in shown.text
    assert all(
        "お支払い" not in row and fields["form_id"] not in row for row in kept_rows(web_books)
    )


def test_a_form_without_a_token_of_that_session_is_not_kept(
    staff: Browser, web_books: WebBooks
) -> None:
    fields = words_form(staff)
    end_sessions(web_books)
    answer = post_words(staff, fields | {"form_token": "made up"})
    assert answer.headers["location"] == "/login"
    assert kept_rows(web_books) == []


def test_a_page_of_before_the_log_in_in_another_tab_keeps_its_words(
    staff: Browser, web_books: WebBooks
) -> None:
    fields = words_form(staff, do="store")
    end_sessions(web_books)
    staff.log_in()
    assert post_words(staff, fields).status_code == 403, "nobody says that it is our page"
    came = {"referer": f"{staff.base_url}{WORDS}", "sec-fetch-site": "same-origin"}
    answer = staff.send("POST", "/settings/words", data=fields, headers=came)
    assert answer.status_code == 303
    shown = staff.get(answer.headers["location"])
    assert NOT_DONE in shown.text
    assert written(read_page(shown.text), "/settings/words")["body"].strip() == BODY
    with reading(web_books.database) as connection:
        assert connection.execute(TABLES["notice_template"].select()).first() is None


def test_long_words_that_no_field_of_the_page_takes_are_there_to_be_copied(
    staff: Browser, web_books: WebBooks
) -> None:
    fields = words_form(staff)
    end_sessions(web_books)
    answer = staff.send("POST", "/settings/words", data=fields | {"unknown": "これは" * 20})
    goes_to = signed_in_again(staff, answer.headers["location"]).headers["location"]
    shown = staff.get(goes_to).text
    assert 'id="lost-1"' in shown
    assert "これは" * 20 in shown


def test_no_secret_is_kept(
    as_role: Callable[[str], Browser], web_books: WebBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = as_role("viewer")
    page = "/account/password"
    form = read_page(follow(staff, page).text).form(page)
    assert form is not None
    opened: list[str] = []
    sealed = kept._sealed
    monkeypatch.setattr(
        kept, "_sealed", lambda text, *key: opened.append(text) or sealed(text, *key)
    )
    secret = "a secret of mine"
    typed = dict(form.fields) | dict.fromkeys(("current", "wanted", "again"), secret)
    assert staff.send("POST", page, data=typed | {"code": "１２３ ４５６"}).status_code == 422
    end_sessions(web_books)
    staff.send("POST", page, data=typed | {"code": "abcde-fghjk", "note": "kept"})
    assert len(opened) == 2
    assert all(secret not in text and "code" not in text for text in opened)


def test_a_preview_in_the_other_language_has_what_was_typed(staff: Browser) -> None:
    drawn = post_words(staff, words_form(staff))
    assert drawn.status_code == 200
    link = read_page(drawn.text).wishes["en"]
    shown = read_page(staff.get(f"/settings/words{link}").text)
    assert shown.language == "en"
    assert written(shown, "/settings/words")["body"].strip() == BODY
    assert any("What you entered is still here" in text for text in shown.texts)


def test_a_second_click_on_a_refused_form_is_told_the_same(
    staff: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = read_page(staff.get(NEW).text).form(NEW)
    assert form is not None
    fields = dict(form.fields) | {"name": "staff", "role": "support"}
    again: list[httpx.Response] = []
    save = KeptForms.save

    def click_again(self: KeptForms, request: Any, **more: Any) -> None:
        monkeypatch.setattr(KeptForms, "save", save)
        other = Browser(staff.app, cookies=httpx.Cookies(staff.cookies))
        thread = threading.Thread(
            target=lambda: again.append(other.send("POST", NEW, data=fields)), daemon=True
        )
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it did not wait"
        save(self, request, **more)

    monkeypatch.setattr(KeptForms, "save", click_again)
    first = staff.send("POST", NEW, data=fields)
    assert first.status_code == 422
    for _ in range(100):
        if again:
            break
        threading.Event().wait(0.05)
    assert again[0].status_code == 303
    shown, refused = (
        read_page(text) for text in (follow(staff, again[0].headers["location"]).text, first.text)
    )
    assert shown.faults == refused.faults == ["problem-name"]
    assert written(shown, NEW) == written(refused, NEW)
    corrected = dict(form.fields) | {"name": "hanako", "role": "support"}
    assert staff.send("POST", NEW, data=corrected).headers["location"] == "/settings/staff"


def test_it_lasts_half_an_hour_and_belongs_to_one_browser(
    staff: Browser, web_books: WebBooks, web_app: FastAPI
) -> None:
    drawn = post_words(staff, words_form(staff))
    link = f"/settings/words{read_page(drawn.text).wishes['dark']}"
    other = Browser(web_app)
    other.log_in()
    assert BODY[:12] not in other.get(link).text
    assert BODY[:12] in staff.get(link).text
    grow_old(web_books)
    assert BODY[:12] not in staff.get(link).text
    post_words(staff, words_form(staff))
    assert len(kept_rows(web_books)) == 1, "what is over was not taken away"


@pytest.mark.parametrize(("name", "most"), [("MOST_ROWS", 0), ("MOST_LETTERS", 10)])
def test_a_flood_fills_nothing(
    staff: Browser, web_books: WebBooks, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(kept, name, most)
    drawn = post_words(staff, words_form(staff))
    assert kept_rows(web_books) == []
    shown = staff.get(f"/settings/words{read_page(drawn.text).wishes['en']}")
    assert shown.status_code == 200


def test_it_holds_on_both_databases(database_url: str) -> None:
    books = open_books(database_url)
    browser = Browser(app_of(books))
    browser.log_in()
    for _ in range(2):
        fields = words_form(browser)
        for each in (fields, fields):
            drawn = post_words(browser, each)
        link = next(iter(read_page(drawn.text).wishes.values()))
        assert BODY[:12] in browser.get(f"/settings/words{link}").text
        assert len(kept_rows(books)) == 1, "one form has one row, and what is over is taken away"
        grow_old(books)
    books.database.dispose()
