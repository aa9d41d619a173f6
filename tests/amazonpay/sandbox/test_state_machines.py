"""Random operations against one local Amazon Pay: every step must be what states.md allows."""

from collections.abc import Callable
from typing import Any

import pytest
from amazon_calendar import month_of, next_month
from amazon_charging import EDGES, KINDS, PICK, Charging, edge
from amazon_checkout import BESIDE, CheckingOut
from amazon_machine import operation
from amazon_model import PENDING, SYNCHRONOUS_CAPTURE
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from wire_client import WireClient

pytestmark = pytest.mark.slow

STEPS = 50
ROUND = 10
# Less than ten minutes of one core, at somewhat less than a second for a sequence.
MOST_ROUNDS = 60
# Mostly the half minutes of the sandbox, sometimes days; the months that end everything have rules.
TIMES = st.sampled_from([5, 29, 30, 31, 31, 600, 90_000, 700_000, 2_700_000])
TIMERS = st.sampled_from(
    [
        *("pending", "capture", "refund", "session", "authorization", "late capture", "token"),
        *("pending", "capture", "refund", "month", "forgotten", "permission"),
    ]
)


class AmazonPay(Charging, CheckingOut):
    """What merchant and buyers do, at random, and at the edges of time."""

    @operation(by=TIMES)
    def time_passes(self, by: int) -> None:
        self.go_to(self.clock() + by * 1_000)

    @operation(timer=TIMERS, beside=BESIDE)
    def time_passes_to_an_edge(self, timer: str, beside: int) -> None:
        """To the next timer of that kind, or just beside it; to any other where there is none."""
        moments = self.model.moments()
        at = next((at for kind, at in moments if kind == timer), moments[0][1])
        self.go_to(at + beside)

    @operation(pick=PICK, beside=BESIDE, where=EDGES)
    def charge_at_the_end_of_a_month(self, pick: int, beside: int, where: str) -> None:
        permission = self.permission(pick, room=1_000)
        self.create(permission, 1_000)
        self.go_to(next_month(self.model.now) + beside)
        self.create(permission, edge(permission.limit, where))

    @operation(pick=PICK, beside=BESIDE, kind=KINDS)
    def capture_a_week_later(self, pick: int, beside: int, kind: str) -> None:
        charge = self.charge(pick, "Authorized", kind)
        if pick % 3 == 0:
            # The week of a pending charge begins when it is authorized, not when it is made.
            charge = self.pending(pick, "Authorized", kind, now=False, may_wait=True) or charge
            self.go_to(self.model.now + PENDING + 1)
        self.go_to(charge.authorized_at + SYNCHRONOUS_CAPTURE + beside)
        self.captured(charge, charge.amount)
        self.go_to(self.clock() + 30_500)

    @operation(
        pick=PICK, beside=BESIDE, kind=KINDS, then=st.sampled_from(["charge", "close", "update"])
    )
    def outlive_a_permission(self, pick: int, beside: int, kind: str, then: str) -> None:
        permission = self.permission(pick, kind)
        if permission.expires is not None:
            self.go_to(permission.expires + beside)
        if then == "charge":
            self.create(permission, edge(permission.balance(month_of(self.model.now)), "all"))
        elif then == "close":
            self.closed(permission, cancel=True, code=None)
        self.update_permission_of(permission, "もう一度")

    @operation(pick=PICK, ending=st.sampled_from(["Authorized", "HardDeclined"]), beside=BESIDE)
    def act_as_a_timer_fires(self, pick: int, ending: str, beside: int) -> None:
        """Cancel, capture and refund just as the thirty seconds of a charge are over."""
        charge = self.pending(pick, ending, "Recurring", now=pick % 2 == 0, may_wait=True)
        if charge is None or charge.due is None:
            return
        self.go_to(charge.due[1] + beside)
        if pick % 3 == 0:
            self.canceled(charge)
        elif pick % 3 == 1:
            self.captured(charge, charge.amount)
        else:
            self.refunded(charge, charge.amount)


def play(machine: Callable[[], AmazonPay], profile: settings, **changes: Any) -> None:
    """Plays random sequences, a third as many as a profile has examples: each is a long one.

    In rounds of ten: from the eleventh on Hypothesis mostly varies examples that it had before. A
    profile that is to repeat itself numbers its rounds.
    """
    wanted = settings(
        profile,
        max_examples=ROUND,
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        **changes,
    )
    for number in range(min(profile.max_examples // 30, MOST_ROUNDS) or 1):
        numbered = seed(number)(lambda: machine()) if profile.derandomize else machine
        run_state_machine_as_test(numbered, settings=wanted)


def test_random_operations_keep_to_the_state_machines(ready: dict[str, Any]) -> None:
    amazon = WireClient.of(ready)
    play(lambda: AmazonPay(amazon, ready["store_id"]), settings())
    amazon.close()
