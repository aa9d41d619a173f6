"""The switches of the local Amazon Pay; defaults are the safest reading of uncertain facts.

Durations are virtual time. Sources: sandbox-simulation.md §3 and §6, states.md §2–§4, recurring.md
§5, errors-and-throttling.md §2 and §4, signing.md §3 and §7.
"""

from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

Environment = Literal["sandbox", "live"]
ThrottleTable = Literal["live", "sandbox", "off"]
CapZone = Literal["utc", "jst"]

SECOND_MS = 1_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this local Amazon Pay behaves where Amazon's documents leave a choice.

    `carrier_codes` are those that a delivery tracker accepts, empty for any well-formed one. With
    `allowOvercharge` an order may be exceeded by the lesser of the two overcharge figures. The
    request seconds are how far `x-amz-pay-date` may lie behind and ahead of the virtual clock.
    """

    throttle: ThrottleTable = "sandbox"
    cap_zone: CapZone = "jst"
    amount_limit_yen: int = 100_000
    pending_ms: int = 30 * SECOND_MS
    capture_ms: int = 30 * SECOND_MS
    refund_ms: int = 30 * SECOND_MS
    authorization_ms: int = 30 * DAY_MS
    synchronous_capture_ms: int = 7 * DAY_MS
    permission_months: int = 13
    order_ms: int = 180 * DAY_MS
    checkout_ms: int = DAY_MS
    buyer_token_ms: int = 300 * SECOND_MS
    buyer_token_reusable: bool = True
    overcharge_percent: int = 15
    overcharge_yen: int = 8_400
    migrated_limit_yen: int = 50_000
    carrier_codes: tuple[str, ...] = ()
    amazon_rejected_closes: bool = True
    refunds_restore_cap: bool = False
    fault_seed: int = 0
    replay_status: Literal["stored", "200"] = "stored"
    simulation_in_live: Literal["refuse", "ignore"] = "refuse"
    simulation_on_get: Literal["refuse", "ignore"] = "refuse"
    capture_rejected: Literal["later", "at_once"] = "later"
    late_capture_status: Literal[200, 202] = 200
    closed_again: Literal["refuse", "answer"] = "refuse"
    stale_token_status: Literal[404, 400] = 404
    unknown_key_status: Literal[403, 401] = 403
    oldest_request_seconds: int = 900
    newest_request_seconds: int = 15

    @property
    def cap_timezone(self) -> ZoneInfo:
        """The zone whose calendar months the cap is counted in (uncertain: JST or UTC)."""
        return ZoneInfo("Asia/Tokyo" if self.cap_zone == "jst" else "UTC")
