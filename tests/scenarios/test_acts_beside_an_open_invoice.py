"""A plain subscription is changed while its invoice is open: the money still moves it on."""

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, open_shop, subscriber

from billing import writing
from billing.charging import opening
from plans.lifecycle import Cancel, Command, Pause, Timing

PERMISSION = "C03-0000001-0000001"
DUE = date(2026, 11, 30)
LATE = date(2027, 6, 1)


def play(shop: Shop, first: date, last: date) -> None:
    """A run on every third day, and on the last one: what is due in between is done late."""
    for day in range(0, (last - first).days, 3):
        shop.charge_on(first + timedelta(days=day))
    shop.charge_on(last)


@pytest.mark.parametrize(
    ("outcome", "command"),
    [
        pytest.param(
            "SoftDeclined", Cancel(Timing.ON_DATE, on_date=LATE), id="declined, cancel later"
        ),
        pytest.param(
            "CaptureInitiated", Cancel(Timing.ON_DATE, on_date=LATE), id="pending, cancel later"
        ),
        pytest.param(
            "CaptureInitiated", Pause(Timing.ON_DATE, on_date=LATE), id="pending, pause later"
        ),
    ],
)
def test_the_cycles_go_on_when_it_is_paid(opened: OpenShop, outcome: str, command: Command) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: [outcome]})
    shop.charge_on(DUE)
    shop.act(command, DUE)
    play(shop, DUE + timedelta(days=1), date(2027, 1, 30))
    # November's, by a second try or once it is captured, and those of 30 December and 30 January.
    assert [yen for _, yen in shop.taken()] == [1_980, 1_980, 1_980]
    assert shop.subscription("sub-001")["next_cycle"] == 13
    assert shop.faults() == []


def test_an_end_gives_up_what_is_still_unpaid(opened: OpenShop) -> None:
    declined = ["HardDeclined"]  # waits for the buyer
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: declined})
    shop.charge_on(DUE)
    ends = DUE + timedelta(days=3)
    shop.act(Cancel(Timing.ON_DATE, on_date=ends), DUE)
    play(shop, DUE + timedelta(days=1), ends)
    assert shop.taken() == []
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert [row["state"] for row in shop.rows("SELECT state FROM invoice")] == ["uncollectible"]
    assert shop.faults() == []


@pytest.mark.slow
def test_nobody_is_charged_by_a_run_beside_the_end(postgres_url: str, sandbox: Sandbox) -> None:
    """The end and the next try fall on one moment, and two workers do one of them each."""
    shop = open_shop(
        database_url=postgres_url,
        amazon=sandbox,
        subscribers=[subscriber(1)],
        behaviours={PERMISSION: ["SoftDeclined"]},
    )
    shop.charge_on(DUE)
    (slot,) = shop.rows("SELECT due_at FROM slot")
    tried_on = slot["due_at"].astimezone().date()
    shop.act(Cancel(Timing.ON_DATE, on_date=tried_on), DUE)
    at = shop.go_to(tried_on, hour=12)
    other = threading.Thread(target=shop.engine.run_due)
    merchant = shop.engine.merchant

    def end_it(connection: Connection) -> None:
        opened = opening._open(connection, merchant, at, None, 200)
        assert opened.handled == 1
        other.start()
        other.join(3.0)  # it ends, or waits for what is held here

    writing(shop.database, end_it)
    other.join(30)
    assert shop.taken() == []
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert shop.faults() == []
    shop.database.dispose()
