"""After a restore: makes the books equal Amazon's again without one key that Amazon does not know.

    ask about what has a charge's id ─► open due cycles ─► read every permission concerned at Amazon
    ─► slots that Amazon charged are taken up, their charges read ─► until nothing is lost

That a slot was charged is proved by its charge's own id alone (a notification, a report of Seller
Central), and such a charge is read. A balance that moved by just a slot's amount may have moved for
somebody else: the key of that slot would then be a new one to Amazon, so it is named and not sent.
Nor is a key of before the backup sent: it may have been proved since to have had no effect.

That nothing is lost any more is shown by reports of all the lost time alone (`covers`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from amazonpay import (
    AmazonPayClient,
    AmazonPayError,
    Charge,
    ChargePermission,
    DefiniteRefusal,
    Misconfigured,
)
from billing import (
    KnownCharge,
    OpenAttempt,
    Outcome,
    OutcomeKind,
    WatchedPermission,
    intend_due_slots,
    reading,
    record_outcomes,
    record_permissions,
    send,
    writing,
)
from billing.evidence import name_charges
from billing.restore import (
    BEFORE,
    Compared,
    OpenSlot,
    Restoration,
    Span,
    bring_forward,
    last_restoration,
    lost_slots,
    lost_time,
    missing_controls,
    note_reconciled,
    permissions_to_compare,
    slots_of_references,
    told_charge_ids,
    unknown_charge_ids,
    why_not_covered,
)
from plans import BadInput
from scheduler.engine import BillingEngine
from scheduler.identity import this_worker
from scheduler.paced_calls import GET_CHARGE, GET_CHARGE_PERMISSION, Call, PacedCalls
from scheduler.pacing import PUBLISHED, Quota
from scheduler.reconcile_refunds import find_lost_refunds

__all__ = ["ReconcileReport", "reconcile"]

# Each round takes up at most one slot of a permission; a buyer with more has lost years.
MOST_ROUNDS = 100

# What Amazon may still hold or has taken; a refused one is told again by its key.
TAKEN = frozenset({"AuthorizationInitiated", "Authorized", "CaptureInitiated", "Captured"})


@dataclass(slots=True)
class ReconcileReport:
    """What a comparison found; references, charge ids and yen as people know them.

    `perhaps` are slots whose amounts would explain what is `unexplained` of their permissions.
    `not_covered` says why nothing shows that no further charge was lost; None when it is shown.
    `charges_unread` and `untaken` are charges that were named and yet are not in the books.
    """

    compared: int = 0
    unread: int = 0
    booked: list[str] = field(default_factory=list)
    booked_yen: int = 0
    unanswered: list[str] = field(default_factory=list)
    unexplained: dict[str, int] = field(default_factory=dict)
    perhaps: dict[str, int] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    second_charges: list[str] = field(default_factory=list)
    refunds_booked: list[str] = field(default_factory=list)
    refunds_booked_yen: int = 0
    refunds_unbooked: list[str] = field(default_factory=list)
    refunds_missing: dict[str, int] = field(default_factory=dict)
    charges_uncompared: int = 0
    not_covered: str | None = None
    charges_unread: list[str] = field(default_factory=list)
    untaken: list[str] = field(default_factory=list)
    refunds_unread: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report for programs, and for the books."""
        return asdict(self)

    @property
    def is_clean(self) -> bool:
        """Everything that Amazon has is in the books, as far as Amazon could be asked.

        Whether it could be asked for all that there is, `not_covered` says.
        """
        return not (
            self.unread
            or self.unanswered
            or self.unexplained
            or self.strangers
            or self.second_charges
            or self.refunds_unbooked
            or self.refunds_missing
            or self.charges_uncompared
            or self.charges_unread
            or self.refunds_unread
            or self.untaken
        )


Seen = tuple[Compared, ChargePermission | None]


