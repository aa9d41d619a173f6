"""After a restore: makes the books equal Amazon's again without one key that Amazon does not know.

    replay what the books hold open ─► open due cycles ─► read every permission concerned at Amazon
    ─► slots that Amazon charged are taken up with their derived keys ─► until nothing is lost

Two kinds of proof say that a slot was charged: a charge's own id (a notification, a report of
Seller Central), which is then only read; or a balance that moved by just its amount, whose key is
replayed. What neither proves is left to people, and nothing else begins while they look.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from amazonpay import AmazonPayClient, AmazonPayError, Charge, ChargePermission
from billing import (
    OpenAttempt,
    Outcome,
    OutcomeKind,
    WatchedPermission,
    intend_due_slots,
    make_due,
    reading,
    record_outcomes,
    record_permissions,
    send,
    writing,
)
from billing.restore import (
    Compared,
    OpenSlot,
    Restoration,
    last_restoration,
    lost_slots,
    note_reconciled,
    permissions_to_compare,
    slots_of_references,
    told_charge_ids,
    unknown_charge_ids,
)
from plans import BadInput
from scheduler.engine import BillingEngine
from scheduler.identity import this_worker
from scheduler.paced_calls import GET_CHARGE, GET_CHARGE_PERMISSION, Call, PacedCalls
from scheduler.pacing import PUBLISHED, Quota
from scheduler.reconcile_refunds import find_lost_refunds

__all__ = ["ReconcileReport", "reconcile"]

CREATE_CHARGE = "create_charge"
BEFORE = timedelta(hours=24)
"""How far before the last moment of the books Amazon is asked: clocks and late answers."""

# Each round takes up at most one slot of a permission; a buyer with more has lost years.
MOST_ROUNDS = 100

# What Amazon may still hold or has taken; a refused one is told again by its key.
TAKEN = frozenset({"AuthorizationInitiated", "Authorized", "CaptureInitiated", "Captured"})


@dataclass(slots=True)
class ReconcileReport:
    """What a comparison found; references, charge ids and yen as people know them."""

    compared: int = 0
    unread: int = 0
    booked: list[str] = field(default_factory=list)
    booked_yen: int = 0
    unanswered: list[str] = field(default_factory=list)
    unexplained: dict[str, int] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    second_charges: list[str] = field(default_factory=list)
    refunds_booked: list[str] = field(default_factory=list)
    refunds_booked_yen: int = 0
    refunds_unbooked: list[str] = field(default_factory=list)
    refunds_missing: dict[str, int] = field(default_factory=dict)
    charges_uncompared: int = 0

    def as_json(self) -> dict[str, Any]:
        """The report for programs, and for the books."""
        return asdict(self)

    @property
    def is_clean(self) -> bool:
        """Everything that Amazon has is in the books, as far as Amazon could be asked."""
        return not (
            self.unread
            or self.unanswered
            or self.unexplained
            or self.strangers
            or self.second_charges
            or self.refunds_unbooked
            or self.refunds_missing
            or self.charges_uncompared
        )


Seen = tuple[Compared, ChargePermission | None]


def reconcile(
    engine: BillingEngine,
    *,
    charge_ids: Collection[str] = (),
    refund_ids: Collection[str] = (),
) -> ReconcileReport:
    """Compare one merchant with Amazon and book what the restored books lost; may be repeated.

    `charge_ids` and `refund_ids` are those that a report of Seller Central names. Raises
    `BadInput` unless a restoration is open, and what `BillingEngine.run_due` raises.
    """
    with reading(engine.database) as connection:
        restoration = _open_restoration(last_restoration(connection))
    work = _Reconciling(engine, restoration, ReconcileReport())
    work.run(charge_ids)
    work.note_refunds(refund_ids)
    writing(
        engine.database,
        lambda c: note_reconciled(
            c,
            restoration,
            engine.merchant,
            found=work.report.as_json(),
            at=engine.clock.now(),
        ),
    )
    return work.report


def _open_restoration(last: Restoration | None) -> Restoration:
    if last is None or not last.is_open:
        raise BadInput(
            field="restoration",
            value="none",
            rule="only restored books are compared this way, and none of these are",
            remedy="after restoring a backup: autopay restore begin --by NAME --reason TEXT",
        )
    return last


@dataclass(frozen=True, slots=True)
class _Reconciling:
    """One comparison of one merchant."""

    engine: BillingEngine
    restoration: Restoration
    report: ReconcileReport
    given_up: set[int] = field(default_factory=set)

    def run(self, charge_ids: Collection[str]) -> None:
        # The brake is pulled: this replays what is open, and opens the cycles that were lost.
        self.engine.run_due()
        seen: list[Seen] = []
        for _ in range(MOST_ROUNDS):
            by_id = self._named(charge_ids)
            seen = self._read_all()
            self._record(seen, chargeable=True)
            lost = self._moved(seen) | by_id
            if not self._take_up(lost):
                self._tell_given_up(by_id)
                break
            self.engine.run_due()
        self.report.compared = len(seen)
        self.report.unread = sum(1 for _, permission in seen if permission is None)
        self.report.unexplained = _unexplained(seen)
        self._record(seen, chargeable=False)

    def note_refunds(self, refund_ids: Collection[str]) -> None:
        """Refunds after charges: of a charge that was lost as well they can only follow it."""
        lost = find_lost_refunds(self.engine, since=self._since, refund_ids=refund_ids)
        report = self.report
        report.refunds_booked, report.refunds_booked_yen = lost.booked, lost.booked_yen
        report.refunds_unbooked, report.refunds_missing = lost.unbooked, lost.missing
        report.charges_uncompared = lost.uncompared

    def _named(self, charge_ids: Collection[str]) -> dict[int, str | None]:
        """Slots of charges whose ids somebody told us: id of the slot → id of the charge."""
        database, merchant = self.engine.database, self.engine.merchant
        with reading(database) as connection:
            told = told_charge_ids(connection, merchant, since=self._since)
            unknown = unknown_charge_ids(connection, merchant, {*told, *charge_ids})
        charges = [charge for charge in self._charges(unknown) if str(charge.state) in TAKEN]
        references = {charge.merchant_reference_id or "" for charge in charges}
        with reading(database) as connection:
            slots = slots_of_references(connection, merchant, references)
        lost: dict[int, str | None] = {}
        for charge in charges:
            slot = slots.get(charge.merchant_reference_id or "")
            if slot is not None and slot.state == "paid":
                _add(self.report.second_charges, charge.charge_id)
            elif slot is not None and slot.state in ("due", "waiting_buyer"):
                lost[slot.id] = charge.charge_id
            elif slot is None or slot.state != "open":
                # What is open has a key of its own, whose replay brings the charge.
                _add(self.report.strangers, charge.charge_id)
        self._bring_forward(slots.values(), lost)
        return lost

    def _tell_given_up(self, by_id: Mapping[int, str | None]) -> None:
        """Charges that are known by their ids, of slots that cannot be taken up: people look."""
        for slot_id, charge_id in by_id.items():
            if slot_id in self.given_up and charge_id is not None:
                _add(self.report.strangers, charge_id)

    def _moved(self, seen: Sequence[Seen]) -> dict[int, str | None]:
        """Slots whose amounts Amazon's balance moved by, more than our books explain."""
        found: dict[int, OpenSlot] = {}
        for compared, permission in seen:
            slots = [slot for slot in compared.slots if slot.id not in self.given_up]
            extra_yen = _extra_yen(compared, permission)
            found |= {slot.id: slot for slot in lost_slots(extra_yen=extra_yen, slots=slots)}
        self._bring_forward(found.values(), found)
        return dict.fromkeys(found)

    def _bring_forward(self, slots: Iterable[OpenSlot], wanted: Collection[int]) -> None:
        """A try that dunning planned for later was made already: its slot is due now."""
        now = self.engine.clock.now()
        for slot in slots:
            if slot.id in wanted and (slot.due_at > now or slot.state != "due"):
                self._make_due(slot, now)

    def _make_due(self, slot: OpenSlot, at: datetime) -> None:
        database, merchant = self.engine.database, self.engine.merchant
        try:
            writing(database, lambda c: make_due(c, merchant, reference=slot.reference, at=at))
        except BadInput:
            self.given_up.add(slot.id)

    def _take_up(self, lost: Mapping[int, str | None]) -> bool:
        """Give the slots their derived keys again and hear Amazon's saved answers."""
        wanted = [slot_id for slot_id in lost if slot_id not in self.given_up]
        if not wanted:
            return False
        engine = self.engine
        _, attempts = intend_due_slots(
            engine.database,
            engine.merchant,
            at=engine.clock.now(),
            worker_id=this_worker(),
            limit=len(wanted),
            only=wanted,
            proven=True,
        )
        known = [replace(attempt, charge_id=lost[attempt.slot_id]) for attempt in attempts]
        calls = [_sending(attempt, engine) for attempt in known]
        outcomes = self._paced(CREATE_CHARGE, _outcome_is_throttled).make(calls)
        record_outcomes(engine.database, engine.merchant, outcomes, at=engine.clock.now())
        self._count(outcomes)
        if not attempts:
            # No room under the cap, a permission that cannot be charged: people look at these.
            self.given_up.update(wanted)
        return bool(attempts)

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            reference = outcome.attempt.idempotency_key
            if outcome.kind is OutcomeKind.CAPTURED:
                self.report.booked.append(outcome.charge_id or reference)
                self.report.booked_yen += outcome.attempt.amount_yen
            elif outcome.kind not in (OutcomeKind.DECLINED, OutcomeKind.CAP_REFUSED):
                _add(self.report.unanswered, reference)

    def _read_all(self) -> list[Seen]:
        """Every permission concerned, as our books and as Amazon have it."""
        now = self.engine.clock.now()
        seen: list[Seen] = []
        after = 0
        while True:
            with reading(self.engine.database) as connection:
                page = permissions_to_compare(
                    connection, self.engine.merchant, since=self._since, at=now, after=after
                )
            if not page:
                return seen
            calls = self._paced(GET_CHARGE_PERMISSION, lambda _seen: False)
            seen += calls.make([_reading(compared) for compared in page])
            after = page[-1].watched.id

    def _charges(self, charge_ids: Sequence[str]) -> list[Charge]:
        calls = self._paced(GET_CHARGE, lambda _charge: False)
        found = calls.make([_asking(charge_id) for charge_id in charge_ids])
        return [charge for charge in found if charge is not None]

    def _record(self, seen: Sequence[Seen], *, chargeable: bool) -> None:
        """Amazon's states: Chargeable ones first, so that what was taken can be taken up."""
        pairs: list[tuple[WatchedPermission, ChargePermission | None]] = [
            (compared.watched, permission)
            for compared, permission in seen
            if permission is not None and (str(permission.state) == "Chargeable") is chargeable
        ]
        record_permissions(
            self.engine.database, self.engine.merchant, pairs, at=self.engine.clock.now()
        )

    @property
    def _since(self) -> datetime:
        return (self.restoration.restored_to or self.restoration.begun_at) - BEFORE

    def _paced(self, operation: str, is_throttled: Any) -> PacedCalls[Any]:
        engine = self.engine
        quota = Quota(*PUBLISHED[engine.merchant.environment]) if engine.endpoint.paced else None
        return PacedCalls(
            engine=engine.database,
            merchant_id=engine.merchant.id,
            make_client=engine.make_client,
            quota=quota,
            now=engine.clock.now,
            operation_of=lambda _result: operation,
            is_throttled=is_throttled,
        )


