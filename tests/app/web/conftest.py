"""Fixtures of the web face: books, the application, and browsers with and without a log-in."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser as Chromium
from support.browser import connected, start_chromium
from web_books import PASSWORD, Browser, FixedClock, WebBooks, open_books, sign_in_as_customer

from app.web import create_app
from app.web.shell import Role
from app.web.staff import add_staff
from billing import writing

MASTER_KEY = b"k" * 32


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def web_books(sqlite_url: str) -> Iterator[WebBooks]:
    """Books without a charge."""
    books = open_books(sqlite_url)
    yield books
    books.database.dispose()


@pytest.fixture
def web_app(web_books: WebBooks) -> FastAPI:
    """The application on those books."""
    return app_of(web_books)


def app_of(books: WebBooks) -> FastAPI:
    """The pages of some books."""
    return create_app(
        database=books.database,
        merchant=books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        master_key=MASTER_KEY,
    )


@pytest.fixture
def stranger(web_app: FastAPI) -> Browser:
    """A browser that is not logged in."""
    return Browser(web_app)


@pytest.fixture
def staff(web_app: FastAPI) -> Browser:
    """A browser that is logged in as an owner."""
    browser = Browser(web_app)
    assert browser.log_in().status_code == 303
    return browser


@pytest.fixture
def as_role(web_books: WebBooks, web_app: FastAPI) -> Callable[[str], Browser]:
    """Browsers logged in as somebody of a role, whose name is the role's."""

    def log_in(role: str) -> Browser:
        return log_in_as(web_books, web_app, role)

    return log_in


def log_in_as(books: WebBooks, app: FastAPI, role: str) -> Browser:
    """Make a member of the staff with that role and log it in."""
    writing(
        books.database,
        lambda connection: add_staff(
            connection,
            merchant_id=books.merchant_id,
            name=role,
            role=Role(role),
            password=PASSWORD,
            by="test",
            at=FixedClock().now(),
        ),
    )
    browser = Browser(app)
    assert browser.log_in(user=role).status_code == 303
    return browser


@pytest.fixture
def as_customer(web_app: FastAPI) -> Callable[[int], Browser]:
    """Browsers signed in at My Page as a customer."""

    def sign_in(customer_id: int) -> Browser:
        return sign_in_as_customer(web_app, customer_id)

    return sign_in


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """The one Chromium of the run."""
    with contextlib.contextmanager(start_chromium)() as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Chromium]:
    """Playwright's view of it, for one module; meanwhile no asyncio in the test's own thread."""
    with connected(chromium) as found:
        yield found
