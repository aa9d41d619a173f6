"""Kills this very process at a named point of the charging path: for crash tests only.

`AUTOPAY_KILL_AT=charge.intended:2` ends it with SIGKILL when the point is reached the second
time. Nothing is flushed, closed or told to anyone, as in a power cut.
"""

import os
import signal
import threading

from app.problems import Refused
from billing import checkpoints

VARIABLE = "AUTOPAY_KILL_AT"


def arm() -> None:
    """Arm the point named by the environment, if any; raises `Refused` for an unknown one."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, number = wanted.partition(":")
    if name not in checkpoints.NAMES or not (number or "1").isdigit():
        raise Refused(
            f"{VARIABLE} is {wanted!r}; write NAME or NAME:COUNT with one of "
            + ", ".join(checkpoints.NAMES)
        )
    checkpoints.observe(_Killer(name, int(number or "1")))


class _Killer:
    def __init__(self, name: str, remaining: int) -> None:
        self._name = name
        self._remaining = remaining
        # Senders reach points from many threads: the count must be exact all the same.
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        if name != self._name:
            return
        with self._lock:
            self._remaining -= 1
            if self._remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)
