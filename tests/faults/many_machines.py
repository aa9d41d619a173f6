"""A month of charges on eight machines that are killed, frozen and cut off while they work."""

import base64
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cut_wire import Wire
from machines import Machine, Machines, wait_for
from sqlalchemy import make_url
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, open_shop, subscriber

from billing import SubscriberRow

MACHINES = 8
HEARTBEAT = 0.5
# Without three beats a worker counts as dead: it is frozen for longer than that, and for less.
FREEZES = (1.0, 4.0)


def due_since_yesterday(number: int) -> SubscriberRow:
    """A subscriber whose first charge was due yesterday by the machine's clock."""
    yesterday = datetime.now(ZoneInfo("Asia/Tokyo")).date() - timedelta(days=1)
    return subscriber(
        number, started_on=yesterday, anchor_day=yesterday.day, next_charge_on=yesterday
    )


@dataclass
class Chaos:
    """A shop, the machines that bill it, and what was done to them."""

    shop: Shop
    machines: Machines
    subscribers: int
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    orphans: dict[int, float] = field(default_factory=dict)
    lost_seconds: list[float] = field(default_factory=list)
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def play(self, blows: int, *, pause: tuple[float, float]) -> None:
        """Strike so many times, and let the machines be whole again afterwards."""
        assert wait_for(lambda: self.under_way() >= MACHINES, seconds=120), self.machines.logs()
        for _ in range(blows):
            self._strike()
            until = time.monotonic() + self.dice.uniform(*pause)
            while time.monotonic() < until:
                self.look()
                time.sleep(0.1)
        while self._later:
            self.look()
            time.sleep(0.1)

    def finish(self, *, seconds: float) -> bool:
        """True when everything is paid and nothing is open within so many seconds."""
        return wait_for(self._is_finished, seconds=seconds)

    def look(self) -> None:
        """Undo what is to be undone by now, and see which orphans have been settled."""
        now = time.monotonic()
        due = [undo for at, undo in self._later if at <= now]
        self._later = [(at, undo) for at, undo in self._later if at > now]
        for undo in due:
            undo()
        for machine in self.machines.machines:
            # One that could not reach its database when it started has ended: start it again.
            if machine.pid is not None and not machine.is_up:
                self.machines.boot(machine)
        if self.orphans:
            open_ids = {row["id"] for row in self.shop.rows(f"SELECT id FROM attempt WHERE {OPEN}")}
            for attempt in [a for a in self.orphans if a not in open_ids]:
                self.lost_seconds.append(now - self.orphans.pop(attempt))

    def story(self) -> str:
        """Where everything stands, and what all workers said: for the report of a failed test."""
        slots = self.shop.rows("SELECT state, reason, COUNT(*) FROM slot GROUP BY state, reason")
        left = self.shop.rows(
            "SELECT id, state, worker_id, sends, look_at, detail FROM attempt "
            f"WHERE {OPEN} ORDER BY id LIMIT 20"
        )
        jobs = self.shop.rows("SELECT queueing_lock, status::text FROM procrastinate_jobs")
        rows = "\n".join(map(str, [*slots, *left, *jobs]))
        return f"{self.machines.logs()}\n{datetime.now(UTC)}\n{rows}"

    def under_way(self, machine: Machine | None = None) -> int:
        """Attempts that have no outcome yet, of one machine's worker or of all."""
        mine = "%" if machine is None else machine.worker_prefix
        (row,) = self.shop.rows(
            f"SELECT COUNT(*) AS open FROM attempt WHERE {OPEN} AND worker_id LIKE :mine", mine=mine
        )
        return int(row["open"])

    def busy_machine(self) -> Machine:
        """The first machine that has several attempts under way."""
        for _ in range(600):
            for machine in self.machines.machines:
                if self.under_way(machine) >= 4:
                    return machine
            time.sleep(0.1)
        raise AssertionError(self.machines.logs())

    def _is_finished(self) -> bool:
        self.look()
        (row,) = self.shop.rows(
            "SELECT (SELECT COUNT(*) FROM slot WHERE state = 'paid') AS paid, "
            f"(SELECT COUNT(*) FROM attempt WHERE {OPEN}) AS open"
        )
        return bool(row["paid"] == self.subscribers and row["open"] == 0)

    def _strike(self) -> None:
        machine = self.dice.choice(self.machines.machines)
        blow = self.dice.choice(BLOWS)
        if machine.frozen or not machine.is_up:
            blow = "cut"
        self.done[blow] += 1
        wire = machine.wire
        match blow:
            case "kill":
                self.orphan(machine)
                machine.kill()
                self._undo(self.dice.uniform(0.3, 3.0), lambda: self.machines.boot(machine))
            case "freeze":
                self.orphan(machine)
                machine.freeze()
                self._undo(self.dice.uniform(*FREEZES), machine.thaw)
            case "cut":
                wire.cut()
            case "commit lost":
                wire.cut_next_commit("before")
            case "commit unheard":
                wire.cut_next_commit("after")
            case "partition":
                self.orphan(machine)
                wire.swallow(self.dice.uniform(*FREEZES))

    def _undo(self, seconds: float, undo: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, undo))

    def orphan(self, machine: Machine) -> None:
        """Remember what the machine has under way: how long until somebody has settled it?"""
        mine = self.shop.rows(
            f"SELECT id FROM attempt WHERE {OPEN} AND worker_id LIKE :mine",
            mine=machine.worker_prefix,
        )
        self.orphans |= {row["id"]: time.monotonic() for row in mine}


