"""When settlements close, what they pay, and how Get Disbursements shows it."""

from typing import Any

import pytest
from settlement_wire import CYCLE, DAY, FIRST, ask, give_back, listed, take
from wire_client import WireClient


def settings(amazon: WireClient, **change: Any) -> None:
    amazon.control("PATCH", "/settlement-options", change)


def test_the_first_close_is_after_sixteen_days_and_then_every_fourteen(amazon: WireClient) -> None:
    permission = amazon.permission()
    take(amazon, permission, 10_000)
    amazon.advance(FIRST - 60)
    assert listed(amazon, "/settlements") == []
    amazon.advance(120)
    take(amazon, permission, 2_000)
    amazon.advance(CYCLE)
    first, second = listed(amazon, "/settlements")
    # 10,000 − ⌊10,000 × 3.9 %⌋ = 9,610; 2,000 − 78 = 1,922
    assert (first["disbursedAmount"], second["disbursedAmount"]) == (9_610, 1_922)
    assert first["startTime"][:10] == "2026-04-01"
    assert (first["endTime"][:10], second["endTime"][:10]) == ("2026-04-17", "2026-05-01")
    assert second["startTime"] == first["endTime"]


def test_a_clock_that_jumps_a_year_closes_every_period_in_order(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 5_000)
    amazon.advance(367 * DAY)
    rows = listed(amazon, "/settlements")
    # day 16, 30, 44 … 366
    assert len(rows) == 26
    assert [row["endTime"] for row in rows] == sorted(row["endTime"] for row in rows)
    assert [row["disbursedAmount"] for row in rows] == [4_805] + [0] * 25
    assert len(listed(amazon, "/disbursements")) == 1


def test_an_idle_account_rests_and_wakes_on_its_own_grid(amazon: WireClient) -> None:
    permission = amazon.permission()
    take(amazon, permission, 5_000)
    amazon.advance(20_000 * DAY)
    assert len(listed(amazon, "/settlements")) == 28
    take(amazon, amazon.permission(), 1_000)
    amazon.advance(CYCLE)
    last = listed(amazon, "/settlements")[-1]
    assert last["disbursedAmount"] == 961


def test_the_account_may_have_opened_earlier(amazon: WireClient) -> None:
    settings(amazon, accountOpenedAt="2026-03-20T00:00:00Z")
    take(amazon, amazon.permission(), 1_000)
    amazon.advance(5 * DAY)
    (row,) = listed(amazon, "/settlements")
    assert row["endTime"] == "2026-04-05T00:00:00.000Z"


@pytest.mark.parametrize(
    ("options", "disbursed", "held", "carried"),
    [
        pytest.param({}, 9_610, 0, 0, id="all is paid"),
        pytest.param({"feeBasisPoints": 400}, 9_600, 0, 0, id="four percent"),
        pytest.param({"feeBasisPoints": 450}, 9_550, 0, 0, id="four and a half percent"),
        # 9,610 × 10 % = 961
        pytest.param({"reserveBasisPoints": 1_000}, 8_649, 961, 0, id="rolling reserve"),
        pytest.param({"reserveFixedYen": 3_000}, 6_610, 3_000, 0, id="fixed reserve"),
        pytest.param({"reserveFixedYen": 20_000}, 0, 9_610, 0, id="reserve beyond the balance"),
        pytest.param({"minimumDisbursementYen": 9_611}, 0, 0, 9_610, id="below the minimum"),
        pytest.param({"minimumDisbursementYen": 9_610}, 9_610, 0, 0, id="at the minimum"),
        pytest.param({"payoutsOnHold": True}, 0, 0, 9_610, id="account on hold"),
    ],
)
def test_where_the_balance_goes(
    amazon: WireClient, options: dict[str, Any], disbursed: int, held: int, carried: int
) -> None:
    settings(amazon, **options)
    take(amazon, amazon.permission(), 10_000)
    row = amazon.control("POST", "/settlements/close")
    assert (row["disbursedAmount"], row["reserveHeld"], row["carriedOut"]) == (
        disbursed,
        held,
        carried,
    )


def test_reserve_and_debt_are_taken_into_the_next_period(amazon: WireClient) -> None:
    settings(amazon, reserveBasisPoints=1_000)
    permission = amazon.permission()
    charge = take(amazon, permission, 10_000)
    first = amazon.control("POST", "/settlements/close")
    give_back(amazon, charge, 10_000, "refund")
    amazon.advance(31)
    second = amazon.control("POST", "/settlements/close")
    take(amazon, permission, 20_000)
    third = amazon.control("POST", "/settlements/close")
    assert (first["disbursedAmount"], first["reserveHeld"]) == (8_649, 961)
    # 961 released − 10,000 refunded = −9,039 carried
    assert (second["reserveReleased"], second["carriedOut"]) == (961, -9_039)
    # 20,000 − 780 = 19,220; − 9,039 = 10,181; held 10 % of 19,220 = 1,922
    assert (third["carriedIn"], third["reserveHeld"], third["disbursedAmount"]) == (
        -9_039,
        1_922,
        8_259,
    )


