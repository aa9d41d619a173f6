"""Invariants of what is told: by Amazon to us, and by us to people and programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from simulation.books import instant_of
from simulation.setting import Setting
from simulation.view import View
from simulation.world import SECOND, instant, moment

_STUCK_AFTER: Final = timedelta(hours=26)


def invariant_26_everybody_was_told(view: View) -> None:
    """What was written was delivered at least once, and nothing waits any more."""
    if view.setting.mails is None:
        return
    late = f"{instant(view.world.now) - _STUCK_AFTER:%Y-%m-%d %H:%M:%S.%f}"
    for row in view.rows(
        "SELECT d.id, d.channel, n.kind FROM delivery d JOIN notice n ON n.id = d.notice_id "
        "WHERE d.state = 'sent'"
    ):
        if row["id"] not in view.received and not view.went_back:
            view.broken("invariant_26", f"{row['channel']} of {row['kind']} was never taken")
    view.none(
        "invariant_36",
        "SELECT d.channel, n.kind, d.look_at FROM delivery d JOIN notice n ON n.id = d.notice_id "
        "WHERE d.state = 'waiting' AND d.look_at < ?",
        late,
    )
    view.none(
        "invariant_26",
        "SELECT n.kind, n.dedup_key FROM notice n WHERE n.kind = 'charged' AND n.written_at < ? "
        "AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notice_id = n.id)",
        late,
    )


def _surely_later(setting: Setting) -> int:
    """So much after a change a reading is of the time after it, whatever slept or was off."""
    slept = 2 * 3_600 if setting.delay or setting.network else 0
    jumped = 48 * 3_600 if setting.clock_jump else 0
    return (2 + 2 * setting.skew_seconds + slept + jumped) * SECOND


def invariant_23_permissions_equal_amazon(view: View) -> None:
    """Whatever was told, and in which order: a permission stands as it stood when last read."""
    later = _surely_later(view.setting)
    for row in view.rows("SELECT amazon_id AS id, state, checked_at FROM charge_permission"):
        theirs = view.amazon.permissions[row["id"]]
        if row["checked_at"] is None:
            continue
        is_fresh = moment(instant_of(row["checked_at"])) > theirs.changed_at + later
        if is_fresh and row["state"] != theirs.state:
            view.broken("invariant_23", f"{row['id']}: {row['state']}, at Amazon {theirs.state}")
