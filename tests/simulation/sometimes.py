"""Rare states that worlds must reach: a simulation that never gets there proves little.

Each world counts them; a report adds them up and shows those that were never reached.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from billing.protocol import checkpoints
from simulation import goods, messages, shipping, telling, warehouse
from simulation.setting import NETWORK
from simulation.store import Store

PLAYED_CHECKPOINTS: Final = frozenset(
    name
    for name in checkpoints.NAMES
    if name.partition(".")[0]
    in ("cycle", "charge", "doubt", "refund", "janitor", "notice", "notification", "act")
)
"""Named crash points of the engine that worlds reach."""

_OPERATIONS: Final = (
    "POST charges",
    "POST refunds",
    shipping.CAPTURE,
    shipping.CANCEL,
    "GET charges",
    "GET refunds",
    "GET chargePermissions",
)
_POINTS: Final = ("begin", "read", "send", "answer", *sorted(PLAYED_CHECKPOINTS))

_IN_BOOKS: Final = {
    "split: an invoice paid in parts": "SELECT COUNT(*) FROM invoice i WHERE i.state = 'paid' "
    "AND 1 < (SELECT COUNT(*) FROM slot s WHERE s.invoice_id = i.id)",
    "split: one part paid, another waits": "SELECT COUNT(DISTINCT a.invoice_id) FROM slot a "
    "JOIN slot b ON a.invoice_id = b.invoice_id WHERE a.state = 'paid' "
    "AND b.state IN ('due', 'waiting_buyer')",
    "cap: a charge was moved": "SELECT COUNT(*) FROM slot WHERE cap_moves > 0",
    "cap: a charge was refused": "SELECT COUNT(*) FROM slot WHERE state = 'refused'",
    "cap: a month filled to the last yen": "SELECT COUNT(*) FROM cap_month "
    "WHERE used_yen + held_yen = limit_yen",
    "cap: one attempt held two months": "SELECT COUNT(*) FROM (SELECT 1 FROM cap_hold "
    "GROUP BY attempt_id HAVING COUNT(*) = 2)",
    "cap: one attempt held three months": "SELECT COUNT(*) FROM (SELECT 1 FROM cap_hold "
    "GROUP BY attempt_id HAVING COUNT(*) > 2)",
    "key: sent more than three times": "SELECT COUNT(*) FROM attempt WHERE sends > 3",
    "key: sent more than ten times": "SELECT COUNT(*) FROM attempt WHERE sends > 10",
    "slot: paid at the second try": "SELECT COUNT(*) FROM slot WHERE state = 'paid' "
    "AND attempts = 2",
    "slot: paid at a later try": "SELECT COUNT(*) FROM slot WHERE state = 'paid' AND attempts > 2",
    "slot: paid more than a day late": "SELECT COUNT(*) FROM slot WHERE state = 'paid' "
    "AND julianday(settled_at) - julianday(first_due_at) > 1",
    "slot: paid after the agreement stopped": "SELECT COUNT(*) FROM slot s JOIN subscription o "
    "ON o.id = s.subscription_id WHERE s.state = 'paid' AND o.state IN ('paused', 'canceled')",
    "slot: set aside for a person": "SELECT COUNT(*) FROM slot WHERE state = 'quarantined'",
    "dunning: given up": "SELECT COUNT(*) FROM slot WHERE state = 'uncollectible'",
    "dunning: waits for the buyer": "SELECT COUNT(*) FROM slot WHERE state = 'waiting_buyer'",
    "dunning: recovered": "SELECT COUNT(*) FROM subscription_event WHERE kind = 'recovered'",
    "dunning: paused": "SELECT COUNT(*) FROM subscription_event WHERE kind = 'dunning_paused'",
    "dunning: cancelled": "SELECT COUNT(*) FROM subscription_event WHERE kind = 'dunning_canceled'",
    "agreement: somebody changed one": "SELECT COUNT(*) FROM agreement",
    "agreement: resumed": "SELECT COUNT(*) FROM subscription_event WHERE kind = 'resumed'",
    "agreement: a change was charged": "SELECT COUNT(*) FROM quote WHERE state = 'confirmed' "
    "AND outcome IS NOT NULL",
    "agreement: a change was declined": "SELECT COUNT(*) FROM quote WHERE state = 'declined'",
    "agreement: credit": "SELECT COUNT(*) FROM agreement WHERE credit_yen > 0",
    "refund: given back": "SELECT COUNT(*) FROM refund WHERE state = 'refunded'",
    "refund: declined": "SELECT COUNT(*) FROM refund WHERE state = 'declined'",
    "refund: in parts of one charge": "SELECT COUNT(*) FROM (SELECT 1 FROM refund "
    "GROUP BY attempt_id HAVING COUNT(*) > 1)",
    "refund: sent more than three times": "SELECT COUNT(*) FROM refund WHERE sends > 3",
    "refund: asked for by an agreement": "SELECT COUNT(*) FROM refund WHERE origin = 'agreement'",
    "year: a cycle of a year": "SELECT COUNT(*) FROM invoice "
    "WHERE julianday(period_end) - julianday(period_start) > 360",
    "calendar: a cycle began on 29 February": "SELECT COUNT(*) FROM invoice "
    "WHERE period_start LIKE '%-02-29'",
    "calendar: a cycle began on 1 January": "SELECT COUNT(*) FROM invoice "
    "WHERE period_start LIKE '%-01-01'",
    "calendar: back on the 31st after February": "SELECT COUNT(*) FROM invoice "
    "WHERE period_start LIKE '%-03-31'",
    "goods: an authorisation waits": "SELECT COUNT(*) FROM attempt WHERE state = 'authorized'",
    "goods: captured in part": "SELECT COUNT(*) FROM attempt WHERE state = 'captured' "
    "AND amount_yen < authorized_yen",
    "goods: authorised anew": "SELECT COUNT(*) FROM act WHERE cause = 'reauthorize' "
    "AND state = 'done'",
    "goods: withdrawn": "SELECT COUNT(*) FROM act WHERE cause = 'not_shipped' AND state = 'done'",
    "goods: the agreement ended first": "SELECT COUNT(*) FROM act WHERE cause = 'ended' "
    "AND state = 'done'",
    "goods: a capture was declined": "SELECT COUNT(*) FROM act WHERE kind = 'capture' "
    "AND state = 'declined'",
    "goods: paid at once after a declined capture": "SELECT COUNT(*) FROM slot s JOIN attempt a "
    "ON a.slot_id = s.id WHERE s.shipped_on IS NOT NULL AND a.state = 'captured' "
    "AND a.authorized_yen IS NULL",
    "goods: an act sent more than three times": "SELECT COUNT(*) FROM act WHERE sends > 3",
    "free: a cycle for nothing": "SELECT COUNT(*) FROM invoice WHERE total_yen = 0",
}

REGISTRY: Final = (
    *(f"{operation} {kind}" for operation in _OPERATIONS for kind in NETWORK),
    *(f"{what} at {point}" for what in ("kill", "delay", "freeze") for point in _POINTS),
    *(f"commit {kind}" for kind in ("lost", "unknown", "lock", "kill")),
    *(
        f"amazon {what}"
        for what in (
            "replayed",
            "not chargeable",
            "late capture",
            "late decline",
            "SoftDeclined",
            "HardDeclined",
            "TransactionTimedOut",
            "MFANotCompleted",
            "AmazonRejected",
            "capture took hours",
            "captured in part",
            "authorization canceled",
            "lapsed unused",
            "late authorization",
            *(f"capture {reason}" for reason in goods.DECLINES),
        )
    ),
    *(f"clock jumped {where}" for where in ("ahead", "back")),
    *(f"buyer {what}" for what in ("new card", "card gone", "closes")),
    *(f"desk {what}" for what in ("Cancel", "Undo", "retry", "refund requested")),
    *(f"desk brake {what}" for what in ("pulled", "released")),
    *(f"message {way}" for way in messages.WAYS),
    *(f"{channel} {way}" for channel in ("mail", "webhook") for way in ("taken", *telling.WAYS)),
    *(f"goods {way}" for way in (*warehouse.WAYS, "shipped", "told again", "taken back")),
    *(f"restore {what}" for what in ("begun", "ended")),
    "POST charges 500_kept",
    "amazon kept failure",
    *_IN_BOOKS,
)


def in_books(store: Store) -> Counter[str]:
    """Rare states that the books still show at the end of a world."""
    found: Counter[str] = Counter()
    for name, sql in _IN_BOOKS.items():
        found[name] = next(iter(store.rows(sql)[0].values()))
    return found


def never(found: Counter[str]) -> list[str]:
    """States of the registry that were not reached."""
    return [name for name in REGISTRY if not found[name]]
