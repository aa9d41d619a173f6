"""Calls on reports, their documents and schedules. Source: API reference §11."""

from collections.abc import Sequence

from amazonpay.calls.common import Call, body_bytes, checked_id, nothing
from amazonpay.models import (
    CreatedReport,
    CreatedReportSchedule,
    Report,
    ReportDocument,
    ReportPage,
    ReportSchedule,
    ReportScheduleList,
)
from amazonpay.requests import CreateReport, CreateReportSchedule, GetReports
from amazonpay.requests.pages import query
from amazonpay.requests.reports import check_report_type
from amazonpay.states import ReportType


def get_reports(request: GetReports | None = None) -> Call[ReportPage]:
    """GET /reports."""
    return Call(
        operation="GetReports",
        method="GET",
        path="/reports",
        query=request.to_query() if request else (),
        read=ReportPage.from_json,
    )


def get_report(report_id: str) -> Call[Report]:
    """GET /reports/{id}."""
    return Call(
        operation="GetReportById",
        method="GET",
        path=f"/reports/{checked_id('report_id', report_id)}",
        read=Report.from_json,
    )


def create_report(request: CreateReport | bytes, *, idempotency_key: str) -> Call[CreatedReport]:
    """POST /reports."""
    return Call(
        operation="CreateReport",
        method="POST",
        path="/reports",
        read=CreatedReport.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
    )


def get_report_document(report_document_id: str) -> Call[ReportDocument]:
    """GET /report-documents/{id}."""
    return Call(
        operation="GetReportDocument",
        method="GET",
        path=f"/report-documents/{checked_id('report_document_id', report_document_id)}",
        read=ReportDocument.from_json,
    )


def get_report_schedules(*, report_types: Sequence[ReportType] = ()) -> Call[ReportScheduleList]:
    """GET /report-schedules."""
    for report_type in report_types:
        check_report_type(report_type)
    return Call(
        operation="GetReportSchedules",
        method="GET",
        path="/report-schedules",
        query=query(reportTypes=",".join(report_types) or None),
        read=ReportScheduleList.from_json,
    )


def get_report_schedule(report_schedule_id: str) -> Call[ReportSchedule]:
    """GET /report-schedules/{id}."""
    return Call(
        operation="GetReportScheduleById",
        method="GET",
        path=_schedule(report_schedule_id),
        read=ReportSchedule.from_json,
    )


def create_report_schedule(
    request: CreateReportSchedule | bytes, *, idempotency_key: str
) -> Call[CreatedReportSchedule]:
    """POST /report-schedules."""
    return Call(
        operation="CreateReportSchedule",
        method="POST",
        path="/report-schedules",
        read=CreatedReportSchedule.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
    )


def cancel_report_schedule(report_schedule_id: str) -> Call[None]:
    """DELETE /report-schedules/{id}, without a body; answered 204 without one."""
    return Call(
        operation="CancelReportSchedule",
        method="DELETE",
        path=_schedule(report_schedule_id),
        read=nothing,
    )


def _schedule(report_schedule_id: str) -> str:
    return f"/report-schedules/{checked_id('report_schedule_id', report_schedule_id)}"
