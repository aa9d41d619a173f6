"""Amazon is away for some hours; how long the backlog takes afterwards is invariant 38."""

from __future__ import annotations

from typing import Final

from simulation.setting import Setting
from simulation.view import View
from simulation.wire import Network
from simulation.world import DAY, SECOND, World, instant

_HOUR: Final = 3_600 * SECOND
_SHARE_OF_RATE: Final = 95
_PER_SECOND: Final = {"live": 4, "sandbox": 1}
# The worlds begin their days at 3 o'clock in Japan; Amazon goes away five minutes before charges.
_MORNING: Final = 3
_BEFORE: Final = 300 * SECOND
_TICK: Final = 90 * SECOND


def plan_outage(*, world: World, network: Network, view: View, setting: Setting) -> None:
    """Let Amazon be away on a day from just before the charges are due."""
    if setting.outage_on is None:
        return
    hour = (setting.charge_hour - _MORNING) % 24
    begins = world.now + setting.outage_on * DAY + hour * _HOUR - _BEFORE
    lasts = setting.outage_hours * _HOUR

    def begin() -> None:
        network.is_away = True
        world.trace("Amazon is away")

    def end() -> None:
        network.is_away = False
        world.trace("Amazon is back")
        backlog = len(_waiting(view, begins + lasts))
        network.calls["outage ended"] = backlog
        most = lasts + backlog * 100 * SECOND // (_SHARE_OF_RATE * _PER_SECOND[setting.environment])
        world.at(
            world.now + most + _TICK, lambda: invariant_38_backlog_drains(view, begins + lasts)
        )

    world.at(begins, begin)
    world.at(begins + lasts, end)


def invariant_38_backlog_drains(view: View, ended: int) -> None:
    """After an outage of T the backlog is gone in T + backlog / (0.95 × rate), and one tick."""
    left = _waiting(view, ended)
    if left:
        view.broken("invariant_38", f"{len(left)} still wait, first {left[0]}")


def _waiting(view: View, until: int) -> list[str]:
    found = view.rows(
        "SELECT s.reference FROM slot s JOIN subscription o ON o.id = s.subscription_id "
        "WHERE s.state IN ('due', 'open') AND s.first_due_at <= ? AND s.due_at <= ? "
        "AND o.state NOT IN ('paused', 'canceled')",
        *[f"{instant(until):%Y-%m-%d %H:%M:%S.%f}"] * 2,
    )
    return [row["reference"] for row in found]
