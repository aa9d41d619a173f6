"""One good request of each calculator of the price list, and how to spoil it."""

import copy
import json

from app.calc import answer

MONTH = {"unit": "month", "count": 1}


def plan(code, price=1000, **terms):
    name = {"ja": code, "en": code}
    return {"code": code, "name": name, "price": price, "tax": "standard", "every": MONTH, **terms}


def migration(code, old, new, effective_on, **terms):
    return {
        "code": code,
        "from": old,
        "to": new,
        "notice_on": "2026-12-01",
        "effective_on": effective_on,
        **terms,
    }


LIST = {
    "plans": [
        plan("light", 980, prices=[{"valid_from": "2027-01-01", "price": 1080}]),
        plan("pro", 3300, setup_fee={"price": 1100}, first_price=1980),
        plan("pro-year", 33000, every={"unit": "year", "count": 1}),
        plan(
            "coffee",
            3240,
            tax="reduced",
            trial_until="2026-12-31",
            cycle_prices=[{"cycle": 2, "to": 3, "price": 2500}],
            gifts=[{"cycle": 6, "item": "mug", "name": {"ja": "マグ", "en": "Mug"}}],
        ),
        plan("fixed", 3100, anchor_day=1),
        plan("api", 500, usage={"meter": "calls", "included": 1000, "unit_price": "0.5"}),
    ],
    "add_ons": [
        {
            "code": "beans",
            "name": {"ja": "豆", "en": "Beans"},
            "price": 540,
            "per_seat": True,
            "tax": "reduced",
            "plans": ["pro"],
            "recurring": False,
            "quantity": {"min": 1, "max": 5},
        }
    ],
    "coupons": [
        {
            "code": "spring",
            "name": {"ja": "春割", "en": "Spring"},
            "off": {"yen": 500},
            "cycles": 2,
            "once_per_buyer": True,
            "campaign": {"from": "2026-03-01", "until": "2026-04-30"},
            "stackable": True,
            "rank": 1,
        },
        {
            "code": "tenth",
            "name": {"ja": "1割引", "en": "A tenth"},
            "off": {"percent": "10"},
            "cycles": "forever",
            "plans": ["pro"],
            "stackable": True,
        },
        {"code": "alone", "name": {"ja": "単独", "en": "Alone"}, "off": {"percent": 50}},
    ],
    "families": [
        {"code": "software", "plans": ["light", ["pro", "pro-year"]]},
        {"code": "food", "plans": ["coffee"]},
    ],
    "migrations": [
        migration(
            "light-2027",
            {"plan": "light"},
            {"plan": "light", "valid_from": "2027-01-01"},
            "2027-02-01",
            notice_days=60,
            grandfather={"subscribed_before": "2020-04-01", "until": "2028-03-31"},
        )
    ],
}

CALLS = {"meter": "calls", "included": 1000, "unit_price": "0.5"}
STEPS = [
    {"up_to": 10, "unit_price": 1000},
    {"up_to": 50, "unit_price": 900, "flat_fee": 500},
    {"unit_price": 800},
]


def record(name, day, quantity, **more):
    return {"id": name, "quantity": quantity, "at": f"2026-11-{day:02}T12:00:00+09:00", **more}


GOOD = {
    "catalogue": {"op": "catalogue", "catalogue": LIST},
    "price": {"op": "price", "tiers": {"mode": "graduated", "steps": STEPS}, "quantity": 25},
    "usage": {"op": "usage", "usage": CALLS, "used": "2001"},
    "usage_log": {
        "op": "usage_log",
        "usage": CALLS,
        "started_on": "2026-01-01",
        "records": [record("a", 5, "1600"), record("b", 30, "400", received_on="2026-12-02")],
        "periods": [{"from": "2026-11-01", "to": "2026-12-01", "billed": 300}],
    },
    "lines": {
        "op": "lines",
        "catalogue": LIST,
        "plan": "pro",
        "started_on": "2026-04-01",
        "cycle": 1,
        "add_ons": [{"code": "beans", "quantity": 2}],
        "coupons": [{"code": "spring"}],
    },
    "discount": {
        "op": "discount",
        "off": {"yen": 500},
        "lines": [
            {"amount": 3300, "category": "standard"},
            {"amount": 1080, "category": "reduced"},
        ],
    },
    "coupon": {
        "op": "coupon",
        "catalogue": LIST,
        "plan": "pro",
        "on": "2026-04-01",
        "coupons": ["spring", "tenth"],
        "cycles": 3,
    },
    "replacement": {
        "op": "replacement",
        "catalogue": LIST,
        "old": "light",
        "new": "pro",
        "on": "2026-11-22",
    },
    "price_agreed": {
        "op": "price_agreed",
        "catalogue": LIST,
        "plan": "light",
        "subscribed_on": "2024-01-01",
        "on": "2027-02-01",
    },
    "trial": {"op": "trial", "started_on": "2026-11-22", "trial_days": 14},
}


def ask(op, /, **changed):
    """Ask the good request with some keys changed; `None` takes a key out."""
    request = {**GOOD[op], **changed}
    return asked({key: value for key, value in request.items() if value is not None})


def asked(request):
    return answer(json.dumps(request, ensure_ascii=False))


def with_list(*path, to):
    """Give the price list with one value changed, or added."""
    changed = copy.deepcopy(LIST)
    place = changed
    for step in path[:-1]:
        place = place[step]
    if isinstance(place, list) and path[-1] == len(place):
        place.append(to)
    else:
        place[path[-1]] = to
    return changed


def paths(value, path=()):
    """Every place inside a JSON value, the value itself left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in inner:
        yield (*path, key)
        if isinstance(below, dict | list):
            yield from paths(below, (*path, key))


def spoilt(request, path, to):
    """The request with the value at one place replaced."""
    changed = copy.deepcopy(request)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return changed
