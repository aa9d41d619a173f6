"""Amazon's notifications on their way: lost, doubled, late, out of order, or about nothing of ours.

They arrive at the engine's real inbox. Signatures are left out, as everywhere here: what is kept
has passed `amazonpay.notifications`, whose own tests forge.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError

from billing.notifications import Arrival, keep_arrival
from simulation.schedulers import Schedulers
from simulation.shop import MERCHANT
from simulation.store import Store
from simulation.world import DAY, SECOND, Process, World

WAYS: Final = ("lost", "twice", "late", "two weeks late", "out of order", "of nothing of ours")
_ARRIVES_AFTER: Final = {"late": 3_600 * SECOND, "two weeks late": 14 * DAY, "twice": SECOND}
_TRIES: Final = 4
_AGAIN_AFTER: Final = 20 * SECOND
_LOOKED_INTO_AFTER: Final = 3 * SECOND


class Post:
    """Carries messages from the model of Amazon to the inbox; `trouble` in a thousand go wrong."""

    def __init__(
        self, *, world: World, store: Store, schedulers: Schedulers, trouble: int | None
    ) -> None:
        self._world = world
        self._store = store
        self._schedulers = schedulers
        self._trouble = trouble
        self._sent = 0
        self.quiet = False
        self.counts: dict[str, int] = {}

    def tell(self, kind: str, object_id: str, permission_id: str, when: int) -> None:
        """Amazon notes at `when` that an object changed; without `trouble` it tells nobody."""
        if self._trouble is None:
            return
        self._sent += 1
        number, trouble = self._sent, 0 if self.quiet else self._trouble
        chosen = self._world.tape.choose(f"message {object_id}", len(WAYS) + 1, permille=trouble)
        way = WAYS[chosen - 1] if chosen else ""
        if way:
            self._count(way)
        if way == "lost":
            return
        if way == "of nothing of ours":
            object_id = f"{object_id[:-1]}X"
        delay = _ARRIVES_AFTER.get(way, SECOND if way != "out of order" else 50 * SECOND)
        self._arrives(kind, object_id, permission_id, number, when + delay, _TRIES)
        if way == "twice":
            self._arrives(kind, object_id, permission_id, number, when + DAY, _TRIES)

    def _arrives(
        self, kind: str, object_id: str, permission_id: str, number: int, when: int, tries: int
    ) -> None:
        """At a moment; Amazon delivers again when we could not keep it."""

        def keep() -> None:
            try:
                self._keep(kind, object_id, permission_id, number)
            except DBAPIError:
                if tries > 1:
                    again = self._world.now + _AGAIN_AFTER
                    self._arrives(kind, object_id, permission_id, number, again, tries - 1)
                return
            self._world.at(self._world.now + _LOOKED_INTO_AFTER, self._schedulers.look_into_inbox)

        self._world.at(when, lambda: _ignore(self._world.spawn(Process("receiver"), keep)))

    def _keep(self, kind: str, object_id: str, permission_id: str, number: int) -> None:
        at = self._world.clock()
        kept = keep_arrival(
            self._store.engine,
            MERCHANT,
            Arrival(
                message_id=f"m-{number}",
                kind="change",
                topic_arn="arn:aws:sns:ap-northeast-1:000000000000:simulated",
                sent_at=at,
                object_type=kind,
                object_id=object_id,
                permission_id=permission_id,
            ),
            at=at,
        )
        self._world.trace(f"receiver {kind} {object_id} {kept}")

    def _count(self, way: str) -> None:
        name = f"message {way}"
        self.counts[name] = self.counts.get(name, 0) + 1


def _ignore(_task: object) -> None:
    """The world keeps its tasks."""
