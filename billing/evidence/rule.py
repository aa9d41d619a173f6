"""The two-proof rule: what the proofs about one attempt allow. Pure.

"It happened" needs one proof. "It did not happen" needs two of different kinds, each seen when no
late sender could use the key any more: a proof seen earlier says nothing about what came after it.
Proofs that contradict each other are for a person.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from billing.dates import ANSWER_MARGIN, SEND_WINDOW

NEEDED_FOR_NO = 2


class ProofKind(StrEnum):
    """Where a proof comes from; proofs of one kind are not independent of each other."""

    AMAZON = "amazon"  # Get Charge or Get Refund
    BALANCE = "balance"  # what is left under the cap at Amazon
    REPORT = "report"  # a transaction report of the days in question
    NOTIFICATIONS = "notifications"  # charges that Amazon told us of
    PERSON = "person"  # somebody looked in Seller Central


class Verdict(StrEnum):
    """What one proof says."""

    HAPPENED = "happened"
    DID_NOT_HAPPEN = "did_not_happen"
    SILENT = "silent"


class Ruling(StrEnum):
    """What is to be done about the attempt."""

    HAPPENED = "happened"
    DID_NOT_HAPPEN = "did_not_happen"
    WAIT = "wait"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was seen; `amazon_id` is the charge or refund that it names, if any."""

    kind: ProofKind
    verdict: Verdict
    seen_at: datetime
    amazon_id: str | None = None


@dataclass(frozen=True, slots=True)
class DoubtRules:
    """How patient the janitor is.

    `signature_window` is how long after its date Amazon may still accept a signature: that is not
    documented, so the default is far longer than any library's. `patience` is how long proofs are
    looked for before a person is asked. Above `two_persons_yen` two people must decide alike.
    `report_listing` is how long Amazon may take to list a charge in a report: not documented, so
    the default is long.
    """

    signature_window: timedelta = timedelta(hours=12)
    patience: timedelta = timedelta(hours=72)
    two_persons_yen: int = 30_000
    report_listing: timedelta = timedelta(hours=48)


PATIENT = DoubtRules()
"""The defaults."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The ruling, why (one phrase), and the charge or refund that is known to have happened.

    `is_unknown` tells that a person is asked for want of proofs and not for a contradiction.
    """

    ruling: Ruling
    why: str
    amazon_id: str | None = None
    is_unknown: bool = False


def sealed_from(*, rested_at: datetime, rules: DoubtRules) -> datetime:
    """From when on nobody can use the key any more, if nobody was given it after `rested_at`.

    A sender may sit on the bytes until its window ends, be frozen in the very moment of sending,
    and wake up while Amazon still accepts the date of its signature.
    """
    return rested_at + SEND_WINDOW + ANSWER_MARGIN + rules.signature_window


def judge(
    proofs: Iterable[Proof], *, sealed_at: datetime, give_up_at: datetime, at: datetime
) -> Judgement:
    """Weigh all proofs about one attempt at `at`.

    `sealed_at` is when late senders were out of the game, `give_up_at` when a person is asked.
    """
    seen = list(proofs)
    happened = [proof for proof in seen if proof.verdict is Verdict.HAPPENED]
    against = {
        proof.kind
        for proof in seen
        if proof.verdict is Verdict.DID_NOT_HAPPEN and proof.seen_at >= sealed_at
    }
    ids = {proof.amazon_id for proof in happened if proof.amazon_id is not None}
    if happened:
        return _it_happened(ids, against)
    if len(against) >= NEEDED_FOR_NO:
        return Judgement(Ruling.DID_NOT_HAPPEN, f"proved by {_listed(against)}")
    if at >= give_up_at:
        known = f"only {_listed(against)}" if against else "nothing"
        why = f"{known} speaks against it, and nothing for it"
        return Judgement(Ruling.PERSON, why, is_unknown=True)
    return Judgement(Ruling.WAIT, "not enough is known yet")


def _it_happened(ids: Collection[str], against: Collection[ProofKind]) -> Judgement:
    if against:
        return Judgement(Ruling.PERSON, f"proofs contradict each other ({_listed(against)})")
    if len(ids) > 1:
        return Judgement(Ruling.PERSON, f"proofs name different ids ({', '.join(sorted(ids))})")
    return Judgement(Ruling.HAPPENED, "proved", next(iter(ids), None))


def _listed(kinds: Iterable[ProofKind]) -> str:
    return " and ".join(sorted(kinds))
