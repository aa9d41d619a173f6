"""`make simulate`: plays seeded worlds against the real engine until so many years are simulated.

    python scripts/simulate.py run --years 5000 [--from-seed N] [--states] [--keep-going]
    python scripts/simulate.py replay FILE        see a written failure again
    python scripts/simulate.py shrink FILE        make it smaller
    python scripts/simulate.py bugs [NAME …]      plant bugs into the engine and see them found

A failing world is shrunk and written to var/simulation; then the exit code is 1.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The simulation lives with the tests: it is no part of what a merchant installs.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from rich.console import Console  # noqa: E402 - after the path
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402
from rich.table import Table  # noqa: E402
from simulation import failing, planted_bugs, sometimes  # noqa: E402
from simulation.play import Played, play  # noqa: E402
from simulation.setting import drawn  # noqa: E402
from simulation.shrink import Shrinker  # noqa: E402

DAYS_A_YEAR = 365
SHRINK_SECONDS = 300.0  # a large world takes half a minute to play once
FOLDER = ROOT / "var" / "simulation"


@dataclass(slots=True)
class Sum:
    """What all worlds of a run came to."""

    worlds: int = 0
    subscription_days: int = 0
    charges: int = 0
    cpu: float = 0.0
    failures: list[Path] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)

    @property
    def years(self) -> float:
        """Subscription-years."""
        return self.subscription_days / DAYS_A_YEAR

    @property
    def years_per_minute(self) -> float:
        """Subscription-years for each minute of the processor."""
        return self.years * 60 / self.cpu if self.cpu else 0.0

    def add(self, played: Played, cpu: float) -> None:
        """Add a world."""
        self.worlds += 1
        self.subscription_days += played.subscription_days
        self.charges += played.charges
        self.cpu += cpu
        self.reached += played.counts


def run(console: Console, *, years: float, first: int, states: bool, keep_going: bool) -> int:
    """Play worlds from a seed on until so many subscription-years are simulated."""
    total, seed = Sum(), first
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("starting", total=years)
        while total.years < years and (keep_going or not total.failures):
            started = time.process_time()
            played = play(drawn(seed))
            total.add(played, time.process_time() - started)
            if played.violation is not None:
                total.failures.append(_failed(console, played))
            told = f"seed {seed}: {total.years:,.0f} years, {total.years_per_minute:,.0f}/CPU-min"
            progress.update(bar, completed=total.years, description=told)
            seed += 1
    _summary(console, total, first, seed - 1)
    if states:
        _states(console, total)
    return 1 if total.failures else 0


def _failed(console: Console, played: Played) -> Path:
    console.print(f"[red]seed {played.setting.seed}: {played.violation}[/] {played.detail[:300]}")
    smallest = Shrinker(played, seconds=SHRINK_SECONDS).shrink()
    path = failing.written(smallest, folder=FOLDER)
    console.print(f"{len(smallest.tape)} choices left; python scripts/simulate.py replay {path}")
    return path


def _summary(console: Console, total: Sum, first: int, last: int) -> None:
    console.print(
        f"{total.worlds} worlds (seeds {first} to {last}), {total.years:,.0f} subscription-years, "
        f"{total.charges:,} charges, {total.cpu:,.0f} s of CPU, "
        f"{total.years_per_minute:,.0f} subscription-years per CPU-minute, "
        f"{len(total.failures)} violations; "
        f"{len(sometimes.REGISTRY) - len(sometimes.never(total.reached))} of "
        f"{len(sometimes.REGISTRY)} rare states reached"
    )


def _states(console: Console, total: Sum) -> None:
    shown = Table(title="Rare states", title_justify="left")
    shown.add_column("state")
    shown.add_column("reached", justify="right")
    for name in sometimes.REGISTRY:
        count = total.reached[name]
        shown.add_row(name, f"{count:,}" if count else "[red]never[/]")
    console.print(shown)


def replay(console: Console, path: Path) -> int:
    """Play a written failure again; 0 when the same invariant is broken at the same place."""
    played, said = failing.replayed(path)
    for line in played.lines[-40:]:
        console.print(line, highlight=False, markup=False)
    same = (played.violation, played.fingerprint) == (said["violation"], said["fingerprint"])
    console.print(f"{played.violation}: {played.detail[:1_000]}", markup=False)
    console.print("the same trace as written" if same else "NOT the trace that was written")
    return 0 if same else 1


def shrink(console: Console, path: Path, *, seconds: float) -> int:
    """Make a written failure smaller, in place."""
    played, said = failing.replayed(path)
    if played.violation != said["violation"]:
        console.print("the failure does not come again; nothing was written")
        return 1
    smallest = Shrinker(played, seconds=seconds).shrink()
    failing.written(smallest, folder=path.parent)
    console.print(f"{len(said['tape'])} → {len(smallest.tape)} choices")
    return 0


def bugs(console: Console, names: Sequence[str]) -> int:
    """Plant each bug and look for it; 1 when one is not found."""
    missed = 0
    for bug in planted_bugs.BUGS:
        if names and bug.name not in names:
            continue
        started = time.process_time()
        found = planted_bugs.hunt(bug)
        missed += found is None
        told = "NOT FOUND" if found is None else f"seed {found.setting.seed}: {found.violation}"
        console.print(f"{bug.name:<40} {told} ({time.process_time() - started:.1f} s)")
    return 1 if missed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="simulate.py", description="Plays simulated worlds.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="play worlds from seeds")
    running.add_argument("--years", type=float, default=5_000, help="subscription-years to play")
    running.add_argument("--from-seed", type=int, default=1, help="the first seed")
    running.add_argument("--states", action="store_true", help="show how often each was reached")
    running.add_argument("--keep-going", action="store_true", help="do not end at a failure")
    replaying = verbs.add_parser("replay", help="play a written failure again")
    replaying.add_argument("file", type=Path)
    shrinking = verbs.add_parser("shrink", help="make a written failure smaller")
    shrinking.add_argument("file", type=Path)
    shrinking.add_argument("--seconds", type=float, default=60.0)
    hunting = verbs.add_parser("bugs", help="plant bugs and look for them")
    hunting.add_argument("names", nargs="*")
    said = parser.parse_args(arguments)
    console = Console()
    match said.verb:
        case "run":
            return run(
                console,
                years=said.years,
                first=said.from_seed,
                states=said.states,
                keep_going=said.keep_going,
            )
        case "replay":
            return replay(console, said.file)
        case "shrink":
            return shrink(console, said.file, seconds=said.seconds)
        case _:
            return bugs(console, said.names)


if __name__ == "__main__":
    sys.exit(main())
