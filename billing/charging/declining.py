"""What recording needs to know about declines: the schedules they follow, the room they will find.

Read once for all declines of a transaction, under the locks of their permissions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from billing.catalogue.dunning_store import Dunning, caps_ahead, dunning_of
from billing.charging.outcome import OutcomeKind
from billing.charging.record_cases import Case
from billing.dunning import CapAhead, Decline, DunningStep, next_step
from billing.store.merchants import Merchant

__all__ = ["CountedDecline", "Declines", "load_declines"]


@dataclass(frozen=True, slots=True)
class CountedDecline:
    """A decline in the life of its slot: the schedule, the counters after it, and what follows."""

    dunning: Dunning
    declines: int
    first_on: date
    step: DunningStep


@dataclass(frozen=True, slots=True)
class Declines:
    """Schedules by invoice, and room by slot."""

    dunnings: Mapping[int, Dunning] = field(default_factory=dict)
    caps: Mapping[int, CapAhead] = field(default_factory=dict)

    def counted(self, case: Case, merchant: Merchant, *, on: date) -> CountedDecline:
        """Count a decline of `on`, and find its next step.

        A try that a person asked for uses up none of the schedule's, and moves none of its days.
        """
        slot = case.slot
        asked = case.attempt["number"] == slot["asked_attempt"] and slot["declines"] > 0
        declines = slot["declines"] + (not asked)
        first_on = slot["declined_on"] or on
        dunning = self.dunnings[case.invoice["id"]]
        decline = Decline(case.outcome.reason_code or "", declines - 1, first_on, on)
        step = next_step(
            schedule=dunning.schedule,
            decline=decline,
            charge_hour=merchant.charge_hour,
            cap=self.caps[slot["id"]],
        )
        return CountedDecline(dunning, declines, first_on, step)


def load_declines(
    connection: Connection, merchant: Merchant, cases: Sequence[Case], *, at: datetime
) -> Declines:
    """Read what the declines among `cases` need; nothing is read when there is none."""
    declined = [case for case in cases if case.outcome.kind is OutcomeKind.DECLINED]
    if not declined:
        return Declines()
    invoice_ids = {case.invoice["id"] for case in declined}
    slots = {case.slot["id"]: case.slot for case in declined}
    given_back = [case.attempt["id"] for case in declined if _gives_back(case, merchant)]
    return Declines(
        dunnings=dunning_of(connection, merchant, invoice_ids, at=at),
        caps=caps_ahead(connection, merchant, slots, given_back=given_back, at=at),
    )


def _gives_back(case: Case, merchant: Merchant) -> bool:
    """Whether the decline frees the room; that of a lost authorisation follows a rule."""
    return case.attempt["authorized_yen"] is None or merchant.cap_of_canceled != "kept"
