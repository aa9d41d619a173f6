"""Refunds made after the backup: booked again by their ids, shown to people without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubt_shop import hear
from refund_desk import DAY, amazons_refunds, ask, refund_rows, settle
from support.backups import take_backup
from support.shop import OpenShop, Shop, subscriber

from billing import writing
from billing.restore import begin_restoration
from scheduler import reconcile


@pytest.fixture
def restored(opened: OpenShop, database_url: str, tmp_path: Path) -> Iterator[Any]:
    """Two charges; 700 and then 300 yen of one go back after the backup, which is put back."""
    shop = opened(subscribers=[subscriber(1), subscriber(2)])
    shop.charge_on(DAY)
    shop.database.dispose()
    backup = take_backup(database_url, folder=tmp_path)
    ask(shop, amount_yen=700, request_id="first")
    settle(shop)
    ask(shop, amount_yen=300, request_id="second")
    settle(shop)
    shop.database.dispose()
    backup.put_back()
    at = shop.clock.now()
    writing(shop.database, lambda c: begin_restoration(c, by="hanako", reason="disk", at=at))
    yield shop
    shop.database.dispose()
    backup.drop()


def ids_at_amazon(shop: Shop) -> list[str]:
    return sorted(refund["refundId"] for refund in shop.amazon.refunds())


def test_refunds_of_a_report_are_booked_again_and_never_sent(restored: Shop) -> None:
    shop = restored
    before = amazons_refunds(shop)
    report = reconcile(shop.engine, refund_ids=ids_at_amazon(shop))
    assert sorted(report.refunds_booked) == ids_at_amazon(shop)
    assert report.refunds_booked_yen == 1_000
    assert report.is_clean, report
    assert [(row["state"], row["amount_yen"], row["actor"]) for row in refund_rows(shop)] == [
        ("refunded", 700, "reconcile"),
        ("refunded", 300, "reconcile"),
    ]
    assert shop.balances()["amazon_receivable"] == 2 * 1_980 - 1_000
    again = reconcile(shop.engine, refund_ids=ids_at_amazon(shop))
    assert again.is_clean
    assert again.refunds_booked == []
    assert amazons_refunds(shop) == before
    assert shop.faults() == []


def test_a_notification_is_enough(restored: Shop) -> None:
    shop = restored
    for refund_id in ids_at_amazon(shop):
        hear(shop, refund_id, "REFUND")
    report = reconcile(shop.engine)
    assert report.is_clean, report
    assert report.refunds_booked_yen == 1_000


def test_what_nobody_names_is_shown_with_its_sum(restored: Shop) -> None:
    shop = restored
    first, *_ = ids_at_amazon(shop)
    (amount,) = [r["amount"] for r in shop.amazon.refunds() if r["refundId"] == first]
    report = reconcile(shop.engine, refund_ids=[first, "S01-9999999-9999999-R999999"])
    assert not report.is_clean
    assert report.refunds_booked == [first]
    assert report.refunds_unbooked == ["S01-9999999-9999999-R999999"]
    assert list(report.refunds_missing.values()) == [1_000 - amount]
