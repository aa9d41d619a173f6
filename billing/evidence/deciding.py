"""What a person decides about a doubt: it happened, it did not, try the same key again, give it up.

The same functions act as for the janitor. There is never a new key while the old one could still
be used: "it did not happen" is heard only when the key is sealed. Large sums need two people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_, select, update
from sqlmodel import SQLModel

from amazonpay import Charge
from billing.agreements.reports import Report, ReportKind, book_reports
from billing.charging.intend import LEASE
from billing.charging.one_off_purpose import is_one_off
from billing.charging.outcome import OpenAttempt
from billing.charging.poison import POISON, forget
from billing.charging.resting import rest, settle, wake
from billing.charging.settle import STATE_BY_POLICY, Ending, end_of_dunning_rows
from billing.charging.stored_attempt import open_attempt
from billing.evidence.acting import NO_EFFECT, UNSETTLED, book_outcome, close_without_effect
from billing.evidence.desk import REFUSED, DeskItem, DeskKind
from billing.evidence.naming import STANDING, outcome_of_named
from billing.evidence.proofs import DECISION, KeptProof, proof_row, write_proofs
from billing.evidence.rule import DoubtRules, Verdict, sealed_from
from billing.refunds import OpenRefund, RefundOutcome, RefundOutcomeKind, record_refunds
from billing.store.database import writing
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import Row, fetch, is_word, table_of, update_many
from billing.tables import (
    ActRow,
    AttemptRow,
    ChargePermissionRow,
    InvoiceRow,
    NotificationRow,
    RefundRow,
    SlotRow,
    SubscriptionRow,
)
from plans import BadInput

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
refunds = table_of(RefundRow)
acts = table_of(ActRow)
notifications = table_of(NotificationRow)

_NO_FACTS: Mapping[str, Any] = {}

DECISION_LASTS = timedelta(hours=24)
"""After this long the first of two people must decide anew."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says; `amazon_id` is the charge or refund that was found, if any."""

    verdict: Verdict
    by: str
    reason: str
    amazon_id: str | None = None


def note_decision(
    connection: Connection,
    merchant: Merchant,
    item: DeskItem,
    decision: Decision,
    *,
    rules: DoubtRules,
    at: datetime,
) -> bool:
    """Keep what a person decided; true when it may be carried out, false when a second must agree.

    Raises `BadInput` without a name or a reason, and for a bad row, about which nothing happened.
    """
    _check_words(by=decision.by, reason=decision.reason)
    if item.kind in (DeskKind.ROW, DeskKind.CHARGEBACK):
        raise _refused(item, "nothing of it was ever sent", "use: autopay doubt release")
    if item.state == REFUSED:
        raise _refused(
            item,
            "nothing of it is under way, so nothing is in doubt",
            "try it again with: autopay doubt release; give it up with: autopay doubt abandon",
        )
    row = proof_row(
        merchant,
        kind=DECISION,
        verdict=decision.verdict,
        at=at,
        what={"reason": decision.reason},
        actor=decision.by,
        attempt_id=item.attempt_id,
        refund_row_id=item.refund_row_id,
        amazon_id=decision.amazon_id,
    )
    write_proofs(connection, [row])
    facts = {"verdict": str(decision.verdict), "amazon_id": decision.amazon_id}
    _note(
        connection,
        merchant,
        item,
        "doubt_decided",
        by=decision.by,
        reason=decision.reason,
        at=at,
        facts=facts,
    )
    return item.amount_yen < rules.two_persons_yen or _seconded(item.proofs, decision, at)


def _seconded(proofs: tuple[KeptProof, ...], decision: Decision, at: datetime) -> bool:
    """Somebody else decided alike, about the same charge, not too long ago."""
    said = str(decision.verdict), decision.amazon_id
    return any(
        proof.kind == DECISION
        and proof.actor.strip().casefold() != decision.by.strip().casefold()
        and (proof.verdict, proof.amazon_id) == said
        and at - proof.seen_at <= DECISION_LASTS
        for proof in proofs
    )


