"""A clock that jumped ends nothing: no wait, no authorisation, whichever job asks first."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from shipments_desk import DAY, GOODS, acts
from support.shop import OpenShop, Shop, subscriber

from billing import load_brake, reading, release_brake, writing
from scheduler import BillingEngine
from scheduler.jobs import JOBS

REFERENCE = "sub-001-0010-renewal"
A_YEAR_ON = date(2027, 11, 30)


def live(shop: Shop) -> BillingEngine:
    """Only in the live environment does a jump mean anything."""
    shop.engine = replace(shop.engine, merchant=replace(shop.engine.merchant, environment="live"))
    return shop.engine


def look(shop: Shop, name: str) -> None:
    (job,) = [job for job in JOBS if job.name == name]
    job.run(shop.engine, lambda: False)


def put_right(shop: Shop) -> None:
    """Somebody has looked: it was the machine that stood still, and the clock is right."""
    with reading(shop.database) as connection:
        assert load_brake(connection, shop.engine.merchant.id).pulled_by == "clock"
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(shop.database, lambda c: release_brake(c, merchant, reason="it is right", at=at))


@pytest.mark.parametrize("job", ["watch", "sweep"])
def test_no_wait_ends_by_a_clock_that_jumped(opened: OpenShop, job: str) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={"C03-0000001-0000001": ["HardDeclined"]})
    live(shop)
    shop.charge_on(DAY)
    assert shop.slot(REFERENCE)["state"] == "waiting_buyer"
    shop.go_to(A_YEAR_ON)
    look(shop, job)
    assert shop.slot(REFERENCE)["state"] == "waiting_buyer"
    assert shop.subscription("sub-001")["state"] == "past_due"
    put_right(shop)
    look(shop, "watch")
    assert shop.slot(REFERENCE)["state"] == "uncollectible"


def test_no_authorisation_lapses_by_a_clock_that_jumped(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], catalogue=GOODS)
    live(shop)
    shop.charge_on(DAY)
    assert shop.slot(REFERENCE)["state"] == "authorized"
    shop.clock.set(shop.clock.now() + timedelta(days=300))
    look(shop, "shipments")
    assert acts(shop) == []
    put_right(shop)
    look(shop, "shipments")
    assert [kind for kind, _ in acts(shop)] == ["cancel"]


def test_jobs_beside_charging_are_no_sign_of_life_of_it(opened: OpenShop) -> None:
    """An alarm goes off when no charge run has begun for minutes."""
    shop = opened(subscribers=[subscriber(1)])
    live(shop)
    shop.charge_on(DAY)
    (before,) = shop.rows("SELECT last_run_at FROM brake")
    shop.clock.set(shop.clock.now() + timedelta(hours=2))
    for name in ("watch", "sweep", "shipments", "janitor"):
        look(shop, name)
    assert shop.rows("SELECT last_run_at FROM brake") == [before]
