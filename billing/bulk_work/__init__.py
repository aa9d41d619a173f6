"""Bulk work: a dry run whose rows are kept, a yes or no, slices that are done and can be undone.

Nothing is known here of what is done to a row: `kinds.py` names the kinds, each with its acts.
"""

from billing.bulk_work.asking import permissions_to_ask
from billing.bulk_work.charge_again import CHARGE_AGAIN, ChargeAgainPlan, plan_charge_again
from billing.bulk_work.choosing import MOST_CHOSEN, STATES, Choice, choose_agreements
from billing.bulk_work.doing import Worked, merchants_with_bulk_work, next_rows, work_bulk
from billing.bulk_work.jobs import decide_bulk, draft_bulk
from billing.bulk_work.kinds import KINDS
from billing.bulk_work.looking import Looked, keep_look, look_ahead, untried_rows
from billing.bulk_work.move import BULK_MOVE, MEETS_CAP
from billing.bulk_work.move_terms import MoveTerms, MoveWhat, MoveWhen
from billing.bulk_work.move_totals import MoveTotals, NotMoved, move_totals
from billing.bulk_work.reading import (
    bulk_figures,
    bulk_rows,
    load_bulk,
    recent_bulk,
)
from billing.bulk_work.values import (
    BulkFigure,
    BulkJob,
    BulkKind,
    BulkRow,
    BulkState,
    PlannedRow,
    RowOutcome,
    RowState,
    UnknownBulkJob,
)

__all__ = [
    "BULK_MOVE",
    "CHARGE_AGAIN",
    "KINDS",
    "MEETS_CAP",
    "MOST_CHOSEN",
    "STATES",
    "BulkFigure",
    "BulkJob",
    "BulkKind",
    "BulkRow",
    "BulkState",
    "ChargeAgainPlan",
    "Choice",
    "Looked",
    "MoveTerms",
    "MoveTotals",
    "MoveWhat",
    "MoveWhen",
    "NotMoved",
    "PlannedRow",
    "RowOutcome",
    "RowState",
    "UnknownBulkJob",
    "Worked",
    "bulk_figures",
    "bulk_rows",
    "choose_agreements",
    "decide_bulk",
    "draft_bulk",
    "keep_look",
    "load_bulk",
    "look_ahead",
    "merchants_with_bulk_work",
    "move_totals",
    "next_rows",
    "permissions_to_ask",
    "plan_charge_again",
    "recent_bulk",
    "untried_rows",
    "work_bulk",
]