def reconcile(
    engine: BillingEngine,
    *,
    charge_ids: Collection[str] = (),
    refund_ids: Collection[str] = (),
    covers: Span | None = None,
) -> ReconcileReport:
    """Compare one merchant with Amazon and book what the restored books lost; may be repeated.

    `charge_ids` and `refund_ids` are those that reports of Seller Central name, and all that there
    are of the time that they `covers`. Raises `BadInput` unless a restoration is open, and what
    `BillingEngine.run_due` raises.
    """
    with reading(engine.database) as connection:
        restoration = _open_restoration(last_restoration(connection))
    work = _Reconciling(engine, restoration, ReconcileReport())
    work.run(charge_ids)
    work.note_refunds(refund_ids)
    work.note_coverage(covers, charge_ids, refund_ids)
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
    open_ones: dict[int, str] = field(default_factory=dict)

    def run(self, charge_ids: Collection[str]) -> None:
        # The brake is pulled: this asks about what has an id, and opens the cycles that were lost.
        self.engine.run_due()
        seen: list[Seen] = []
        for _ in range(MOST_ROUNDS):
            by_id = self._named(charge_ids)
            seen = self._read_all()
            self._record(seen, chargeable=True)
            asked_about = self._name_open()
            if not self._take_up(by_id) and not asked_about:
                self._tell_given_up(by_id)
                break
            self.engine.run_due()
        self.report.compared = len(seen)
        self.report.unread = sum(1 for _, permission in seen if permission is None)
        self.report.unexplained = _unexplained(seen)
        self.report.perhaps = _perhaps(seen)
        self._record(seen, chargeable=False)

    def note_refunds(self, refund_ids: Collection[str]) -> None:
        """Refunds after charges: of a charge that was lost as well they can only follow it."""
        lost = find_lost_refunds(self.engine, since=self._since, refund_ids=refund_ids)
        report = self.report
        report.refunds_booked, report.refunds_booked_yen = lost.booked, lost.booked_yen
        report.refunds_unbooked, report.refunds_missing = lost.unbooked, lost.missing
        report.charges_uncompared, report.refunds_unread = lost.uncompared, lost.unread

    def note_coverage(
        self, told: Span | None, charge_ids: Collection[str], refund_ids: Collection[str]
    ) -> None:
        lost = lost_time(self.restoration)
        with reading(self.engine.database) as connection:
            missing = missing_controls(
                connection,
                self.engine.merchant,
                since=lost.since,
                charge_ids=charge_ids,
                refund_ids=refund_ids,
            )
        self.report.not_covered = why_not_covered(
            lost=lost,
            told=told,
            at=self.engine.clock.now(),
            listing=self.engine.doubts.report_listing,
            missing=missing,
        )

    def _named(self, charge_ids: Collection[str]) -> dict[int, KnownCharge]:
        """Slots of charges whose ids somebody told us: id of the slot → its charge."""
        database, merchant = self.engine.database, self.engine.merchant
        with reading(database) as connection:
            told = told_charge_ids(connection, merchant, since=self._since)
            unknown = unknown_charge_ids(connection, merchant, {*told, *charge_ids})
        charges = [charge for charge in self._charges(unknown) if str(charge.state) in TAKEN]
        references = {charge.merchant_reference_id or "" for charge in charges}
        with reading(database) as connection:
            slots = slots_of_references(connection, merchant, references)
        lost: dict[int, KnownCharge] = {}
        for charge in charges:
            slot = slots.get(charge.merchant_reference_id or "")
            if slot is not None and slot.state == "paid":
                _add(self.report.second_charges, charge.charge_id)
            elif slot is not None and slot.state in ("due", "waiting_buyer"):
                lost[slot.id] = KnownCharge(
                    charge.charge_id, charge.charge_amount_yen, charge.created_at
                )
            elif slot is not None and slot.state == "open":
                self.open_ones[slot.id] = charge.charge_id
            else:
                _add(self.report.strangers, charge.charge_id)
        self._bring_forward(slots.values(), lost)
        return lost

    def _name_open(self) -> bool:
        """Charges of attempts that the books hold open: from now on they are asked about."""
        charges = dict(self.open_ones)
        self.open_ones.clear()
        if not charges:
            return False
        at = self.engine.clock.now()
        named = writing(self.engine.database, lambda c: name_charges(c, charges=charges, at=at))
        for slot_id, charge_id in charges.items():
            if slot_id not in named:
                _add(self.report.second_charges, charge_id)
        return bool(named)

    def _tell_given_up(self, by_id: Mapping[int, KnownCharge]) -> None:
        """Charges that are known by their ids, of slots that cannot be taken up: people look."""
        for slot_id, charge in by_id.items():
            if slot_id in self.given_up:
                _add(self.report.untaken, charge.charge_id)

    def _bring_forward(self, slots: Iterable[OpenSlot], wanted: Collection[int]) -> None:
        """A try that was planned for later was made already: its slot is due now."""
        now = self.engine.clock.now()
        later = [
            slot.id
            for slot in slots
            if slot.id in wanted and (slot.due_at > now or slot.state != "due")
        ]
        database, merchant = self.engine.database, self.engine.merchant
        writing(database, lambda c: bring_forward(c, merchant, later, at=now))

    def _take_up(self, lost: Mapping[int, KnownCharge]) -> bool:
        """Give the slots attempts that have their charges' ids, and read those charges."""
        charged = {slot: charge for slot, charge in lost.items() if slot not in self.given_up}
        if not charged:
            return False
        engine = self.engine
        _, attempts = intend_due_slots(
            engine.database,
            engine.merchant,
            at=engine.clock.now(),
            worker_id=this_worker(),
            limit=len(charged),
            charged=charged,
        )
        calls = [_asking_about(attempt, engine) for attempt in attempts]
        outcomes = self._paced(GET_CHARGE, _outcome_is_throttled).make(calls)
        record_outcomes(engine.database, engine.merchant, outcomes, at=engine.clock.now())
        self._count(outcomes)
        if not attempts:
            # What was called off, or a slot that another program holds: people look at these.
            self.given_up.update(charged)
        return bool(attempts)

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            reference = outcome.attempt.idempotency_key
            # The rest of a split charge has no slot before its first part is taken up.
            if outcome.charge_id in self.report.strangers:
                self.report.strangers.remove(outcome.charge_id)
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
        """Those that Amazon has; a later round reads what was not answered in this one."""
        calls = self._paced(GET_CHARGE, lambda _charge: False)
        found = calls.make([_asking(charge_id) for charge_id in charge_ids])
        self.report.charges_unread = [each for each in found if isinstance(each, str)]
        return [each for each in found if isinstance(each, Charge)]

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


