"""Reports, their documents and schedules. Source: API reference §11."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from amazonpay.models.common import kept
from amazonpay.reading import (
    optional_report_instant,
    optional_text,
    required_objects,
    required_text,
)
from amazonpay.states import ReportProcessingStatus, ReportType, ScheduleFrequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report, made or in the making; `report_document_id` is there when it is COMPLETED."""

    report_id: str
    report_type: ReportType | None = None
    processing_status: ReportProcessingStatus | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    created_at: datetime | None = None
    processing_started_at: datetime | None = None
    processing_ended_at: datetime | None = None
    report_document_id: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        type_ = optional_text(source, "reportType")
        status = optional_text(source, "processingStatus")
        return cls(
            report_id=required_text(source, "reportId"),
            report_type=None if type_ is None else ReportType(type_),
            processing_status=None if status is None else ReportProcessingStatus(status),
            start_time=optional_report_instant(source, "startTime"),
            end_time=optional_report_instant(source, "endTime"),
            created_at=optional_report_instant(source, "createdTime"),
            processing_started_at=optional_report_instant(source, "processingStartTime"),
            processing_ended_at=optional_report_instant(source, "processingEndTime"),
            report_document_id=optional_text(source, "reportDocumentId"),
            request_id=request_id,
            raw=kept(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Some reports; `next_token` fetches the next page and is None on the last."""

    reports: tuple[Report, ...]
    next_token: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            reports=tuple(map(Report.from_json, required_objects(source, "reports"))),
            next_token=optional_text(source, "nextToken") or None,
            request_id=request_id,
            raw=kept(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedReport:
    """The id of a report that was asked for."""

    report_id: str
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        report_id = required_text(source, "reportId")
        return cls(report_id=report_id, request_id=request_id, raw=kept(source))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """Where a report can be fetched: `url` is signed, works for 30 seconds and for anybody.

    So it is no part of repr. `compression_algorithm` is documented to be N/A always.
    """

    report_document_id: str
    url: str = field(repr=False)
    compression_algorithm: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            report_document_id=required_text(source, "reportDocumentId"),
            url=required_text(source, "url"),
            compression_algorithm=optional_text(source, "compressionAlgorithm"),
            request_id=request_id,
            raw=kept(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSchedule:
    """A report that is made again and again."""

    report_schedule_id: str
    report_type: ReportType | None = None
    schedule_frequency: ScheduleFrequency | None = None
    next_report_creation_time: datetime | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        type_ = optional_text(source, "reportType")
        frequency = optional_text(source, "scheduleFrequency")
        return cls(
            report_schedule_id=required_text(source, "reportScheduleId"),
            report_type=None if type_ is None else ReportType(type_),
            schedule_frequency=None if frequency is None else ScheduleFrequency(frequency),
            next_report_creation_time=optional_report_instant(source, "nextReportCreationTime"),
            request_id=request_id,
            raw=kept(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportScheduleList:
    """All schedules of the account; there is at most one per report type."""

    report_schedules: tuple[ReportSchedule, ...]
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        found = required_objects(source, "reportSchedules")
        return cls(
            report_schedules=tuple(map(ReportSchedule.from_json, found)),
            request_id=request_id,
            raw=kept(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedReportSchedule:
    """The id of a schedule that was made."""

    report_schedule_id: str
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        schedule_id = required_text(source, "reportScheduleId")
        return cls(report_schedule_id=schedule_id, request_id=request_id, raw=kept(source))
