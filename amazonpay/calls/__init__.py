"""Every operation as a plain value: method, path, query, body, key, and how to read the answer.

Both clients send these; neither knows anything about an operation itself.
"""

from amazonpay.calls.buyers import get_authorization_token, get_buyer
from amazonpay.calls.charge_permissions import (
    close_charge_permission,
    get_charge_permission,
    update_charge_permission,
)
from amazonpay.calls.charges import (
    cancel_charge,
    capture_charge,
    create_charge,
    get_charge,
    update_charge,
)
from amazonpay.calls.checkout_sessions import (
    complete_checkout_session,
    create_checkout_session,
    finalize_checkout_session,
    get_checkout_session,
    update_checkout_session,
)
from amazonpay.calls.common import ByStatus, Call, read_result
from amazonpay.calls.delivery_trackers import create_delivery_tracker
from amazonpay.calls.disbursements import get_disbursements
from amazonpay.calls.refunds import create_refund, get_refund
from amazonpay.calls.reports import (
    cancel_report_schedule,
    create_report,
    create_report_schedule,
    get_report,
    get_report_document,
    get_report_schedule,
    get_report_schedules,
    get_reports,
)

__all__ = [
    "ByStatus",
    "Call",
    "cancel_charge",
    "cancel_report_schedule",
    "capture_charge",
    "close_charge_permission",
    "complete_checkout_session",
    "create_charge",
    "create_checkout_session",
    "create_delivery_tracker",
    "create_refund",
    "create_report",
    "create_report_schedule",
    "finalize_checkout_session",
    "get_authorization_token",
    "get_buyer",
    "get_charge",
    "get_charge_permission",
    "get_checkout_session",
    "get_disbursements",
    "get_refund",
    "get_report",
    "get_report_document",
    "get_report_schedule",
    "get_report_schedules",
    "get_reports",
    "read_result",
    "update_charge",
    "update_charge_permission",
    "update_checkout_session",
]
