"""What is known about a charge whose answer never came, and what may be done about it.

    in doubt ─► replays of the same key ─► the key rests ─► looks for proofs ─► judged
                        ▲                                                        │
                        └── a person gives it back              happened · no effect · parked

"It happened" needs one proof, "it did not happen" two and a long rest; the rest is for a person.
"""

from billing.evidence.acting import NO_EFFECT
from billing.evidence.deciding import (
    Decision,
    abandon,
    begin_rest,
    book_found,
    book_refund,
    decide_no_effect,
    no_refund,
    note_decision,
    refund_in_question,
    release,
)
from billing.evidence.desk import DeskItem, DeskKind, desk_item, list_desk
from billing.evidence.looking import Doubt, Look, doubts_to_look_at
from billing.evidence.near_cap import NearCap, permissions_near_cap, record_balances
from billing.evidence.proofs import KeptProof
from billing.evidence.rule import (
    PATIENT,
    DoubtRules,
    Judgement,
    Proof,
    ProofKind,
    Ruling,
    Verdict,
    judge,
    sealed_from,
)
from billing.evidence.weighing import JanitorReport, record_looks

__all__ = [
    "NO_EFFECT",
    "PATIENT",
    "Decision",
    "DeskItem",
    "DeskKind",
    "Doubt",
    "DoubtRules",
    "JanitorReport",
    "Judgement",
    "KeptProof",
    "Look",
    "NearCap",
    "Proof",
    "ProofKind",
    "Ruling",
    "Verdict",
    "abandon",
    "begin_rest",
    "book_found",
    "book_refund",
    "decide_no_effect",
    "desk_item",
    "doubts_to_look_at",
    "judge",
    "list_desk",
    "no_refund",
    "note_decision",
    "permissions_near_cap",
    "record_balances",
    "record_looks",
    "refund_in_question",
    "release",
    "sealed_from",
]
