"""Calls on disbursements. Source: API reference §12."""

from amazonpay.calls.common import Call
from amazonpay.models import DisbursementPage
from amazonpay.requests import GetDisbursements


def get_disbursements(request: GetDisbursements) -> Call[DisbursementPage]:
    """GET /disbursements."""
    return Call(
        operation="GetDisbursements",
        method="GET",
        path="/disbursements",
        query=request.to_query(),
        read=DisbursementPage.from_json,
    )
