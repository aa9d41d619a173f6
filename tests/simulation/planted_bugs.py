"""Bugs planted into the real engine: the simulation must find every one, or it proves nothing.

Each is a function of the engine replaced by a wrong one, the faults it needs to show, and the
number of worlds within which it must be found.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from billing import Brake, OutcomeKind
from billing.cap.verdict import Charge as ChargeIt
from simulation.play import Played, play
from simulation.setting import Setting
from simulation.store import Store
from simulation.wrong_engines import (
    YEARS_AHEAD,
    Wrong,
    a_cycle_too_far,
    a_yen_more,
    all_of_it_again,
    all_of_it_captured,
    always_the_first,
    answers,
    booked_twice,
    captured_instead,
    captures_not_counted,
    constant,
    counts_as_sent,
    far_window,
    gives,
    made_longer,
    month_by,
    moved_twice,
    never_after_the_28th,
    never_released,
    no_waits,
    of_the_clock,
    on_the_30th_day,
    paid_at_once,
    read_as_closed,
    released_while_open,
    respelled,
    sends,
    sent_without_commit,
    spelled_anew,
    spelled_by_the_other,
    whatever_the_agreement_does,
    while_another_is_open,
    without,
)

_UNKNOWN: Final = {"timeout_after": 200, "500_before": 200, "reset_after": 100}
_EDGE: Final = date(2027, 1, 28)


@dataclass(frozen=True, slots=True)
class Bug:
    """A wrong engine: dotted name → what makes the right function wrong."""

    name: str
    wrong: Mapping[str, Wrong]
    world: Mapping[str, Any] = field(default_factory=dict)
    damage: str = ""
    seeds: int = 20
    known: int = 1
    """A seed that is known to find it: where a hunt begins, so that each commit can afford all."""
    caught_by: str = ""
    """The one check that must find it, where others would not show that this one can fail."""


def small(seed: int, **changes: Any) -> Setting:
    """A world in which a bug shows soon: few people, one month's end."""
    values = {"days": 40, "settle_days": 30, "subscriptions": 12, "dunning_days": "1,3"} | changes
    return replace(Setting(seed=seed, start=_EDGE, days=40), **values)


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """The engine is wrong until the block ends."""
    with ExitStack() as stack:
        for dotted, wrong in bug.wrong.items():
            stack.enter_context(_swapped(dotted, wrong))
        yield


@contextmanager
def _swapped(dotted: str, wrong: Wrong) -> Iterator[None]:
    module_name, _, name = dotted.rpartition(".")
    module = importlib.import_module(module_name)
    real = getattr(module, name)  # a name that is gone must be looked up anew by whoever moved it
    setattr(module, name, wrong(real))
    try:
        yield
    finally:
        setattr(module, name, real)


def hunt(bug: Bug) -> Played | None:
    """The first world that finds the bug; None when none of its seeds does."""
    with planted(bug):
        others = [seed for seed in range(1, bug.seeds + 1) if seed != bug.known]
        for seed in (bug.known, *others):
            played = play(small(seed, **bug.world), prepare=lambda store: _damage(store, bug))
            if played.violation is not None:
                return played
    return None


def _damage(store: Store, bug: Bug) -> None:
    if bug.damage:
        store.raw.executescript(bug.damage)


_SPLIT_SHOP: Final = {"shape": "heavy", "sharing": 4, "subscriptions": 24}
_SOON: Final = {"days": 7, "settle_days": 4}
"""Charges fall due on the fourth and fifth day; what is wrong with them shows in another week."""
_GOODS: Final = {"shape": "goods", "anchors": (1, 31)}
_TAKEN_OVER: Final = {
    "network": {"timeout_after": 150, "500_before": 150, "reset_after": 50},
    "schedulers": 2,
    "two_programs": True,
    "kill": 5,
    "delay": 20,
    "anchors": (1, 31),
    "subscriptions": 20,
}
"""Keys go from one program to the other here, now and then."""
_LATE_EVENING: Final = {
    "charge_hour": 23,
    "anchors": (31,),
    "network": {"500_before": 800},
    "days": 10,
    "settle_days": 3,
}

