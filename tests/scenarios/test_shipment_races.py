"""Two warehouses, two workers, one authorisation: told twice, claimed twice, ended once."""

from collections.abc import Callable
from datetime import date, timedelta
from threading import Barrier, Thread

from shipments_desk import acts, authorized_shop, charges_at_amazon, settle, ship, slots
from support.shop import OpenShop, Shop

from billing import (
    OpenAct,
    ShipmentsRefused,
    claim_acts,
    intend_cancellations,
    record_acts,
    send_act,
    workers_with_open_acts,
)

PEOPLE = 6


def at_once(work: Callable[[int], object]) -> list[object]:
    """What `work` returned or was refused with, called by several threads at the same moment."""
    start, results = Barrier(PEOPLE), []

    def one(number: int) -> None:
        start.wait()
        try:
            results.append(work(number))
        except ShipmentsRefused as refused:
            results.append(refused)

    threads = [Thread(target=one, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def claim(shop: Shop, worker: str, *, dead: tuple[str, ...] = (), seconds: int = 0):
    return claim_acts(
        shop.database,
        shop.engine.merchant,
        at=shop.clock.now() + timedelta(seconds=seconds),
        worker_id=worker,
        dead_workers=dead,
    )


def test_a_shipment_told_many_times_at_once_is_one_capture(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    results = at_once(lambda _number: ship(shop))
    assert [result.repeated for result in results].count(False) == 1
    settle(shop, looks=1)
    assert (acts(shop), slots(shop)) == ([("capture", "done")], ["paid"])
    assert charges_at_amazon(shop) == [("Captured", 3_240)]
    assert shop.faults() == []


def test_shipped_and_cancelled_at_the_same_moment_ends_once(opened: OpenShop) -> None:
    """On the day it is authorised anew: whoever is first decides, the other one finds it taken."""
    shop = authorized_shop(opened)
    at = shop.go_to(date(2026, 12, 27), hour=12)
    merchant = shop.engine.merchant
    at_once(
        lambda number: (
            ship(shop) if number % 2 else intend_cancellations(shop.database, merchant, at=at)
        )
    )
    assert len(acts(shop)) == 1
    settle(shop)
    ends = [state for state, _ in charges_at_amazon(shop)]
    assert ends in (["Captured"], ["Canceled"])
    assert shop.faults() == []


def test_an_act_belongs_to_one_worker_until_its_lease_ends(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    ship(shop)
    (mine,) = claim(shop, "one")
    assert claim(shop, "two", seconds=59) == []
    assert workers_with_open_acts(shop.database, shop.engine.merchant) == {"one"}
    assert claim(shop, "two", seconds=61) == [mine]
    assert claim(shop, "three", dead=("two",), seconds=62) == [mine], "a dead one's at once"


def test_a_frozen_worker_that_wakes_up_captures_nothing_again(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    ship(shop)
    (mine,) = claim(shop, "frozen")
    settle(shop)
    assert isinstance(mine, OpenAct)
    with shop.engine.make_client() as client:
        late = send_act(client, mine)
    assert late.kind == "done", "Amazon's saved answer to the key"
    record_acts(shop.database, shop.engine.merchant, [late], at=shop.clock.now())
    assert (acts(shop), slots(shop)) == ([("capture", "done")], ["paid"])
    assert shop.balances()["amazon_receivable"] == 3_240
    assert shop.faults() == []
