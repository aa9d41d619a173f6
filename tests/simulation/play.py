"""Plays one world: chaos, then healing, then settling; invariants all along."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from simulation import invariants
from simulation.actors import Actors
from simulation.amazon import Amazon
from simulation.arriving import Arrivals
from simulation.messages import Post
from simulation.outage import plan_outage
from simulation.points import Points
from simulation.restoring import Restorer
from simulation.schedulers import Schedulers
from simulation.setting import Setting
from simulation.shop import Shop, on_network, open_shop, opens_at
from simulation.sometimes import in_books
from simulation.stage import on_stage
from simulation.store import Store, open_store
from simulation.tape import Tape
from simulation.telling import Receivers
from simulation.versions import Versions
from simulation.view import View, Violation
from simulation.warehouse import Warehouse
from simulation.wire import Network
from simulation.world import DAY, Process, World

_ENDED: Final = """SELECT o.external_id AS name, o.state, o.next_cycle AS cycle,
COALESCE((SELECT SUM(i.paid_yen) FROM invoice i WHERE i.subscription_id = o.id), 0) AS yen
FROM subscription o"""
_RUNNING: Final = "SELECT COUNT(*) AS n FROM subscription WHERE state NOT IN ('canceled', 'paused')"


@dataclass(slots=True)
class Played:
    """What became of a world."""

    setting: Setting
    violation: str | None
    detail: str
    tape: dict[str, int]
    lines: list[str]
    fingerprint: str
    subscription_days: int
    charges: int
    days_played: int
    counts: Counter[str] = field(default_factory=Counter)
    ended: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """How each subscription stands at the end: its state, its next cycle, the yen it has paid."""


def play(
    setting: Setting,
    *,
    tape: Mapping[str, int] | None = None,
    prepare: Callable[[Store], None] = lambda store: None,
) -> Played:
    """Play a world from its seed, or again from a tape; `prepare` may damage its books first."""
    choices = Tape(seed=setting.seed, written=tape)
    world = World(start=opens_at(setting), tape=choices)
    with _undisturbed(), open_store() as store:
        game = _Game(world, setting, store)
        prepare(store)
        try:
            error = game.play()
            world.end()
        finally:
            if game.versions is not None:
                game.versions.end()
        return Played(
            setting=setting,
            violation=_name_of(error),
            detail="" if error is None else f"{type(error).__name__}: {error}",
            tape=dict(choices.taken),
            lines=list(world.lines),
            fingerprint=world.fingerprint,
            subscription_days=game.subscription_days,
            charges=len(game.amazon.charges),
            days_played=game.days_played,
            counts=game.counted(),
            ended={
                row["name"]: (row["state"], row["cycle"], row["yen"]) for row in store.rows(_ENDED)
            },
        )


def _name_of(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return error.invariant if isinstance(error, Violation) else f"crash {type(error).__name__}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Injected faults are logged by the thousand, and a collection in between costs time."""
    logging.disable(logging.CRITICAL)
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        logging.disable(logging.NOTSET)