def _check_words(*, by: str, reason: str) -> None:
    for field, value in (("by", by), ("reason", reason)):
        if not value.strip():
            raise BadInput(
                field=field,
                value=value,
                rule="who decides about money says who it is and why",
                remedy="give a text that is not empty",
            )


def attempt_of(connection: Connection, item: DeskItem, *, at: datetime) -> OpenAttempt:
    """The attempt in question as a sender knows it; raises `BadInput` where there is none."""
    if item.attempt_id is None:
        raise _refused(item, "nothing of it was ever sent", "use: autopay doubt release")
    statement = (
        select(attempts, permissions.c.amazon_id)
        .join(permissions, permissions.c.id == attempts.c.permission_id)
        .where(attempts.c.id == item.attempt_id)
    )
    (row,) = fetch(connection, statement)
    return open_attempt(row, row, at=at)


def check_open(item: DeskItem) -> None:
    """Raise `BadInput` when the attempt has had its answer: then only a refund takes money back."""
    if item.attempt_state not in UNSETTLED:
        raise _refused(
            item,
            f"its attempt was answered ({item.attempt_state}), and answers are not rewritten",
            "give money that was taken all the same back in Seller Central, then: "
            "autopay doubt abandon",
        )


def decide_no_effect(
    connection: Connection,
    merchant: Merchant,
    item: DeskItem,
    decision: Decision,
    *,
    rules: DoubtRules,
    at: datetime,
) -> None:
    """Close the attempt as never made; its slot is due again, with a new key.

    Raises `BadInput` while a proof says that it happened, and before the key is sealed.
    """
    if item.kind is DeskKind.CHARGE:
        check_open(item)
    against = [p for p in item.proofs if p.kind != DECISION and p.verdict == Verdict.HAPPENED]
    if against:
        raise _refused(
            item,
            f"a proof says that it happened ({against[-1].kind}: {against[-1].amazon_id})",
            "look the charge up in Seller Central, then: autopay doubt resolve … happened",
        )
    if item.rested_at is None:
        raise AssertionError("rest the key first: `begin_rest`")
    sealed_at = sealed_from(rested_at=item.rested_at, rules=rules)
    if at < sealed_at:
        raise _refused(
            item,
            f"its key may still be used by a late sender until {sealed_at:%Y-%m-%d %H:%M} UTC",
            "decide again after that; until then nothing is sent",
        )
    why = f"{decision.by}: {decision.reason}"
    if item.kind is DeskKind.CHARGE:
        attempt = attempt_of(connection, item, at=at)
        _check_without_id(item, "charge", attempt.charge_id)
        close_without_effect(connection, merchant, attempt, why=why, at=at)
    else:
        _check_without_id(item, "refund", refund_in_question(connection, item).refund_id)


def _check_without_id(item: DeskItem, what: str, amazon_id: str | None) -> None:
    """What has an id at Amazon did happen, however it ends."""
    if amazon_id is not None:
        raise _refused(
            item,
            f"Amazon has {what} {amazon_id} of it",
            "cancel it in Seller Central if it is still open, then: autopay doubt release",
        )


def refund_in_question(connection: Connection, item: DeskItem) -> OpenRefund:
    """The refund as a sender knows it; raises `BadInput` for anything else."""
    statement = (
        select(refunds, attempts.c.charge_id.label("of_charge"))
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .where(refunds.c.id == item.refund_row_id)
    )
    rows = fetch(connection, statement)
    if not rows:
        raise _refused(item, "it is no refund", "see: autopay doubt show")
    (row,) = rows
    return OpenRefund(
        id=row["id"],
        charge_id=row["of_charge"],
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        refund_id=row["refund_id"],
    )


