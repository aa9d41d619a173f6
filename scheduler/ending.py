"""The wish that this process ends, which may be uttered from a signal handler.

A handler runs between any two instructions of the main thread, so also inside `Event.wait`, where
that thread holds the very lock that `Event.set` needs: the process would stand still for ever, and
go on charging in its other threads. Python's documentation calls `SimpleQueue.put` reentrant.
"""

from contextlib import suppress
from queue import Empty, SimpleQueue


class Ending:
    """Asked for once, by whomever, and waited for by one thread."""

    def __init__(self) -> None:
        self._asked = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def ask(self) -> None:
        """End; safe in a signal handler and from any thread."""
        self._asked = True
        self._wake.put(None)

    @property
    def is_asked(self) -> bool:
        """Whether anybody has asked."""
        return self._asked

    def wait(self, seconds: float | None = None) -> bool:
        """Block until somebody asks, or for so many seconds; whether anybody has asked."""
        if not self._asked:
            with suppress(Empty):
                self._wake.get(timeout=seconds)
        return self._asked
