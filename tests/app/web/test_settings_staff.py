"""Staff and audit log in the settings, on both databases."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import app_of
from web_books import NOW, Browser, WebBooks, add_merchant, open_books

from app.web.staff.passwords import is_password
from billing import chain_books, write_audit_event, writing
from billing.settings import chained_up_to

NEW, MEMBER, STAFF = "/settings/staff/new", "/settings/staff/member", "/settings/staff"


@pytest.fixture
def books(database_url: str) -> Iterator[WebBooks]:
    opened = open_books(database_url)
    yield opened
    opened.database.dispose()


@pytest.fixture
def owner(books: WebBooks) -> Browser:
    return signed_in(books)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """An owner on SQLite books that several tests share, as none of them changes anything."""
    opened = open_books(f"sqlite:///{tmp_path_factory.mktemp('staff') / 's.sqlite3'}")
    yield signed_in(opened)
    opened.database.dispose()


def signed_in(books: WebBooks, **fields: str) -> Browser:
    browser = Browser(app_of(books))
    browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
    assert browser.log_in(**fields).status_code == 303
    return browser


def add(owner: Browser, name: str, role: str) -> str:
    """Add a member; returns the first password from the page."""
    answer = owner.post_form(NEW, NEW, name=name, role=role)
    assert answer.headers["location"] == STAFF, answer.text
    return password_on(owner)


def password_on(owner: Browser) -> str:
    page = owner.get(STAFF).text
    found = re.search(r'data-copy="([a-z2-7]{24})"', page)
    assert found, page
    assert found[1] not in owner.get(STAFF).text, "it is shown once"
    return found[1]


def act(owner: Browser, name: str, what: str, **fields: str) -> Any:
    page = f"{MEMBER}?name={name}"
    return owner.send(
        "POST", MEMBER, data=owner.form_of(page, MEMBER) | {"name": name, "act": what} | fields
    )


def rows(books: WebBooks, sql: str) -> list[Any]:
    with books.database.connect() as connection:
        return list(connection.exec_driver_sql(sql).all())


def everything(books: WebBooks) -> str:
    tables = ("staff_user", "form_use", "audit_event", "web_session")
    return "".join(str(rows(books, f"SELECT * FROM {table}")) for table in tables)


def test_a_member_from_first_password_to_the_end(books: WebBooks, owner: Browser) -> None:
    password = add(owner, "Hanako", "support")
    assert password not in everything(books)
    hanako = signed_in(books, user="hanako", password=password)
    assert hanako.get("/settings").status_code == 403
    assert act(owner, "hanako", "role", role="owner").headers["location"] == STAFF
    assert hanako.get("/today").status_code == 303, "every change ends the log-ins"
    hanako = signed_in(books, user="hanako", password=password)
    assert hanako.get(STAFF).status_code == 200
    assert act(owner, "hanako", "reset").headers["location"] == STAFF
    second = password_on(owner)
    assert second != password
    assert hanako.get("/today").status_code == 303
    assert act(owner, "hanako", "disable").status_code == 303
    browser = Browser(owner.app)
    assert browser.log_in(user="hanako", password=second).status_code == 401
    assert act(owner, "hanako", "enable").status_code == 303
    assert browser.log_in(user="hanako", password=second).status_code == 303
    kinds = [kind for (kind,) in rows(books, "SELECT kind FROM audit_event ORDER BY id")]
    assert kinds[-6:] == [
        *("staff_added", "staff_role", "staff_password", "staff_totp"),
        *("staff_state", "staff_state"),
    ]


def test_a_double_click_makes_one_account_and_shows_its_password(
    books: WebBooks, owner: Browser
) -> None:
    form = owner.form_of(NEW, NEW) | {"name": "taro", "role": "viewer"}
    owner.send("POST", NEW, data=form)
    owner.cookies.delete("autopay_first_password")  # the first answer never came
    assert owner.send("POST", NEW, data=form).headers["location"] == STAFF
    password = password_on(owner)
    [(kept,)] = rows(books, "SELECT password_hash FROM staff_user WHERE name = 'taro'")
    assert is_password(password, kept=kept)


def test_one_form_sent_again_as_another_act_shows_no_wrong_password(
    books: WebBooks, owner: Browser
) -> None:
    add(owner, "taro", "viewer")
    form = owner.form_of(f"{MEMBER}?name=taro", MEMBER) | {"name": "taro"}
    owner.send("POST", MEMBER, data=form | {"act": "role", "role": "support"})
    owner.send("POST", MEMBER, data=form | {"act": "reset"})
    assert "data-copy=" not in owner.get(STAFF).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"act": "role", "role": "viewer"}, "is the last owner", id="role"),
        pytest.param({"act": "disable"}, "is the last owner", id="disable"),
        pytest.param({"act": "reset"}, "You cannot reset yourself", id="reset"),
        pytest.param({"act": "nothing"}, "", id="no such act"),
        pytest.param({"act": "role", "role": "king"}, "", id="no such role"),
    ],
)
def test_the_last_owner_stays(small: Browser, fields: dict[str, str], words: str) -> None:
    answer = act(small, "staff", fields["act"], **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert small.get(STAFF).status_code == 200


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        pytest.param("staff", "viewer", "staff is taken", id="taken"),
        pytest.param("a b", "viewer", "No spaces", id="spaces"),
        pytest.param("hana\u2060ko", "viewer", "cannot be a name", id="an invisible letter"),
        pytest.param("㌖" * 20, "viewer", "cannot be a name", id="long when spelt out"),
        pytest.param("", "viewer", "", id="empty"),
        pytest.param("hanako", "", "", id="no role"),
    ],
)
def test_what_was_typed_stays(small: Browser, name: str, role: str, words: str) -> None:
    answer = small.post_form(NEW, NEW, name=name, role=role)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{name}"' in answer.text


def test_somebody_unknown_leads_back_to_the_list(small: Browser) -> None:
    assert small.get(f"{MEMBER}?name=nobody").headers["location"] == STAFF


def note(books: WebBooks, number: int, *, merchant_id: str | None = "web") -> None:
    writing(
        books.database,
        lambda connection: write_audit_event(
            connection,
            kind="brake" if number % 2 else "words_changed",
            actor="hanako" if number % 3 == 0 else "engine",
            reason=f"<b>reason {number}</b>",
            at=NOW.replace(day=1 + number % 28),
            merchant_id=merchant_id,
        ),
    )


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"reason (\d+)&lt;", page)]


def test_the_log_is_filtered_and_paged(books: WebBooks, owner: Browser) -> None:
    for number in range(60):
        note(books, number)
    first = owner.get("/settings/log").text
    assert "<b>reason" not in first
    assert "Nothing is chained yet" in first
    older = re.search(r'href="(/settings/log\?[^"]*below=\d+)"', first)
    assert older
    rest = shown(owner.get(older[1].replace("&amp;", "&")).text)
    assert shown(first) + rest == list(range(59, -1, -1))
    # days 2026-12-03 and -04: numbers 2 and 3, 30 and 31, 58 and 59
    days = owner.get("/settings/log?from=2026-12-03&to=2026-12-04").text
    assert shown(days) == [59, 58, 31, 30, 3, 2]
    assert shown(owner.get("/settings/log?actor=hanako&kind=brake").text)[-2:] == [9, 3]
    for foolish in ("from=yesterday", "below=x", "below=" + "9" * 41, "actor=%00"):
        assert owner.get(f"/settings/log?{foolish}").status_code in (200, 422), foolish


def test_the_log_says_what_is_chained(books: WebBooks, owner: Browser) -> None:
    note(books, 1)
    chain_books(books.database, at=NOW)
    note(books, 2, merchant_id=None)
    page = owner.get("/settings/log").text
    with books.database.connect() as connection:
        upto = chained_up_to(connection)
    assert f"Chained up to number {upto.event_id} (2026-12-31 09:00)" in page
    assert "All merchants" in page
    assert page.count(">Waiting<") + page.count("Waiting</span>") >= 1


def test_another_merchants_events_are_not_in_the_log(books: WebBooks, owner: Browser) -> None:
    add_merchant(books.database, "other")
    note(books, 7, merchant_id="other")
    assert shown(owner.get("/settings/log").text) == []
