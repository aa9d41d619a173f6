"""Two checkouts of one new Amazon account at the same moment, and a round with a bad one in it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from checkout_desk import CheckoutDesk
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, opening, subscriber

import scheduler.checkouts
from billing import reading, writing
from billing.checkouts import Checkout, book_checkout
from billing.customers import BuyerTaken, customer_of_buyer, link_buyer

A, B = "amzn1.account.A", "amzn1.account.B"


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one(subscribers=[subscriber(1)])


def beside(held: Callable[[Any], object], shop: Shop, second: Callable[[], object]) -> list[object]:
    """What comes of `second` when it runs beside `held`, whose transaction ends half a second
    later."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(second())
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=run)
    with shop.database.begin() as first:
        held(first)
        thread.start()
        thread.join(0.5)
        assert came == []  # it waits
    thread.join(30)
    return came


def test_two_orders_of_a_new_account_at_once_are_one_customers(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    desk, merchant = CheckoutDesk(shop), shop.engine.merchant
    one, other = desk.agreed(), desk.agreed("studio")
    with shop.engine.make_client() as client:
        permission = client.get_charge_permission(desk.completed(one))

    def book(connection: Any) -> None:
        at = shop.clock.now()
        book_checkout(connection, merchant, checkout_id=one.id, permission=permission, at=at)

    (done,) = beside(book, shop, lambda: shop.engine.finish_checkout(other.id))
    assert getattr(done, "state", done) == "completed"
    (made,) = shop.rows("SELECT id FROM customer WHERE external_id LIKE 'my-%'")
    owners = shop.rows("SELECT customer_id FROM subscription WHERE external_id LIKE 'my-%'")
    assert [row["customer_id"] for row in owners] == [made["id"]] * 2
    with reading(shop.database) as connection:
        assert customer_of_buyer(connection, merchant, buyer_id=one.buyer_id) == made["id"]
    shop.engine.run_due()
    assert sorted(yen for _, yen in shop.taken()) == [1_980, 29_800]
    assert shop.faults() == []


def test_many_looks_at_two_orders_of_a_new_account(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    desk = CheckoutDesk(shop)
    orders = [desk.agreed(), desk.agreed("studio")]
    start, came = threading.Barrier(4), []

    def look(found: Checkout) -> None:
        start.wait(10)
        try:
            came.append(shop.engine.finish_checkout(found.id).state)
        except Exception as error:
            came.append(repr(error))

    threads = [threading.Thread(target=look, args=(each,)) for each in orders * 2]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert came == ["completed"] * 4
    assert len(shop.rows("SELECT 1 FROM customer WHERE external_id LIKE 'my-%'")) == 1
    assert shop.faults() == []


@pytest.mark.parametrize("replacing", [False, True])
def test_an_account_that_two_customers_link_at_once_is_the_firsts(
    opened: OpenShop, replacing: bool
) -> None:
    shop = opened(subscribers=[subscriber(1), subscriber(2)])
    merchant, at = shop.engine.merchant, shop.clock.now()
    first, second = (row["id"] for row in shop.rows("SELECT id FROM customer ORDER BY id"))

    def link(connection: Any, customer: int, buyer: str = A, **more: Any) -> bool:
        return link_buyer(
            connection,
            merchant,
            customer_id=customer,
            buyer_id=buyer,
            source="sign_in",
            at=at,
            **more,
        )

    if replacing:
        writing(shop.database, lambda c: link(c, second, B))

    def caught(connection: Any) -> int:
        """Who goes on after the refusal has lost nothing."""
        with pytest.raises(BuyerTaken) as taken:
            link(connection, second, replacing=replacing)
        return taken.value.customer_id

    (owner,) = beside(lambda c: link(c, first), shop, lambda: writing(shop.database, caught))
    assert owner == first
    with reading(shop.database) as connection:
        assert customer_of_buyer(connection, merchant, buyer_id=A) == first
        kept = customer_of_buyer(connection, merchant, buyer_id=B)
    assert kept == (second if replacing else None)


def failing(patch: pytest.MonkeyPatch, bad: Checkout, error: Exception) -> None:
    """Booking one checkout fails."""
    real = scheduler.checkouts.book_checkout

    def book(connection: Any, merchant: Any, *, checkout_id: str, **how: Any) -> Any:
        if checkout_id == bad.id:
            raise error
        return real(connection, merchant, checkout_id=checkout_id, **how)

    patch.setattr(scheduler.checkouts, "book_checkout", book)


def set_aside() -> float:
    return REGISTRY.get_sample_value("autopay_checkouts_set_aside_total") or 0


def two_waiting(shop: Shop) -> list[Checkout]:
    desk = CheckoutDesk(shop)
    found = [desk.agreed(), desk.agreed("studio")]
    for each in found:
        desk.completed(each)
    return found


def test_a_checkout_that_fails_keeps_no_other_one_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, _ = two_waiting(shop)
    before = set_aside()
    with monkeypatch.context() as planted:
        failing(planted, bad, KeyError("a fault of ours"))
        assert shop.engine.finish_checkouts() == 1
    assert [yen for _, yen in shop.taken()] == [29_800]
    assert set_aside() == before + 1
    assert f"checkout {bad.id} cannot be finished" in caplog.text
    assert "a fault of ours" in caplog.text
    assert shop.engine.finish_checkouts() == 1  # repaired meanwhile
    assert sorted(yen for _, yen in shop.taken()) == [1_980, 29_800]


def test_a_database_that_is_away_ends_the_round(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, _ = two_waiting(shop)
    failing(monkeypatch, bad, OperationalError("COMMIT", None, Exception("gone")))
    with pytest.raises(OperationalError):
        shop.engine.finish_checkouts()
    assert shop.taken() == []
