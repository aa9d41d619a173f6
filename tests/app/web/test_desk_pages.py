"""The back office on a played shop, on both databases: exact figures, and the rows behind each."""

import html
import math
import re
from collections.abc import Iterator

import pytest
from desk_shop import DeskShop, played
from support.sandbox import Sandbox
from web_books import Browser, WebBooks, add_merchant

from app.web.shell import remembered
from billing import load_brake, reading


@pytest.fixture
def desk(database_url: str, sandbox: Sandbox) -> Iterator[DeskShop]:
    with played(database_url, sandbox) as shop:
        yield shop


@pytest.fixture(autouse=True)
def always_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine would keep figures for a while, and these tests look again at once."""
    monkeypatch.setattr(remembered, "QUICK_SECONDS", math.inf)


def words(page: str) -> str:
    """What a reader reads, in one line."""
    text = re.sub(r"(?s)<head>.*?</head>|<header.*?</header>|<svg.*?</svg>", "", page)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def tiles(page: str) -> dict[str, tuple[str, str, str]]:
    """Name of a figure → (yen, rows, link)."""
    found = re.findall(
        r'<a class="tile[^"]*" href="([^"]+)"><span class="tile-name">([^<]+)</span> '
        r'<span class="tile-yen">([^<]+)</span> <span class="tile-rows">([^<]+)</span>',
        page,
    )
    return {name: (yen, rows, html.unescape(link)) for link, name, yen, rows in found}


def test_every_figure_of_a_played_shop_has_its_rows_behind_it(desk: DeskShop) -> None:
    figures = tiles(desk.get("/today"))
    assert {name: (yen, rows) for name, (yen, rows, _) in figures.items()} == {
        "Due today": ("¥0", "0 rows"),
        "Charged": ("¥51,980", "3 rows"),  # 1,980 + 29,800 + 20,200
        "Failed": ("¥8,400", "3 rows"),  # 1,980 + 1,980 + 4,440
        "In doubt": ("¥0", "0 rows"),
        "Waiting for buyers": ("¥1,980", "1 row"),
        "Tried again soon": ("¥6,420", "2 rows"),  # 1,980 + 4,440
        "Moved by the cap": ("¥9,600", "1 row"),  # 29,800 + 29,800 - 50,000
        "Refused by the cap": ("¥0", "0 rows"),
        "Set aside for a person": ("¥0", "0 rows"),
        "Permission problems": ("¥1,980", "1 row"),  # due on 3 December
    }
    behind = {
        "Charged": ["山田 1", "山田 3", "山田 4"],
        "Failed": ["山田 2", "山田 5", "山田 6"],
        "Waiting for buyers": ["山田 5"],
        "Tried again soon": ["山田 2", "山田 6"],
        "Moved by the cap": ["山田 4"],
        "Permission problems": ["山田 7"],
        "In doubt": [],
    }
    for name, customers in behind.items():
        page = words(desk.get(figures[name][2]))
        assert sorted(set(re.findall(r"山田 \d", page))) == customers, name
    look_at_the_calendar(desk)
    look_at_the_charts(desk)
    look_at_the_people(desk)


def look_at_the_calendar(desk: DeskShop) -> None:
    """30 November is over by half, 1 December is a forecast."""
    november = words(desk.get("/calendar"))
    assert "Charged: 3 ¥51,980 Failed: 3 ¥8,400 Expected: 0 ¥0" in november
    december = words(desk.get("/calendar?month=2026-12"))
    # 1 December: 1,980 + 4,440 + 9,600, all of it expected.
    assert "Expected: 3 3 ¥16,020" in december
    # 3 December: only the closed permission; 20 December: the one after it.
    assert "Not expected to succeed: 1 1 ¥1,980" in december
    assert "Expected: 1 1 ¥1,980" in december
    first = words(desk.get("/calendar/day?on=2026-12-01&only=expected"))
    assert "3 rows · ¥16,020" in first
    assert all(f"sub-00{n}" in first for n in (2, 4, 6))
    assert "0 rows · ¥0" in words(desk.get("/calendar/day?on=2026-12-01&only=blocked"))
    assert desk.owner.get("/calendar/day?on=2026-13-01").status_code == 404
    assert desk.owner.get("/calendar/day?on=2026-12-01&only=nonsense").status_code == 404


def look_at_the_charts(desk: DeskShop) -> None:
    page = desk.get("/figures")
    text = words(page)
    assert "2026-11-30 ¥51,980 ¥8,400 Yen received" in text
    assert "2026-11 ¥51,980 ¥8,400 Yen received" in text
    # 5 × 1,980 + 2 × 29,800 + 3 × 1,480 = 73,940 by the month, of eight agreements.
    assert "2026-11 ¥0 ¥73,940 ¥0 ¥0 ¥0 ¥0 ¥73,940 8 — / —" in text
    assert "2 The payment method cannot be used" in re.sub(r"for a passing reason ", "", text)
    # The shared permission is asked for 59,600 of 50,000 on 30 December.
    assert "2026-12-30" in text
    assert "C03-0000003-0000001" in text
    assert len(page.encode()) < 100_000


def look_at_the_people(desk: DeskShop) -> None:
    """Each way to look for a customer finds it, and its page says why it was charged."""
    six, number = desk.id_of("customer", "sub-006"), desk.id_of("subscription", "sub-006")
    charge_id = desk.shop.rows("SELECT charge_id FROM attempt WHERE charge_id IS NOT NULL")
    for typed in ("山田 6", "sub-006", "user6@", "USER6@EXAMPLE", "C03-0000006"):
        page = desk.get(f"/customers?search={typed}")
        assert re.findall(r'href="/customers/(\d+)"', page) == [str(six)], typed
    found = desk.get(f"/customers?search={charge_id[0]['charge_id']}")
    assert re.findall(r'href="/customers/(\d+)"', found)
    assert "No customer begins like that" in words(desk.get("/customers?search=%25"))
    page = words(desk.get(f"/customers/{six}"))
    assert "¥1,480 × 3 = ¥4,440" in page  # the multiplication that explains the amount
    assert "Charge declined ¥4,440" in page
    assert "Imported" in page
    assert "Notice: charge failed not sent yet" in page
    assert "Left this month ¥50,000" in page
    split = words(desk.get(f"/subscriptions/{desk.id_of('subscription', 'sub-004')}"))
    assert "¥9,600 Tue, 1 Dec 2026" in split
    assert "Of this, ¥20,200 was asked for with this charge." in split
    assert "¥0 of ¥50,000 are left" in split
    assert "Tue, 1 Dec 2026" in words(desk.get(f"/subscriptions/{number}"))


def test_the_owner_moves_the_brake_and_says_why(web_books: WebBooks, staff: Browser) -> None:
    refused = staff.post_form("/today", "/today/brake", to="pull", reason=" ")
    assert refused.status_code == 422
    assert "problem-reason" in refused.text
    done = staff.post_form("/today", "/today/brake", to="pull", reason="変な課金がある")
    assert done.headers["location"] == "/today"
    with reading(web_books.database) as connection:
        brake = load_brake(connection, "web")
    assert (brake.is_pulled, brake.pulled_by, brake.reason) == (True, "staff", "変な課金がある")
    page = staff.get("/today").text
    assert "変な課金がある" in page
    assert "新しい課金が止められています" in page  # the alarm
    staff.post_form("/today", "/today/brake", to="release", reason="確認した")
    with reading(web_books.database) as connection:
        assert not load_brake(connection, "web").is_pulled


def test_only_owners_see_the_brakes_button(as_role: object) -> None:
    assert 'action="/today/brake"' not in as_role("support").get("/today").text  # type: ignore[operator]


def test_another_merchants_customers_and_failures_are_not_found(
    web_books: WebBooks, staff: Browser
) -> None:
    add_merchant(web_books.database, "other")
    other = WebBooks(web_books.database, merchant_id="other", added=500)
    other.add_plan()
    other.add_charge(name="他社 太郎", state="declined", reason_code="SoftDeclined")
    for page in ("/customers", "/customers?search=他社", "/failures", "/figures", "/today"):
        answer = staff.get(page)
        assert answer.status_code == 200
        assert "太郎" not in answer.text
        assert "¥1,980" not in answer.text, page
    assert "太郎" not in staff.get("/failures/declined?from=2026-12-01&to=2026-12-31").text


@pytest.mark.parametrize(
    "address",
    [
        "/customers?after=x",
        "/customers/1e3",
        "/customers/99999999999",
        "/failures?state=paid",
        "/bulk/7",
        "/subscriptions/0",
        "/calendar/day?on=2100-01-01",
    ],
)
def test_addresses_that_are_none(staff: Browser, address: str) -> None:
    assert staff.get(address).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/calendar?month=nonsense",
        "/failures?after=1-2-3&reason=%00",
        "/failures/declined?from=2026-99-99&to=x&after=abc",
        "/customers?search=%00%EF%BB%BF" + "x" * 300,
        "/calendar/blocked?after=-1",
        pytest.param("/failures?after=%C2%B2-1", id="a digit that is no number"),
        pytest.param("/failures/declined?after=%D9%A3-%D9%A3", id="digits of another script"),
    ],
)
def test_addresses_with_nonsense_in_them_are_harmless(staff: Browser, address: str) -> None:
    assert staff.get(address).status_code == 200
