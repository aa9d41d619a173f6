"""A form acts once: double click, back button, stale tab, crash, and a role that was taken away."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from conftest import app_of
from fastapi import FastAPI, Request
from starlette.responses import Response
from web_books import NOW, Browser, WebBooks, open_books

from app.web.shell import SUPPORTERS, Again, Done, Role, Shell, once
from app.web.staff import change_role
from billing import reading, writing

KEY = "form.optional"  # any words without figures


class Deeds:
    """A route whose act is counted; `during` runs before it acts."""

    def __init__(self, app: FastAPI) -> None:
        self.shell: Shell = app.state.shell
        self.done: list[str] = []
        self.during: Callable[[], None] = lambda: None
        self.makes: Callable[[Request], Any] = lambda request: Done("/charges", KEY)
        app.state.declared["POST", "/deed"] = SUPPORTERS
        app.add_api_route("/deed", self.post, methods=["POST"], response_model=None)

    def post(self, request: Request) -> Response:
        def act(form_id: str) -> Done | Again:
            self.during()
            self.shell.write(request, lambda connection: self.done.append(form_id))
            made: Done | Again = self.makes(request)
            return made

        return self.shell.act_once(request, act)


@pytest.fixture
def deeds(web_app: FastAPI) -> Deeds:
    return Deeds(web_app)


def fields_of(browser: Browser) -> dict[str, str]:
    return browser.form_of("/charges", "/logout")


def send(browser: Browser, fields: dict[str, str]) -> Any:
    return browser.send("POST", "/deed", data=fields)


def test_a_form_sent_twice_acts_once_and_shows_the_first_outcome(
    staff: Browser, deeds: Deeds
) -> None:
    """Failure mode 85: the second post, from whatever tab, is told what the first one did."""
    fields = fields_of(staff)
    first = send(staff, fields)
    assert (first.status_code, first.headers["location"]) == (303, "/charges")
    page = staff.get("/charges").text
    assert 'class="notice notice-good" role="status"' in page
    assert "すでに受け付けて" not in page
    assert "notice-good" not in staff.get("/charges").text, "said once"
    second = send(staff, fields)
    assert second.headers["location"] == "/charges"
    assert "すでに受け付けて" in staff.get("/charges").text
    assert len(deeds.done) == 1


def test_two_pages_are_two_forms(staff: Browser, deeds: Deeds) -> None:
    for _ in range(2):
        send(staff, fields_of(staff))
    assert len(set(deeds.done)) == 2


def test_a_second_click_waits_for_the_first(staff: Browser, deeds: Deeds) -> None:
    fields = fields_of(staff)
    again: list[Any] = []

    def click_again() -> None:
        deeds.during = lambda: None
        other = Browser(staff.app, cookies=staff.cookies)
        thread = threading.Thread(target=lambda: again.append(send(other, fields)))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it did not wait"

    deeds.during = click_again
    assert send(staff, fields).status_code == 303
    for _ in range(100):
        if again:
            break
        threading.Event().wait(0.05)
    assert again[0].headers["location"] == "/charges"
    assert len(deeds.done) == 1


def test_what_broke_is_not_done_again(
    staff: Browser, deeds: Deeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the act before the fault was complete is not known: nobody guesses."""
    monkeypatch.setattr(once, "WAIT_SECONDS", 0.1)

    def fault(request: Request) -> Done:
        raise RuntimeError("cut off")

    deeds.makes = fault
    fields = fields_of(staff)
    assert send(staff, fields).status_code == 500
    deeds.makes = lambda request: Done("/charges", KEY)
    answer = send(staff, fields)
    assert answer.status_code == 409
    assert "二度実行していません" in answer.text
    assert len(deeds.done) == 1


def test_what_was_refused_may_be_corrected(staff: Browser, deeds: Deeds) -> None:
    fields = fields_of(staff)
    deeds.makes = lambda request: Again(Response("no", status_code=422))
    assert send(staff, fields).status_code == 422
    deeds.makes = lambda request: Done("/charges", KEY)
    assert send(staff, fields).status_code == 303


@pytest.mark.parametrize("form_id", ["", "short", "x" * 65, "a b" * 8, "ü" * 20])
def test_a_form_without_an_id_is_refused(staff: Browser, deeds: Deeds, form_id: str) -> None:
    assert send(staff, fields_of(staff) | {"form_id": form_id}).status_code == 400
    assert deeds.done == []


def test_an_id_of_another_session_is_another_form(
    staff: Browser, deeds: Deeds, as_role: Callable[[str], Browser]
) -> None:
    fields = fields_of(staff)
    send(staff, fields)
    other = as_role("support")
    assert send(other, fields_of(other) | {"form_id": fields["form_id"]}).status_code == 303
    assert len(deeds.done) == 2


@pytest.mark.parametrize("moment", ["before the claim", "during the act"])
def test_a_role_taken_away_during_the_request_stops_it(
    web_books: WebBooks,
    deeds: Deeds,
    as_role: Callable[[str], Browser],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Failure mode 102: the role is looked at once more in the transaction that acts."""
    supporter = as_role("support")
    fields = fields_of(supporter)

    def take_away() -> None:
        writing(
            web_books.database,
            lambda connection: change_role(
                connection,
                merchant_id=web_books.merchant_id,
                name="support",
                role=Role.VIEWER,
                by="test",
                at=NOW,
            ),
        )

    if moment == "during the act":
        deeds.during = take_away
    else:
        monkeypatch.setattr(once.OnceForms, "_hash", _hash_after(take_away))
    answer = send(supporter, fields)
    assert answer.status_code == 403
    assert "権限がありません" in answer.text
    assert deeds.done == []
    assert supporter.get("/charges").headers["location"].startswith("/login")


def _hash_after(take_away: Callable[[], None]) -> Any:
    original = once.OnceForms._hash

    def hashed(self: Any, request: Any, form_id: str) -> str:
        take_away()
        return original(self, request, form_id)

    return hashed


def test_it_holds_on_both_databases(database_url: str) -> None:
    books = open_books(database_url)
    app = app_of(books)
    deeds, browser = Deeds(app), Browser(app)
    browser.log_in()
    fields = fields_of(browser)
    answers: list[Any] = []
    others = [Browser(app, cookies=browser.cookies) for _ in range(4)]
    threads = [threading.Thread(target=lambda b=b: answers.append(send(b, fields))) for b in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.headers["location"] for answer in answers] == ["/charges"] * 4
    assert len(deeds.done) == 1
    with reading(books.database) as connection:
        assert connection.exec_driver_sql("SELECT state FROM form_use").scalars().all() == ["done"]
    books.database.dispose()
