"""Books that are lost and taken back from a backup, and the people who bring them up to date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from billing import writing
from billing.restore import Span, begin_restoration, last_restoration, reopen
from scheduler import AmazonSilent, RunStopped, reconcile
from simulation.amazon import Amazon
from simulation.schedulers import Schedulers
from simulation.shop import Shop
from simulation.store import Store
from simulation.view import View
from simulation.world import DAY, SECOND, Process, World

_LOST: Final = (DAY // 24, DAY // 4, DAY, 3 * DAY)
FAR_PAST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_COMPARISONS: Final = 6
_PATIENCE: Final = 3_600 * SECOND


class Restorer:
    """Takes a backup on a day, and puts it back a while later; once in a world."""

    def __init__(
        self,
        *,
        world: World,
        shop: Shop,
        store: Store,
        amazon: Amazon,
        schedulers: Schedulers,
        view: View,
    ) -> None:
        self._world = world
        self._shop = shop
        self._store = store
        self._amazon = amazon
        self._schedulers = schedulers
        self._view = view
        self.counts: dict[str, int] = {}

    def plan(self, *, day: int) -> None:
        """Take the backup `day` days from now; some hours or days of the books will be lost."""
        lost = _LOST[self._world.tape.choose("restore loses", len(_LOST))]
        self._world.at(self._world.now + day * DAY, lambda: self._backup(lost))

    def _backup(self, lost: int) -> None:
        backup = self._store.backup()
        self._world.trace("backup taken")
        self._world.at(self._world.now + lost, lambda: self._put_back(backup))

    def _put_back(self, backup: Connection) -> None:
        self._schedulers.stop_all()
        for task in self._world.tasks():
            self._world.kill(task.process)
        self._world.at(self._world.now, lambda: self._restore(backup))

    def _restore(self, backup: Connection) -> None:
        self._store.put_back(backup)
        self._view.books_went_back()
        self._world.trace("books restored")
        self.counts["restore begun"] = 1
        self._world.spawn(Process("operator"), self._bring_up_to_date)

    def resumed(self, process: Process) -> None:
        """An operator's command died: an hour later the person gives it again."""
        if process.name == "operator":
            when = self._world.now + _PATIENCE
            again = Process("operator", process.incarnation + 1)
            self._world.at(when, lambda: _ignore(self._world.spawn(again, self._bring_up_to_date)))

    def _bring_up_to_date(self) -> None:
        """Compare until nothing differs that can be mended, then let two people end it."""
        self._again(self._begin)
        # They run again at once: the open restoration holds them, not their absence.
        self._schedulers.start()
        self._again(self._compare)
        while self._is_open():
            for name in ("hanako", "jiro"):
                self._again(lambda name=name: self._approve(name))
        self._view.reconciling_since = None
        self._world.trace("books are open again")
        self.counts["restore ended"] = 1

    def _begin(self) -> None:
        if not self._is_open():
            self._write(begin_restoration, by="hanako", reason="restored")

    def _is_open(self) -> bool:
        with self._store.engine.connect() as connection:
            last = last_restoration(connection)
        return last is not None and last.is_open

    def _again(self, step: Any) -> None:
        while True:
            try:
                step()
                return
            except (DBAPIError, RunStopped, AmazonSilent) as problem:
                self._world.trace(f"operator {type(problem).__name__}")
                self._world.sleep(_PATIENCE)

    def _compare(self, patience: int = _COMPARISONS) -> None:
        # What a person loads down at Seller Central: every charge and refund there is, at once.
        engine = self._shop.engine
        rules = replace(engine.doubts, report_listing=timedelta(0))
        report = reconcile(
            replace(engine, doubts=rules),
            charge_ids=tuple(self._amazon.charges),
            refund_ids=tuple(self._amazon.refunds),
            covers=Span(FAR_PAST, self._world.clock()),
        )
        self._world.trace(f"operator booked {len(report.booked)}, clean {report.is_clean}")
        # Every charge and refund is named. Permissions, and charges that might hide a refund, are
        # asked for again as well, but where every tenth call fails some are always left.
        vital = report.not_covered, report.unanswered, report.charges_unread, report.refunds_unread
        helpful = report.unread or report.charges_uncompared
        if any(vital) or (helpful and patience):
            self._world.sleep(_PATIENCE)
            self._compare(max(0, patience - 1))

    def _approve(self, name: str) -> None:
        with self._store.engine.connect() as connection:
            open_one = last_restoration(connection)
        if open_one is not None and open_one.is_open and open_one.first_by != name:
            self._write(reopen, by=name, reason="compared")

    def _write(self, act: Any, **said: str) -> None:
        at = self._world.clock()
        writing(self._store.engine, lambda c: act(c, at=at, **said))


def _ignore(_task: object) -> None:
    """The world keeps its tasks."""
