"""The charge history: what is listed, summed, drawn, paged, exported and said about bad input."""

import csv
import io
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from web_books import (
    FORMULA,
    PASSWORD,
    SCRIPT,
    START,
    Browser,
    FixedClock,
    WebBooks,
    add_merchant,
    open_books,
)

from app.web import create_app
from app.web.shell import yen


def ids_on(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'href="/charges/(\d+)"', page)]


def test_the_front_door_leads_to_today(staff: Browser) -> None:
    assert staff.get("/").headers["location"] == "/today"


def test_an_empty_history_says_so(staff: Browser) -> None:
    page = staff.get("/charges").text
    assert "条件に合う課金はありません" in page
    assert "<svg" not in page


def test_a_row_says_who_what_and_why(web_books: WebBooks, staff: Browser) -> None:
    web_books.add_charge(amount_yen=29_800)
    web_books.add_charge(name="佐藤 健", state="declined", reason_code="SoftDeclined")
    page = staff.get("/charges").text
    for shown in ("山田 花子", "¥29,800", "受領済み", "2026-12-01 00:31", "S03-0000001-C000000"):
        assert shown in page
    # The slot of the declined one is due again, so its word is リトライ待ち.
    for shown in ("佐藤 健", "リトライ待ち", "一時的な理由", "SoftDeclined"):
        assert shown in page
    assert ids_on(page) == [2, 1]


def test_names_are_text_and_never_markup(web_books: WebBooks, staff: Browser) -> None:
    attempt = web_books.add_charge(name=SCRIPT)
    for path in ("/charges", f"/charges/{attempt}", "/charges?" + urlencode({"search": SCRIPT})):
        page = staff.get(path).text
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", [4, 3, 2, 1], id="all"),
        pytest.param("from=2026-12-02", [4, 3], id="from, included"),
        pytest.param("to=2026-12-01", [2, 1], id="to, included, by the merchant's midnight"),
        pytest.param("from=2026-12-02&to=2026-12-02", [3], id="one day"),
        pytest.param("state=declined", [2], id="state"),
        pytest.param("search=s-3", [3], id="subscription"),
        pytest.param("search=%25", [], id="percent sign as such"),
        pytest.param("from=２０２６／１２／２", [4, 3], id="full-width date"),
        pytest.param("from=&to=&state=&search=", [4, 3, 2, 1], id="empty form"),
    ],
)
def test_filters(web_books: WebBooks, staff: Browser, query: str, expected: list[int]) -> None:
    web_books.add_charge(at=START)  # 1 December 00:30 in Japan, still November in UTC
    web_books.add_charge(at=START + timedelta(hours=23), state="declined")  # 1 December 23:30
    web_books.add_charge(at=START + timedelta(hours=24))  # 2 December 00:30
    web_books.add_charge(at=START + timedelta(days=2))  # 3 December
    page = staff.get(f"/charges?{query}")
    assert page.status_code == 200
    assert ids_on(page.text) == expected


def test_sums_and_chart_are_those_of_the_filter(web_books: WebBooks, staff: Browser) -> None:
    web_books.add_charge(at=START, amount_yen=1_000)
    web_books.add_charge(at=START + timedelta(days=1), amount_yen=4_000)
    web_books.add_charge(at=START + timedelta(days=1), amount_yen=500, state="declined")
    page = staff.get("/charges?from=2026-12-01&to=2026-12-04").text
    assert "<dd>¥5,000</dd>" in page
    assert "合計 ¥5,000。最も多い日は 2026-12-02 の ¥4,000 です。" in page
    # Four days; 1,000 is a quarter of the highest bar's 100, and days without money have none.
    heights = [int(found) for found in re.findall(r'<rect [^>]*height="(\d+)"', page)]
    assert heights == [25, 100, 0, 0]
    assert "¥4,000(1 件)" in page


def test_paging_shows_every_row_once(web_books: WebBooks, staff: Browser) -> None:
    # All at one instant: the id has to decide.
    expected = [web_books.add_charge(at=START, amount_yen=100 + n) for n in range(103)]
    seen: list[int] = []
    link: str | None = "/charges?state=captured"
    sizes = []
    while link:
        page = staff.get(link).text
        sizes.append(len(ids_on(page)))
        seen += ids_on(page)
        found = re.search(r'href="(/charges\?[^"]*)" rel="next"', page)
        link = found[1].replace("&amp;", "&") if found else None
    assert sizes == [50, 50, 3]
    assert seen == expected[::-1]


@pytest.mark.parametrize(
    ("query", "said", "kept"),
    [
        pytest.param("from=2026-13-01", "「2026-13-01」は日付として", "2026-13-01", id="month 13"),
        pytest.param("to=soon", "「soon」は日付として", 'value="soon"', id="no date"),
        pytest.param("from=0001-01-01", "範囲外", "0001-01-01", id="year 1"),
        pytest.param("to=9999-12-31", "範囲外", "9999-12-31", id="year 9999"),
        pytest.param(
            "from=2026-12-02&to=2026-12-01", "2026-12-02 が終了日", "2026-12-02", id="swapped"
        ),
        pytest.param("state=lost", "「lost」という状態", "<form", id="unknown state"),
        pytest.param("search=" + "x" * 101, "100 文字以内", "x" * 101, id="long search"),
        pytest.param("search=a%00b", "制御文字", "<form", id="NUL"),
        pytest.param("after=nonsense", "ページの位置", "<form", id="broken position"),
        pytest.param("after=1-2147483648", "ページの位置", "<form", id="huge id"),
        pytest.param("after=" + "9" * 40 + "-1", "ページの位置", "<form", id="huge position"),
        pytest.param("from=%22%3E%3Cscript%3E", "日付として", "&lt;script&gt;", id="markup"),
    ],
)
def test_bad_input_is_told_in_the_page(staff: Browser, query: str, said: str, kept: str) -> None:
    for path in ("/charges", "/charges.csv"):
        answer = staff.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert said in answer.text
        assert kept in answer.text
        assert "<script>" not in answer.text


