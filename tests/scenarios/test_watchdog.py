"""The kill switch of all merchants, and the audit that pulls it by itself."""

from datetime import date
from typing import Any

import pytest
from support.shop import MERCHANT, OpenShop, Shop, subscriber

from billing import (
    alarming_findings,
    audit_books,
    audit_chain,
    chain_books,
    checkpoints,
    load_brake,
    pull_for,
    pull_global_brake,
    reading,
    release_brake,
    release_global_brake,
    writing,
)
from plans import BadInput

DAY = date(2026, 11, 30)


def pull_all(shop: Shop) -> None:
    at = shop.clock.now()
    writing(shop.database, lambda c: pull_global_brake(c, by="hanako", reason="look", at=at))


def release_all(shop: Shop) -> None:
    at = shop.clock.now()
    writing(shop.database, lambda c: release_global_brake(c, by="hanako", reason="fine", at=at))


def keys(shop: Shop) -> int:
    return int(shop.rows("SELECT COUNT(*) AS n FROM attempt")[0]["n"])


def acts(shop: Shop) -> list[tuple[Any, ...]]:
    rows = shop.rows("SELECT merchant_id, kind, actor, reason FROM audit_event ORDER BY id")
    return [tuple(row.values()) for row in rows]


def test_the_brake_of_all_stops_a_run_in_its_midst(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulled while answers come in: not one key more, and what has one is finished."""
    shop = opened(subscribers=[subscriber(n) for n in range(1, 261)])
    seen: list[int] = []

    def pulled(name: str) -> None:
        if name == "charge.recorded" and not seen:
            pull_all(shop)
            seen.append(keys(shop))

    monkeypatch.setattr(checkpoints, "_observers", [pulled])
    shop.charge_on(DAY)
    assert seen[0] < 260
    assert keys(shop) == seen[0]
    assert len(shop.taken()) == seen[0]
    shop.charge_on(DAY, hour=10)
    assert keys(shop) == seen[0]
    release_all(shop)
    shop.charge_on(DAY, hour=11)
    assert len(shop.taken()) == 260
    assert acts(shop) == [
        (None, "brake_pulled", "hanako", "look"),
        (None, "brake_released", "hanako", "fine"),
    ]


def test_what_is_in_doubt_is_resolved_under_the_brake_of_all(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1), subscriber(2)])
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 8}])
    shop.charge_on(DAY)
    pull_all(shop)
    shop.amazon.clear_faults()
    before = keys(shop)
    shop.charge_on(DAY, hour=12)
    assert keys(shop) == before
    assert shop.slot("sub-001-0010-renewal")["state"] == "paid"


def test_one_brake_released_leaves_the_other(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    pull_all(shop)
    at = shop.clock.now()
    writing(shop.database, lambda c: release_brake(c, shop.engine.merchant, reason="mine", at=at))
    shop.charge_on(DAY)
    assert shop.taken() == []
    with reading(shop.database) as connection:
        assert "autopay brake release --all" in load_brake(connection, MERCHANT).words
    with pytest.raises(BadInput, match="reason"):
        writing(shop.database, lambda c: pull_global_brake(c, by="hanako", reason=" ", at=at))


def test_the_audit_stops_charging_once_for_a_fault(opened: OpenShop) -> None:
    """Five yen more in the ledger: the merchant's books and the chain of all say so."""
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    assert chain_books(shop.database, at=shop.clock.now()) > 0
    assert watched(shop) == []
    with shop.database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO posting VALUES (1, 'sales:gift', 5)")
    # The journal no longer sums to zero, and it is not what was chained.
    assert {"chain_changed", "journal_unbalanced"} <= set(watched(shop))
    with reading(shop.database) as connection:
        brake = load_brake(connection, MERCHANT)
    assert (brake.is_pulled, brake.pulled_by) == (True, "audit")
    assert "chain_changed journal 1" in str(brake.reason)
    # Who has looked may go on; the same fault does not stop charging again, another one does.
    release_all(shop)
    at = shop.clock.now()
    writing(shop.database, lambda c: release_brake(c, shop.engine.merchant, reason="known", at=at))
    assert watched(shop) == []
    with shop.database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO posting VALUES (2, 'sales:gift', 5)")
    assert "journal_unbalanced" in watched(shop)


def watched(shop: Shop) -> list[str]:
    """One round of the watchdog; the kinds of what it stopped charging for."""
    at = shop.clock.now()
    with reading(shop.database) as connection:
        report = audit_books(connection, merchant_id=MERCHANT, at=at)
        chain = audit_chain(connection, at=at)
    report = report.with_chain(chain.findings, verified=chain.verified, waiting=chain.waiting)
    findings = alarming_findings(report)
    fresh = writing(shop.database, lambda c: pull_for(c, shop.engine.merchant, findings, at=at))
    return [finding.kind for finding in fresh]


def test_what_only_waits_stops_nobody(opened: OpenShop) -> None:
    """A slot that nobody handled for a day is a finding, and no reason to handle still less."""
    shop = opened(subscribers=[subscriber(1)])
    shop.go_to(date(2026, 12, 2))
    with reading(shop.database) as connection:
        report = audit_books(connection, merchant_id=MERCHANT, at=shop.clock.now())
    assert report.findings
    assert alarming_findings(report) == ()