def _extra_yen(compared: Compared, permission: ChargePermission | None) -> int:
    """What Amazon used of this month's cap beyond our books; 0 where it cannot be told."""
    if permission is None:
        return 0
    limit_yen, balance_yen = permission.amount_limit_yen, permission.amount_balance_yen
    if limit_yen is None or balance_yen is None:
        return 0
    return max(0, limit_yen - balance_yen - compared.ours_yen)


def _unexplained(seen: Sequence[Seen]) -> dict[str, int]:
    extra = {compared.watched.amazon_id: _extra_yen(compared, seen_) for compared, seen_ in seen}
    return {permission: yen for permission, yen in extra.items() if yen}


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _outcome_is_throttled(outcome: Outcome) -> bool:
    return outcome.kind is OutcomeKind.THROTTLED


def _sending(attempt: OpenAttempt, engine: BillingEngine) -> Call[Any]:
    def make(client: AmazonPayClient) -> Outcome:
        return send(client, attempt, now=engine.clock.now)

    def failed(error: Exception) -> Outcome:
        detail = f"{type(error).__name__}: {error}"
        return Outcome(attempt, OutcomeKind.UNKNOWN, detail=detail)

    return Call(CREATE_CHARGE, make, failed)


def _reading(compared: Compared) -> Call[Any]:
    def make(client: AmazonPayClient) -> Seen:
        try:
            return compared, client.get_charge_permission(compared.watched.amazon_id)
        except AmazonPayError:
            return compared, None

    return Call(GET_CHARGE_PERMISSION, make, lambda _error: (compared, None))


def _asking(charge_id: str) -> Call[Any]:
    def make(client: AmazonPayClient) -> Charge | None:
        try:
            return client.get_charge(charge_id)
        except AmazonPayError:
            return None

    return Call(GET_CHARGE, make, lambda _error: None)
