"""The two-proof rule as a table: what is known about an attempt, and what it allows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.evidence import (
    DoubtRules,
    Judgement,
    Proof,
    ProofKind,
    Ruling,
    Verdict,
    judge,
    sealed_from,
)

RESTED = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
RULES = DoubtRules(signature_window=timedelta(hours=12), patience=timedelta(hours=72))
# 10 minutes to send, 3 to answer, 12 hours in which Amazon may take an old signature
SEALED = RESTED + timedelta(hours=12, minutes=13)
GIVE_UP = RESTED + RULES.patience

A, B, R, N, P = (
    ProofKind.AMAZON,
    ProofKind.BALANCE,
    ProofKind.REPORT,
    ProofKind.NOTIFICATIONS,
    ProofKind.PERSON,
)
YES, NO, SILENT = Verdict.HAPPENED, Verdict.DID_NOT_HAPPEN, Verdict.SILENT
EARLY, LATE = SEALED - timedelta(seconds=1), SEALED
ONE, TWO = "S01-1111111-1111111-C111111", "S01-1111111-1111111-C222222"


def weigh(*proofs: Proof, at: datetime = SEALED) -> Judgement:
    return judge(proofs, sealed_at=SEALED, give_up_at=GIVE_UP, at=at)


def yes(kind: ProofKind, charge: str | None = None, at: datetime = EARLY) -> Proof:
    return Proof(kind, YES, at, charge)


def no(kind: ProofKind, at: datetime = LATE) -> Proof:
    return Proof(kind, NO, at)


CASES = {
    # one proof is enough for "it happened", whenever it was seen
    "a charge is named": ([yes(A, ONE)], Ruling.HAPPENED, ONE),
    "the report has it": ([yes(R, ONE)], Ruling.HAPPENED, ONE),
    "a person found it": ([yes(P, ONE)], Ruling.HAPPENED, ONE),
    "the balance moved, nobody knows by which charge": ([yes(B)], Ruling.HAPPENED, None),
    "two proofs of one charge": ([yes(B), yes(R, ONE)], Ruling.HAPPENED, ONE),
    # "it did not happen" needs two of different kinds, seen after the key was sealed
    "nothing": ([], Ruling.WAIT, None),
    "one no": ([no(B)], Ruling.WAIT, None),
    "two noes of one kind are one": ([no(B), no(B)], Ruling.WAIT, None),
    "two noes": ([no(B), no(R)], Ruling.DID_NOT_HAPPEN, None),
    "two other noes": ([no(N), no(B)], Ruling.DID_NOT_HAPPEN, None),
    "three noes": ([no(N), no(B), no(R)], Ruling.DID_NOT_HAPPEN, None),
    "one of two was seen a second too early": ([no(B, EARLY), no(R)], Ruling.WAIT, None),
    "both were seen too early": ([no(B, EARLY), no(R, EARLY)], Ruling.WAIT, None),
    "silence is no proof": ([no(B), Proof(R, SILENT, LATE)], Ruling.WAIT, None),
    # what contradicts itself is for a person
    "yes and no": ([yes(B), no(R)], Ruling.PERSON, None),
    "a named charge and a no": ([yes(A, ONE), no(B)], Ruling.PERSON, None),
    "yes and two noes": ([yes(N, ONE), no(B), no(R)], Ruling.PERSON, None),
    "two charges of one attempt": ([yes(A, ONE), yes(R, TWO)], Ruling.PERSON, None),
    # an early no says nothing about a charge that came after it
    "an early no, then a charge": ([no(B, EARLY), yes(A, ONE, LATE)], Ruling.HAPPENED, ONE),
}


@pytest.mark.parametrize(("proofs", "ruling", "charge"), CASES.values(), ids=CASES.keys())
def test_what_proofs_allow(proofs: list[Proof], ruling: Ruling, charge: str | None) -> None:
    judgement = weigh(*proofs)
    assert (judgement.ruling, judgement.amazon_id) == (ruling, charge)


def test_what_stays_unknown_goes_to_a_person_when_patience_ends() -> None:
    assert weigh(no(B), at=GIVE_UP - timedelta(seconds=1)).ruling is Ruling.WAIT
    assert weigh(no(B), at=GIVE_UP).ruling is Ruling.PERSON
    assert weigh(at=GIVE_UP).ruling is Ruling.PERSON
    assert weigh(no(B), no(R), at=GIVE_UP).ruling is Ruling.DID_NOT_HAPPEN


def test_a_key_is_sealed_when_the_last_sleeper_would_be_refused() -> None:
    assert sealed_from(rested_at=RESTED, rules=RULES) == SEALED


PROOFS = st.lists(
    st.builds(
        Proof,
        st.sampled_from(list(ProofKind)),
        st.sampled_from(list(Verdict)),
        st.sampled_from([EARLY, LATE, GIVE_UP]),
        st.sampled_from([None, ONE, TWO]),
    ),
    max_size=6,
)


@given(proofs=PROOFS, at=st.sampled_from([EARLY, LATE, GIVE_UP]))
def test_no_effect_is_never_ruled_on_fewer_than_two_kinds_or_against_a_charge(
    proofs: list[Proof], at: datetime
) -> None:
    judgement = weigh(*proofs, at=at)
    late = {p.kind for p in proofs if p.verdict is NO and p.seen_at >= SEALED}
    if judgement.ruling is Ruling.DID_NOT_HAPPEN:
        assert len(late) >= 2
        assert all(p.verdict is not YES for p in proofs)
    if judgement.ruling is Ruling.HAPPENED:
        assert not late
    if judgement.amazon_id is not None:
        assert judgement.ruling is Ruling.HAPPENED


@given(proofs=PROOFS)
def test_the_order_of_proofs_does_not_matter(proofs: list[Proof]) -> None:
    assert weigh(*proofs) == weigh(*reversed(proofs))
