"""The settings, put together from their pages; all of them are for owners alone."""

from collections.abc import Callable, Sequence

from app.web.settings.connection import add_connection
from app.web.settings.log import add_log
from app.web.settings.plan_tests import add_plan_tests
from app.web.settings.rules import add_rules
from app.web.settings.staff import add_staff_pages
from app.web.settings.words import add_words
from app.web.shell import OWNERS, Entry, Room, Shell

PARTS: Sequence[Callable[[Room, Shell], None]] = (
    add_connection,
    add_plan_tests,
    add_rules,
    add_words,
    add_staff_pages,
    add_log,
)
"""Each adds its routes."""


def settings_room(shell: Shell) -> Room:
    """Everything an owner sets."""
    room = Room("settings", entries=(Entry("settings.title", "/settings", OWNERS, place=80),))
    for add in PARTS:
        add(room, shell)
    return room
