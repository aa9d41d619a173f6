"""Every route × every role; the router is enumerated, so a new route is covered at once."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from conftest import app_of, log_in_as
from fastapi import FastAPI
from support.house import ROOT
from web_books import Browser, WebBooks, add_merchant, open_books, sign_in_as_customer
from web_routes import examples_of, filled_routes

from app.web.shell import ANY_STAFF, Room, UndeclaredRoute
from app.web.shell.people import Access, Role
from app.web.shell.rooms import access_table, check_declared, declared_access

NO_RIGHT = "この操作をする権限がありません"
NOT_OURS = "この操作は受け付けられませんでした"


@dataclass
class House:
    books: WebBooks
    app: FastAPI
    examples: dict[str, str]

    @property
    def routes(self) -> list[tuple[str, str, Access]]:
        return filled_routes(self.app, self.examples)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('access') / 'autopay.sqlite3'}")
    yield House(books, app_of(books), examples_of(books))
    books.database.dispose()


def test_strangers_are_sent_to_the_way_in_of_each_face(house: House) -> None:
    for method, address, access in house.routes:
        answer = Browser(house.app).send(method, address)
        if access.kind == "open":
            assert answer.headers.get("location", "").split("?")[0] != "/login", address
            continue
        assert answer.status_code == 303, address
        way_in = "/my/sign-in" if access.kind == "customer" else "/login"
        assert answer.headers["location"].split("?")[0] == way_in, address


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_is_declared_and_nothing_else(house: House, role: Role) -> None:
    browser = log_in_as(house.books, house.app, role)
    for method, address, access in house.routes:
        if access.kind in ("open", "customer"):
            continue
        answer = browser.send(method, address)
        refused = answer.status_code == 403 and NO_RIGHT in answer.text
        assert refused is not access.admits(role), f"{role}: {method} {address}"
        if method == "POST" and not refused:  # it stops one step later: there is no form
            assert answer.status_code in (403, 415), address


def test_staff_and_customers_are_strangers_to_each_others_face(house: House) -> None:
    house.books.add_charge()
    customer = sign_in_as_customer(house.app, 1)
    member = Browser(house.app)
    member.log_in()
    for method, address, access in house.routes:
        if access.kind == "staff":
            assert customer.send(method, address).headers["location"].startswith("/login"), address
        if access.kind == "customer":
            answer = member.send(method, address)
            assert answer.headers["location"].startswith("/my/sign-in"), address


def test_another_merchants_rows_are_not_there(house: House) -> None:
    add_merchant(house.books.database, "other")
    other = WebBooks(house.books.database, merchant_id="other", added=500)
    other.add_plan()
    foreign = examples_of(other)
    browser, customer = Browser(house.app), sign_in_as_customer(house.app, 1)
    browser.log_in()
    asked = 0
    for (method, path), access in house.app.state.declared.items():
        if method == "GET" and "{" in path and access.kind != "open":
            who = customer if access.kind == "customer" else browser
            assert who.get(foreign[path]).status_code == 404, foreign[path]
            asked += 1
    assert asked >= 1


@pytest.mark.parametrize(
    ("headers", "good_token"),
    [
        pytest.param({}, False, id="no token"),
        pytest.param({"origin": "http://evil.example"}, True, id="foreign origin"),
        pytest.param({"origin": "null"}, True, id="opaque origin"),
        pytest.param({"sec-fetch-site": "cross-site"}, True, id="cross-site"),
        pytest.param({"sec-fetch-site": "same-site"}, True, id="neighbour"),
    ],
)
def test_foreign_forms_are_refused_on_every_unsafe_route(
    house: House, headers: dict[str, str], good_token: bool
) -> None:
    house.books.add_charge()
    member, customer = Browser(house.app), sign_in_as_customer(house.app, 1)
    member.log_in()
    pages = {"staff": (member, "/charges"), "customer": (customer, "/my/")}
    for method, address, access in house.routes:
        if method in ("GET", "HEAD"):
            continue
        who, page = pages["customer" if address.startswith("/my/") else "staff"]
        token = who.token(page) if good_token else ""
        answer = who.send(method, address, data={"form_token": token}, headers=headers)
        assert answer.status_code == 403, (address, access)
    assert member.get("/charges").status_code == 200


def test_a_route_that_nobody_declared_stops_the_start(web_app: FastAPI) -> None:
    web_app.add_api_route("/new", lambda: None, methods=["GET"])
    with pytest.raises(UndeclaredRoute, match="GET /new does not say who may use it"):
        check_declared(web_app, web_app.state.declared)


def test_a_route_that_came_later_is_refused_to_everybody(web_app: FastAPI, staff: Browser) -> None:
    web_app.add_api_route("/new", lambda: None, methods=["GET"])
    assert staff.get("/new").status_code == 403


def test_two_rooms_cannot_declare_one_route() -> None:
    rooms = [Room("a"), Room("b")]
    for room in rooms:
        room.get("/x", lambda: None, access=ANY_STAFF)
    with pytest.raises(UndeclaredRoute, match="GET /x is declared by two rooms"):
        declared_access(rooms)


def test_the_documents_have_the_routes(web_app: FastAPI) -> None:
    wanted = (
        "# Routes of the pages\n\nMade from the router; see [web.md](web.md). Owners may do "
        "everything that the staff may.\n\n" + access_table(web_app.state.declared)
    )
    page = ROOT / "docs" / "routes.md"
    if os.environ.get("AUTOPAY_REWRITE"):
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == wanted, "run this test with AUTOPAY_REWRITE=1"