def book_found(
    engine: Engine, merchant: Merchant, item: DeskItem, charge: Charge, *, at: datetime
) -> None:
    """Book a charge that a person found, as Amazon has it; raises `BadInput` if it is not ours."""
    check_open(item)
    attempt = writing(engine, lambda c: attempt_of(c, item, at=at))
    outcome = outcome_of_named(attempt, charge, reference=item.name)
    if outcome.kind not in STANDING:
        said = outcome.detail or outcome.reason_code or outcome.kind
        raise _refused(
            item, f"charge {charge.charge_id} is not it: {said}", "give the id of its own charge"
        )
    book_outcome(engine, merchant, outcome, at=at)


def no_refund(refund: OpenRefund) -> RefundOutcome:
    """What a refund is that was never made: declined, and owed as before."""
    kind = RefundOutcomeKind.DECLINED
    return RefundOutcome(refund, kind, reason_code=NO_EFFECT, detail="a person decided so")


def book_refund(
    engine: Engine, merchant: Merchant, item: DeskItem, outcome: RefundOutcome, *, at: datetime
) -> None:
    """Record what became of a refund that was set aside, by the one path of all refunds."""
    # Ours for a lease: else a worker could send it between what was decided and its record.
    writing(engine, lambda c: _give_back(c, merchant, item, at + LEASE))
    record_refunds(engine, merchant, [outcome], at=at)


def begin_rest(connection: Connection, merchant: Merchant, item: DeskItem, *, at: datetime) -> None:
    """Let a key rest that a person is about to decide upon; nothing for one that rests already."""
    if item.attempt_id is not None and item.rested_at is None:
        rest(connection, merchant, [item.attempt_id], at=at)


def release(
    connection: Connection,
    merchant: Merchant,
    item: DeskItem,
    *,
    by: str,
    reason: str,
    at: datetime,
) -> None:
    """Give it back to the machine: the same key is sent again, a failing row is tried again.

    Raises `BadInput` for a slot whose attempt has had its answer, and without a name or a reason.
    """
    _check_words(by=by, reason=reason)
    _give_back(connection, merchant, item, at)
    _note(connection, merchant, item, "doubt_released", by=by, reason=reason, at=at)


def _give_back(connection: Connection, merchant: Merchant, item: DeskItem, at: datetime) -> None:
    if item.kind is DeskKind.CHARGEBACK:
        _put_away(connection, merchant, item, at)
        return
    if item.kind is DeskKind.REFUND:
        again = {"state": "in_doubt", "look_at": at, "worker_id": None}
        connection.execute(
            update(refunds)
            .where(refunds.c.id == item.refund_row_id, is_word(refunds.c.state, "quarantined"))
            .values(again)
        )
        return
    subjects = [item.name, *([item.idempotency_key] if item.idempotency_key else [])]
    forget(connection, merchant, subjects=subjects)
    if item.kind is DeskKind.ROW:
        return
    # Only what failed before anything of it was sent, or what the cap refused, gets a new key: a
    # slot may be here because money was taken after a refusal, and its attempt may have failed too.
    failed = item.reason.startswith(POISON)
    answered = item.attempt_state not in UNSETTLED and (failed or item.state == REFUSED)
    if item.attempt_id is None or answered:
        slot = _still_waiting(connection, item)
        again = {"id": slot["id"], "state": "due", "due_at": at, "reason": "released"}
        update_many(connection, slots, [again])
        return
    check_open(item)
    connection.execute(
        update(slots)
        .where(slots.c.id == item.slot_id, is_word(slots.c.state, "quarantined"))
        .values(state="open", reason=None)
    )
    wake(connection, [item.attempt_id], at=at)
    # A capture or cancellation that was set aside goes again as well, with the same bytes.
    connection.execute(
        update(acts)
        .where(acts.c.attempt_id == item.attempt_id, is_word(acts.c.state, "quarantined"))
        .values(state="in_doubt", look_at=at, worker_id=None)
    )


