"""The switches of this room: what Amazon's documents leave open about fees, payouts and reports.

They are kept in the state file, change through `PATCH /settlement-options` and go back to their
defaults with a reset. Sources: japan.md §4.6, api.md §11.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from amazonpay.sandbox.world import World

Rounding = Literal["floor", "half_up", "ceil"]
ROUNDINGS: Final = ("floor", "half_up", "ceil")
FEE_SIGNS: Final = ("negative", "positive")
REPORT_OUTCOMES: Final = ("normal", "FAILED", "CANCELLED")
HIGHEST_YEN: Final = 1_000_000_000_000
HIGHEST_DAYS: Final = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementOptions:
    """How money is settled and reported where the documents leave a choice.

    `account_opened_at` is the instant the first close is counted from; without one it is the first
    movement of money. The reserve is a share of what the period brought plus a fixed sum, held
    back until the next close. `fee_sign` is how fees are written in report rows (uncertain).
    """

    fee_rounding: Rounding = "floor"
    refund_returns_fee: bool = False
    reserve_basis_points: int = 0
    reserve_fixed_yen: int = 0
    minimum_disbursement_yen: int = 1
    payouts_on_hold: bool = False
    first_close_days: int = 16
    cycle_days: int = 14
    account_opened_at: int | None = None
    report_seconds: int = 5
    report_outcome: str = "normal"
    document_seconds: int = 30
    authorization_rows: bool = True
    all_report_types: bool = False
    fee_sign: str = "negative"


_COLUMNS: Final = ("fee_rounding", "refund_returns_fee")


def read_options(world: World) -> SettlementOptions:
    """The switches in force."""
    rounding, returns, other = world.store.connection.execute(
        "SELECT fee_rounding, refund_returns_fee, other FROM settlement_options"
    ).fetchone()
    return SettlementOptions(
        fee_rounding=rounding, refund_returns_fee=bool(returns), **json.loads(other)
    )


def change_options(world: World, change: dict[str, Any]) -> SettlementOptions:
    """Stores changed switches; they hold from the next movement or close on."""
    options = replace(read_options(world), **change)
    other = {name: value for name, value in asdict(options).items() if name not in _COLUMNS}
    world.store.connection.execute(
        "UPDATE settlement_options SET fee_rounding = ?, refund_returns_fee = ?, other = ?",
        (options.fee_rounding, int(options.refund_returns_fee), json.dumps(other)),
    )
    # The next close may lie earlier now.
    world.store.horizon_ms = 0
    return options


def fee_rates(world: World) -> list[tuple[int, int]]:
    """Every fee rate: the instant from which it holds, and its basis points."""
    return world.store.connection.execute(
        "SELECT effective_from, basis_points FROM fee_rates ORDER BY effective_from"
    ).fetchall()


def set_fee_rate(world: World, *, basis_points: int, effective_from: int) -> None:
    """Sets the fee of captures from an instant on; rows that are in the book stay as they are."""
    world.store.connection.execute(
        "INSERT OR REPLACE INTO fee_rates VALUES (?, ?)", (effective_from, basis_points)
    )
