"""The months of the finance desk: figures, the rows behind them, and the files, to the yen."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from conftest import app_of
from web_books import START, Browser, WebBooks, add_merchant, open_books

DAY = timedelta(days=1)


@pytest.fixture
def desk(database_url: str) -> Iterator[tuple[WebBooks, Browser]]:
    """December: three charges on the 1st and 2nd, a refund on the 3rd, a chargeback on the 4th.

    Beside it a declined charge, a refund that is still open, and a charge of January.
    """
    books = open_books(database_url)
    first = books.add_charge(at=START, amount_yen=1_980)
    books.add_charge(at=START, amount_yen=29_800)
    second = books.add_charge(at=START + DAY, amount_yen=3_240)
    books.add_charge(at=START + DAY, amount_yen=500, state="declined")
    books.add_charge(at=START + 31 * DAY, amount_yen=7_777)
    add_refund(books, first, 980, state="refunded", days=2)
    add_refund(books, second, 240, state="intended", days=2)
    books.insert(
        "chargeback",
        attempt_id=second,
        case_id="case-1",
        amount_yen=3_000,
        happened_on=date(2026, 12, 4),
        reason="fraud",
        actor="test",
        booked_at=START + 5 * DAY,
    )
    browser = Browser(app_of(books))
    assert browser.log_in().status_code == 303
    yield books, browser
    books.database.dispose()


def add_refund(books: WebBooks, attempt: int, yen: int, *, state: str, days: int) -> None:
    at = START + days * DAY
    room = {"limit_yen": 1_000_000, "refunded_yen": 0, "held_yen": 0}
    books.insert("refund_room", attempt_id=attempt, **room)
    books.insert(
        "refund",
        attempt_id=attempt,
        request_id=f"r-{attempt}",
        part=1,
        number=1,
        reference=f"refund-{attempt}",
        idempotency_key=f"refund-key-{attempt}",
        body=b"{}",
        origin="desk",
        amount_yen=yen,
        owed_before_yen=0,
        taxes="[]",
        state=state,
        reason="asked",
        actor="test",
        requested_at=at,
        look_at=at,
        sends=1,
        answered_at=at if state == "refunded" else None,
    )


def amounts(page: str) -> list[int]:
    """The yen of the rows of a listing."""
    rows = re.findall(r'<td role="cell"[^>]*class="num[^"]*"[^>]*>(.*?)</td>', page, re.DOTALL)
    return [int(n.replace(",", "")) for row in rows for n in re.findall(r"¥([\d,]+)", row)]


def test_a_month_adds_up_to_the_yen(desk: tuple[WebBooks, Browser]) -> None:
    _, browser = desk
    money = json.loads(browser.get("/finance.json?month=2026-12").text)
    # 1,980 + 29,800 + 3,240 = 35,020; 35,020 − 980 − 3,000 = 31,040.
    assert money["total"] == {
        "charges": 3,
        "captured_yen": 35_020,
        "refunded_yen": 980,
        "charged_back_yen": 3_000,
        "net_yen": 31_040,
    }
    assert money["fees_yen"] is None
    assert datetime.fromisoformat(money["as_of"]).utcoffset() == timedelta(hours=9)
    assert len(money["days"]) == 31
    for name, value in money["total"].items():
        assert sum(day[name] for day in money["days"]) == value, name
    moved = {day["day"]: day["net_yen"] for day in money["days"] if day["net_yen"]}
    assert moved == {
        "2026-12-01": 31_780,
        "2026-12-02": 3_240,
        "2026-12-03": -980,
        "2026-12-04": -3_000,
    }


def test_each_figure_opens_rows_that_add_up_to_it(desk: tuple[WebBooks, Browser]) -> None:
    _, browser = desk
    page = browser.get("/finance?month=2026-12").text
    links = re.findall(r'<a href="(/(?:charges|finance/rows)\?[^"]+)">(¥[\d,]+)</a>', page)
    assert len(links) >= 8
    for address, figure in links:
        rows = browser.get(address.replace("&amp;", "&")).text
        assert sum(amounts(rows)) == int(figure[1:].replace(",", "")), address
    for shown in ("¥35,020", "¥31,040", "¥3,000"):
        assert shown in page


def test_the_month_as_a_file_for_spreadsheets(desk: tuple[WebBooks, Browser]) -> None:
    _, browser = desk
    answer = browser.get("/finance.csv?month=2026-12")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    # Two files of one month say by their names which is of the later moment.
    name = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="month-2026-12-as-of-\d{8}-\d{4}\.csv"', name)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[1] == ["2026-12-01", "2", "31780", "0", "0", "31780"]
    assert rows[-1] == ["合計", "3", "35020", "980", "3000", "31040"]
    assert len(rows) == 33


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("yen_from=3240", [7_777, 3_240, 29_800], id="from, included"),
        pytest.param("yen_to=1,980", [500, 1_980], id="to, included, with a comma"),
        pytest.param("yen_from=５００&yen_to=¥500", [500], id="full-width digits"),
        pytest.param("customer=c-2", [29_800], id="customer"),
        pytest.param("customer=c", [], id="customer exactly"),
        pytest.param("permission=B03-0000003-0000000", [3_240], id="permission"),
        pytest.param("yen_from=500&state=captured&to=2026-12-31&customer=c-1", [1_980], id="all"),
    ],
)
def test_charges_by_amount_customer_and_permission(
    desk: tuple[WebBooks, Browser], query: str, expected: list[int]
) -> None:
    _, browser = desk
    assert amounts(browser.get(f"/charges?{query}").text) == expected
    rows = json.loads(browser.get(f"/charges.json?{query}").text)
    assert [row["amount_yen"] for row in rows] == expected
    lines = list(csv.reader(io.StringIO(browser.get(f"/charges.csv?{query}").text)))
    assert len(lines) == len(expected) + 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("yen_from=many", "「many」は金額として読めません", id="no amount"),
        pytest.param("yen_to=-1", "「-1」は金額として読めません", id="negative"),
        pytest.param("yen_to=1.5", "「1.5」は金額として読めません", id="fraction"),
        pytest.param("yen_from=9&yen_to=8", "下限 9 円より小さく", id="order"),
        pytest.param("permission=" + "x" * 101, "100 文字以内", id="long"),
    ],
)
def test_bad_bounds_are_told(staff: Browser, query: str, said: str) -> None:
    for path in ("/charges", "/charges.json"):
        answer = staff.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert said in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *("/finance?month=2026-13", "/finance?month=x", "/finance?month=1999-01"),
        *("/finance/rows?kind=other", "/finance/rows?from=2026-12-02&to=2026-12-01"),
        "/finance/rows?from=2026-01-01&to=2026-12-31",
    ],
)
def test_months_that_there_are_not(staff: Browser, path: str) -> None:
    assert staff.get(path).status_code == 404


def test_an_empty_month_says_so_and_what_is_to_come(staff: Browser) -> None:
    page = staff.get("/finance?month=2026-11&lang=en").text
    assert "Nothing in this month yet" in page
    assert "Invoices as documents" in page
    assert staff.get("/charges.json").text == "[]"


def test_another_merchants_money_is_not_counted(web_books: WebBooks, staff: Browser) -> None:
    add_merchant(web_books.database, "other")
    other = WebBooks(web_books.database, merchant_id="other", added=50)
    add_refund(other, other.add_charge(at=START), 100, state="refunded", days=1)
    money = json.loads(staff.get("/finance.json?month=2026-12").text)
    assert set(money["total"].values()) == {0}
    assert amounts(staff.get("/finance/rows?kind=refunds&from=2026-12-01").text) == []
