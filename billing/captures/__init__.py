"""Charges that are authorised first: shipped, captured, cancelled, and permissions closed.

    authorised ─► shipped (intended) ─► claim ─► send ─► record ─► paid | declined
        │                                 ▲                │
        └─► cancelled (intended) ─────────┤                │
                                          └── in doubt, pending: same bytes, or asked about

Other rooms use what `billing` exports of it.
"""

from billing.captures.authorized import AwaitedShipment, awaited_shipments, capture_states
from billing.captures.cancelling import intend_cancellations
from billing.captures.claiming import claim_acts, claim_authorized, workers_with_open_acts
from billing.captures.outcome import ActOutcome, ActOutcomeKind, OpenAct
from billing.captures.recording import record_acts
from billing.captures.requesting import (
    RecordedShipment,
    Shipment,
    ShipmentsRefused,
    record_shipments,
)
from billing.captures.sending import send_act
from billing.captures.withdrawing import WithdrawnShipment, withdraw_shipment

__all__ = [
    "ActOutcome",
    "ActOutcomeKind",
    "AwaitedShipment",
    "OpenAct",
    "RecordedShipment",
    "Shipment",
    "ShipmentsRefused",
    "WithdrawnShipment",
    "awaited_shipments",
    "capture_states",
    "claim_acts",
    "claim_authorized",
    "intend_cancellations",
    "record_acts",
    "record_shipments",
    "send_act",
    "withdraw_shipment",
    "workers_with_open_acts",
]
