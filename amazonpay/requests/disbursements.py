"""Query of Get Disbursements. Source: API reference §12."""

from dataclasses import dataclass
from datetime import datetime

from amazonpay.errors import InvalidArgument
from amazonpay.requests.common import check_order, optional_instant_text
from amazonpay.requests.pages import Query, check_page, query


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDisbursements:
    """Which payouts to list, by settlement date: from `start_time` to `end_time`.

    `next_token` fetches the next page and stands alone.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    page_size: int | None = None
    next_token: str | None = None

    def __post_init__(self) -> None:
        start, end = self.start_time, self.end_time
        check_page(self.page_size, self.next_token, start, end)
        if self.next_token is not None:
            return
        if start is None or end is None:
            raise InvalidArgument(
                "start_time" if start is None else "end_time",
                None,
                "a list covers a period",
                "Give start_time and end_time, or the next_token of a page",
            )
        self.to_query()
        check_order(start, end)

    def to_query(self) -> Query:
        """The query of Get Disbursements; instants in the form of the other report operations."""
        start, end = self.start_time, self.end_time
        return query(
            startTime=optional_instant_text("start_time", start),
            endTime=optional_instant_text("end_time", end),
            pageSize=None if self.page_size is None else str(self.page_size),
            nextToken=self.next_token,
        )
