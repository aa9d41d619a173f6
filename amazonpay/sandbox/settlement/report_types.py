"""The report types, where each can be had, and which rows go into one (api.md §11).

Only the columns of the settlement reports are documented; those of the others are the figures of
the objects they list, under the names that the settlement report uses.
"""

from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.refusals import Refused, invalid_value
from amazonpay.sandbox.settlement.options import SettlementOptions, read_options
from amazonpay.sandbox.settlement.schema import LATE_INDEXES
from amazonpay.sandbox.world import World

_FLAT: Final = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_"
SETTLEMENT: Final = f"{_FLAT}SETTLEMENT_DATA_"
SANDBOX_SETTLEMENT: Final = f"{_FLAT}SANDBOX_SETTLEMENT_DATA_"
ORDER_REFERENCE: Final = f"{_FLAT}ORDER_REFERENCE_DATA_"
BILLING_AGREEMENT: Final = f"{_FLAT}BILLING_AGREEMENT_DATA_"
AUTHORIZATION: Final = f"{_FLAT}AUTHORIZATION_DATA_"
CAPTURE: Final = f"{_FLAT}CAPTURE_DATA_"
REFUND: Final = f"{_FLAT}REFUND_DATA_"
PAYMENTS: Final = "_GET_CSV_CUSTOM_OFFAMAZONPAYMENTS_MULTI_CURRENCY_PAYMENTS_DATA_"

_CHARGES: Final = "FROM charges AS c WHERE c.created_at >= ?1 AND c.created_at < ?2"
_PERMISSIONS: Final = "FROM permissions AS p WHERE p.created_at >= ?1 AND p.created_at < ?2"
_BOOK: Final = "FROM transactions AS t WHERE t.posted_at >= ?1 AND t.posted_at < ?2"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a report come from: SQL with ?1 as start and ?2 as end of the window."""

    rows: str
    table: str
    requestable_in: tuple[str, ...] = ("live",)
    schedulable: bool = True


TYPES: Final[dict[str, Source]] = {
    SETTLEMENT: Source(_BOOK, "transactions", (), schedulable=False),
    SANDBOX_SETTLEMENT: Source(_BOOK, "transactions", ("sandbox",)),
    ORDER_REFERENCE: Source(_CHARGES, "charges"),
    BILLING_AGREEMENT: Source(f"{_PERMISSIONS} AND p.kind = 'Recurring'", "permissions"),
    AUTHORIZATION: Source(f"{_CHARGES} AND c.authorized_at IS NOT NULL", "charges"),
    CAPTURE: Source(f"{_BOOK} AND t.type = 'Capture'", "transactions"),
    REFUND: Source(f"{_BOOK} AND t.type = 'Refund'", "transactions"),
    PAYMENTS: Source(f"{_BOOK} AND t.charge_id IS NOT NULL", "transactions", schedulable=False),
}


def require_type(world: World, kind: str, *, schedule: bool) -> None:
    """Refuses a report type that is unknown or cannot be had here."""
    source = TYPES.get(kind)
    if source is None:
        raise invalid_value("reportType", " Known are " + ", ".join(TYPES) + ".")
    if schedule and not source.schedulable:
        raise invalid_value("reportType", f" [{kind}] cannot be scheduled.")
    if world.environment not in _environments(kind, source, read_options(world)):
        raise _not_here(kind, world)


def _environments(kind: str, source: Source, options: SettlementOptions) -> tuple[str, ...]:
    if options.all_report_types and kind != SETTLEMENT:
        return ("sandbox", "live")
    return source.requestable_in


def _not_here(kind: str, world: World) -> Refused:
    if kind == SETTLEMENT:
        return invalid_value(
            "reportType", " It is made with each settlement in live and cannot be requested."
        )
    return invalid_value(
        "reportType", f" [{kind}] is not available in the {world.environment} environment."
    )


def has_rows(world: World, kind: str, *, start: int, end: int) -> bool:
    """Whether a report of a window would have any row."""
    world.store.connection.execute(LATE_INDEXES[TYPES[kind].table])
    query = f"SELECT 1 {TYPES[kind].rows} LIMIT 1"
    return world.store.connection.execute(query, (start, end)).fetchone() is not None
