"""Before a charge near the limit Amazon's own balance is read; far from it nothing is asked."""

from datetime import date, timedelta

from support.shop import OpenShop, Shop, subscriber

from amazonpay import CreateCharge

DAY = date(2026, 11, 15)
MIDMONTH = {"started_on": date(2026, 1, 15), "anchor_day": 15, "next_charge_on": DAY}
SHARED = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}


def operations(shop: Shop) -> list[tuple[str, int]]:
    return [(row["operation"], row["status"]) for row in shop.amazon.requests()]


def test_far_from_the_limit_nothing_is_read(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1, **MIDMONTH)])  # 1,980 of 50,000 yen
    shop.charge_on(DAY)
    assert operations(shop) == [("CreateCharge", 201)]


def test_near_the_limit_somebody_elses_charge_is_seen_before_ours_is_sent(
    opened: OpenShop,
) -> None:
    """29,800 + 29,800 of 60,000 yen; another system took 10,000, so that 20,200 are left."""
    rows = [subscriber(n, plan_code="studio", **MIDMONTH, **SHARED) for n in (1, 2)]
    shop = opened(subscribers=rows, amount_limit_yen=60_000, cap_yen=60_000)
    shop.go_to(DAY, hour=8)
    with shop.engine.make_client() as client:
        other = CreateCharge(charge_permission_id=SHARED["charge_permission_id"], amount_yen=10_000)
        client.create_charge(other, idempotency_key="another-system")
    shop.charge_on(DAY)
    ours = [yen for reference, yen in shop.taken() if reference]
    assert ours == [29_800, 20_200]  # the rest of 9,600 is due in December
    assert [status for _, status in operations(shop) if status == 400] == []
    (reading,) = shop.rows("SELECT limit_yen, balance_yen FROM balance_reading")
    assert reading == {"limit_yen": 60_000, "balance_yen": 20_200}
    (cap,) = shop.rows("SELECT used_yen, held_yen, limit_yen FROM cap_month")
    assert cap == {"used_yen": 50_000, "held_yen": 0, "limit_yen": 50_000}
    assert shop.faults() == []


def test_what_cannot_be_read_is_charged_by_our_own_figures(opened: OpenShop) -> None:
    rows = [subscriber(1, plan_code="yearly", **(MIDMONTH | {"started_on": date(2025, 11, 15)}))]
    shop = opened(subscribers=rows)
    shop.amazon.faults([{"operation": "getChargePermission", "kind": "503", "times": 9}])
    shop.charge_on(DAY)
    assert [yen for _, yen in shop.taken()] == [50_000]


def test_a_reading_holds_for_an_hour(opened: OpenShop) -> None:
    """Three yearly parts would be read each time a run looks, if a reading did not hold."""
    rows = [subscriber(1, plan_code="yearly", **(MIDMONTH | {"started_on": date(2025, 11, 15)}))]
    shop = opened(
        subscribers=rows, behaviours={rows[0].charge_permission_id: ["SoftDeclined", "ok"]}
    )
    shop.charge_on(DAY)
    shop.charge_on(DAY + timedelta(days=1))
    readings = [name for name, _ in operations(shop) if name == "GetChargePermission"]
    assert len(readings) == 2
    assert [yen for _, yen in shop.taken()] == [50_000]
