"""The brake: nothing new begins while it is pulled, and what is in doubt is still resolved."""

from datetime import UTC, date, datetime, timedelta

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import Merchant, check_clock, load_brake, pull_brake, reading, release_brake, writing
from plans import BadInput

DAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def pull(shop: Shop) -> None:
    writing(
        shop.database,
        lambda c: pull_brake(c, shop.engine.merchant, by="staff", reason="test", at=NOW),
    )


def release(shop: Shop) -> None:
    writing(
        shop.database,
        lambda c: release_brake(c, shop.engine.merchant, reason="test", at=shop.clock.now()),
    )


def test_nothing_new_is_charged_until_it_is_released(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(n) for n in range(1, 4)])
    pull(shop)
    shop.charge_on(DAY)
    assert shop.taken() == []
    assert shop.faults() == []
    release(shop)
    shop.charge_on(DAY)
    assert len(shop.taken()) == 3
    assert shop.faults() == []


def test_what_is_in_doubt_is_resolved_under_the_brake(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 4}])
    shop.charge_on(DAY)
    assert shop.slot("sub-001-0010-renewal")["state"] == "open"
    pull(shop)
    shop.amazon.clear_faults()
    shop.charge_on(DAY, hour=12)
    assert shop.slot("sub-001-0010-renewal")["state"] == "paid"
    assert len(shop.taken()) == 1


@pytest.mark.parametrize(
    ("environment", "hours", "pulled"),
    [
        ("live", 26, False),
        ("live", 27, True),
        ("sandbox", 27, False),
    ],
)
def test_a_clock_that_jumped_pulls_it(
    opened: OpenShop, environment: str, hours: int, pulled: bool
) -> None:
    """26 hours: a daily run that is two hours late is no jump."""
    shop = opened(subscribers=[])
    merchant = as_environment(shop.engine.merchant, environment)
    later = NOW + timedelta(hours=hours)
    writing(shop.database, lambda c: check_clock(c, merchant, at=NOW))
    writing(shop.database, lambda c: check_clock(c, merchant, at=later))
    with reading(shop.database) as connection:
        assert load_brake(connection, merchant.id).is_pulled is pulled
    writing(shop.database, lambda c: release_brake(c, merchant, reason="was off", at=later))
    brake = writing(shop.database, lambda c: check_clock(c, merchant, at=later))
    assert not brake.is_pulled


def as_environment(merchant: Merchant, environment: str) -> Merchant:
    values = {name: getattr(merchant, name) for name in Merchant.__dataclass_fields__}
    return Merchant(**(values | {"environment": environment}))


def test_whoever_moves_it_says_why(opened: OpenShop) -> None:
    shop = opened(subscribers=[])
    merchant = shop.engine.merchant
    with pytest.raises(BadInput, match="reason"):
        writing(shop.database, lambda c: pull_brake(c, merchant, by="staff", reason=" ", at=NOW))
    with pytest.raises(BadInput, match="reason"):
        writing(shop.database, lambda c: release_brake(c, merchant, reason="", at=NOW))
