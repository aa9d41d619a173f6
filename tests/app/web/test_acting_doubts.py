"""Doubts on the pages: shown with proofs, decided by finance, by two people above the sum."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from acting_shop import ActingShop
from support.doubts import rest_for_the_second_time
from support.sandbox import Sandbox
from support.shop import opening, subscriber
from web_books import PASSWORD, Browser

from app.web import create_app
from scheduler import run

REFERENCE = "sub-001-0010-renewal"
DAY = date(2026, 11, 15)
MIDMONTH = {"started_on": date(2026, 1, 15), "anchor_day": 15, "next_charge_on": DAY}
PAGE = f"/doubts?name={REFERENCE}"


@pytest.fixture
def desk(
    database_url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ActingShop]:
    """One charge that Amazon answers with 500 although it was made."""
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    with opening(database_url, sandbox) as opened:
        shop = opened(subscribers=[subscriber(1, **MIDMONTH)])
        shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 99}])
        for hour in range(9, 18):
            shop.charge_on(DAY, hour=hour)
        shop.charge_on(DAY + timedelta(days=1), hour=10)
        rest_for_the_second_time(shop)
        shop.engine.clear_doubts()
        shop.amazon.clear_faults()
        rules = replace(shop.engine.doubts, two_persons_yen=1_000)
        shop.engine = replace(shop.engine, doubts=rules)
        app = create_app(
            database=shop.database,
            merchant=shop.engine.merchant,
            staff_password=PASSWORD,
            clock=shop.clock,
            master_key=shop.master_key,
            charging=lambda: shop.engine,
        )
        owner = Browser(app)
        assert owner.log_in().status_code == 303
        yield ActingShop(shop, app, owner)


def test_two_people_settle_what_nobody_knew(desk: ActingShop) -> None:
    assert REFERENCE in desk.get("/doubts", "viewer")
    page = desk.get(PAGE)
    assert "¥1,980" in page
    assert "it happened" in page
    desk.get("/doubts?name=unknown", status=404)
    for role in ("viewer", "support"):
        assert 'name="way"' not in desk.get(PAGE, role)
        assert desk.who(role).send("POST", "/doubts").status_code == 403
    (charge,) = desk.shop.amazon.charges()
    said = {"way": "happened", "amazon_id": charge["chargeId"], "reason": "Seller Centralで確認"}
    without_id = desk.send(PAGE, "/doubts", "finance", **(said | {"amazon_id": ""}))
    assert without_id.status_code == 422
    assert "Seller Centralで確認" in without_id.text
    assert desk.done(PAGE, "/doubts", "finance", **said) == PAGE
    assert desk.done(PAGE, "/doubts", "finance", **said) == PAGE, "the same person is no second one"
    assert desk.shop.slot(REFERENCE)["state"] != "paid"
    assert desk.done(PAGE, "/doubts", "owner", **said) == "/doubts"
    assert desk.shop.slot(REFERENCE)["state"] == "paid"
    assert desk.shop.taken() == [(REFERENCE, 1_980)]
    assert "Nothing waits for a person" in desk.get("/doubts")
    assert desk.shop.faults() == []


def test_a_doubt_goes_back_to_the_machine(desk: ActingShop) -> None:
    """The same key is sent again, and Amazon tells of the charge that it made the first time."""
    fresh = desk.who("finance").form_of(PAGE, "/doubts")
    given = desk.send(PAGE, "/doubts", "finance", way="abandon", reason="x")
    assert given.status_code == 409, "money may still be taken"
    sent = fresh | {"name": REFERENCE, "way": "release", "reason": "again"}
    for _ in range(2):
        assert desk.who("finance").send("POST", "/doubts", data=sent).status_code == 303
    desk.shop.charge_on(DAY + timedelta(days=2))
    assert desk.shop.slot(REFERENCE)["state"] == "paid"
    assert desk.shop.taken() == [(REFERENCE, 1_980)]
    assert desk.audit("doubt_released") == [("doubt_released", "finance")]
