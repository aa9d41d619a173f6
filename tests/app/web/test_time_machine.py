"""The time machine over HTTP, with the real engine and the real local Amazon Pay."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import app_of, log_in_as
from support.sandbox import Sandbox
from time_shop import TimeShop, apart, machine_of, travelling
from web_books import PASSWORD, Browser, WebBooks, sign_in_as_customer

from app.settings import Settings
from app.travel import LocalControl, MoveState, VirtualClock
from app.travel.control import local_control
from app.travel.route import stops
from app.web import create_app
from billing.store.merchants import Merchant

CLOSE = timedelta(seconds=20)


@pytest.fixture
def time_shop(database_url: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[TimeShop]:
    with travelling(database_url, sandbox, tmp_path) as shop:
        yield shop


@pytest.fixture
def time_shop_on_file(sqlite_url: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[TimeShop]:
    with travelling(sqlite_url, sandbox, tmp_path) as shop:
        yield shop


def figure(page: str, name: str) -> str:
    """What stands beside a name in the figures."""
    found = re.search(rf"<dt>{name}</dt><dd>(?:<a [^>]*>)?([^<]*)", page)
    assert found, name
    return found[1]


def test_to_the_next_charge_then_declines_and_recoveries(time_shop: TimeShop) -> None:
    time_shop.play("soft_decline", 1)
    time_shop.play("hard_decline", 2)
    page = time_shop.move("next")
    # 30 November, 9:00: 3 pays 29,800; 1 and 2 are declined, 2 × 1,980 = 3,960.
    assert figure(page, "Charged") == "1 · ¥29,800"
    assert figure(page, "Declined") == "2 · ¥3,960"
    assert "2026-11-30 09:0" in page
    assert apart(time_shop.machine.clock, time_shop.shop.amazon) < CLOSE
    # The next morning the soft one is tried again; the hard one waits for its buyer.
    page = time_shop.move("day")
    assert figure(page, "Recovered") == "1 · ¥1,980"
    assert figure(page, "Declined") == "0 · ¥0"
    time_shop.play("new_card", 2)
    assert figure(time_shop.move("day"), "Recovered") == "1 · ¥1,980"
    assert time_shop.shop.taken() == [
        ("sub-001-0010-renewal", 1_980),
        ("sub-002-0010-renewal", 1_980),
        ("sub-003-0010-renewal", 29_800),
    ]
    assert time_shop.shop.faults() == []


def test_a_month_charges_every_day_on_its_day(time_shop_on_file: TimeShop) -> None:
    shop = time_shop_on_file.shop
    page = time_shop_on_file.move("month")
    # 30 November: 1,980 + 1,980 + 29,800; 3 December: 1,980. 30 December is past the end.
    assert figure(page, "Charged") == "4 · ¥35,740"
    rows = shop.rows("SELECT intended_at FROM attempt ORDER BY intended_at")
    assert [str(row["intended_at"])[:10] for row in rows] == ["2026-11-30"] * 3 + ["2026-12-03"]
    assert figure(time_shop_on_file.move("next"), "Charged") == "3 · ¥33,760"


def test_a_lost_answer_is_charged_once(time_shop_on_file: TimeShop) -> None:
    time_shop_on_file.play("answer_lost", 1)
    assert figure(time_shop_on_file.move("next"), "Charged") == "3 · ¥33,760"
    assert sum(yen for _, yen in time_shop_on_file.shop.taken()) == 33_760


def test_the_cap_is_hit_and_the_rest_waits(time_shop_on_file: TimeShop) -> None:
    time_shop_on_file.play("cap_hit", 3)
    time_shop_on_file.move("next")
    taken = dict(time_shop_on_file.shop.taken())
    # Half of 29,800 fits under November's limit; the other half follows in December.
    assert sum(yen for name, yen in taken.items() if name.startswith("sub-003")) <= 14_900
    time_shop_on_file.move("day")
    assert sum(y for n, y in time_shop_on_file.shop.taken() if n.startswith("sub-003")) <= 29_800
    assert time_shop_on_file.shop.faults() == []


@pytest.mark.parametrize("trick", ["buyer_cancels", "notification_lost"])
def test_who_cancels_at_amazon_is_not_charged(time_shop_on_file: TimeShop, trick: str) -> None:
    time_shop_on_file.play(trick, 2)
    assert figure(time_shop_on_file.move("next"), "Charged") == "2 · ¥31,780"
    (row,) = time_shop_on_file.shop.rows(
        "SELECT state FROM charge_permission WHERE amazon_id = 'C03-0000002-0000001'"
    )
    assert row["state"] == "Closed"


def test_a_double_click_moves_once(time_shop_on_file: TimeShop) -> None:
    owner = time_shop_on_file.owner
    fields = owner.form_of("/time-machine", "/time-machine/move") | {"to": "day"}
    before = time_shop_on_file.machine.clock.now()
    first = owner.send("POST", "/time-machine/move", data=fields)
    again = owner.send("POST", "/time-machine/move", data=fields)
    time_shop_on_file.machine.wait()
    assert first.headers["location"] == again.headers["location"]
    assert len(time_shop_on_file.machine.journal.moves()) == 1
    assert time_shop_on_file.machine.clock.now() - before < timedelta(days=1, minutes=5)


class DyingClock(VirtualClock):
    """Its process dies after Amazon's clock was moved and before the books' one."""

    def move_to(self, at: datetime) -> None:
        if at > self.now() + timedelta(minutes=1):
            raise SystemExit
        super().move_to(at)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_death_between_the_clocks_is_made_good(
    time_shop_on_file: TimeShop, tmp_path: Path
) -> None:
    shop, machine = time_shop_on_file.shop, time_shop_on_file.machine
    machine.clock = DyingClock(tmp_path / "books-clock.json")
    machine.start(to=machine.clock.now() + timedelta(days=5), by="staff")
    machine.wait()
    last = machine.journal.last()
    assert last is not None
    assert last.is_under_way
    assert apart(machine.clock, shop.amazon) > timedelta(hours=1)
    assert shop.taken() == []
    # A new process: the clocks meet at once, and the charges are made on their own days.
    fresh = machine_of(shop, tmp_path)
    fresh.resume()
    assert apart(fresh.clock, shop.amazon) < CLOSE
    fresh.wait()
    last = fresh.journal.last()
    assert last is not None
    assert last.state is MoveState.DONE
    rows = shop.rows("SELECT intended_at FROM attempt ORDER BY intended_at")
    assert [str(row["intended_at"])[:10] for row in rows] == ["2026-11-30"] * 3 + ["2026-12-03"]
    assert len(shop.taken()) == 4


def test_without_amazon_the_move_stops_and_says_why(time_shop_on_file: TimeShop) -> None:
    machine = time_shop_on_file.machine
    machine.amazon = replace(machine.amazon, url="http://127.0.0.1:9/__control")
    before = machine.clock.now()
    assert "does not answer" in time_shop_on_file.move("day")
    assert machine.clock.now() - before < timedelta(minutes=1)


def test_the_clock_never_goes_back_and_outlives_its_process(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json")
    clock.begin(at=datetime(2030, 1, 1, tzinfo=UTC))
    clock.move_to(datetime(2029, 1, 1, tzinfo=UTC))
    assert clock.now() >= datetime(2030, 1, 1, tzinfo=UTC)
    other = VirtualClock(tmp_path / "clock.json")
    clock.move_to(datetime(2031, 1, 1, tzinfo=UTC))
    other.begin(at=datetime(2035, 1, 1, tzinfo=UTC))
    assert abs(other.now() - clock.now()) < timedelta(seconds=1)
    assert other.now().year == 2031


def test_who_may_move(time_shop_on_file: TimeShop) -> None:
    books = WebBooks(time_shop_on_file.shop.database, merchant_id="shop")
    for role, may in (("viewer", False), ("finance", False), ("support", True)):
        browser = log_in_as(books, time_shop_on_file.app, role)
        page = browser.get("/time-machine")
        assert page.status_code == 200
        assert ('action="/time-machine/move"' in page.text) is may, role
        for action in ("move", "scenario"):
            answer = browser.send("POST", f"/time-machine/{action}")
            assert answer.status_code in ((403, 415) if may else (403,)), role
    stranger = Browser(time_shop_on_file.app)
    assert stranger.send("GET", "/time-machine").headers["location"].startswith("/login")
    foreign = time_shop_on_file.owner.send("POST", "/time-machine/move", data={"to": "day"})
    assert foreign.status_code == 403
    assert time_shop_on_file.machine.journal.last() is None


def test_my_page_has_the_bar_only_for_the_staffs_browser(time_shop_on_file: TimeShop) -> None:
    customer = sign_in_as_customer(time_shop_on_file.app, 1)
    assert "time-bar" not in customer.get("/my/").text
    customer.cookies.set(
        "autopay_session",
        time_shop_on_file.owner.cookies["autopay_session"],
        domain="autopay.test",
        path="/",
    )
    page = customer.get("/my/")
    assert "time-bar" in page.text
    answer = customer.post_form("/my/", "/time-machine/move", to="day")
    assert answer.headers["location"].startswith("/time-machine/happened")
    time_shop_on_file.machine.wait()


def test_elsewhere_there_is_no_time_machine(web_books: WebBooks) -> None:
    browser = Browser(app_of(web_books))
    browser.log_in()
    assert "time-bar" not in browser.get("/charges").text
    for path in ("/time-machine", "/time-machine/happened"):
        assert browser.get(path).status_code == 404
    token = browser.token("/charges")
    for action in ("move", "scenario"):
        answer = browser.send("POST", f"/time-machine/{action}", data={"form_token": token})
        assert answer.status_code == 404


def test_a_live_merchant_has_none_even_if_given_one(time_shop_on_file: TimeShop) -> None:
    app = create_app(
        database=time_shop_on_file.shop.database,
        merchant=replace(time_shop_on_file.shop.engine.merchant, environment="live"),
        staff_password=PASSWORD,
        clock=time_shop_on_file.machine.clock,
        time_machine=time_shop_on_file.machine,
    )
    assert not [path for _, path in app.state.declared if "time-machine" in path]


@pytest.mark.parametrize(
    ("changes", "has_one"),
    [
        pytest.param({}, True, id="local Amazon Pay"),
        pytest.param({"amazon_url": "https://pay-api.amazon.jp"}, False, id="Amazon itself"),
        pytest.param({"environment": "live"}, False, id="live"),
        pytest.param({"local_amazon_dir": None}, False, id="no folder of a local one"),
    ],
)
def test_only_a_sandbox_with_a_local_amazon_has_one(
    tmp_path: Path, changes: dict[str, Any], has_one: bool
) -> None:
    values = {
        "environment": "sandbox",
        "amazon_url": "http://127.0.0.1:9000",
        "local_amazon_dir": tmp_path,
    }
    settings = Settings(_env_file=None, **(values | changes))
    found = local_control(settings)
    assert (found is not None) is has_one
    assert not has_one or found == LocalControl("http://127.0.0.1:9000/__control")


def test_a_move_stops_at_each_charge_hour() -> None:
    merchant = Merchant.__new__(Merchant)
    object.__setattr__(merchant, "timezone", "Asia/Tokyo")
    object.__setattr__(merchant, "charge_hour", 9)
    noon = datetime(2026, 11, 29, 3, tzinfo=UTC)
    found = list(stops(merchant, after=noon, until=noon + timedelta(days=2)))
    # 30 November and 1 December at 9:05, then the end, 1 December at noon in Japan.
    assert [each.astimezone(UTC).isoformat()[:16] for each in found] == [
        "2026-11-30T00:05",
        "2026-12-01T00:05",
        "2026-12-01T03:00",
    ]
