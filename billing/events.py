"""Transitions of a subscription as rows: who, why, when. Checked against the life cycle."""

from datetime import datetime
from typing import Any

from billing.rows import Row
from plans import SubscriptionState, check_transition


def event_row(
    subscription: Row,
    *,
    at: datetime,
    kind: str,
    state: str,
    reason: str,
    actor: str = "engine",
) -> dict[str, Any]:
    """The event of one transition; raises what `plans.check_transition` raises if it is illegal."""
    before, after = SubscriptionState(subscription["state"]), SubscriptionState(state)
    if before is not after:
        check_transition(before, after)
    return {
        "merchant_id": subscription["merchant_id"],
        "subscription_id": subscription["id"],
        "at": at,
        "kind": kind,
        "state_before": str(before),
        "state_after": str(after),
        "actor": actor,
        "reason": reason,
    }
