"""Rules and words of notices in the settings: preview, change, versions, faults at the field."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import MASTER_KEY
from web_books import PASSWORD, Browser, FixedClock, WebBooks, open_books

from app.web import create_app
from app.web.settings.words import Chosen
from app.web.shell import LANGUAGES
from billing.deliveries import KINDS

RULES, CONFIRM = "/settings/rules", "/settings/rules/confirm"
WORDS, RESTORE = "/settings/words", "/settings/words/restore"
CHARGED = f"{WORDS}?kind=charged&language=en"


@pytest.fixture
def books(database_url: str) -> Iterator[WebBooks]:
    opened = open_books(database_url)
    yield opened
    opened.database.dispose()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebBooks]:
    """SQLite books that several tests share, as none of them changes anything."""
    opened = open_books(f"sqlite:///{tmp_path_factory.mktemp('rules') / 'r.sqlite3'}")
    yield opened
    opened.database.dispose()


def owner_of(books: WebBooks, **changes: Any) -> Browser:
    app = create_app(
        database=books.database,
        merchant=books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        master_key=MASTER_KEY,
        **changes,
    )
    browser = Browser(app)
    browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
    assert browser.log_in().status_code == 303
    return browser


def typed_in(page: str) -> dict[str, str]:
    """Every field of the rules' form as the page shows it."""
    fields = dict(re.findall(r'<input id="(\w+)" name="\w+" type="text" value="([^"]*)"', page))
    for name, options in re.findall(r'<select id="(\w+)".*?>(.*?)</select>', page, re.DOTALL):
        fields[name] = re.findall(r'value="(\w+)" selected', options)[0]
    return fields


def preview(owner: Browser, **changes: str) -> Any:
    page = owner.get(RULES).text
    return owner.send("POST", RULES, data=owner.form_of(RULES, RULES) | typed_in(page) | changes)


