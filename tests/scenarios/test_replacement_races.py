"""A payment method is replaced while somebody else works on the subscription (PostgreSQL).

One of two hands is stopped in the middle of its transaction, and the other one tries meanwhile:
it waits for what is held, or leaves it for later, and nothing of either is lost.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, opening, subscriber

from billing import make_due, replace_permission, writing
from billing.charging import intend, record
from plans.lifecycle import Cancel, Pause, Timing
from scheduler import run

OLD, NEW = "C03-0000001-0000001", "C03-0000001-0000002"
DAY = date(2026, 11, 30)
LATE = date(2027, 6, 1)
REFERENCE = "sub-001-0010-renewal"


@pytest.fixture
def opened(postgres_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(postgres_url, sandbox) as open_one:
        yield open_one


class Beside:
    """The work of another hand, in a thread of its own; what it raises is raised by `done`."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,))

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            self.error = error

    def start(self, seconds: float = 1.0) -> None:
        """Begin, and give it the time to finish, or to wait for what is held here."""
        self._thread.start()
        self._thread.join(seconds)

    def done(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error


def consented(shop: Shop) -> Callable[[Connection], Any]:
    """Replace the payment method of sub-001, as Amazon shows the new one."""
    row = {"id": NEW, "buyerId": "amzn1.account.BUYER1", "amountLimit": 50_000}
    shop.amazon.create_permissions([row])
    with shop.engine.make_client() as client:
        new = client.get_charge_permission(NEW)
    merchant, at = shop.engine.merchant, shop.clock.now()
    return lambda connection: replace_permission(
        connection,
        merchant,
        subscription_id="sub-001",
        new=new,
        actor="sato",
        reason="new card",
        at=at,
    )


def in_doubt_on_the_old_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon took the money and its answer was lost; then the buyer consents anew."""
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 1}])
    shop.charge_on(DAY)
    writing(shop.database, consented(shop))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(Cancel(Timing.ON_DATE, on_date=LATE), id="cancel on a day"),
        pytest.param(Pause(Timing.ON_DATE, on_date=LATE), id="pause on a day"),
    ],
)
def test_an_answer_of_the_old_one_beside_an_act_under_the_new_one(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch, command: Any
) -> None:
    """The answer has read the subscription; the act would change it before that is written."""
    shop = opened(subscribers=[subscriber(1)])
    in_doubt_on_the_old_one(shop, monkeypatch)
    act = Beside(lambda: shop.act(command, DAY))
    load_cases = record.load_cases

    def load_then_act(*arguments: Any) -> Any:
        cases = load_cases(*arguments)
        if act.error is None and not act._thread.is_alive():
            act.start()
        return cases

    monkeypatch.setattr(record, "load_cases", load_then_act)
    shop.go_to(DAY, hour=12)
    shop.engine.run_due()
    act.done()
    monkeypatch.undo()
    for day in (DAY + timedelta(days=1), date(2026, 12, 30), date(2027, 1, 30)):
        shop.charge_on(day)
    # November's on the old one, then 30 December and 30 January on the new one.
    assert [yen for _, yen in shop.taken()] == [1_980, 1_980, 1_980]
    assert shop.subscription("sub-001")["next_cycle"] == 13
    assert shop.faults() == []


def test_an_act_that_waited_for_the_replacement(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    replace = consented(shop)
    act = Beside(lambda: shop.act(Cancel(Timing.ON_DATE, on_date=LATE), DAY))

    def replace_then_act(connection: Connection) -> None:
        replace(connection)
        act.start()

    writing(shop.database, replace_then_act)
    act.done()
    assert shop.subscription("sub-001")["cancel_at_period_end"]
    shop.charge_on(DAY)
    assert shop.taken() == [(REFERENCE, 1_980)]
    assert shop.faults() == []


def test_a_slot_that_moves_between_the_look_and_the_lock(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run found it due on the old permission; it is charged to the new one, by the next run."""
    shop = opened(subscribers=[subscriber(1)], behaviours={OLD: ["SoftDeclined"]})
    shop.charge_on(DAY)
    (slot,) = shop.rows("SELECT due_at FROM slot")
    shop.go_to(slot["due_at"].astimezone().date(), hour=12)
    replace = consented(shop)
    lock_permissions = intend.lock_permissions

    def replace_then_lock(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(intend, "lock_permissions", lock_permissions)
        replacing = Beside(lambda: writing(shop.database, replace))
        replacing.start()
        replacing.done()
        return lock_permissions(*arguments, **named)

    monkeypatch.setattr(intend, "lock_permissions", replace_then_lock)
    shop.engine.run_due()
    shop.engine.run_due()
    assert shop.taken() == [(REFERENCE, 1_980)]
    assert shop.slot(REFERENCE)["state"] == "paid"
    (charge,) = [one for one in shop.amazon.charges() if one["state"] == "Captured"]
    assert charge["chargePermissionId"] == NEW
    assert shop.faults() == []


def test_a_retry_asked_for_while_the_replacement_is_made(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={OLD: ["HardDeclined"]})
    shop.charge_on(DAY)
    replace = consented(shop)
    merchant, at = shop.engine.merchant, shop.clock.now()
    retry = Beside(
        lambda: writing(shop.database, lambda c: make_due(c, merchant, reference=REFERENCE, at=at))
    )

    def replace_then_retry(connection: Connection) -> None:
        replace(connection)
        retry.start()

    writing(shop.database, replace_then_retry)
    retry.done()
    shop.engine.run_due()
    assert shop.taken() == [(REFERENCE, 1_980)]
    assert shop.faults() == []