def _still_waiting(connection: Connection, item: DeskItem) -> Row:
    """The slot, locked; raises `BadInput` when it was dealt with since the item was looked at."""
    mine = slots.c.id == item.slot_id, is_word(slots.c.state, "quarantined", REFUSED)
    found = fetch(connection, select(slots).where(*mine).with_for_update())
    if not found:
        raise _refused(item, "somebody dealt with it meanwhile", "look again: autopay doubt list")
    return found[0]


def _put_away(connection: Connection, merchant: Merchant, item: DeskItem, at: datetime) -> None:
    """A chargeback that took no money: it was withdrawn, or is booked under another case."""
    named = or_(notifications.c.object_id == item.name, notifications.c.message_id == item.name)
    mine = notifications.c.merchant_id == merchant.id, is_word(notifications.c.state, "attention")
    connection.execute(
        update(notifications).where(*mine, named).values(state="done", handled_at=at)
    )


def abandon(
    connection: Connection, merchant: Merchant, item: DeskItem, decision: Decision, *, at: datetime
) -> None:
    """Give up what a person will not charge: its invoice ends by the merchant's policy.

    A refund is given up as declined: the money stays owed. Raises `BadInput` while an attempt has
    no answer: its key must be sealed first.
    """
    _check_words(by=decision.by, reason=decision.reason)
    if item.kind is DeskKind.REFUND:
        raise _refused(
            item,
            "a refund is owed until it is made",
            "say what became of it with: autopay doubt resolve",
        )
    if item.kind is DeskKind.CHARGEBACK:
        raise _refused(item, "money may be gone", "book it: autopay charge chargeback --help")
    if item.kind is DeskKind.ROW or item.slot_id is None:
        raise _refused(item, "no charge of it exists", "cancel the subscription, or: release")
    if item.attempt_state in UNSETTLED:
        raise _refused(
            item,
            "a charge of it has no answer, so money may still be taken",
            "first: autopay doubt resolve … did-not-happen",
        )
    _note(
        connection,
        merchant,
        item,
        "doubt_abandoned",
        by=decision.by,
        reason=decision.reason,
        at=at,
    )
    slot = _still_waiting(connection, item)
    (invoice,) = _by_id(connection, InvoiceRow, slot["invoice_id"])
    (owner,) = _by_id(connection, SubscriptionRow, slot["subscription_id"])
    ended = {"id": slot["id"], "state": "uncollectible", "settled_at": at}
    update_many(connection, slots, [ended | {"reason": f"{decision.by}: {decision.reason}"}])
    if item.attempt_id is not None:
        settle(connection, [item.attempt_id], at=at)
    if is_one_off(slot["purpose"]):
        off = Report(ReportKind.ONE_OFF_OFF, owner["id"], invoice["id"], decision.reason)
        book_reports(connection, merchant, [off], at=at)
        return
    policy = merchant.dunning_end
    if policy in STATE_BY_POLICY:
        reason = f"given up by {decision.by}: {decision.reason}"
        ending = Ending(slot, invoice, owner, reason, policy)
        end_of_dunning_rows(connection, merchant, [ending], at=at)


def _note(
    connection: Connection,
    merchant: Merchant,
    item: DeskItem,
    kind: str,
    *,
    by: str,
    reason: str,
    at: datetime,
    facts: Mapping[str, Any] = _NO_FACTS,
) -> None:
    """What a person did to the machine's doubts stays in the chained events for ever."""
    told = {"reference": item.name, "what": str(item.kind), "amount_yen": item.amount_yen}
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind=kind,
        actor=by,
        reason=reason,
        at=at,
        detail=facts_text(told | dict(facts)),
    )


def _by_id(connection: Connection, row_class: type[SQLModel], row_id: int) -> list[Row]:
    table = table_of(row_class)
    return fetch(connection, select(table).where(table.c.id == row_id))


def _refused(item: DeskItem, rule: str, remedy: str) -> BadInput:
    return BadInput(field="reference", value=item.name, rule=rule, remedy=remedy)
