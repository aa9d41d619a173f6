"""The menu: groups of pages, and the pages of the group that one is in."""

import re

import pytest
from web_books import Browser, WebBooks

from app.web.shell import ANY_STAFF, Entry
from app.web.shell.menu import Link, menu_of

ENTRIES = (
    Entry("imports", "/imports", ANY_STAFF, place=31, group="work"),
    Entry("today", "/today", ANY_STAFF, place=1, group="now"),
    Entry("customers", "/customers", ANY_STAFF, place=20, also=("/subscriptions",)),
    Entry("calendar", "/calendar", ANY_STAFF, place=2, group="now"),
    Entry("bulk", "/bulk", ANY_STAFF, place=30, group="work"),
)
NOW, CUSTOMERS, WORK = ("now", "/today"), ("customers", "/customers"), ("work", "/bulk")


@pytest.mark.parametrize(
    ("path", "here", "pages"),
    [
        ("/today", {"now": "true"}, {"today": "page", "calendar": ""}),
        ("/calendar/day", {"now": "true"}, {"today": "", "calendar": "true"}),
        ("/customers", {"customers": "page"}, {}),
        ("/customers/5", {"customers": "true"}, {}),
        ("/subscriptions/5/charge", {"customers": "true"}, {}),
        ("/imports", {"work": "true"}, {"bulk": "", "imports": "page"}),
        ("/todays", {}, {}),
        ("/", {}, {}),
    ],
)
def test_where_one_is(path: str, here: dict[str, str], pages: dict[str, str]) -> None:
    menu = menu_of(ENTRIES, path=path)
    assert [(each.key, each.path) for each in menu.groups] == [NOW, CUSTOMERS, WORK]
    assert {each.key: each.here for each in menu.groups if each.here} == here
    assert {each.key: each.here for each in menu.pages} == pages


def test_a_group_of_one_page_is_that_page() -> None:
    menu = menu_of(ENTRIES[:1], path="/imports")
    assert list(menu.groups) == [Link("imports", "/imports", "page")]
    assert list(menu.pages) == []
    assert menu_of((), path="/") == menu_of((), path="/today")


def test_every_page_of_the_menu_is_two_clicks_away(web_books: WebBooks, staff: Browser) -> None:
    """Plain links, six groups at most: it fits a telephone and needs no script."""
    groups = links(staff.get("/today").text)
    assert len([each for each in groups if each not in ("/calendar",)]) <= 7
    reached = {each for path in groups for each in links(staff.get(path).text)}
    assert {"/today", "/charges", "/refunds", "/imports", "/exports", "/finance"} <= reached
    assert {"/settings", "/doubts", "/failures", "/figures", "/customers", "/bulk"} <= reached


def links(page: str) -> list[str]:
    menu = re.search(r'<nav class="menu".*?</nav>', page, re.DOTALL)
    assert menu
    return re.findall(r'href="([^"]+)"', menu[0])
