"""Look at processes that a test has started or killed."""

import time
from collections.abc import Callable
from pathlib import Path


def gone_within(seconds: float, still_there: Callable[[], bool]) -> bool:
    """Wait until `still_there` is false; False when it stays true for that long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not still_there():
            return True
        time.sleep(0.05)
    return False


def is_running(pid: int) -> bool:
    """True while the process exists and is more than an entry that nobody has reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
