"""The janitor dies at its points: the doubt ends as if it had lived."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from crash_matrix import PERMISSION, REFERENCE, Answer, Bench, make_bench
from faults_books import books_of
from support.sandbox import Sandbox
from support.shop import Shop
from turn_senders import KILLER, Killed, install

from billing import insert_many, table_of
from billing.tables import NotificationRow

POINTS = ["janitor.claimed", "janitor.judged"]
# What became of the one request, and which charge a message named.
ANSWERS = ["500_before", "500_after"]


@pytest.fixture(scope="module")
def bench(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield make_bench(shared_sandbox, tmp_path_factory.mktemp("janitor"))


def move(shop: Shop, hours: float) -> None:
    at = shop.clock.now() + timedelta(hours=hours)
    shop.amazon.set_clock(at)
    shop.clock.set(at)


def rested(bench: Bench, fault: str) -> Shop:
    """A shop whose only charge was never answered, long after its key was put to rest."""
    shop = bench.shop(Answer())
    shop.amazon.faults([{"operation": "createCharge", "kind": fault, "times": 1_000}])
    for _ in range(10):
        shop.engine.run_due()
        move(shop, 1)
    move(shop, 16)
    shop.engine.run_due()
    move(shop, 13)
    (found,) = shop.rows("SELECT COUNT(*) AS n FROM doubt WHERE rested_at IS NOT NULL")
    assert found["n"] == 1
    hear(shop)
    shop.amazon.clear_faults()
    return shop


def hear(shop: Shop) -> None:
    """A message arrives: about the charge if there is one, else about something else."""
    charges = [charge["chargeId"] for charge in shop.amazon.charges()]
    now = shop.clock.now()
    row = {
        "merchant_id": "shop",
        "message_id": "message-1",
        "kind": "change",
        "topic_arn": "arn:aws:sns:ap-northeast-1:291180941288:topic",
        "object_type": "CHARGE" if charges else "REFUND",
        "object_id": charges[0] if charges else "S03-0000000-0000000-R000000",
        "permission_amazon_id": PERMISSION,
        "sent_at": now,
        "received_at": now,
        "state": "parked",
        "look_at": now + timedelta(days=1),
        "tries": 0,
    }
    with shop.database.begin() as connection:
        insert_many(connection, table_of(NotificationRow), [row])


def play(bench: Bench, fault: str, points: list[str]) -> dict[str, list[str]]:
    """Let the janitor work, dying at the points; then charge whatever is due by its verdict."""
    shop = rested(bench, fault)
    KILLER.points = list(points)
    for _ in range(len(points) + 1):
        try:
            shop.engine.clear_doubts()
        except Killed:
            shop = bench.reopened(Answer(), shop.clock)
        move(shop, 1.1)
    assert KILLER.points == []
    shop.engine.run_due()
    return books_of(shop)


@pytest.mark.parametrize("fault", ANSWERS)
@pytest.mark.parametrize("point", POINTS)
def test_a_janitor_that_dies_leaves_nothing_half_done(bench: Bench, fault: str, point: str) -> None:
    books = play(bench, fault, [point])
    assert books == play(bench, fault, [])
    assert books["amazon"] == [repr((REFERENCE, 1980, "Captured"))]
    assert books["audit"] == []
