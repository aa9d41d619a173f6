"""What a handler of the control surface works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.clock import VirtualClock
from amazonpay.sandbox.faults import Faults
from amazonpay.sandbox.timers import fire_due
from amazonpay.sandbox.world import World

PREFIX: Final = "/__control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The world, its clock, its folder and the faults in force."""

    world: World
    clock: VirtualClock
    directory: Path
    faults: Faults = field(default_factory=lambda: Faults(seed=0))

    def now(self) -> int:
        """The virtual instant, with everything that was due by then done."""
        now = self.clock.now()
        with self.world.store.transaction():
            fire_due(self.world, now)
        return now


def route(path: str, handler: Callable[[Request], Awaitable[Response]], method: str) -> Route:
    """A route of the control surface; `path` is what follows the prefix."""
    return Route(PREFIX + path, handler, methods=[method])
