"""The kinds of bulk work. To add one, write its acts and add a line."""

from collections.abc import Mapping

from billing.bulk_work.charge_again import CHARGE_AGAIN, charge_again
from billing.bulk_work.move import BULK_MOVE, look_at_moves, move, move_back
from billing.bulk_work.values import BulkKind

__all__ = ["KINDS"]

KINDS: Mapping[str, BulkKind] = {
    # A charge cannot be taken back by the click that made it; refunds have a desk of their own.
    CHARGE_AGAIN: BulkKind(do=charge_again),
    BULK_MOVE: BulkKind(do=move, undo=move_back, look=look_at_moves),
}