def hidden_of(page: str) -> dict[str, str]:
    form = re.search(rf'<form[^>]*action="{CONFIRM}".*?</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))


def rows(books: WebBooks, sql: str) -> list[Any]:
    with books.database.connect() as connection:
        return list(connection.exec_driver_sql(sql).all())


RULE_ROWS = "SELECT cap_rule, cap_yen, dunning_days FROM merchant"


def test_rules_change_after_a_preview_and_once(books: WebBooks) -> None:
    owner = owner_of(books)
    shown = preview(owner, cap_rule="defer", dunning_days="２, ５", seller_name="見本商店")
    assert shown.status_code == 200
    assert ">Split it<" in shown.text
    assert "Defer it" in shown.text
    assert rows(books, RULE_ROWS) == [("split", 50_000, "1,3,7,14")], "nothing yet"
    form = hidden_of(shown.text)
    stale = hidden_of(preview(owner, cap_yen="60000").text)
    assert owner.send("POST", CONFIRM, data=form).headers["location"] == RULES
    assert owner.send("POST", CONFIRM, data=form).headers["location"] == RULES
    assert rows(books, RULE_ROWS) == [("defer", 50_000, "2,5")]
    events = rows(books, "SELECT actor, detail FROM audit_event WHERE kind = 'rules_changed'")
    assert [(actor, json.loads(detail)["after"]) for actor, detail in events] == [
        ("staff", {"cap_rule": "defer", "dunning_days": "2,5"})
    ]
    assert rows(books, "SELECT seller_name FROM notice_rules") == [("見本商店",)]
    late = owner.send("POST", CONFIRM, data=stale)
    assert late.status_code == 409
    assert "Somebody else changed this" in late.text
    assert rows(books, RULE_ROWS)[0][1] == 50_000


def test_the_cap_does_not_go_below_what_a_month_took(books: WebBooks) -> None:
    books.add_charge()
    books.insert(
        "cap_month", permission_id=1, month="2026-12", limit_yen=50_000, used_yen=1_980, held_yen=20
    )
    owner = owner_of(books)
    answer = owner.send("POST", CONFIRM, data=hidden_of(preview(owner, cap_yen="1999").text))
    assert answer.status_code == 422
    assert "A month took ¥2,000 already" in answer.text
    assert 'value="1999"' in answer.text
    held = hidden_of(preview(owner, cap_yen="2000").text)
    assert owner.send("POST", CONFIRM, data=held).status_code == 303


def test_what_cannot_be_a_rule_is_said_beside_its_field(small: WebBooks) -> None:
    owner = owner_of(small)
    for field, typed in {
        "charge_hour": "24",
        "cap_rule": "double",
        "cap_yen": "-1",
        "dunning_days": "7,3",
        "sweep_days": "0",
        "refund_approval_yen": "many",
        "mail_from": "nobody",
        "seller_postal_code": "12",
        "upcoming_days": "61",
        "buyer_url": "https://pay.amazon.co.jp/",
    }.items():
        answer = preview(owner, **{field: typed})
        assert answer.status_code == 422, field
        assert f'id="problem-{field}"' in answer.text, field
        if field != "cap_rule":
            assert f'value="{typed}"' in answer.text, field
    assert "Nothing differs" in preview(owner).text


def test_what_a_setting_gives_is_not_changed_here(small: WebBooks) -> None:
    owner = owner_of(small, given_settings=frozenset({"cap_rule", "mail_reply_to"}))
    page = owner.get(RULES).text
    assert "AUTOPAY_CAP_RULE" in page
    assert "AUTOPAY_MAIL_REPLY_TO" in page
    assert 'id="cap_rule"' not in page
    assert "Nothing differs" in preview(owner, cap_rule="refuse", reply_to="a@b.example").text


def words(owner: Browser, do: str, subject: str, body: str, **changes: str) -> Any:
    form = owner.form_of(CHARGED, WORDS) | {"subject": subject, "body": body, "do": do}
    return owner.send("POST", WORDS, data=form | changes)


def test_words_are_previewed_kept_as_versions_and_restored(books: WebBooks) -> None:
    owner = owner_of(books)
    shown = words(owner, "preview", "Paid {amount}", "<b>{name}</b>\n\nThanks")
    assert shown.status_code == 200
    assert "Paid ¥1,980" in shown.text
    assert "&lt;b&gt;Hanako Yamada&lt;/b&gt;" in shown.text
    assert rows(books, "SELECT * FROM notice_template") == []
    stale = owner.form_of(CHARGED, WORDS) | {"subject": "B", "body": "late", "do": "store"}
    assert words(owner, "store", "Paid {amount}", "One").status_code == 303
    assert owner.send("POST", WORDS, data=stale).status_code == 422
    assert words(owner, "store", "Second", "Two").status_code == 303
    again = owner.form_of(CHARGED, RESTORE) | {"version": "1"}
    assert owner.send("POST", RESTORE, data=again).status_code == 303
    assert owner.send("POST", RESTORE, data=again).status_code == 303
    program = owner.form_of(CHARGED, RESTORE) | {"version": "0"}
    assert owner.send("POST", RESTORE, data=program).status_code == 303
    kept = rows(books, "SELECT version, body, made_by FROM notice_template ORDER BY version")
    assert [tuple(row) for row in kept] == [
        *((1, "One", "staff"), (2, "Two", "staff"), (3, "One", "staff"), (4, None, "staff"))
    ]
    assert "The program&#39;s words" in owner.get(WORDS).text
    assert len(rows(books, "SELECT 1 FROM audit_event WHERE kind = 'words_changed'")) == 4


def test_words_that_could_not_be_sent_are_refused(small: WebBooks) -> None:
    owner = owner_of(small)
    for subject, body, said in (
        ("Hello {nobody}", "text", "{nobody} is no placeholder"),
        ("Hello", "a { b", "stands alone"),
        ("", "text", "problem-subject"),
        ("Hello", "", "problem-body"),
    ):
        answer = words(owner, "store", subject, body)
        assert answer.status_code == 422, (subject, body)
        assert said in answer.text
        assert f'value="{subject}"' in answer.text
    unknown = owner.form_of(CHARGED, WORDS) | {"version": "9"}
    assert owner.send("POST", RESTORE, data=unknown).status_code == 422
    assert owner.get(f"{WORDS}?kind=nothing&language=en").status_code == 404


def test_every_kind_of_notice_can_be_previewed() -> None:
    for kind, language in ((kind, language) for kind in KINDS for language in LANGUAGES):
        assert all(Chosen(kind, language).sample().values()), (kind, language)
