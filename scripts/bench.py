"""`make bench`: measures, prints a table, and exits 1 when a requirement is missed.

    python -m scripts.bench [--quick] [--json] [--only SUBJECT …] [--throttle-minutes 20]

Ratios compare with a limit that is measured in the same run, so they mean the same on a slow
machine as on a fast one. Everything happens on loopback and in a folder that is removed again.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.benchmarks import (
    arithmetic,
    chain,
    claims,
    client,
    demo,
    local_amazon,
    machine,
    memory,
    pages,
    planning,
    renewals,
    throttle,
)
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.renewals import Size
from scripts.benchmarks.rig import Kind, RigFailed, stop_postgres

# Ten charges of every subscription are in the books when the pages are measured.
PAGE_MONTHS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. Figures of the short plan wander more; its play asks for nothing."""

    months: int
    seconds: float
    calls: int
    subscriptions: int
    renewals: Size
    claims: int
    due: int
    due_renewals: int
    throttle_minutes: float
    chain_rows: int
    page_subscriptions: int


WHOLE = Plan(
    months=12,
    seconds=3.0,
    calls=2_000,
    subscriptions=planning.REQUIRED_FOR,
    renewals=Size(renewals=6_000, old=2_000),
    claims=20_000,
    due=1_000_000,
    due_renewals=20_000,
    throttle_minutes=2.0,
    chain_rows=chain.ROWS,
    page_subscriptions=100_000,
)
QUICK = Plan(
    months=1,
    seconds=0.6,
    calls=1_000,
    subscriptions=100_000,
    renewals=Size(renewals=1_000, old=400),
    claims=4_000,
    due=20_000,
    due_renewals=1_000,
    throttle_minutes=0.3,
    chain_rows=100_000,
    page_subscriptions=5_000,
)


Measured = Callable[[Plan, Path, machine.MachineLimit], list[Figure]]


def _pages(plan: Plan, _folder: Path, _limit: machine.MachineLimit) -> list[Figure]:
    kinds: tuple[Kind, ...] = ("postgresql", "sqlite")
    return [
        figure
        for kind in kinds
        for figure in pages.measure(
            kind=kind, subscriptions=plan.page_subscriptions, months=PAGE_MONTHS
        )
    ]


# In the order of a whole run; the forecast of `arithmetic` reads the books that `demo` leaves.
SUBJECTS: dict[str, Measured] = {
    "client": lambda plan, _folder, _limit: client.measure(seconds=plan.seconds),
    "amazon": lambda plan, folder, limit: local_amazon.measure(
        folder=folder / "amazon", calls=plan.calls, limit=limit
    ),
    "demo": lambda plan, folder, limit: [
        *demo.measure(folder=folder, months=plan.months, limit=limit),
        *arithmetic.measure(folder=folder, seconds=plan.seconds, limit=limit),
    ],
    "planning": lambda plan, folder, _limit: planning.measure(
        folder=folder / "planning", subscriptions=plan.subscriptions
    ),
    "renewals": lambda plan, folder, limit: renewals.measure(
        folder=folder / "renewals", size=plan.renewals, limit=limit
    ),
    "claims": lambda plan, folder, _limit: claims.measure(
        folder=folder / "claims", number=plan.claims
    ),
    "memory": lambda plan, folder, _limit: memory.measure(
        folder=folder / "memory", due=plan.due, renewals=plan.due_renewals
    ),
    "chain": lambda plan, folder, _limit: chain.measure(
        folder=folder / "chain", rows=plan.chain_rows
    ),
    "pages": _pages,
    "throttle": lambda plan, folder, _limit: throttle.measure(
        folder=folder / "throttle", minutes=plan.throttle_minutes
    ),
}


def measure(plan: Plan, folder: Path, subjects: Collection[str] = tuple(SUBJECTS)) -> list[Figure]:
    """The figures of the subjects, the limit of the machine first."""
    limit = machine.measure(seconds=plan.seconds)
    figures = list(limit.figures())
    for name, measured in SUBJECTS.items():
        if name in subjects:
            figures += measured(plan, folder, limit)
    return figures


def table(figures: Iterable[Figure]) -> Table:
    """The figures for people."""
    shown = Table(title="Benchmarks", title_justify="left")
    for column in ("Figure", "Value", "Required", "Verdict", "Ratio", "to"):
        right = column in ("Value", "Ratio")
        shown.add_column(column, justify="right" if right else "left", overflow="fold")
    for figure in figures:
        shown.add_row(*_cells(figure))
    return shown


def _cells(figure: Figure) -> tuple[str, ...]:
    required = "" if figure.required is None else f"{figure.bound} {figure.required:,}"
    verdict = {True: "ok", False: "MISSED", None: ""}[figure.holds]
    ratio = "" if figure.ratio is None else f"{figure.ratio:,.2f}"
    return figure.name, _value(figure), required, verdict, ratio, figure.ratio_to


def _value(figure: Figure) -> str:
    if figure.value is None:
        return "not measured here"
    digits = 0 if figure.value >= 100 else 2
    return f"{figure.value:,.{digits}f} {figure.unit}".rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every requirement is met, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench", description="Benchmarks, with a table of figures."
    )
    parser.add_argument("--quick", action="store_true", help="play 1 month instead of 12")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument(
        "--throttle-minutes", type=float, help="how long to charge under the throttle (2; 0.3)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=tuple(SUBJECTS), default=tuple(SUBJECTS), help="these subjects"
    )
    given = parser.parse_args(arguments)
    plan = QUICK if given.quick else WHOLE
    if given.throttle_minutes is not None:
        plan = replace(plan, throttle_minutes=given.throttle_minutes)
    # Told to end, it unwinds like Ctrl-C does: what it started is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="autopay-bench-") as folder:
            figures = measure(plan, Path(folder), given.only)
    except (demo.DemoFailed, planning.PlanningFailed, RigFailed) as failed:
        sys.stderr.write(f"bench: {failed}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("bench: ended before its time\n")
        return 130
    finally:
        stop_postgres()
    if given.json:
        print(json.dumps({"quick": given.quick, "figures": [f.as_json() for f in figures]}))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(table(figures))
    return 1 if any(figure.holds is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
