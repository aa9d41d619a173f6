"""Lines for the calculators of agreements: one good request of each, and ways to spoil it."""

import json
from copy import deepcopy
from datetime import date, timedelta

from app.calc import answer

MONTH = {"unit": "month", "count": 1}
PRICES = {
    "plans": [
        {
            "code": "small",
            "name": {"ja": "小", "en": "Small"},
            "price": 3000,
            "tax": "standard",
            "every": MONTH,
        },
        {
            "code": "large",
            "name": {"ja": "大", "en": "Large"},
            "price": 10000,
            "tax": "standard",
            "every": MONTH,
        },
        {
            "code": "seats",
            "name": {"ja": "席", "en": "Seats"},
            "price": 1000,
            "per_seat": True,
            "tax": "standard",
            "every": MONTH,
        },
        {
            "code": "year",
            "name": {"ja": "年", "en": "Year"},
            "price": 36000,
            "tax": "standard",
            "every": {"unit": "year", "count": 1},
        },
        {
            "code": "term",
            "name": {"ja": "縛り", "en": "Term"},
            "price": 3000,
            "tax": "reduced",
            "every": MONTH,
            "minimum_cycles": 6,
            "cancellation_fee": {"kind": "remaining_percent", "percent": 50},
        },
        {
            "code": "trial",
            "name": {"ja": "試", "en": "Trial"},
            "price": 3000,
            "tax": "standard",
            "every": MONTH,
            "trial_days": 14,
        },
        {
            "code": "fixed",
            "name": {"ja": "固定", "en": "Fixed"},
            "price": 3100,
            "tax": "standard",
            "every": MONTH,
            "anchor_day": 27,
        },
    ],
    "add_ons": [
        {
            "code": "phone",
            "name": {"ja": "電話", "en": "Phone"},
            "price": 600,
            "tax": "standard",
        }
    ],
    "coupons": [
        {
            "code": "tenth",
            "name": {"ja": "一割", "en": "Tenth"},
            "off": {"percent": 10},
            "cycles": "forever",
        }
    ],
}
APRIL = {"period_start": "2026-04-01", "period_end": "2026-05-01"}
SMALL = {"price": 3000, "name": {"ja": "小", "en": "Small"}}
LARGE = {"price": 10000, "name": {"ja": "大", "en": "Large"}}


def given(on, kind, actor=None, why=None, /, **fields):
    """A command on a date, by whoever usually gives it unless told otherwise."""
    entry = {"on": on, "command": {"kind": kind, **fields}}
    return entry | ({"actor": actor} if actor else {}) | ({"reason": why} if why else {})


def signed_up(plan="small", on="2026-04-01", /, **fields):
    """A sign-up with consent."""
    terms = {"id": "sub-1", "plan_code": plan, "starts_on": on, "permission_id": "C00-1"}
    return given(on, "create", **{**terms, **fields})


def paid(cycle=0, on="2026-04-01"):
    return given(on, "charge_succeeded", cycle=cycle)


JOINED = [signed_up(), paid()]

# One good request of each operation; tests of errors spoil one thing each.
GOOD = {
    "change": {
        "op": "change",
        **APRIL,
        "start": SMALL,
        "changes": [{"on": "2026-04-16", "to": LARGE}],
    },
    "first_period": {
        "op": "first_period",
        "period_start": "2026-03-27",
        "period_end": "2026-04-27",
        "starts_on": "2026-04-10",
        "start": SMALL,
    },
    "unused": {"op": "unused", **APRIL, "start": SMALL, "on": "2026-04-16"},
    "cancellation_fee": {
        "op": "cancellation_fee",
        "catalogue": PRICES,
        "plan": "term",
        "on": "2026-04-16",
        "cycles_done": 2,
    },
    "minimum_term": {"op": "minimum_term", "minimum_cycles": 6, "cycles_done": 2},
    "life": {
        "op": "life",
        "catalogue": PRICES,
        "commands": [*JOINED, given("2026-04-16", "change_plan", plan_code="large")],
    },
    "quote": {
        "op": "quote",
        "catalogue": PRICES,
        "subscription": {"commands": JOINED},
        "cap": {"limit": 50000, "rule": "split"},
        "command": {"kind": "change_plan", "plan_code": "large"},
        "on": "2026-04-16",
    },
}


def ask(op, /, **changed):
    """Ask the good request of an operation with some keys changed."""
    return answer(json.dumps({**GOOD[op], **changed}, ensure_ascii=False))


def lived(*entries, **more):
    """Answer a life of commands after the sign-up and the first payment."""
    return ask("life", commands=[*JOINED, *entries], **more)


def asked(kind, /, on="2026-04-16", *, before=(), more=None, **fields):
    """Answer a "what if" about the subscriber of the small plan."""
    return ask(
        "quote",
        subscription={"commands": [*JOINED, *before]},
        command={"kind": kind, **fields},
        on=on,
        **(more or {}),
    )


def places(value, path=()):
    """Every place of a request, from the whole down to the single values."""
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, each in inner:
        yield from places(each, (*path, key))


def spoilt(request, place, value):
    """A copy of a request with another value in one place."""
    request = deepcopy(request)
    if not place:
        return value
    holder = request
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return request


def without(request, place):
    """A copy of a request without one key or entry."""
    request = deepcopy(request)
    holder = request
    for key in place[:-1]:
        holder = holder[key]
    del holder[place[-1]]
    return request


def later(day, days):
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
