"""The objects Amazon Pay answers with, typed and frozen.

Only what an object is worthless without is required (its id, its state, a charge's amount and
permission); everything else may be null, as it is for agreements migrated from CV1.
"""

from amazonpay.models.authorization_tokens import AuthorizationToken
from amazonpay.models.buyers import Address, Buyer
from amazonpay.models.charge_permissions import ChargePermission, PermissionReason
from amazonpay.models.charges import Charge
from amazonpay.models.checkout_sessions import (
    CheckoutSession,
    SessionConstraint,
    SessionPaymentDetails,
    SessionWebCheckoutDetails,
)
from amazonpay.models.delivery_trackers import DeliveryTracker, TrackedDelivery
from amazonpay.models.disbursements import Disbursement, DisbursementPage
from amazonpay.models.refunds import Refund
from amazonpay.models.reports import (
    CreatedReport,
    CreatedReportSchedule,
    Report,
    ReportDocument,
    ReportPage,
    ReportSchedule,
    ReportScheduleList,
)

__all__ = [
    "Address",
    "AuthorizationToken",
    "Buyer",
    "Charge",
    "ChargePermission",
    "CheckoutSession",
    "CreatedReport",
    "CreatedReportSchedule",
    "DeliveryTracker",
    "Disbursement",
    "DisbursementPage",
    "PermissionReason",
    "Refund",
    "Report",
    "ReportDocument",
    "ReportPage",
    "ReportSchedule",
    "ReportScheduleList",
    "SessionConstraint",
    "SessionPaymentDetails",
    "SessionWebCheckoutDetails",
    "TrackedDelivery",
]
