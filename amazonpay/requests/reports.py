"""Queries and bodies of the report operations. Source: API reference §11."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.requests.common import (
    canonical,
    check_order,
    check_text,
    instant_text,
    optional_instant_text,
)
from amazonpay.requests.pages import Query, check_page, query
from amazonpay.states import ReportProcessingStatus, ReportType, ScheduleFrequency

_MADE_BY_ITSELF: Final = frozenset({ReportType.SETTLEMENT})
_NO_SCHEDULES: Final = frozenset({ReportType.MULTI_CURRENCY_PAYMENTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class GetReports:
    """Which reports to list; everything left out means all of the last 90 days.

    `next_token` fetches the next page and stands alone.
    """

    report_types: tuple[ReportType, ...] = ()
    processing_statuses: tuple[ReportProcessingStatus, ...] = ()
    created_since: datetime | None = None
    created_until: datetime | None = None
    page_size: int | None = None
    next_token: str | None = None

    def __post_init__(self) -> None:
        since, until = self.created_since, self.created_until
        check_page(
            self.page_size,
            self.next_token,
            *(self.report_types, self.processing_statuses, since, until),
        )
        self.to_query()
        if since is not None and until is not None and since >= until:
            raise InvalidArgument(
                "created_until",
                until,
                f"after created_since {since.isoformat()}",
                "Exchange or correct them",
            )

    def to_query(self) -> Query:
        """The query of Get Reports."""
        since, until = self.created_since, self.created_until
        return query(
            reportTypes=",".join(self.report_types) or None,
            processingStatuses=",".join(self.processing_statuses) or None,
            createdSince=optional_instant_text("created_since", since),
            createdUntil=optional_instant_text("created_until", until),
            pageSize=None if self.page_size is None else str(self.page_size),
            nextToken=self.next_token,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateReport:
    """Ask for a report over a period. Settlement reports cannot be asked for outside the sandbox:
    Amazon makes one with each settlement."""

    report_type: ReportType
    start_time: datetime
    end_time: datetime

    def __post_init__(self) -> None:
        check_report_type(self.report_type)
        self.to_bytes()
        check_order(self.start_time, self.end_time)
        if self.report_type in _MADE_BY_ITSELF:
            raise InvalidArgument(
                "report_type",
                self.report_type,
                "Amazon makes a settlement report with each settlement, it cannot be asked for",
                "List them with Get Reports; in the sandbox ask for the sandbox settlement type",
            )

    def to_bytes(self) -> bytes:
        """The body of Create Report."""
        return canonical(
            reportType=self.report_type.value,
            startTime=instant_text("start_time", self.start_time),
            endTime=instant_text("end_time", self.end_time),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateReportSchedule:
    """Let Amazon make a report again and again; one schedule per type.

    With `delete_existing_schedule` False Amazon refuses a second one for the same type.
    """

    report_type: ReportType
    schedule_frequency: ScheduleFrequency
    next_report_creation_time: datetime
    delete_existing_schedule: bool = False

    def __post_init__(self) -> None:
        check_report_type(self.report_type)
        if self.report_type in _NO_SCHEDULES:
            raise InvalidArgument(
                "report_type",
                self.report_type,
                "this report has no schedules",
                "Ask for it with Create Report",
            )
        if not ScheduleFrequency(self.schedule_frequency).known:
            raise InvalidArgument(
                "schedule_frequency",
                self.schedule_frequency,
                f"one of {' '.join(ScheduleFrequency)}",
                "Choose the nearest",
            )
        self.to_bytes()

    def to_bytes(self) -> bytes:
        """The body of Create Report Schedule."""
        return canonical(
            reportType=self.report_type.value,
            scheduleFrequency=self.schedule_frequency.value,
            nextReportCreationTime=instant_text(
                "next_report_creation_time", self.next_report_creation_time
            ),
            deleteExistingSchedule=self.delete_existing_schedule,
        )


def check_report_type(report_type: ReportType) -> None:
    """Refuses an empty or overlong name; types we do not list are Amazon's to judge."""
    check_text("report_type", report_type, at_least=1, at_most=255)
