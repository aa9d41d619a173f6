"""What staff types to find somebody or some day: wide, narrow, kana, wild cards, eras."""

from collections.abc import Iterator
from datetime import date

import pytest
from conftest import app_of
from web_books import Browser, WebBooks, open_books

from app.web.shell import read_day
from billing import writing
from billing.desk.search import spellings

NAMES = {
    "山田 花子": "ヤマダ ハナコ",
    "佐藤\u3000健": "ｻﾄｳ ｹﾝ",
    "100%_off\\": "やまもと",
    "ＡＢＣ商事": "エービーシー",
}


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    books: WebBooks = open_books(f"sqlite:///{tmp_path_factory.mktemp('search') / 'a.sqlite3'}")
    for name, kana in NAMES.items():
        books.add_charge(name=name)
        sql = f"UPDATE customer SET kana = '{kana}' WHERE external_id = 'c-{books.added}'"
        writing(books.database, lambda c, sql=sql: c.exec_driver_sql(sql))  # type: ignore[misc] # a default binds the loop's value
    browser = Browser(app_of(books))
    assert browser.log_in().status_code == 303
    yield browser
    books.database.dispose()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("山田", ["山田 花子"]),
        ("山田\u3000花", ["山田 花子"]),
        ("佐藤 健", ["佐藤\u3000健"]),
        ("ﾔﾏﾀﾞ", ["山田 花子"]),
        ("やまだ は", ["山田 花子"]),
        ("サトウ", ["佐藤\u3000健"]),
        ("さとう", ["佐藤\u3000健"]),
        ("ヤマ", ["山田 花子", "100%_off\\"]),
        ("abc", ["ＡＢＣ商事"]),
        ("ABC", ["ＡＢＣ商事"]),
        ("ｃ－２", ["佐藤\u3000健"]),
        ("C-1", ["山田 花子"]),
        ("100%_", ["100%_off\\"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("*", []),
    ],
)
def test_customers_are_found_however_they_are_typed(
    finder: Browser, typed: str, found: list[str]
) -> None:
    page = finder.get("/customers", params={"search": typed}).text
    shown = [name for name in NAMES if f">{name}<" in page]
    assert shown == found


def test_few_spellings_are_asked_for() -> None:
    """Each is a range of an index; a text without kana needs four."""
    assert spellings("C03-1") == ["C03-1", "c03-1", "Ｃ０３－１", "ｃ０３－１"]
    assert max(len(spellings(text)) for text in ("やまだ はなこ", "ＡＢＣ　ﾔﾏﾀﾞ", "a b")) <= 9


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-12-01", date(2026, 12, 1)),
        ("２０２６／１２／１", date(2026, 12, 1)),
        ("令和8年12月1日", date(2026, 12, 1)),
        ("令和８年１２月１日", date(2026, 12, 1)),
        ("R8.12.1", date(2026, 12, 1)),
        ("r8-12-1", date(2026, 12, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成31年4月30日", date(2019, 4, 30)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        pytest.param("令和元年4月30日", None, id="the day before the era"),
        pytest.param("平成31年5月1日", None, id="the day after it"),
        pytest.param("昭和64年1月8日", None, id="the first day of Heisei"),
        ("令和0年1月1日", None),
        ("8-12-1", None),
        ("26-12-1", None),
        ("元年5月1日", None),
        ("令和8年2月29日", None),
        ("2026-13-01", None),
        ("2026年2月30日", None),
        ("", None),
    ],
)
def test_days_are_read_as_people_in_japan_write_them(typed: str, day: date | None) -> None:
    assert read_day(typed) == day


def test_the_charge_history_takes_days_of_an_era(finder: Browser) -> None:
    answer = finder.get("/charges", params={"from": "令和8年12月1日", "to": "R8.12.31"})
    assert answer.status_code == 200
    assert "山田 花子" in answer.text
    refused = finder.get("/charges", params={"from": "令和8年12月32日"})
    assert refused.status_code == 400
    assert "令和8年12月32日" in refused.text