@pytest.mark.parametrize(
    ("rounding", "fee"),
    [("floor", 3), ("half_up", 4), ("ceil", 4)],
    ids=["floor", "half up", "ceil"],
)
def test_the_fee_is_rounded_per_transaction(amazon: WireClient, rounding: str, fee: int) -> None:
    settings(amazon, feeRounding=rounding)
    take(amazon, amazon.permission(), 98)  # 98 × 3.9 % = 3.822
    (row,) = listed(amazon, "/transactions")
    assert (row["fee"], row["netAmount"]) == (-fee, 98 - fee)


def test_full_refund_in_parts_gives_back_exactly_the_fee(amazon: WireClient) -> None:
    settings(amazon, refundReturnsFee=True)
    charge = take(amazon, amazon.permission(), 1_000)
    for n, part in enumerate((333, 333, 334)):
        give_back(amazon, charge, part, f"part-{n}")
    amazon.advance(31)
    capture, *refunds = [
        row for row in listed(amazon, "/transactions") if row["chargeId"] == charge
    ]
    assert capture["fee"] == -39
    # ⌊12.987⌋, ⌊25.974⌋ − 12, 39 − 25
    assert [row["fee"] for row in refunds] == [12, 13, 14]


def test_a_rate_holds_from_its_instant_on(amazon: WireClient) -> None:
    settings(amazon, feeBasisPoints=400, feeEffectiveFrom="2026-04-02T00:00:00Z")
    permission = amazon.permission()
    take(amazon, permission, 1_000)
    amazon.advance(DAY)
    take(amazon, permission, 1_000)
    assert [row["fee"] for row in listed(amazon, "/transactions")] == [-39, -40]
    rates = amazon.control("GET", "/settlement-options")["feeRates"]
    assert [rate["basisPoints"] for rate in rates] == [390, 400]


def test_a_capture_that_comes_later_is_booked_when_it_comes(amazon: WireClient) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission, 1_000, captureNow=False).json["chargeId"]
    assert listed(amazon, "/transactions") == []
    price = {"amount": "700", "currencyCode": "JPY"}
    amazon.api("POST", f"/charges/{charge}/capture", {"captureAmount": price})
    (row,) = listed(amazon, "/transactions")
    assert (row["amount"], row["fee"], row["chargeId"]) == (700, -27, charge)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2026-04-01T00-00-00Z", "2026-05-02T23-59-59Z", id="dashes"),
        pytest.param("2026-04-01T00:00:00Z", "2026-05-02T23:59:59.999Z", id="colons"),
        pytest.param("20260401T000000Z", "20260502T235959Z", id="compact"),
        pytest.param("2026-04-01T09:00:00+09:00", "2026-05-03T00:00:00+0900", id="offset"),
    ],
)
def test_disbursements_are_found_by_the_date_of_settlement(
    amazon: WireClient, start: str, end: str
) -> None:
    permission = amazon.permission()
    for _ in range(3):
        take(amazon, permission, 1_000)
        amazon.advance(CYCLE + 3 * DAY)
    got = ask(amazon, "/disbursements", {"startTime": start, "endTime": end})
    assert got.status == 200
    rows = got.json["disbursements"]
    assert [row["transactionTime"][:10] for row in rows] == ["2026-04-17", "2026-05-01"]
    assert list(rows[0]) == [
        *("sellerId", "settlementId", "amazonDisbursementReferenceId"),
        *("amount", "currencyCode", "transactionTime"),
    ]
    assert (rows[0]["amount"], rows[0]["currencyCode"]) == ("961", "JPY")
    assert "nextToken" not in got.json


def test_disbursements_in_pages(amazon: WireClient) -> None:
    permission = amazon.permission()
    for _ in range(5):
        take(amazon, permission, 1_000)
        amazon.control("POST", "/settlements/close")
    query = {"startTime": "20260401T000000Z", "endTime": "20270401T000000Z", "pageSize": 2}
    seen: list[str] = []
    sizes: list[int] = []
    got = ask(amazon, "/disbursements/", query).json
    while True:
        sizes.append(len(got["disbursements"]))
        seen += [row["settlementId"] for row in got["disbursements"]]
        if "nextToken" not in got:
            break
        assert set(got["nextToken"]) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
        )
        got = ask(amazon, "/disbursements", {"nextToken": got["nextToken"]}).json
    assert sizes == [2, 2, 1]
    assert seen == [row["settlementId"] for row in listed(amazon, "/settlements")]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        pytest.param("", "MissingParameterValue", id="no window"),
        pytest.param("startTime=20260401T000000Z", "MissingParameterValue", id="no end"),
        pytest.param("startTime=x&endTime=y", "InvalidParameterValue", id="no times"),
        pytest.param(
            "startTime=20260231T000000Z&endTime=20260401T000000Z",
            "InvalidParameterValue",
            id="no such day",
        ),
        pytest.param("nextToken=abc", "InvalidParameterValue", id="token of nobody"),
        pytest.param("nextToken=W10", "InvalidParameterValue", id="token of another shape"),
        pytest.param("page=2", "UnrecognizedField", id="unknown parameter"),
        pytest.param(
            "startTime=20260401T000000Z&endTime=20260402T000000Z&pageSize=0",
            "InvalidParameterValue",
            id="page of none",
        ),
    ],
)
def test_a_wrong_question_is_a_400(amazon: WireClient, query: str, reason: str) -> None:
    got = ask(amazon, "/disbursements", query)
    assert (got.status, got.reason) == (400, reason)
