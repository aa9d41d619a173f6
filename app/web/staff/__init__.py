"""Staff of the merchant: accounts, log-in with two factors, and the brake on guessing."""

from app.web.staff.accounts import (
    MINIMUM_PASSWORD,
    BadName,
    NameTaken,
    StaffUser,
    WeakPassword,
    add_staff,
    change_role,
    change_state,
    find_staff,
    forget_second_factor,
    list_staff,
    set_password,
)
from app.web.staff.desk import StaffDesk
from app.web.staff.fresh import Fresh, NotProved
from app.web.staff.pages import staff_room, stale_log_in

__all__ = [
    "MINIMUM_PASSWORD",
    "BadName",
    "Fresh",
    "NameTaken",
    "NotProved",
    "StaffDesk",
    "StaffUser",
    "WeakPassword",
    "add_staff",
    "change_role",
    "change_state",
    "find_staff",
    "forget_second_factor",
    "list_staff",
    "set_password",
    "staff_room",
    "stale_log_in",
]