BUGS: Final = (
    Bug("new key on each send", {"scheduler.run.send": sends(made_longer)}),
    Bug("key with the time in it", {"billing.charging.intend.idempotency_key": of_the_clock}),
    Bug(
        "replay with other bytes",
        {"scheduler.run.send": sends(respelled)},
        {"network": _UNKNOWN},
    ),
    Bug("a yen more than agreed", {"billing.charging.intend.charge_body": a_yen_more}),
    Bug(
        "same key after a decline",
        {"billing.charging.intend.idempotency_key": always_the_first},
        {"decline": 500} | _SOON,
    ),
    Bug(
        "cap not looked at",
        {"billing.charging.intend.effective_limit_yen": gives(1_000_000_000)},
        _SPLIT_SHOP,
    ),
    Bug(
        "cap verdict always yes",
        {
            "billing.charging.intend.judge": lambda real: (
                lambda *, amount_yen, **said: ChargeIt(amount_yen)
            )
        },
        _SPLIT_SHOP | _SOON,
    ),
    Bug(
        "month by UTC alone",
        {
            "billing.charging.intend.possible_months": month_by(0),
            "billing.charging.doubt.possible_months": month_by(0),
        },
        {"charge_hour": 8, "anchors": (1,)},
    ),
    Bug(
        "month by Japan alone",
        {
            "billing.charging.intend.possible_months": month_by(9),
            "billing.charging.doubt.possible_months": month_by(9),
        },
        {"charge_hour": 8, "anchors": (1,), "amazon_month": "UTC"},
    ),
    Bug(
        "room given back while in doubt",
        {"billing.charging.record._still_open": released_while_open},
        {"network": _UNKNOWN},
    ),
    Bug(
        "room given back twice",
        {"billing.store.cap_room._move": moved_twice},
        {"decline": 300} | _SOON,
    ),
    Bug(
        "captures take no room", {"billing.charging.record_work.settle_holds": captures_not_counted}
    ),
    Bug(
        "replay without room in its month",
        {"billing.charging.doubt._hold_months_of_now": gives(set())},
        _LATE_EVENING,
        known=2,
    ),
    Bug(
        "a sender that slept sends all the same",
        {"scheduler.run.send": sends(far_window)},
        {
            "charge_hour": 23,
            "anchors": (31,),
            "delay": 1_000,
            "delay_only_at": ("charge.intended",),
            "days": 8,
            "settle_days": 1,
            "subscriptions": 3,
        },
        seeds=60,
        known=5,
    ),
    Bug(
        "5xx is a decline",
        {
            "scheduler.run.send": answers(
                OutcomeKind.UNKNOWN, kind=OutcomeKind.DECLINED, reason_code="SoftDeclined"
            )
        },
        {"network": _UNKNOWN},
    ),
    Bug(
        "429 is a decline",
        {
            "scheduler.run.send": answers(
                OutcomeKind.THROTTLED, kind=OutcomeKind.DECLINED, reason_code="SoftDeclined"
            )
        },
        {"network": {"429": 200}},
    ),
    Bug(
        "given up without sealing the key",
        {
            "scheduler.run.send": answers(
                OutcomeKind.UNKNOWN, kind=OutcomeKind.CAP_REFUSED, reason_code="none"
            )
        },
        {"network": _UNKNOWN},
    ),
    Bug(
        "nonsense goes to a person",
        {"scheduler.run.send": answers(OutcomeKind.UNKNOWN, kind=OutcomeKind.CONTRADICTION)},
        {"network": {"garbage": 300}} | _SOON,
    ),
    Bug(
        "unknown is paid",
        {
            "scheduler.run.send": answers(
                OutcomeKind.UNKNOWN, kind=OutcomeKind.CAPTURED, charge_id="C-unknown"
            )
        },
        {"network": {"500_before": 300}},
    ),
    Bug("late is paid", {"billing.charging.send.from_charge": paid_at_once}, {"late": 500}),
    Bug(
        "in doubt and forgotten",
        {"scheduler.run.claim_unsettled": gives([])},
        {"network": {"timeout_after": 400}, "kill": 20} | _SOON,
    ),
    Bug(
        "a lease for ever",
        {"billing.charging.intend.LEASE": constant(YEARS_AHEAD)},
        {"kill": 20, "one_host": False} | _SOON,
        known=2,
    ),
    Bug(
        "sent without a commit",
        {"billing.charging.intend.writing": sent_without_commit},
        {"commit_lost": 100},
        known=8,
    ),
    Bug(
        "two tries at once",
        {"billing.charging.intend.to_be_charged": while_another_is_open},
        {"schedulers": 3, "delay": 100, "network": _UNKNOWN},
        damage="DROP INDEX attempt_one_open_or_successful",
    ),
    Bug(
        "charged while paused",
        # Who stops owes nothing any more, so the state is looked at for nothing until debts stay.
        {
            "billing.charging.intend.to_be_charged": whatever_the_agreement_does,
            "billing.agreements.giving_up.write_off": gives(None),
        },
        {"decline": 500, "actions_per_100_days": 600},
        known=2,
    ),
    Bug("cycle by date", {"billing.charging.settle.cycle_start": on_the_30th_day}),
    Bug("drift after February", {"billing.charging.settle.cycle_start": never_after_the_28th}),
    Bug("a cycle left out", {"billing.charging.record.next_cycle_row": a_cycle_too_far}),
    Bug("payment booked twice", {"billing.books.ledger.book": booked_twice("charge_captured")}),
    Bug(
        "refund booked twice",
        {"billing.books.ledger.book": booked_twice("charge_refunded")},
        {"actions_per_100_days": 300},
    ),
    Bug(
        "refund with a new key",
        {"scheduler.refunds.send_refund": sends(made_longer)},
        {"actions_per_100_days": 300},
    ),
    Bug(
        "refund without room",
        {"billing.refunds.requesting.refundable_charges": all_of_it_again},
        {"actions_per_100_days": 600, "subscriptions": 4, "anchors": (31,)},
        damage="DROP INDEX refund_one_open; DROP TRIGGER refund_counted; "
        "DROP TRIGGER refund_recounted",
    ),
    Bug(
        "brake not looked at",
        {"billing.charging.intend.load_brake": gives(Brake())},
        {"brake": 300},
        known=4,
    ),
    Bug(
        "clock not looked at",
        {"scheduler.engine.check_clock": gives(Brake())},
        {"clock_jump": 60, "anchors": (1, 5, 10, 15, 20, 25, 31), "subscriptions": 40},
    ),
    Bug("dunning without end", {"scheduler.watch.end_waits": gives(0)}, {"decline": 500}),
    Bug(
        "no margin for clocks",
        {"billing.dates.CLOCK_MARGIN": constant(timedelta(0))},
        {"skew_seconds": 60, "amazon_month": "UTC", "anchors": (1,), "days": 6, "settle_days": 1},
        known=5,
    ),
    Bug(
        "a message is believed",
        {"scheduler.inbox.record_permissions": read_as_closed},
        {"messages": 0, "buyer_per_100_days": 300, "days": 12, "settle_days": 2},
    ),
    Bug(
        "a failed delivery counts as sent",
        {"scheduler.deliveries.record_deliveries": counts_as_sent},
        {"mails": 500} | _SOON,
    ),
    Bug(
        "books from a backup go on at once",
        {"billing.charging.intend.load_brake": gives(Brake())},
        {"restore_on": 2, "network": {"503": 300}},
        seeds=40,
        known=2,
    ),
    Bug("paid and not told", {"billing.charging.record_work.write_notices": without("charged")}),
    Bug(
        "captured again under a new key",
        {"scheduler.captures.send_act": sends(made_longer)},
        _GOODS | {"network": {"timeout_after": 300}},
    ),
    Bug(
        "captured without a shipment",
        {"billing.captures.cancelling.act_row": captured_instead},
        _GOODS | {"shipping": 1_000},
    ),
    Bug(
        "a part was shipped, all is captured",
        {"billing.captures.requesting.act_row": all_of_it_captured},
        _GOODS | {"shipping": 1_000},
    ),
    Bug(
        "room of a cancelled authorisation is kept for ever",
        {"billing.charging.record_work.settle_holds": never_released},
        _GOODS | {"shipping": 1_000, "cap_of_canceled": "released", "frees_canceled": True},
    ),
    Bug(
        "the doubts of an outage wait for a day",
        {"billing.charging.record.REPLAY_MINUTES": constant((1_440,))},
        {"anchors": (1,), "outage_on": 4, "outage_hours": 1, "days": 6, "settle_days": 1},
    ),
    Bug(
        "each program spells replays its own way",
        {"scheduler.run.send": sends(spelled_anew)},
        {"network": _UNKNOWN, "schedulers": 2, "two_programs": True},
    ),
    Bug(
        "who takes a key over spells it anew",
        {"scheduler.run.send": spelled_by_the_other},
        _TAKEN_OVER | _SOON,
        known=3,
        caught_by="invariant_32",
    ),
    Bug(
        "captured, and the charge stays authorised",
        {"billing.captures.recording._of_the_charge": gives([])},
        _GOODS | {"shipping": 1_000} | _SOON,
        caught_by="invariant_42",
    ),
    Bug("no pace", {"scheduler.pacing.take": no_waits}, {"paced": True, "subscriptions": 40}),
)