OPEN = "state IN ('intended', 'in_doubt', 'pending')"
BLOWS = ("kill", "kill", "freeze", "cut", "commit lost", "commit unheard", "partition")


@contextmanager
def chaos(
    *,
    database_url: str,
    amazon: Sandbox,
    folder: Path,
    subscribers: int,
    seed: int = 0,
    machines: int = MACHINES,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Chaos]:
    """Machines at work on the charges of so many subscribers, each answer slow."""
    amazon.set_clock(datetime.now(UTC))
    shop = open_shop(
        database_url=database_url,
        amazon=amazon,
        subscribers=[due_since_yesterday(number) for number in range(1, subscribers + 1)],
    )
    amazon.faults(
        [{"operation": "createCharge", "kind": "slow", "seconds": 0.5, "times": 1_000_000}]
    )
    with ExitStack() as open_things:
        open_things.callback(shop.database.dispose)
        environment = _environment(shop, folder) | settings
        fleet = open_things.enter_context(Machines(environment, folder))
        for _ in range(machines):
            wire = open_things.enter_context(Wire(make_url(database_url)))
            fleet.boot(fleet.add(wire))
        yield Chaos(shop, fleet, subscribers, random.Random(seed))


def _environment(shop: Shop, folder: Path) -> dict[str, str]:
    key = folder / "master.key"
    key.write_text(base64.b64encode(shop.master_key).decode())
    return {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")} | {
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_AMAZON_URL": shop.amazon.base_url,
        "AUTOPAY_MASTER_KEY_FILE": str(key),
        "AUTOPAY_PACED": "false",
        "AUTOPAY_IN_FLIGHT": "2",
        "AUTOPAY_SLICES_AT_ONCE": "1",
        "AUTOPAY_TICK_SECONDS": "2",
        "AUTOPAY_HEARTBEAT_SECONDS": str(HEARTBEAT),
    }


def faults_of(chaos: Chaos) -> list[str]:
    """What Amazon's own record, its log and the audit say against the books."""
    shop = chaos.shop
    wanted = sorted((f"sub-{n:03d}-0000-renewal", 1980) for n in range(1, chaos.subscribers + 1))
    found = list(shop.faults(datetime.now(UTC)))
    if shop.taken() != wanted:
        twice = [r for r, n in Counter(r for r, _ in shop.taken()).items() if n > 1]
        missing = {r for r, _ in wanted} - {r for r, _ in shop.taken()}
        found.append(f"Amazon took twice: {twice}; never: {sorted(missing)}")
    intended = {r["idempotency_key"] for r in shop.rows("SELECT idempotency_key FROM attempt")}
    bodies: dict[str, set[str]] = {}
    for request in shop.amazon.requests():
        if request["idempotencyKey"]:
            bodies.setdefault(request["idempotencyKey"], set()).add(request["bodySha256"])
    if len(bodies) != chaos.subscribers:
        found.append(f"{chaos.subscribers} charges were sent under {len(bodies)} keys")
    found += [f"sent without intent: {key}" for key in bodies.keys() - intended]
    found += [f"two bodies under one key: {key}" for key, sent in bodies.items() if len(sent) > 1]
    return found
