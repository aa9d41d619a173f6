"""The shell around every page: gate, sessions, forms, words, drawing. Rooms import from here."""

from app.web.shell.charts import Bars, Lines, Series, Spark, bar_chart, line_chart, sparkline
from app.web.shell.downloads import Download
from app.web.shell.errors import add_error_pages
from app.web.shell.fields import FormReader, Problem, read_day
from app.web.shell.formats import count, iso_day, local_time, percent, yen
from app.web.shell.forms import ForeignForm, SentFile, SentForm, form_of
from app.web.shell.gate import HOME, LOG_IN, SECOND_FACTOR, SIGN_IN, safe_next
from app.web.shell.headers import allow_origins
from app.web.shell.once import Again, Done, OnceForms, OutcomeNotKnown
from app.web.shell.people import (
    ANY_STAFF,
    CUSTOMERS,
    FINANCIERS,
    OPEN,
    OWNERS,
    SIGNING_IN,
    SUPPORTERS,
    Access,
    Role,
    SignedInCustomer,
    StaffMember,
    customer_of,
    is_signed_in,
    known_customer,
    known_staff,
    staff,
    staff_of,
)
from app.web.shell.remembered import Remembered, aside
from app.web.shell.rendering import Pages, words_of
from app.web.shell.rooms import Entry, Room, UndeclaredRoute
from app.web.shell.row_numbers import LARGEST_ID, row_number
from app.web.shell.sessions import NoLongerAllowed, Sessions
from app.web.shell.shell import Shell
from app.web.shell.wish import TIMINGS, Wish
from app.web.shell.words import LANGUAGES, Words

__all__ = [
    "ANY_STAFF",
    "CUSTOMERS",
    "FINANCIERS",
    "HOME",
    "LANGUAGES",
    "LARGEST_ID",
    "LOG_IN",
    "OPEN",
    "OWNERS",
    "SECOND_FACTOR",
    "SIGNING_IN",
    "SIGN_IN",
    "SUPPORTERS",
    "TIMINGS",
    "Access",
    "Again",
    "Bars",
    "Done",
    "Download",
    "Entry",
    "ForeignForm",
    "FormReader",
    "Lines",
    "NoLongerAllowed",
    "OnceForms",
    "OutcomeNotKnown",
    "Pages",
    "Problem",
    "Remembered",
    "Role",
    "Room",
    "SentFile",
    "SentForm",
    "Series",
    "Sessions",
    "Shell",
    "SignedInCustomer",
    "Spark",
    "StaffMember",
    "UndeclaredRoute",
    "Wish",
    "Words",
    "add_error_pages",
    "allow_origins",
    "aside",
    "bar_chart",
    "count",
    "customer_of",
    "form_of",
    "is_signed_in",
    "iso_day",
    "known_customer",
    "known_staff",
    "line_chart",
    "local_time",
    "percent",
    "read_day",
    "row_number",
    "safe_next",
    "sparkline",
    "staff",
    "staff_of",
    "words_of",
    "yen",
]
