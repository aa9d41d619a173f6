"""The warehouse: ships what Amazon has authorised, by the doors that staff and programs use.

Most goods leave the next day. Some leave late or in part, some never (until Amazon has authorised
them anew), some are withdrawn, some are told twice. What was told once is told again when books
come back from a backup: the goods are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.exc import DBAPIError

from billing import (
    AwaitedShipment,
    Shipment,
    ShipmentsRefused,
    awaited_shipments,
    civil_date,
    reading,
    record_shipments,
    withdraw_shipment,
    writing,
)
from plans import BadInput
from scheduler import RunStopped
from simulation.setting import Setting
from simulation.shop import Shop
from simulation.store import Store
from simulation.world import DAY, SECOND, Process, World

WAYS: Final = ("late", "very late", "not at all", "withdrawn", "in part", "a yen's worth", "twice")
_LATE: Final = {"late": 9, "very late": 22}
_REFUSED: Final = (ShipmentsRefused, BadInput, DBAPIError, RunStopped)


@dataclass(slots=True)
class _Plan:
    """What is to become of the goods of one authorisation."""

    way: str
    ships_at: int


class Warehouse:
    """Looks each morning at what waits to be shipped."""

    def __init__(self, *, world: World, shop: Shop, store: Store, setting: Setting) -> None:
        self._world = world
        self._shop = shop
        self._store = store
        self._setting = setting
        self._plans: dict[tuple[str, str], _Plan] = {}
        self._told: dict[str, Shipment] = {}
        self._withdrawn: set[str] = set()
        self._twice: set[str] = set()
        self._mornings = 0
        self.quiet = False
        self.counts: dict[str, int] = {}

    def begin_day(self) -> None:
        """At work at nine; the night's charges are authorised by then or tomorrow."""
        if self._setting.shape == "goods":
            self._mornings += 1
            process = Process("warehouse", self._mornings)
            # The world begins its days at 3 o'clock in Japan.
            self._world.at(
                self._world.now + 6 * 3_600 * SECOND,
                lambda: _ignore(self._world.spawn(process, self._work)),
            )

    def _work(self) -> None:
        try:
            with reading(self._store.engine) as connection:
                awaited = awaited_shipments(connection, self._shop.merchant)
        except DBAPIError:
            return
        if not awaited:
            return
        plain: list[Shipment] = []
        for each in awaited:
            plan = self._plan(each)
            if each.reference in self._withdrawn or plan.way == "withdrawn":
                self._guarded(lambda each=each: self._withdraws(each.reference))
            elif self._world.now >= plan.ships_at:
                plain.append(self._shipment(each, plan))
        if plain:
            self._guarded(lambda: self._tells(plain))

    def _plan(self, each: AwaitedShipment) -> _Plan:
        key = each.reference, each.lapses_at.isoformat()
        if key not in self._plans:
            odd = 0 if self.quiet else self._setting.shipping
            chosen = self._world.tape.choose(f"ship {each.reference}", len(WAYS) + 1, permille=odd)
            way = WAYS[chosen - 1] if chosen else ""
            days = 10_000 if way == "not at all" else _LATE.get(way, 0)
            self._plans[key] = _Plan(way, self._world.now + days * DAY)
            if way:
                self._count(f"goods {way}")
            if way == "twice":
                self._twice.add(each.reference)
        plan = self._plans[key]
        if self.quiet and plan.way in ("not at all", "very late"):
            plan.ships_at = min(plan.ships_at, self._world.now)
        return plan

    def _shipment(self, each: AwaitedShipment, plan: _Plan) -> Shipment:
        known = self._told.get(each.reference)
        if known is not None and (known.amount_yen or 0) <= each.amount_yen:
            return known
        parts = {"in part": each.amount_yen // 3, "a yen's worth": 1}
        on = self._today()
        shipment = Shipment(each.reference, on, parts.get(plan.way))
        self._told[each.reference] = shipment
        return shipment

    def _today(self) -> date:
        return civil_date(at=self._world.clock(), timezone=self._shop.merchant.timezone)

    def _tells(self, shipments: list[Shipment]) -> None:
        """All in one; when some cannot be, each by itself."""
        try:
            acts = self._records(shipments)
        except ShipmentsRefused:
            acts = []
            for shipment in shipments:
                self._guarded(lambda one=shipment: acts.extend(self._records([one])))
        twice = [shipment for shipment in shipments if shipment.reference in self._twice]
        if twice:
            self._records(twice)
        # By hand one waits for the captures; a program leaves them to the next run.
        if acts and self._world.tape.choose("warehouse waits", 2):
            self._shop.engine.settle_shipments(only=acts)

    def _records(self, shipments: list[Shipment]) -> list[str]:
        at = self._world.clock()
        made = writing(
            self._store.engine,
            lambda c: record_shipments(c, self._shop.merchant, shipments, actor="warehouse", at=at),
        )
        self._world.trace(f"warehouse shipped {[each.reference for each in made][:5]}")
        self._count("goods shipped", len(made))
        self._count("goods told again", sum(each.repeated for each in made))
        return [each.capture for each in made]

    def _withdraws(self, reference: str) -> None:
        at = self._world.clock()
        writing(
            self._store.engine,
            lambda c: withdraw_shipment(
                c,
                self._shop.merchant,
                reference=reference,
                actor="warehouse",
                reason="sold out",
                at=at,
            ),
        )
        self._withdrawn.add(reference)
        self._world.trace(f"warehouse withdrew {reference}")
        self._count("goods taken back")

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except _REFUSED as refused:
            self._world.trace(f"warehouse {type(refused).__name__} {str(refused)[:80]}")
            self._count(f"warehouse {type(refused).__name__}")

    def _count(self, what: str, times: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + times


def _ignore(_task: object) -> None:
    """The world keeps its tasks."""
