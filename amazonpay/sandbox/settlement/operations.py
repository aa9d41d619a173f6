"""The API operations of this room."""

from typing import Final

from amazonpay.sandbox.operation import Operation, Table
from amazonpay.sandbox.settlement import disbursements, reports, schedules

TABLE: Final[Table] = {
    ("reports", None): {
        "GET": Operation(name="GetReports", perform=reports.get_reports, takes_body=False),
        "POST": Operation(name="CreateReport", perform=reports.create_report, key="kept"),
    },
    ("reports", ""): {
        "GET": Operation(name="GetReportById", perform=reports.get_report, takes_body=False),
    },
    ("report-documents", ""): {
        "GET": Operation(
            name="GetReportDocument", perform=reports.get_report_document, takes_body=False
        ),
    },
    ("report-schedules", None): {
        "GET": Operation(
            name="GetReportSchedules", perform=schedules.get_schedules, takes_body=False
        ),
        "POST": Operation(
            name="CreateReportSchedule", perform=schedules.create_schedule, key="kept"
        ),
    },
    ("report-schedules", ""): {
        "GET": Operation(
            name="GetReportScheduleById", perform=schedules.get_schedule, takes_body=False
        ),
        "DELETE": Operation(
            name="CancelReportSchedule", perform=schedules.cancel_schedule, takes_body=False
        ),
    },
    ("disbursements", None): {
        "GET": Operation(
            name="GetDisbursements", perform=disbursements.get_disbursements, takes_body=False
        ),
    },
}