def _perhaps(seen: Sequence[Seen]) -> dict[str, int]:
    """Slots that somebody should look up at Amazon: just their amounts are used there."""
    found = [
        slot
        for compared, permission in seen
        for slot in lost_slots(extra_yen=_extra_yen(compared, permission), slots=compared.slots)
    ]
    return {slot.reference: slot.amount_yen for slot in found}


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _outcome_is_throttled(outcome: Outcome) -> bool:
    return outcome.kind is OutcomeKind.THROTTLED


def _asking_about(attempt: OpenAttempt, engine: BillingEngine) -> Call[Any]:
    if attempt.charge_id is None:
        raise AssertionError("while books are compared nothing is sent that Amazon may not know")

    def make(client: AmazonPayClient) -> Outcome:
        return send(client, attempt, now=engine.clock.now)

    def failed(error: Exception) -> Outcome:
        detail = f"{type(error).__name__}: {error}"
        return Outcome(attempt, OutcomeKind.UNKNOWN, detail=detail)

    return Call(GET_CHARGE, make, failed)


def _reading(compared: Compared) -> Call[Any]:
    def make(client: AmazonPayClient) -> Seen:
        try:
            return compared, client.get_charge_permission(compared.watched.amazon_id)
        except AmazonPayError:
            return compared, None

    return Call(GET_CHARGE_PERMISSION, make, lambda _error: (compared, None))


def _asking(charge_id: str) -> Call[Any]:
    """The charge; its id when Amazon did not say, None when Amazon has no such charge."""

    def make(client: AmazonPayClient) -> Charge | str | None:
        try:
            return client.get_charge(charge_id)
        except Misconfigured:
            return charge_id
        except DefiniteRefusal:
            return None
        except AmazonPayError:
            return charge_id

    return Call(GET_CHARGE, make, lambda _error: charge_id)
