"""What is known about a charge whose answer never came, and what may be done about it.

    in doubt ─► replays of the same key ─► the key rests ─► looks for proofs ─► judged
                        ▲                                                        │
                        └── a person gives it back              happened · no effect · parked

"It happened" needs one proof, "it did not happen" two and a long rest; the rest is for a person.
"""

from billing.evidence.acting import NO_EFFECT, name_charges
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
from billing.evidence.desk import REFUSED, DeskItem, DeskKind, desk_item, list_desk
from billing.evidence.looking import Doubt, Look, doubts_to_look_at
from billing.evidence.near_cap import NearCap, permissions_near_cap, record_balances
from billing.evidence.proofs import KeptProof
from billing.evidence.report_lines import ReportLine, UnreadableReport, report_lines
from billing.evidence.reports import GIVE_UP_AFTER as REPORT_GIVEN_UP_AFTER
from billing.evidence.reports import (
    AskedReport,
    ask_report,
    merchants_with_doubts,
    note_report,
    open_reports,
    record_report,
)
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
    "REFUSED",
    "REPORT_GIVEN_UP_AFTER",
    "AskedReport",
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
    "ReportLine",
    "Ruling",
    "UnreadableReport",
    "Verdict",
    "abandon",
    "ask_report",
    "begin_rest",
    "book_found",
    "book_refund",
    "decide_no_effect",
    "desk_item",
    "doubts_to_look_at",
    "judge",
    "list_desk",
    "merchants_with_doubts",
    "name_charges",
    "no_refund",
    "note_decision",
    "note_report",
    "open_reports",
    "permissions_near_cap",
    "record_balances",
    "record_looks",
    "record_report",
    "refund_in_question",
    "release",
    "report_lines",
    "sealed_from",
]
