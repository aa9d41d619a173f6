"""Books restored to before the last charges: nothing is charged twice, and nothing stays lost."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.backups import Backup, take_backup
from support.sandbox import Sandbox
from support.shop import MERCHANT, OpenShop, Shop, subscriber

from amazonpay import CreateCharge
from billing import audit_amazon, load_brake, reading, writing
from billing.restore import begin_restoration, last_restoration, lost_time, reopen
from billing.store.environment import confirm_environment, here
from plans import BadInput
from scheduler import BillingEngine, EnvironmentGuard, ReconcileReport, RunStopped, reconcile

FIRST, NEXT, LATER = date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)
TWO_OF_ONE_BUYER = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.SHARED"}


@dataclass
class Drill:
    """A shop whose books can be taken back, with a guard as every command has one."""

    shop: Shop
    engine: BillingEngine
    backup: Backup

    def restore(self) -> None:
        """Put the backup back while nobody is connected."""
        self.shop.database.dispose()
        self.backup.put_back()

    def charge_on(self, on: date, *, hour: int = 9) -> None:
        self.shop.go_to(on, hour=hour)
        self.engine.watch()
        self.engine.run_due()

    def keys_sent(self) -> set[str]:
        return {key for key, _ in sent(self.shop.amazon)}


def sent(amazon: Sandbox) -> list[tuple[str, bool]]:
    """Every Create Charge that Amazon answered: its key, and whether it was a replay."""
    return [
        (request["idempotencyKey"], request["replayed"])
        for request in amazon.requests()
        if request["operation"] == "CreateCharge"
    ]


def guarded(shop: Shop, folder: Path) -> BillingEngine:
    guard = EnvironmentGuard(
        shop.database,
        lambda: here(shop.database, name="main", amazon_host="127.0.0.1"),
        folder / "sent.json",
    )
    return replace(shop.engine, guard=guard)


@pytest.fixture
def drilled(opened: OpenShop, database_url: str, tmp_path: Path) -> Iterator[Any]:
    """Subscribers due on three days; the backup is of the evening of the first.

    The buyer of 3 and 4 pays both from one permission; 5 is declined on the second day and pays
    on the third; 6 is declined before the backup and pays after it.
    """
    drills: list[Drill] = []

    def start(**more: Any) -> Drill:
        due_next = {"next_charge_on": NEXT, "started_on": date(2026, 1, 1), "anchor_day": 1}
        shop = opened(
            subscribers=[
                subscriber(1),
                subscriber(2, **due_next),
                subscriber(3, **due_next, **TWO_OF_ONE_BUYER),
                subscriber(4, **due_next, plan_code="coffee", **TWO_OF_ONE_BUYER),
                subscriber(5, **due_next),
                subscriber(6),
            ],
            behaviours={
                "C03-0000005-0000001": ["SoftDeclined"],
                "C03-0000006-0000001": ["SoftDeclined"],
            },
            **more,
        )
        engine = guarded(shop, tmp_path)
        drill = Drill(shop, engine, Backup(database_url, ""))
        drill.charge_on(FIRST)
        shop.database.dispose()
        drill.backup = take_backup(database_url, folder=tmp_path)
        drills.append(drill)
        return drill

    yield start
    for drill in drills:
        drill.shop.database.dispose()
        drill.backup.drop()


def confirmed(drill: Drill) -> None:
    """What a person does when the engine says that this is another database."""
    at = drill.shop.clock.now()

    def work(connection: Any) -> None:
        place = here(drill.shop.database, name="main", amazon_host="127.0.0.1")
        confirm_environment(connection, place, by="hanako", reason="restored", at=at)
        begin_restoration(connection, by="hanako", reason="restored", at=at)

    writing(drill.shop.database, work)


def approve(drill: Drill, by: str, **more: Any) -> None:
    at = drill.shop.clock.now()
    writing(drill.shop.database, lambda c: reopen(c, by=by, reason="compared", at=at, **more))


def compare_with_report(drill: Drill) -> ReconcileReport:
    """Two days after the stop, with a list of every charge there is."""
    shop = drill.shop
    with reading(shop.database) as connection:
        last = last_restoration(connection)
    assert last is not None
    at = last.begun_at + timedelta(hours=48)
    shop.amazon.set_clock(at)
    shop.clock.set(at)
    listed = [charge["chargeId"] for charge in shop.amazon.charges()]
    return reconcile(drill.engine, charge_ids=listed, covers=lost_time(last))


def stopped_by(drill: Drill) -> str | None:
    with reading(drill.shop.database) as connection:
        brake = load_brake(connection, MERCHANT)
    return str(brake.scope) if brake.is_pulled else None


def amazon_differs(drill: Drill) -> list[str]:
    engine = drill.engine
    seen = audit_amazon(
        engine.database,
        merchant_id=MERCHANT,
        at=drill.shop.clock.now(),
        make_client=engine.make_client,
    )
    return [f"{finding.kind} {finding.subject}" for finding in seen.findings]


def test_a_restored_database_charges_nothing_twice_and_loses_nothing(drilled: Any) -> None:
    drill = drilled()
    shop = drill.shop
    drill.charge_on(NEXT)
    drill.charge_on(LATER)
    taken = shop.taken()
    assert len(taken) == 6
    before = len(sent(shop.amazon))
    drill.restore()

    # It says so by itself: another database, or one that does not know what this machine sent.
    if "postgresql" in drill.backup.url:
        with pytest.raises(RunStopped, match=r"belong to another .*autopay environment confirm"):
            drill.engine.run_due()
        confirmed(drill)
    drill.engine.run_due()
    assert stopped_by(drill) == "restored"

    report = compare_with_report(drill)
    # 2, 3, 4 were lost whole, 5 and 6 with their declines: five charges.
    assert len(report.booked) == 5
    assert report.booked_yen == sum(yen for _, yen in taken) - 1_980
    assert (report.is_clean, report.not_covered) == (True, None), report
    assert len(sent(shop.amazon)) == before, "a charge was sent for"

    approve(drill, "hanako")
    with pytest.raises(BadInput, match="two different people"):
        approve(drill, " Hanako ")
    assert stopped_by(drill) == "restored"
    approve(drill, "jiro")
    assert stopped_by(drill) is None

    drill.charge_on(LATER + timedelta(days=3), hour=12)
    assert shop.taken() == taken
    assert shop.faults() == []
    assert amazon_differs(drill) == []


def test_without_a_report_the_keys_alone_charge_nothing_twice(drilled: Any) -> None:
    """Balances name the slots; once two people have looked, their keys bring the same charges."""
    drill = drilled()
    shop = drill.shop
    drill.charge_on(NEXT)
    taken, known = shop.taken(), drill.keys_sent()
    before = len(sent(shop.amazon))
    drill.restore()
    at = shop.clock.now()
    if "postgresql" in drill.backup.url:
        confirmed(drill)
    writing(shop.database, lambda c: begin_restoration(c, by="hanako", reason="drill", at=at))
    report = reconcile(drill.engine)
    assert (report.booked, report.is_clean) == ([], False)
    lost = {f"sub-00{number}-0011-renewal" for number in (2, 3, 4)}
    assert lost <= set(report.perhaps)
    assert len(sent(shop.amazon)) == before
    with pytest.raises(BadInput, match=r"no report says .*--without-report"):
        approve(drill, "hanako")
    approve(drill, "hanako", without_report=True)
    with pytest.raises(BadInput, match="--without-report"):
        approve(drill, "jiro")
    approve(drill, "jiro", without_report=True)
    drill.charge_on(NEXT, hour=12)
    assert all(replayed for _, replayed in sent(shop.amazon)[before:])
    assert drill.keys_sent() == known
    assert shop.taken() == taken
    assert {shop.slot(reference)["state"] for reference in lost} == {"paid"}


def test_nothing_begins_before_two_people_have_looked(drilled: Any) -> None:
    """A subscription that Amazon never charged stays uncharged until the books are open again."""
    drill = drilled()
    shop = drill.shop
    drill.restore()
    at = shop.go_to(NEXT)
    begin = {"by": "hanako", "reason": "drill", "at": at}
    if "postgresql" in drill.backup.url:
        confirmed(drill)
    writing(shop.database, lambda c: begin_restoration(c, **begin))
    with pytest.raises(BadInput, match="autopay restore reconcile"):
        approve(drill, "hanako")
    known = drill.keys_sent()
    report = compare_with_report(drill)
    assert (report.booked, report.is_clean) == ([], True)
    assert drill.keys_sent() == known
    approve(drill, "hanako")
    # A later comparison takes the approval back: it was given to other findings.
    compare_with_report(drill)
    approve(drill, "jiro")
    assert stopped_by(drill) == "restored"
    approve(drill, "hanako")
    drill.charge_on(LATER + timedelta(days=2), hour=12)
    assert len(shop.taken()) == 5
    with reading(shop.database) as connection:
        last = last_restoration(connection)
    assert last is not None
    assert (last.is_open, last.first_by, last.second_by) == (False, "jiro", "hanako")
    # The same machine does not take its own later charges for a second restore.
    drill.charge_on(LATER + timedelta(days=3))
    assert stopped_by(drill) is None


def test_what_no_sum_explains_is_left_to_people(drilled: Any) -> None:
    """Somebody else charged the permission: 777 yen are not ours, and no key is tried for them."""
    drill = drilled()
    shop = drill.shop
    drill.restore()
    at = shop.go_to(NEXT)
    if "postgresql" in drill.backup.url:
        confirmed(drill)
    writing(shop.database, lambda c: begin_restoration(c, by="h", reason="drill", at=at))
    with drill.engine.make_client() as client:
        client.create_charge(
            CreateCharge(
                charge_permission_id="C03-0000002-0000001", amount_yen=777, capture_now=True
            ),
            idempotency_key="somebody-else",
        )
    known = drill.keys_sent()
    report = reconcile(drill.engine)
    assert report.unexplained == {"C03-0000002-0000001": 777}
    assert not report.is_clean
    assert drill.keys_sent() == known


def test_a_charge_that_a_report_names_is_read_and_not_sent(drilled: Any) -> None:
    """By its id a charge is only asked about: even a key that went astray takes no money."""
    drill = drilled()
    shop = drill.shop
    drill.charge_on(NEXT)
    (lost,) = [
        charge
        for charge in shop.amazon.charges()
        if charge["merchantReferenceId"] == "sub-002-0011-renewal"
    ]
    taken = shop.taken()
    drill.restore()
    at = shop.clock.now()
    if "postgresql" in drill.backup.url:
        confirmed(drill)
    writing(shop.database, lambda c: begin_restoration(c, by="h", reason="drill", at=at))
    before = len(sent(shop.amazon))
    report = reconcile(drill.engine, charge_ids=[lost["chargeId"], "S01-0000000-0000000-C000000"])
    assert lost["chargeId"] in report.booked
    key = shop.rows(
        "SELECT idempotency_key AS k FROM attempt WHERE charge_id = :c", c=lost["chargeId"]
    )[0]["k"]
    assert key not in {sent_key for sent_key, _ in sent(shop.amazon)[before:]}
    assert shop.taken() == taken
