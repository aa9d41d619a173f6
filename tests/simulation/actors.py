"""Customers, staff and buyers, acting at random through the same doors as web and command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from billing import (
    civil_date,
    make_due,
    pull_brake,
    reading,
    release_brake,
    request_refund,
    writing,
)
from billing.agreements import AgreementRefused, act, confirm_quote, keep_quote
from billing.quotes import CapRefuses, StaleQuote, load_situation, plan_change, quote
from plans import PlansError
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeAnchor,
    ChangeNextDate,
    ChangeQuantity,
    Pause,
    Reactivate,
    Refund,
    Resume,
    SkipCycles,
    Timing,
    Undo,
)
from scheduler import AmazonSilent, RunStopped
from simulation.amazon import Amazon
from simulation.setting import SHAPES, Setting
from simulation.shop import Shop
from simulation.store import Store
from simulation.world import SECOND, Process, World

REFUSED: Final = (
    PlansError,
    AgreementRefused,
    CapRefuses,
    StaleQuote,
    DBAPIError,
    RunStopped,
    AmazonSilent,
)
"""What a person is told: no, not now, or that something is out of order."""

_ALL: Final = ("quote", "quote", "quote", "cancel", "undo", "refund", "retry")


class Actors:
    """Plans each day's actions from the tape and plays each in a process of its own."""

    def __init__(
        self, *, world: World, shop: Shop, store: Store, amazon: Amazon, setting: Setting
    ) -> None:
        self._world = world
        self._shop = shop
        self._store = store
        self._amazon = amazon
        self._setting = setting
        self._names = frozenset(each.name for each in shop.people)
        self._done = 0
        self.quiet = False
        self.touched: set[str] = set()
        self.braked_since: int | None = None
        self.counts: dict[str, int] = {}

    def begin_day(self) -> None:
        """Let people plan their day."""
        if self.quiet:
            return
        self._crowd("act", self._setting.actions_per_100_days, self._somebody_acts)
        self._crowd("buyer", self._setting.buyer_per_100_days, self._a_buyer_acts)
        if self._choose("brake", 2, permille=self._setting.brake):
            self._spawn("desk", self._pull)

    def _crowd(self, label: str, per_100_days: int, begin: Callable[[], None]) -> None:
        whole, part = divmod(per_100_days, 100)
        for _ in range(whole + self._choose(f"{label} count", 2, permille=part * 10)):
            when = self._world.now + self._choose(f"{label} when", 24 * 60) * 60 * SECOND
            self._world.at(when, begin)

    def _choose(self, label: str, n: int, *, permille: int = 1_000) -> int:
        return self._world.tape.choose(label, n, permille=permille)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        self._done += 1
        process = Process(name, self._done)

        def guarded() -> None:
            try:
                work()
            except REFUSED as refused:
                self._told(f"{name} {type(refused).__name__}")

        self._world.spawn(process, guarded)

    def _told(self, what: str) -> None:
        self._world.trace(what)
        self.counts[what] = self.counts.get(what, 0) + 1

    def _somebody_acts(self) -> None:
        if self.quiet or not self._shop.people:
            return
        kind = _ALL[self._choose("act kind", len(_ALL))]
        # By number, also of those that a smaller world leaves out: the others keep their roles.
        name = f"sub-{self._choose('act who', self._setting.subscriptions):03d}"
        if name not in self._names:
            return
        verbs: dict[str, Callable[[str], None]] = {
            "quote": self._asks,
            "cancel": self._leaves,
            "undo": self._takes_back,
            "refund": self._refunds,
            "retry": self._retries,
        }
        self._spawn("web" if kind == "quote" else "desk", lambda: verbs[kind](name))

    def _asks(self, name: str) -> None:
        """A question, its quote, and after a while the confirmation and its charge."""
        at = self._world.clock()
        merchant, engine = self._shop.merchant, self._shop.engine
        on = civil_date(at=at, timezone=merchant.timezone)
        with reading(self._store.engine) as connection:
            view = load_situation(connection, merchant, subscription_id=name, at=at)
            command = self._command(view, on)
            asked = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="simulated")
        self.touched.add(name)
        writing(self._store.engine, lambda c: keep_quote(c, merchant, asked))
        now = self._world.clock
        done = writing(
            self._store.engine,
            lambda c: confirm_quote(c, merchant, quote_id=asked.quote_id, at=now()),
        )
        self._told(f"web {type(command).__name__} {done.state}")
        if done.slot_ids:
            engine.charge_now(done.slot_ids)

    def _command(self, view: Any, on: date) -> Any:
        pick = self._choose
        timing = (Timing.PERIOD_END, Timing.NOW)[pick("ask when", 2)]
        later = on + timedelta(days=1 + pick("ask days", 25))
        shape = [plan for plan in SHAPES[self._setting.shape] if plan != "gift"]
        commands: tuple[Callable[[], Any], ...] = (
            lambda: SkipCycles(1 + pick("ask cycles", 2)),
            lambda: Pause(timing, until=on + timedelta(days=20 + pick("ask pause", 30))),
            lambda: Resume(),
            lambda: Cancel(timing, refund=list(Refund)[pick("ask refund", len(Refund))]),
            lambda: Reactivate(),
            lambda: ChangeQuantity(1 + pick("ask quantity", 4), timing),
            lambda: AddAddOn("support", 1, timing),
            lambda: AddCoupon("half"),
            lambda: ChangeNextDate(later),
            lambda: ChangeAnchor(later),
            lambda: plan_change(
                view, plan_code=shape[pick("ask plan", len(shape))], on=on, timing=timing
            ),
        )
        return commands[pick("ask", len(commands))]()

    def _leaves(self, name: str) -> None:
        self._act(name, Cancel(Timing.NOW))

    def _takes_back(self, name: str) -> None:
        merchant, at = self._shop.merchant, self._world.clock()
        with reading(self._store.engine) as connection:
            view = load_situation(connection, merchant, subscription_id=name, at=at)
        queue = view.subscription.queue if view.subscription else ()
        if queue:
            self._act(name, Undo(queue[self._choose("undo which", len(queue))].id))

    def _act(self, name: str, command: Any) -> None:
        merchant, at = self._shop.merchant, self._world.clock()
        self.touched.add(name)
        writing(
            self._store.engine,
            lambda c: act(
                c,
                merchant,
                subscription_id=name,
                command=command,
                actor=Actor.STAFF,
                reason="simulated",
                at=at,
            ),
        )
        self._told(f"desk {type(command).__name__}")

    def _refunds(self, name: str) -> None:
        amount = (None, 1, 500)[self._choose("refund yen", 3)]
        at, request = self._world.clock(), f"desk-{self._done}"
        for _ in range(1 + self._choose("refund twice", 2)):
            writing(
                self._store.engine,
                lambda c: request_refund(
                    c,
                    self._shop.merchant,
                    request_id=request,
                    amount_yen=amount,
                    reason="simulated",
                    actor="staff",
                    at=at,
                    subscription_id=name,
                ),
            )
        self._told("desk refund requested")
        self._shop.engine.send_refunds(request_id=request)

    def _retries(self, name: str) -> None:
        found = self._store.rows(
            "SELECT s.reference FROM slot s JOIN subscription o ON o.id = s.subscription_id "
            "WHERE o.external_id = ? ORDER BY s.id DESC LIMIT 1",
            name,
        )
        if found:
            at, reference = self._world.clock(), found[0]["reference"]
            writing(
                self._store.engine,
                lambda c: make_due(c, self._shop.merchant, reference=reference, at=at),
            )
            self._told("desk retry")

    def _pull(self) -> None:
        merchant, at = self._shop.merchant, self._world.clock()
        writing(
            self._store.engine,
            lambda c: pull_brake(c, merchant, by="staff", reason="simulated", at=at),
        )
        self._told("desk brake pulled")

    def look_at_brake(self) -> None:
        """Staff comes by: a brake that is pulled is released, now or at a later visit."""
        stays = not self.quiet and self._choose("brake stays", 2)
        if not stays and self.brake_pulled():
            self._spawn("desk", self._release)

    def brake_pulled(self) -> bool:
        """True while nothing new may be charged."""
        return bool(self._store.rows("SELECT 1 FROM brake WHERE pulled_at IS NOT NULL"))

    def _release(self) -> None:
        merchant, at = self._shop.merchant, self._world.clock()
        writing(self._store.engine, lambda c: release_brake(c, merchant, reason="checked", at=at))
        self._told("desk brake released")

    def _a_buyer_acts(self) -> None:
        if self.quiet:
            return
        most = -(-self._setting.subscriptions // self._setting.sharing)
        number = self._choose("buyer who", most)
        permission = self._amazon.permissions.get(f"C03-{number:07d}-0000001")
        what = ("new card", "card gone", "new card", "closes")[self._choose("buyer", 4)]
        if permission is None or permission.state == "Closed":
            return
        states: dict[str, tuple[str, str | None]] = {
            "new card": ("Chargeable", None),
            "card gone": ("NonChargeable", "PaymentMethodDeleted"),
            "closes": ("Closed", "BuyerClosed"),
        }
        self._amazon.changes(permission, *states[what])
        self._told(f"buyer {what}")
