"""Fixtures of the web face: books, the application, and browsers with and without a log-in."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from web_books import PASSWORD, Browser, FixedClock, WebBooks, open_books

from app.web import create_app


@pytest.fixture
def web_books(sqlite_url: str) -> Iterator[WebBooks]:
    """Books without a charge."""
    books = open_books(sqlite_url)
    yield books
    books.database.dispose()


@pytest.fixture
def web_app(web_books: WebBooks) -> FastAPI:
    """The application on those books."""
    return create_app(
        database=web_books.database,
        merchant=web_books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
    )


@pytest.fixture
def stranger(web_app: FastAPI) -> Browser:
    """A browser that is not logged in."""
    return Browser(web_app)


@pytest.fixture
def staff(web_app: FastAPI) -> Browser:
    """A browser that is logged in."""
    browser = Browser(web_app)
    assert browser.log_in().status_code == 303
    return browser
