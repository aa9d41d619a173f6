"""What happens in this room by itself as virtual time passes."""

from amazonpay.sandbox.settlement import report_store
from amazonpay.sandbox.settlement.closing import close, next_close
from amazonpay.sandbox.settlement.refund_outcomes import fire_decline, next_decline
from amazonpay.sandbox.world import Timer, World


def _next_close(world: World) -> int | None:
    at = next_close(world)
    world.store.awaits_money = at is None
    return at


def _fire_close(world: World, at: int) -> None:
    settlement = close(world, at=at, scheduled=True)
    if settlement.movements:
        report_store.add_automatic(world, settlement)


TIMERS: tuple[Timer, ...] = (
    Timer(next_decline, fire_decline),
    Timer(_next_close, _fire_close),
)
