"""The clock of the back office's commands: the real one, or a pretended one in the sandbox."""

from datetime import datetime

from app.context import Books
from app.problems import Refused
from billing import latest_moment, reading
from scheduler import Clock, ShiftedClock, SystemClock

__all__ = ["desk_clock"]


def desk_clock(books: Books, at: datetime | None) -> Clock:
    """The clock that a command goes by; raises `Refused` for a pretended one of a live merchant."""
    if books.merchant.environment == "live":
        if at is not None:
            raise Refused(
                "--at pretends another time, and the environment is live; live agreements and "
                "charges follow the clock: leave --at out"
            )
        return SystemClock()
    if at is None:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        with reading(books.database) as connection:
            latest = latest_moment(connection, books.merchant.id)
        at = latest if latest > SystemClock().now() else None
    return SystemClock() if at is None else ShiftedClock(at)