class _Game:
    """One world with everybody in it."""

    def __init__(self, world: World, setting: Setting, store: Store) -> None:
        self.world, self.setting, self.store = world, setting, store
        self.quiet = False
        self.days_played = 0
        self.subscription_days = 0  # of agreements that run: who has left counts no more
        rates = {"decline": setting.decline, "late": setting.late, "refund": setting.decline}
        rates["capture"] = setting.decline
        self.amazon = Amazon(
            now=lambda: world.now,
            draw=lambda label, n: self._draw(label, n, rates),
            month_zone=setting.amazon_month,
            keeps_refusals=setting.keeps_refusals,
            frees_canceled=setting.frees_canceled,
        )
        self.points = Points(world=world, setting=setting)
        self.network = Network(
            world=world, amazon=self.amazon, rates=dict(setting.network), point=self.points
        )
        self.shop: Shop = open_shop(setting, store=store, amazon=self.amazon)
        on_network(self.shop, world=world, network=self.network)
        self.schedulers = Schedulers(world=world, shop=self.shop, store=store, setting=setting)
        self.actors = Actors(
            world=world, shop=self.shop, store=store, amazon=self.amazon, setting=setting
        )
        self.warehouse = Warehouse(world=world, shop=self.shop, store=store, setting=setting)
        self.view = View(
            world=world,
            store=store,
            amazon=self.amazon,
            setting=setting,
            people={each.name: each for each in self.shop.people},
            touched=self.actors.touched,
        )
        arrivals = Arrivals(self.view)
        self.network.arrived, self.network.answered = arrivals.arrived, arrivals.answered
        self.network.kept = setting.kept_500
        self.versions = Versions() if setting.two_programs else None
        if self.versions is not None:
            self._two_programs(self.versions)
        plan_outage(world=world, network=self.network, view=self.view, setting=setting)
        self.receivers = Receivers(world=world, store=store, view=self.view, trouble=setting.mails)
        self.receivers.open_for(self.shop)
        self.schedulers.deliver = self.receivers.deliver_for_ever
        self.post = Post(
            world=world, store=store, schedulers=self.schedulers, trouble=setting.messages
        )
        self.amazon.tell = self.post.tell
        self.restorer = Restorer(
            world=world,
            shop=self.shop,
            store=store,
            amazon=self.amazon,
            schedulers=self.schedulers,
            view=self.view,
        )
        world.on_death = self._died

    def _two_programs(self, versions: Versions) -> None:
        world = self.world
        world.on_turn = versions.turn
        self.view.old_program = lambda: (
            world.current is not None and versions.is_old(world.current.process)
        )

    def _died(self, process: Process) -> None:
        self.schedulers.restarted(process)
        self.restorer.resumed(process)

    def _draw(self, label: str, n: int, rates: Mapping[str, int]) -> int:
        kind = label.partition(" ")[0]
        rate = 0 if self.quiet and kind != "late.end" else rates.get(kind, 1_000)
        return self.world.tape.choose(f"bank {label}", n, permille=rate)

    def play(self) -> BaseException | None:
        """All phases; the first violation or crash ends it."""
        setting = self.setting
        with on_stage(self.world, one_host=setting.one_host, point=self.points):
            self.store.world, self.store.point = self.world, self.points
            self.store.rates = {
                "lost": setting.commit_lost,
                "unknown": setting.commit_unknown,
                "lock": setting.lock_lost,
                "kill": setting.kill,
            }
            try:
                self.schedulers.start()
                if setting.restore_on is not None:
                    self.restorer.plan(day=setting.restore_on)
                self._days(setting.days, scan_every=max(1, setting.days // 20))
                self._heal()
                self._days(setting.settle_days, scan_every=max(1, setting.settle_days // 4))
                self._check(invariants.SAFETY + invariants.LIVENESS)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                return error
        return None

    def _days(self, days: int, *, scan_every: int) -> None:
        for day in range(days):
            self.actors.begin_day()
            self.warehouse.begin_day()
            for _ in range(8):
                self.world.run(until=self.world.now + DAY // 8)
                self.actors.look_at_brake()
            self.days_played += 1
            self.subscription_days += self.store.rows(_RUNNING)[0]["n"]
            if (day + 1) % scan_every == 0:
                self._check(invariants.SAFETY)

    def _heal(self) -> None:
        self.world.trace("faults end")
        self.quiet = self.points.quiet = self.actors.quiet = self.post.quiet = True
        self.warehouse.quiet = True
        self.network.rates.clear()
        self.network.kept = 0
        self.receivers.quiet = True
        if self.versions is not None:
            self.versions.healed = True
        self.store.rates = {}
        self.schedulers.heal()

    def _check(self, checks: tuple[object, ...]) -> None:
        for check in checks:
            check(self.view)  # type: ignore[operator] # every one is a function of the view
            if self.world.failure is not None:
                raise self.world.failure

    def counted(self) -> Counter[str]:
        """How often each rare state was reached."""
        found: Counter[str] = Counter()
        for source in (
            {f"amazon {name}": n for name, n in self.amazon.counts.items()},
            self.network.calls,
            {f"commit {name}": n for name, n in self.store.counts.items()},
            self.points.counts,
            self.schedulers.counts,
            self.actors.counts,
            self.warehouse.counts,
            self.post.counts,
            self.receivers.counts,
            self.restorer.counts,
        ):
            found.update(source)
        found["two programs: a key taken over"] = self.view.taken_over
        return found + in_books(self.store)
