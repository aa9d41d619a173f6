"""Amazon's transaction report as a proof: what it lists happened, what it does not did not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from doubt_shop import DAY, MIDMONTH, REFERENCE, look, move, open_in_doubt, proofs
from support.shop import OpenShop, Shop, subscriber

from scheduler import run

InDoubt = Callable[[str], Shop]


@pytest.fixture
def in_doubt(opened: OpenShop, monkeypatch: pytest.MonkeyPatch) -> InDoubt:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    return lambda kind: open_in_doubt(opened, kind)


def collect(shop: Shop, *, hours: float, wanted: bool = False) -> None:
    """Let time pass, ask for a report, and read it once the local Amazon Pay has made it."""
    move(shop, hours=hours)
    shop.engine.collect_reports(wanted=wanted)
    move(shop, hours=0.01)
    shop.engine.collect_reports()


def reports(shop: Shop) -> list[str]:
    return [row["state"] for row in shop.rows("SELECT state FROM amazon_report ORDER BY id")]


def report_proofs(shop: Shop) -> list[str]:
    return [verdict for kind, verdict in proofs(shop) if kind == "report"]


def test_a_charge_that_the_report_lists_is_booked(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    collect(shop, hours=1)
    assert (reports(shop), report_proofs(shop)) == (["read"], ["happened"])
    assert look(shop, hours=0) == {REFERENCE: "happened"}
    assert shop.slot(REFERENCE)["state"] == "paid"
    assert shop.taken() == [(REFERENCE, 1_980)]
    assert shop.faults() == []


def test_an_empty_report_proves_nothing(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_before")
    collect(shop, hours=62)
    assert (reports(shop), report_proofs(shop)) == (["empty"], [])


def test_with_the_balance_it_proves_that_nothing_happened(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    before = DAY - timedelta(days=1)
    rows = [
        subscriber(1, **MIDMONTH),
        subscriber(2, **(MIDMONTH | {"anchor_day": 14, "next_charge_on": before})),
    ]
    shop = opened(subscribers=rows)
    shop.charge_on(before, hour=20)  # the other one's charge, within the report's time
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 1_000}])
    for hour in range(9, 18):
        shop.charge_on(DAY, hour=hour)
    shop.charge_on(DAY + timedelta(days=1), hour=10)

    collect(shop, hours=13)  # sealed, but Amazon may not have listed it yet
    assert report_proofs(shop) == ["silent"]
    assert look(shop, hours=0) == {REFERENCE: "wait"}
    shop.engine.collect_reports()
    assert reports(shop) == ["read"]  # not again within a day
    collect(shop, hours=48)
    assert report_proofs(shop) == ["silent", "did_not_happen"]
    assert look(shop, hours=0) == {REFERENCE: "did_not_happen"}
    shop.amazon.clear_faults()
    shop.engine.run_due()
    assert shop.taken() == [("sub-001-0010-renewal", 1_980), ("sub-002-0010-renewal", 1_980)]
    assert shop.faults() == []


def test_a_report_that_misses_our_own_charges_proves_nothing(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    before = DAY - timedelta(days=1)
    rows = [
        subscriber(1, **MIDMONTH),
        subscriber(2, **(MIDMONTH | {"anchor_day": 14, "next_charge_on": before})),
        subscriber(3, **(MIDMONTH | {"anchor_day": 14, "next_charge_on": before})),
    ]
    shop = opened(subscribers=rows)
    shop.charge_on(before, hour=20)
    with shop.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE attempt SET charge_id = 'S01-0000000-0000000-C000000' "
            "WHERE slot_id = (SELECT id FROM slot WHERE reference = 'sub-003-0010-renewal')"
        )
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 1_000}])
    for hour in range(9, 18):
        shop.charge_on(DAY, hour=hour)
    shop.charge_on(DAY + timedelta(days=1), hour=10)
    collect(shop, hours=62)
    assert report_proofs(shop) == ["silent"]
    (proof,) = shop.rows("SELECT what FROM proof WHERE kind = 'report'")
    assert "1 of our captured charges are not listed either" in proof["what"]


def test_a_lost_answer_asks_for_the_same_report(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    shop.amazon.clear_faults()
    shop.amazon.faults([{"operation": "createReport", "kind": "500_after", "times": 1}])
    shop.engine.collect_reports()
    assert reports(shop) == ["asked"]
    collect(shop, hours=1)
    assert reports(shop) == ["read"]
    asked = [row for row in shop.amazon.requests() if row["operation"].lower() == "createreport"]
    assert len({row["idempotencyKey"] for row in asked}) == 1
    assert len(asked) == 2


def test_what_amazon_never_makes_is_given_up(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    shop.amazon.clear_faults()
    shop.amazon.faults([{"operation": "GetReportById", "kind": "500_before", "times": 100}])
    collect(shop, hours=1)
    assert reports(shop) == ["making"]
    collect(shop, hours=49)
    assert reports(shop)[0] == "failed"


def test_without_a_doubt_nothing_is_asked_unless_somebody_wants_it(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.engine.collect_reports()
    assert reports(shop) == []
    collect(shop, hours=1, wanted=True)
    assert reports(shop) == ["empty"]
