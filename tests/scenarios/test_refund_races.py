"""Two people, two workers, one refund: double clicks and claims at the same moment."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

from refund_desk import DAY, amazons_refunds, ask, refund_rows, settle, states
from support.shop import OpenShop, Shop, subscriber

from billing import (
    OpenRefund,
    claim_refunds,
    record_refunds,
    send_refund,
    workers_with_open_refunds,
)
from plans import BadInput

PEOPLE = 6


def at_once(work: Callable[[int], object]) -> list[object]:
    """What `work` returned or was refused with, called by several threads at the same moment."""
    start, results = Barrier(PEOPLE), []

    def one(number: int) -> None:
        start.wait()
        try:
            results.append(work(number))
        except BadInput as refused:
            results.append(refused)

    threads = [Thread(target=one, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def paid(opened: OpenShop) -> Shop:
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    return shop


def claim(shop: Shop, worker: str, *, dead: tuple[str, ...] = (), seconds: int = 0):
    return claim_refunds(
        shop.database,
        shop.engine.merchant,
        at=shop.clock.now() + timedelta(seconds=seconds),
        worker_id=worker,
        dead_workers=dead,
    )


def test_a_button_pressed_many_times_is_one_refund(opened: OpenShop) -> None:
    shop = paid(opened)
    results = at_once(lambda number: ask(shop, amount_yen=990))
    assert [result.repeated for result in results].count(False) == 1
    assert len(refund_rows(shop)) == 1
    settle(shop)
    assert amazons_refunds(shop) == [("Refunded", 990)]
    assert shop.faults() == []


def test_many_people_cannot_give_back_more_than_was_captured(opened: OpenShop) -> None:
    """Each asks for 1,980 of 1,980 yen: one gets it, the others are told that nothing is left."""
    shop = paid(opened)
    results = at_once(lambda number: ask(shop, amount_yen=1_980, request_id=f"person-{number}"))
    refused = [result for result in results if isinstance(result, BadInput)]
    assert len(refused) == PEOPLE - 1
    assert all("at most 0 yen" in str(refusal) for refusal in refused)
    settle(shop)
    assert amazons_refunds(shop) == [("Refunded", 1_980)]
    assert shop.balances() == {}
    assert shop.faults() == []


def test_a_refund_belongs_to_one_worker_until_its_lease_ends(opened: OpenShop) -> None:
    shop = paid(opened)
    ask(shop, amount_yen=500)
    (mine,) = claim(shop, "one")
    assert claim(shop, "two", seconds=59) == []
    assert workers_with_open_refunds(shop.database, shop.engine.merchant) == {"one"}
    assert claim(shop, "two", seconds=61) == [mine]
    assert claim(shop, "three", dead=("two",), seconds=62) == [mine], "a dead one's at once"


def test_two_workers_that_send_the_same_refund_give_back_once(opened: OpenShop) -> None:
    """One was frozen past its lease: both send the same key, both record, and it is one refund."""
    shop = paid(opened)
    ask(shop, amount_yen=500)
    (mine,) = claim(shop, "frozen")
    settle(shop)
    assert isinstance(mine, OpenRefund)
    client = shop.engine.make_client()
    late = send_refund(client, mine, now=lambda: mine.send_by)
    client.close()
    assert late.kind == "pending", "Amazon's saved answer to the key"
    record_refunds(shop.database, shop.engine.merchant, [late], at=shop.clock.now())
    assert states(shop) == ["refunded"], "a final state is never left"
    assert amazons_refunds(shop) == [("Refunded", 500)]
    assert shop.faults() == []


def test_claims_at_the_same_moment_do_not_overlap(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(number) for number in range(1, 9)])
    shop.charge_on(DAY)
    for number in range(1, 9):
        name = f"sub-{number:03d}"
        ask(shop, amount_yen=100, subscription_id=name, request_id=name)
    claims = at_once(lambda number: claim(shop, f"worker-{number}"))
    ids = [refund.id for claimed in claims for refund in claimed]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == 8
