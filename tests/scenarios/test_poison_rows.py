"""A row that fails every time is set aside after three tries, and the rest goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from support.shop import OpenShop, Shop, subscriber

from billing import claim_unsettled, intend_due_slots, reading, writing
from billing.charging import opening
from billing.evidence import desk_item, list_desk, release

DAY = date(2026, 11, 15)
MIDMONTH = {"started_on": date(2026, 1, 15), "anchor_day": 15, "next_charge_on": DAY}
BAD, GOOD = "sub-002", ["sub-001-0010-renewal", "sub-003-0010-renewal"]


def three(opened: OpenShop) -> Shop:
    return opened(subscribers=[subscriber(n, **MIDMONTH) for n in (1, 2, 3)])


def desk(shop: Shop) -> list[tuple[str, str]]:
    with reading(shop.database) as connection:
        return [(str(i.kind), i.name) for i in list_desk(connection, shop.engine.merchant)]


def give_back(shop: Shop, name: str) -> None:
    with reading(shop.database) as connection:
        found = desk_item(connection, shop.engine.merchant, name=name)
    writing(
        shop.database,
        lambda c: release(
            c, shop.engine.merchant, found, by="sato", reason="repaired", at=shop.clock.now()
        ),
    )


@contextmanager
def cannot_be_opened(patch: pytest.MonkeyPatch, tries: list[str]) -> Iterator[None]:
    """The second subscription has a period that no rule can compute."""
    real = opening._handle

    def handle(row: Any, *rest: Any) -> None:
        if row["external_id"] == BAD:
            tries.append(BAD)
            raise ValueError("no such day")
        real(row, *rest)

    with patch.context() as planted:
        planted.setattr(opening, "_handle", handle)
        yield


def test_a_cycle_that_cannot_be_opened_is_tried_three_times(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, tries = three(opened), []
    with cannot_be_opened(monkeypatch, tries):
        shop.charge_on(DAY)
        assert [name for name, _ in shop.taken()] == GOOD
        assert tries == [BAD]  # within the minute it is left alone, however often a run looks
        for hour in (10, 11, 12, 13):
            shop.charge_on(DAY, hour=hour)
    assert tries == [BAD] * 3
    assert desk(shop) == [("row", BAD)]
    shop.charge_on(DAY, hour=14)
    assert len(shop.taken()) == 2  # repaired, but nobody has said so

    give_back(shop, BAD)
    shop.charge_on(DAY, hour=15)
    assert len(shop.taken()) == 3
    assert desk(shop) == []


def test_a_slot_that_cannot_be_intended_is_set_aside_and_the_rest_goes_on(
    opened: OpenShop,
) -> None:
    """A reference longer than Amazon takes: the body of its request cannot be made."""
    shop = three(opened)
    shop.go_to(DAY)
    merchant = shop.engine.merchant
    opening.open_due_cycles(shop.database, merchant, at=shop.clock.now())
    long = "r" * 300
    with shop.database.begin() as connection:
        sql = "UPDATE slot SET reference = :r WHERE reference LIKE 'sub-002%'"
        connection.execute(text(sql), {"r": long})
    with pytest.raises(Exception, match="merchant_reference_id"):
        intend_due_slots(shop.database, merchant, at=shop.clock.now(), worker_id="w")
    for hour in (9, 10, 11, 12):
        shop.charge_on(DAY, hour=hour)
    assert [name for name, _ in shop.taken()] == GOOD
    slot = shop.slot(long)
    assert (slot["state"], slot["reason"]) == ("quarantined", "poison: InvalidArgument")
    assert desk(shop) == [("charge", long)]

    with shop.database.begin() as connection:
        sql = "UPDATE slot SET reference = 'sub-002-0010-renewal' WHERE reference = :r"
        connection.execute(text(sql), {"r": long})
    give_back(shop, "sub-002-0010-renewal")
    shop.charge_on(DAY, hour=13)
    assert len(shop.taken()) == 3


def test_an_attempt_that_kills_its_workers_is_sent_alone_and_then_set_aside(
    opened: OpenShop,
) -> None:
    """Six workers die with it in their hands; the other attempt is sent by the first one free."""
    shop = opened(subscribers=[subscriber(n, **MIDMONTH) for n in (1, 2)])
    shop.go_to(DAY)
    merchant = shop.engine.merchant
    opening.open_due_cycles(shop.database, merchant, at=shop.clock.now())
    intend_due_slots(shop.database, merchant, at=shop.clock.now(), worker_id="first")
    claims: list[list[int]] = []
    at = shop.clock.now()
    for number in range(12):
        at += timedelta(minutes=2)  # each dies with all it claimed, and its lease runs out
        claims.append(
            [
                a.id
                for a in claim_unsettled(
                    shop.database, merchant, at=at, worker_id=f"host/{number}/1"
                )
            ]
        )
    # together three times, then one alone until it is clear that it is this one, then the other
    assert claims == [[1, 2]] * 3 + [[1]] * 3 + [[2]] * 3 + [[]] * 3
    assert [r["state"] for r in shop.rows("SELECT state FROM slot")] == ["quarantined"] * 2
    assert [r["kind"] for r in shop.rows("SELECT kind FROM notice")] == ["quarantined"] * 2


def test_a_crash_loop_ends_with_the_row_that_causes_it(opened: OpenShop) -> None:
    """Workers die only with the first attempt in hand: the second one is charged meanwhile."""
    shop = opened(subscribers=[subscriber(n, **MIDMONTH) for n in (1, 2)])
    shop.go_to(DAY)
    merchant = shop.engine.merchant
    opening.open_due_cycles(shop.database, merchant, at=shop.clock.now())
    intend_due_slots(shop.database, merchant, at=shop.clock.now(), worker_id="first")
    at, deaths = shop.clock.now(), 0
    for _ in range(20):
        at += timedelta(minutes=2)
        claimed = claim_unsettled(shop.database, merchant, at=at, worker_id=f"host/{deaths}/1")
        if not any(attempt.id == 1 for attempt in claimed):
            break
        deaths += 1
    assert deaths == 6
    assert [attempt.id for attempt in claimed] == [2]
