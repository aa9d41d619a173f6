"""What follows a definite decline, by Amazon's reason code: pure, dates and words only.

The one door of the package. Reading and freezing schedules is in `billing.catalogue.dunning_store`.
"""

from billing.dunning.cap_ahead import CapAhead
from billing.dunning.merchant_days import parse_schedule
from billing.dunning.preview import DunningPreview, PreviewedTry, preview_dunning
from billing.dunning.quiet import next_waking_hour
from billing.dunning.reasons import BUYER_MUST_ACT, RETRYABLE, tries_for
from billing.dunning.steps import (
    Decline,
    DunningStep,
    Move,
    MoveCause,
    NextStep,
    charge_hour_of,
    next_step,
    wait_until,
)
from billing.dunning.words import end_words, move_words, reason_words

__all__ = [
    "BUYER_MUST_ACT",
    "RETRYABLE",
    "CapAhead",
    "Decline",
    "DunningPreview",
    "DunningStep",
    "Move",
    "MoveCause",
    "NextStep",
    "PreviewedTry",
    "charge_hour_of",
    "end_words",
    "move_words",
    "next_step",
    "next_waking_hour",
    "parse_schedule",
    "preview_dunning",
    "reason_words",
    "tries_for",
    "wait_until",
]
