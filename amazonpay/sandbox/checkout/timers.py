"""What happens by itself: sessions expire after a day and are forgotten thirty days after it."""

from amazonpay.sandbox.checkout import sessions, shelf
from amazonpay.sandbox.world import Timer, World


def _fire(world: World, at: int) -> None:
    session = shelf.due(world)
    if session is None:
        return
    if session.state == "Open":
        sessions.canceled(world, session, reason="Expired", now=at)
    else:
        shelf.forget(world, session)


TIMERS: tuple[Timer, ...] = (Timer(shelf.soonest, _fire),)