@pytest.mark.parametrize("position", ["9999999999999999-1", "0-2147483647"])
def test_positions_at_the_edge_of_time_are_no_fault(
    web_books: WebBooks, staff: Browser, position: str
) -> None:
    web_books.add_charge()
    assert staff.get(f"/charges?after={position}").status_code == 200


def test_csv_has_every_row_and_no_formula(web_books: WebBooks, staff: Browser) -> None:
    web_books.add_charge(name=FORMULA, amount_yen=48_000)
    web_books.add_charge(name="佐藤, 健", state="declined", reason_code="HardDeclined")
    answer = staff.get("/charges.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["お客様"] for row in rows] == ["佐藤, 健", f"'{FORMULA}"]
    assert rows[1]["金額(円)"] == "48000"
    assert rows[0]["状態コード"] == "declined"
    assert rows[0]["理由コード"] == "HardDeclined"
    assert rows[1]["日時"] == "2026-12-01 00:31"


def test_one_charge_shows_lines_tax_and_attempts(web_books: WebBooks, staff: Browser) -> None:
    attempt = web_books.add_charge(amount_yen=1_980)
    page = staff.get(f"/charges/{attempt}").text
    # 1,980 × 10 ÷ 110 = 180; the period's last day is the day before its end.
    for shown in ("ライト 12月分", "¥1,800", "¥180", "2026-12-01 〜 2026-12-31", "s-1-0000"):
        assert shown in page
    english = staff.get(f"/charges/{attempt}?lang=en").text
    assert "Light, December" in english
    assert "Why this was charged" in english


@pytest.mark.parametrize("wrong", ["2", "0", "x", "-1", "１", "9" * 40, "2147483648", "1%00"])
def test_no_such_charge(web_books: WebBooks, staff: Browser, wrong: str) -> None:
    web_books.add_charge()
    assert staff.get(f"/charges/{wrong}").status_code == 404


def test_another_merchants_charge_is_not_there(web_books: WebBooks, staff: Browser) -> None:
    add_merchant(web_books.database, "other")
    other = WebBooks(web_books.database, merchant_id="other", added=50)
    attempt = other.add_charge()
    assert staff.get(f"/charges/{attempt}").status_code == 404
    assert ids_on(staff.get("/charges").text) == []


def test_both_databases_serve_the_same_pages(database_url: str) -> None:
    books = open_books(database_url)
    attempts = [books.add_charge(at=START, amount_yen=1_000 + n) for n in range(51)]
    browser = Browser(
        create_app(
            database=books.database,
            merchant=books.merchant,
            staff_password=PASSWORD,
            clock=FixedClock(),
        )
    )
    browser.log_in()
    first = browser.get("/charges?from=2026-12-01&to=2026-12-31&search=山田").text
    assert ids_on(first) == attempts[:0:-1]
    assert "<dd>¥52,275</dd>" in first  # 51 × 1,000 + (0 + 1 + … + 50) = 51,000 + 1,275
    link = re.search(r'href="(/charges\?[^"]*)" rel="next"', first)
    assert link
    assert ids_on(browser.get(link[1].replace("&amp;", "&")).text) == attempts[:1]
    assert browser.get(f"/charges/{attempts[0]}").status_code == 200
    assert browser.get("/charges/2147483647").status_code == 404
    assert browser.get("/charges?after=9999999999999999-2147483647").status_code == 200
    assert browser.get("/charges.csv").text.count("\r\n") == 52
    books.database.dispose()


def test_the_language_is_remembered(web_books: WebBooks, staff: Browser) -> None:
    web_books.add_charge(state="declined", reason_code="HardDeclined")
    page = staff.get("/charges").text
    assert '<html lang="ja">' in page
    assert 'href="?lang=en"' in page
    assert '<html lang="en">' in staff.get("/charges?lang=en").text
    page = staff.get("/charges?state=declined").text
    for shown in ('<html lang="en">', "Retry scheduled", "the buyer must change it"):
        assert shown in page
    assert 'href="?state=declined&amp;lang=ja"' in page
    assert '<html lang="en">' in staff.get("/charges?lang=xx").text


def test_pages_are_light_and_load_nothing_from_elsewhere(
    web_books: WebBooks, staff: Browser
) -> None:
    for _ in range(60):
        web_books.add_charge(name="長い名前の株式会社" * 3, reason_code="SoftDeclined")
    page = staff.get("/charges").text
    assert len(page.encode()) < 100_000
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "style=" not in page
    assert re.findall(r"<script(?! src=\"/assets/)", page) == []


@pytest.mark.parametrize(
    ("amount_yen", "shown"), [(0, "¥0"), (3_300, "¥3,300"), (-1_100, "−¥1,100")]
)
def test_yen_are_shown_as_japan_writes_them(amount_yen: int, shown: str) -> None:
    assert yen(amount_yen) == shown
