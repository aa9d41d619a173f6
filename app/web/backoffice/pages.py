"""The back office, put together from its parts."""

from collections.abc import Callable, Sequence

from starlette.responses import RedirectResponse, Response

from app.web.backoffice.acting import MONEY_STAFF
from app.web.backoffice.bulk import add_bulk
from app.web.backoffice.calendar import add_calendar
from app.web.backoffice.charts import add_charts
from app.web.backoffice.customers import add_customers
from app.web.backoffice.desk import Desk
from app.web.backoffice.doubts import add_doubts
from app.web.backoffice.exports import add_exports
from app.web.backoffice.failures import add_failures
from app.web.backoffice.imports import add_imports
from app.web.backoffice.manual import add_manual
from app.web.backoffice.moves import add_moves
from app.web.backoffice.prices import add_prices
from app.web.backoffice.refunds import add_refunds
from app.web.backoffice.subscription import add_subscription
from app.web.backoffice.today import add_today
from app.web.backoffice.verbs import add_verbs
from app.web.backoffice.verbs_quote import add_quote
from app.web.shell import ANY_STAFF, HOME, SUPPORTERS, Entry, Room, Shell

CHARGES, WORK, REPORTS = "menu.charges", "menu.work", "menu.reports"

ENTRIES = (
    Entry("today.title", "/today", ANY_STAFF, place=1, group="menu.today"),
    Entry("calendar.title", "/calendar", ANY_STAFF, place=2, group="menu.today"),
    Entry("failures.title", "/failures", ANY_STAFF, place=11, group=CHARGES, also=("/slots",)),
    Entry("doubts.title", "/doubts", ANY_STAFF, place=12, group=CHARGES),
    Entry("refunds.title", "/refunds", ANY_STAFF, place=13, group=CHARGES),
    Entry("customers.title", "/customers", ANY_STAFF, place=20, also=("/subscriptions", "/quotes")),
    Entry("bulk.title", "/bulk", ANY_STAFF, place=30, group=WORK),
    Entry("prices.title", "/price-moves", ANY_STAFF, place=31, group=WORK),
    Entry("imports.title", "/imports", SUPPORTERS, place=38, group=WORK),
    Entry("exports.title", "/exports", MONEY_STAFF, place=39, group=WORK),
    Entry("figures.title", "/figures", ANY_STAFF, place=51, group=REPORTS),
)

PARTS: Sequence[Callable[[Room, Desk], None]] = (
    add_today,
    add_calendar,
    add_charts,
    add_failures,
    add_moves,  # before the jobs: its address looks like that of one
    add_bulk,
    add_prices,
    add_customers,
    add_subscription,
    add_verbs,
    add_quote,
    add_manual,
    add_refunds,
    add_imports,
    add_exports,
    add_doubts,
)
"""Each adds its routes; add yours here."""


def backoffice_room(shell: Shell) -> Room:
    """Everything the staff looks at, beginning with today."""
    room = Room("backoffice", entries=ENTRIES)
    room.get(HOME, _first_page, access=ANY_STAFF)
    desk = Desk(shell)
    shell.warm.questions.append(desk.warm)
    for add in PARTS:
        add(room, desk)
    return room


def _first_page() -> Response:
    return RedirectResponse("/today", status_code=303)
