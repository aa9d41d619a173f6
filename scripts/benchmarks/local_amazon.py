"""The local Amazon Pay alone: signed Create Charge calls, nearly empty and with many charges.

The load generator is the one of the tests: signed before the clock starts, bare sockets.
"""

import importlib
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from app.local_amazon import LocalAmazon, start_local_amazon
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.machine import SIGNING_LIMIT, MachineLimit

LOAD = Path(__file__).parents[2] / "tests" / "amazonpay" / "sandbox"
FEW, MANY = 100, 100_000
REQUIRED_PER_SECOND = 300
# "As fast with 100,000 as with 100": a table scan would cost a factor of hundreds, while medians
# of runs side by side differ by up to a fifth on a machine that does other things too.
REQUIRED_SHARE = 0.8
PERMISSIONS = 100
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class _Server:
    amazon: LocalAmazon
    permission_ids: list[str]


def measure(*, folder: Path, calls: int, limit: MachineLimit) -> list[Figure]:
    """Drive both servers in turns, so that a slow moment of the machine hits both alike."""
    load = _load_generator()
    rates: dict[int, list[float]] = {FEW: [], MANY: []}
    with _filled(load, folder / "few", FEW) as few, _filled(load, folder / "many", MANY) as many:
        for turn in range(ROUNDS):
            # Whoever goes first finds the machine cooler: they take turns at that too.
            for stored, server in ((FEW, few), (MANY, many))[:: -1 if turn % 2 else 1]:
                rates[stored].append(_rate(load, server, calls=calls, run=f"turn{turn}"))
    return _figures({stored: statistics.median(seen) for stored, seen in rates.items()}, limit)


def _figures(rates: dict[int, float], limit: MachineLimit) -> list[Figure]:
    figures = [
        Figure(
            name=f"Create Charge, {stored:,} charges stored",
            value=rate,
            unit="per second",
            required=REQUIRED_PER_SECOND,
            ratio=rate / limit.signs_per_second,
            ratio_to=SIGNING_LIMIT,
        )
        for stored, rate in rates.items()
    ]
    share = rates[MANY] / rates[FEW]
    return [
        *figures,
        Figure(
            name=f"speed with {MANY:,} ÷ speed with {FEW:,}",
            value=share,
            unit="",
            required=REQUIRED_SHARE,
        ),
    ]


def _load_generator() -> ModuleType:
    sys.path.insert(0, str(LOAD))  # it imports its neighbour by its plain name
    try:
        return importlib.import_module("load")
    finally:
        sys.path.remove(str(LOAD))


@contextmanager
def _filled(load: ModuleType, folder: Path, charges: int) -> Iterator[_Server]:
    """A running server that holds so many charges, and fresh permissions to charge."""
    _start(folder).stop()  # makes its folder and its keys
    load.fill(folder, charges=charges)
    amazon = _start(folder)
    try:
        made = amazon.control("POST", "/charge-permissions", [{} for _ in range(PERMISSIONS)])
        yield _Server(amazon, [item["chargePermissionId"] for item in made["items"]])
    finally:
        amazon.stop()
        if amazon.process.stdout is not None:
            amazon.process.stdout.close()


def _start(folder: Path) -> LocalAmazon:
    return start_local_amazon(folder=folder, arguments=("--throttle", "off"))


def _rate(load: ModuleType, server: _Server, *, calls: int, run: str) -> float:
    wire = importlib.import_module("wire_client")
    amazon = server.amazon
    rate: float = load.run_load(
        amazon.base_url,
        key=wire.load_key(str(amazon.private_key_file)),
        key_id=amazon.public_key_id,
        permission_ids=server.permission_ids,
        calls=calls,
        run=run,
    )
    return rate
