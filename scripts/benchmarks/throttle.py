"""How much of Amazon's quota workers use, and how often they are told 429: from one, from four.

The local Amazon Pay throttles by the live table: 10 Create Charge calls at once, then 4 a second.
Halfway through, one of the four workers is killed.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scripts.benchmarks.due_books import DueBooks
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.rig import Rig, opened_rig, until

PER_SECOND, BURST = 4, 10
REQUIRED_SHARE = 0.95
MOST_REFUSED = 0.01
# Answers come after as long as Amazon's own do; a loop that waits for each would use a fifth.
LATENCY_SECONDS = 0.8
AMAZON = ("--throttle", "live", "--environment", "live")
PROGRAM = ("scripts.benchmarks.paced_worker",)
STARTS_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What Amazon logged of Create Charge within the time that counts."""

    accepted: int
    refused: int
    seconds: float

    @property
    def share(self) -> float:
        """Of the calls that the quota allows in this time, how many were made."""
        return self.accepted / (PER_SECOND * self.seconds)

    @property
    def refused_share(self) -> float:
        """Calls refused with 429, of all calls."""
        return self.refused / max(1, self.accepted + self.refused)


def measure(*, folder: Path, minutes: float) -> list[Figure]:
    """One worker undisturbed, and four of which one is killed halfway."""
    seconds = minutes * 60
    figures: list[Figure] = []
    for workers, killed in ((1, 0), (4, 1)):
        due = DueBooks(due=int(PER_SECOND * seconds * 1.2) + 200, environment="live")
        with opened_rig(
            due,
            kind="postgresql",
            folder=folder / f"workers-{workers}",
            chargeable=due.due,
            amazon=AMAZON,
        ) as rig:
            _slow(rig)
            rig.start_workers(workers, program=PROGRAM)
            seen = _watched(rig, seconds=seconds, kill=killed)
        words = f"{workers} workers, one killed" if killed else f"{workers} worker"
        figures += _figures(f"live throttle, {minutes:g} min, {words}", seen)
    return figures


def _figures(name: str, seen: _Seen) -> list[Figure]:
    return [
        Figure(
            name=f"{name}: share of the quota",
            value=seen.share,
            unit="",
            required=REQUIRED_SHARE,
            ratio=seen.share,
            ratio_to=f"{PER_SECOND} calls a second",
        ),
        Figure(
            name=f"{name}: share of 429",
            value=seen.refused_share,
            unit="",
            required=MOST_REFUSED,
            bound="at most",
        ),
    ]


def _slow(rig: Rig) -> None:
    fault = {"operation": "createCharge", "kind": "slow", "seconds": LATENCY_SECONDS}
    rig.amazon.control("POST", "/faults", [fault | {"times": 10**9}])


def _watched(rig: Rig, *, seconds: float, kill: int) -> _Seen:
    """Count from the moment on at which the burst is used up."""
    until(lambda: len(_calls(rig)) >= BURST, seconds=STARTS_WITHIN)
    # The burst counts neither for nor against: what was saved up before is not the rate.
    burst = len(_calls(rig))
    began = time.monotonic()
    while (spent := time.monotonic() - began) < seconds:
        if kill and spent >= seconds / 2:
            for process in rig.processes[:kill]:
                process.kill()
            kill = 0
        time.sleep(0.5)
    calls = _calls(rig)[burst:]
    took = time.monotonic() - began
    refused = sum(1 for _, status in calls if status == 429)
    return _Seen(accepted=len(calls) - refused, refused=refused, seconds=took)


def _calls(rig: Rig) -> list[tuple[datetime, int]]:
    """Moment and status of every Create Charge call, in order."""
    return [
        (datetime.fromisoformat(row["at"]), int(row["status"]))
        for row in rig.amazon.pages("/requests")
        if row["operation"] == "CreateCharge"
    ]
