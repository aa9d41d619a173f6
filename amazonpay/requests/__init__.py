"""The requests we send, typed; each turns into canonical JSON bytes, always the same ones.

Values that Amazon would refuse are refused here, before anything is written down.
"""

from amazonpay.requests.addresses import AddressDetails
from amazonpay.requests.charge_permissions import CloseChargePermission, UpdateChargePermission
from amazonpay.requests.charges import CancelCharge, CaptureCharge, CreateCharge, UpdateCharge
from amazonpay.requests.checkout_parts import (
    DeliverySpecifications,
    PaymentDetails,
    RegionRestriction,
    WebCheckoutDetails,
)
from amazonpay.requests.checkout_sessions import (
    CompleteCheckoutSession,
    CreateCheckoutSession,
    FinalizeCheckoutSession,
    UpdateCheckoutSession,
)
from amazonpay.requests.common import MerchantMetadata, RecurringMetadata
from amazonpay.requests.delivery_trackers import CreateDeliveryTracker, DeliveryDetail
from amazonpay.requests.disbursements import GetDisbursements
from amazonpay.requests.refunds import CreateRefund
from amazonpay.requests.reports import CreateReport, CreateReportSchedule, GetReports

__all__ = [
    "AddressDetails",
    "CancelCharge",
    "CaptureCharge",
    "CloseChargePermission",
    "CompleteCheckoutSession",
    "CreateCharge",
    "CreateCheckoutSession",
    "CreateDeliveryTracker",
    "CreateRefund",
    "CreateReport",
    "CreateReportSchedule",
    "DeliveryDetail",
    "DeliverySpecifications",
    "FinalizeCheckoutSession",
    "GetDisbursements",
    "GetReports",
    "MerchantMetadata",
    "PaymentDetails",
    "RecurringMetadata",
    "RegionRestriction",
    "UpdateCharge",
    "UpdateChargePermission",
    "UpdateCheckoutSession",
    "WebCheckoutDetails",
]
