"""What is sold and agreed: catalogue, calendar, proration, life cycle. Pure: no I/O, no clock.

This is the room's one door; other rooms import from here and nowhere deeper.
"""

from plans.calendar import (
    Anchor,
    AnchorRule,
    Interval,
    Month,
    Period,
    Unit,
    cycle_on_or_after,
    cycle_period,
    cycle_start,
    cycle_starts,
    days_in_month,
)
from plans.catalogue import ALWAYS, Catalogue, Plan, Price, TaxCategory, UsageTerms
from plans.catalogue_file import CatalogueProblems, parse_catalogue
from plans.errors import BadInput, BeyondCalendar, NoPriceYet, PlansError, UnknownPlan
from plans.lines import Line, LineKind, check_quantity, cycle_lines
from plans.proration import Chain, ChainLine, Change, Proration, chain, prorate
from plans.proration_rule import ChangeDay, Divisor, ProrationRule, RoundAt, Side
from plans.rounding import Rounding, round_yen
from plans.subscription import (
    TRANSITIONS,
    ForbiddenTransition,
    SubscriptionState,
    check_transition,
    cycle_after_resume,
    minimum_term_remaining,
    trial_end,
)
from plans.yaml_nodes import Problem

__all__ = [
    "ALWAYS",
    "TRANSITIONS",
    "Anchor",
    "AnchorRule",
    "BadInput",
    "BeyondCalendar",
    "Catalogue",
    "CatalogueProblems",
    "Chain",
    "ChainLine",
    "Change",
    "ChangeDay",
    "Divisor",
    "ForbiddenTransition",
    "Interval",
    "Line",
    "LineKind",
    "Month",
    "NoPriceYet",
    "Period",
    "Plan",
    "PlansError",
    "Price",
    "Problem",
    "Proration",
    "ProrationRule",
    "RoundAt",
    "Rounding",
    "Side",
    "SubscriptionState",
    "TaxCategory",
    "Unit",
    "UnknownPlan",
    "UsageTerms",
    "chain",
    "check_quantity",
    "check_transition",
    "cycle_after_resume",
    "cycle_lines",
    "cycle_on_or_after",
    "cycle_period",
    "cycle_start",
    "cycle_starts",
    "days_in_month",
    "minimum_term_remaining",
    "parse_catalogue",
    "prorate",
    "round_yen",
    "trial_end",
]
