"""Report schedules: one per type, firing on the virtual clock."""

from typing import Any

import pytest
from settlement_wire import DAY, SANDBOX_REPORT, ask, take
from wire_client import WireClient


def scheduled(amazon: WireClient, **fields: Any) -> str:
    body = {"reportType": SANDBOX_REPORT, "scheduleFrequency": "P1D", **fields}
    got = amazon.api("POST", "/report-schedules", body)
    assert got.status == 201, got.raw
    assert list(got.json) == ["reportScheduleId"]
    return str(got.json["reportScheduleId"])


def test_a_schedule_makes_a_report_each_time(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 1_000)
    schedule = scheduled(amazon, nextReportCreationTime="20260402T000000Z")
    amazon.advance(3 * DAY + 60)
    reports = ask(amazon, "/reports").json["reports"]
    assert [(row["startTime"], row["endTime"], row["processingStatus"]) for row in reports] == [
        ("20260403T000000Z", "20260404T000000Z", "CANCELLED"),
        ("20260402T000000Z", "20260403T000000Z", "CANCELLED"),
        ("20260401T000000Z", "20260402T000000Z", "COMPLETED"),
    ]
    assert [row["createdTime"] for row in reports] == [row["endTime"] for row in reports]
    got = ask(amazon, f"/report-schedules/{schedule}/").json
    assert got == {
        "reportScheduleId": schedule,
        "reportType": SANDBOX_REPORT,
        "scheduleFrequency": "P1D",
        "nextReportCreationTime": "20260405T000000Z",
    }


def test_a_year_of_five_minutes_keeps_ninety_days(amazon: WireClient) -> None:
    scheduled(amazon, scheduleFrequency="PT5M", nextReportCreationTime="20260401T000500Z")
    amazon.advance(365 * DAY)
    page = ask(amazon, "/reports", {"pageSize": 100}).json
    assert len(page["reports"]) == 100
    assert page["reports"][0]["createdTime"][:8] == "20270401"


def test_the_first_report_comes_after_one_step_by_default(amazon: WireClient) -> None:
    schedule = scheduled(amazon, scheduleFrequency="PT84H")
    got = ask(amazon, f"/report-schedules/{schedule}").json
    assert got["nextReportCreationTime"][:13] == "20260404T1200"  # 84 h = 3.5 days


def test_there_is_one_schedule_per_type(amazon: WireClient) -> None:
    first = scheduled(amazon)
    body = {"reportType": SANDBOX_REPORT, "scheduleFrequency": "P7D"}
    assert amazon.api("POST", "/report-schedules", body).status == 400
    kept = amazon.api("POST", "/report-schedules", {**body, "deleteExistingSchedule": False})
    assert kept.status == 400
    second = scheduled(amazon, scheduleFrequency="P7D", deleteExistingSchedule=True)
    (only,) = ask(amazon, "/report-schedules").json["reportSchedules"]
    assert (only["reportScheduleId"], only["scheduleFrequency"]) == (second, "P7D")
    assert ask(amazon, f"/report-schedules/{first}").status == 404


def test_a_canceled_schedule_makes_no_more(amazon: WireClient) -> None:
    schedule = scheduled(amazon)
    amazon.advance(DAY + 60)
    got = amazon.api("DELETE", f"/report-schedules/{schedule}")
    assert (got.status, got.raw) == (204, b"")
    amazon.advance(5 * DAY)
    assert len(ask(amazon, "/reports").json["reports"]) == 1
    assert ask(amazon, "/report-schedules/").json == {"reportSchedules": []}
    assert amazon.api("DELETE", f"/report-schedules/{schedule}").status == 404


def test_schedules_by_type(amazon: WireClient) -> None:
    amazon.control("PATCH", "/settlement-options", {"allReportTypes": True})
    refunds = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_REFUND_DATA_"
    scheduled(amazon)
    wanted = scheduled(amazon, reportType=refunds)
    got = ask(amazon, "/report-schedules", {"reportTypes": refunds}).json["reportSchedules"]
    assert [row["reportScheduleId"] for row in got] == [wanted]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"scheduleFrequency": "P2W"}, "InvalidParameterValue", id="frequency"),
        pytest.param({"scheduleFrequency": None}, "MissingParameterValue", id="no frequency"),
        pytest.param({"reportType": None}, "MissingParameterValue", id="no type"),
        pytest.param(
            {"reportType": "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SETTLEMENT_DATA_"},
            "InvalidParameterValue",
            id="only automatic",
        ),
        pytest.param(
            {"nextReportCreationTime": "20260331T235959Z"}, "InvalidParameterValue", id="past"
        ),
        pytest.param({"nextReportCreationTime": "now"}, "InvalidParameterValue", id="no time"),
        pytest.param({"deleteExistingSchedule": "yes"}, "InvalidRequestFormat", id="no flag"),
        pytest.param({"every": "P1D"}, "UnrecognizedField", id="unknown field"),
    ],
)
def test_a_wrong_schedule_is_a_400(amazon: WireClient, change: dict[str, Any], reason: str) -> None:
    body = {"reportType": SANDBOX_REPORT, "scheduleFrequency": "P1D", **change}
    got = amazon.api("POST", "/report-schedules", body)
    assert (got.status, got.reason) == (400, reason)
