"""The buyers of the demo: most pay, some cards fail, some are repaired, a few agreements end.

Who does what is a pure function of the charge permission's id, so every demo is the same.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.local_amazon import LocalAmazon
from billing import ImportStatus, SubscriberRow

BATCH = 500
# Customers who can be played by hand, on My Page.
SHOPPERS = 3
# Days between a hard decline and the buyer's new card; 0 = the buyer never comes back.
REPAIR_AFTER_DAYS = (1, 2, 3, 5, 9, 0)


@dataclass(frozen=True, slots=True)
class Buyer:
    """How one charge permission behaves: Create Charge results in order, then always ok."""

    permission_id: str
    buyer_id: str
    behaviour: tuple[str, ...]
    repair_after_days: int


def buyer(permission_id: str, buyer_id: str) -> Buyer:
    """The buyer behind a permission: about 1 in 12 has a bad day within the year."""
    number = int.from_bytes(hashlib.sha256(permission_id.encode()).digest()[:8])
    good_charges = ("ok",) * (number // 1000 % 9)
    return Buyer(
        permission_id=permission_id,
        buyer_id=buyer_id,
        behaviour=good_charges + _bad_day(number % 1000),
        repair_after_days=REPAIR_AFTER_DAYS[number // 10_000 % len(REPAIR_AFTER_DAYS)],
    )


def _bad_day(share: int) -> tuple[str, ...]:
    """Per mille of the buyers: what goes wrong once, or more than once."""
    if share < 40:
        return ("SoftDeclined",)
    if share < 55:
        return ("SoftDeclined", "SoftDeclined", "TransactionTimedOut")
    if share < 75:
        return ("HardDeclined",)
    if share < 80:
        return ("SoftDeclined",) * 6
    if share < 85:
        return ("CaptureInitiated",)
    return ()


def consent(amazon: LocalAmazon, buyers: Iterable[Buyer], *, limit_yen: int) -> Iterator[int]:
    """Make the buyers' consents at the local Amazon Pay; yields how many there are so far."""
    done = 0
    for batch in _batches(list(buyers)):
        amazon.control(
            "POST",
            "/charge-permissions",
            [
                {
                    "id": each.permission_id,
                    "buyerId": each.buyer_id,
                    "amountLimit": limit_yen,
                    "frequency": {"unit": "Month", "value": "1"},
                    "behaviour": list(each.behaviour),
                }
                for each in batch
            ],
        )
        done += len(batch)
        yield done


def shoppers(amazon: LocalAmazon, rows: Sequence[SubscriberRow]) -> list[str]:
    """Let some customers log in at the local Amazon Pay, and so on My Page; their addresses."""
    counted = Counter(row.buyer_id for row in rows)
    single = [
        row for row in rows if row.status is ImportStatus.ACTIVE and counted[row.buyer_id] == 1
    ]
    chosen = {row.buyer_id: row for row in single[:SHOPPERS]}
    for buyer_id, row in chosen.items():
        amazon.control(
            "POST", "/buyers", {"name": row.name, "email": row.email, "buyerId": buyer_id}
        )
    return [row.email for row in chosen.values()]


def _batches(buyers: Sequence[Buyer]) -> Iterator[Sequence[Buyer]]:
    for start in range(0, len(buyers), BATCH):
        yield buyers[start : start + BATCH]


class Repairs:
    """Buyers who change their payment method some days after Amazon refused the old one."""

    def __init__(self, buyers: Iterable[Buyer]) -> None:
        self._buyers = {buyer.permission_id: buyer for buyer in buyers}
        self._planned: dict[str, date] = {}

    def notice(self, waiting: Iterable[str], *, on: date) -> None:
        """Permissions whose shop waits for the buyer: plan the repair once."""
        for permission_id in waiting:
            days = self._buyers[permission_id].repair_after_days
            if days and permission_id not in self._planned:
                self._planned[permission_id] = on + timedelta(days=days)

    def carry_out(self, amazon: LocalAmazon, *, on: date) -> int:
        """Do at Amazon's what is planned up to `on`; returns how many repairs that were."""
        due = [permission_id for permission_id, day in self._planned.items() if day <= on]
        for permission_id in due:
            amazon.control(
                "PATCH", f"/charge-permissions/{permission_id}", {"paymentMethod": "updated"}
            )
            del self._planned[permission_id]
        return len(due)
