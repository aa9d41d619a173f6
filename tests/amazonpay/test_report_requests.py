"""What we ask of reports and disbursements: exact queries and bodies, bad combinations refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    CreateReport,
    CreateReportSchedule,
    GetDisbursements,
    GetReports,
    InvalidArgument,
    ReportProcessingStatus,
    ReportType,
    ScheduleFrequency,
)

JST = timezone(timedelta(hours=9))
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=JST), datetime(2026, 4, 1, tzinfo=JST)
NEW_TYPE = ReportType("_GET_SOMETHING_NEW_")


def schedule(**members):
    values = {
        "report_type": ReportType.REFUND,
        "schedule_frequency": ScheduleFrequency.DAYS_1,
        "next_report_creation_time": APRIL,
    }
    return CreateReportSchedule(**values | members)


BODIES = [
    pytest.param(
        CreateReport(report_type=NEW_TYPE, start_time=MARCH, end_time=APRIL),
        # midnight in Japan is 15:00 of the day before in UTC
        '{"endTime":"20260331T150000Z","reportType":"_GET_SOMETHING_NEW_",'
        '"startTime":"20260228T150000Z"}',
        id="a type we do not know, times in Japan",
    ),
    pytest.param(
        schedule(delete_existing_schedule=True),
        '{"deleteExistingSchedule":true,"nextReportCreationTime":"20260331T150000Z",'
        '"reportType":"_GET_FLAT_FILE_OFFAMAZONPAYMENTS_REFUND_DATA_","scheduleFrequency":"P1D"}',
        id="a schedule",
    ),
]


@pytest.mark.parametrize(("request_", "text"), BODIES)
def test_canonical_bytes_of_report_requests(request_, text):
    assert request_.to_bytes().decode() == text


QUERIES = [
    pytest.param(GetReports(), (), id="all reports"),
    pytest.param(
        GetReports(processing_statuses=(ReportProcessingStatus.FAILED,), page_size=1),
        (("processingStatuses", "FAILED"), ("pageSize", "1")),
        id="failed ones, one by one",
    ),
    pytest.param(GetReports(next_token="t/+="), (("nextToken", "t/+="),), id="the next page"),
    pytest.param(
        GetDisbursements(start_time=MARCH, end_time=APRIL),
        (("startTime", "20260228T150000Z"), ("endTime", "20260331T150000Z")),
        id="payouts",
    ),
    pytest.param(GetDisbursements(next_token="t"), (("nextToken", "t"),), id="more payouts"),
]


@pytest.mark.parametrize(("request_", "query"), QUERIES)
def test_queries(request_, query):
    assert request_.to_query() == query


NAIVE = datetime(2026, 3, 1)  # noqa: DTZ001 - what must be refused
FINE = MARCH.replace(microsecond=1)


def ask(**members):
    values = {"report_type": ReportType.REFUND, "start_time": MARCH, "end_time": APRIL}
    return CreateReport(**values | members)


REFUSED = [
    (lambda: GetReports(next_token="t", page_size=10), "next_token"),
    (lambda: GetReports(next_token="t", report_types=(NEW_TYPE,)), "next_token"),
    (lambda: GetReports(next_token="t", created_since=MARCH), "next_token"),
    (lambda: GetReports(next_token=""), "next_token"),
    (lambda: GetReports(page_size=0), "page_size"),
    (lambda: GetReports(page_size=101), "page_size"),
    (lambda: GetReports(page_size=True), "page_size"),
    (lambda: GetReports(page_size="10"), "page_size"),
    (lambda: GetReports(created_since=NAIVE), "created_since"),
    (lambda: GetReports(created_until=FINE), "created_until"),
    (lambda: GetReports(created_since=APRIL, created_until=MARCH), "created_until"),
    (lambda: GetDisbursements(), "start_time"),
    (lambda: GetDisbursements(start_time=MARCH), "end_time"),
    (lambda: GetDisbursements(start_time=APRIL, end_time=APRIL), "end_time"),
    (lambda: GetDisbursements(start_time=NAIVE, end_time=APRIL), "start_time"),
    (lambda: GetDisbursements(next_token="t", start_time=MARCH), "next_token"),
    (lambda: GetDisbursements(start_time=MARCH, end_time=APRIL, page_size=101), "page_size"),
    (lambda: ask(start_time=APRIL, end_time=MARCH), "end_time"),
    (lambda: ask(start_time=NAIVE), "start_time"),
    (lambda: ask(report_type=ReportType.SETTLEMENT), "report_type"),
    (lambda: ask(report_type=ReportType("")), "report_type"),
    (lambda: schedule(report_type=ReportType.MULTI_CURRENCY_PAYMENTS), "report_type"),
    (lambda: schedule(schedule_frequency=ScheduleFrequency("P6D")), "schedule_frequency"),
    (lambda: schedule(next_report_creation_time=NAIVE), "next_report_creation_time"),
]


@pytest.mark.parametrize(("make", "field"), REFUSED)
def test_what_a_report_cannot_be_asked_with(make, field):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.remedy in str(caught.value)


def test_the_sandbox_settlement_report_may_be_asked_for():
    assert ask(report_type=ReportType.SANDBOX_SETTLEMENT)


@pytest.mark.parametrize("frequency", list(ScheduleFrequency))
def test_every_listed_frequency_is_taken(frequency):
    assert f'"{frequency.value}"'.encode() in schedule(schedule_frequency=frequency).to_bytes()


@given(st.datetimes(timezones=st.just(JST), min_value=datetime(2000, 1, 2)))  # noqa: DTZ001
def test_an_instant_means_the_same_in_every_zone(at):
    at = at.replace(microsecond=0)
    here, there = (
        GetReports(created_since=instant).to_query() for instant in (at, at.astimezone(UTC))
    )
    assert here == there == (("createdSince", at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")),)
