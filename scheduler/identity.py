"""Who a worker is, so that a dead one's unfinished work can be taken over at once.

A worker id names host, process and the process's start. On the same host it can be seen whether
that very process still lives; for other hosts only the lease of an attempt tells.
"""

import os
import socket
from collections.abc import Iterable
from pathlib import Path


def this_worker() -> str:
    """The id of the running process."""
    return _worker_id(os.getpid())


def dead_workers(worker_ids: Iterable[str]) -> set[str]:
    """Those of the given workers that ran on this host and live no more."""
    host = socket.gethostname()
    return {worker for worker in worker_ids if _is_dead(worker, host)}


def _worker_id(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_started(pid)}"


def _is_dead(worker: str, host: str) -> bool:
    owner, _, rest = worker.rpartition("/")[0].rpartition("/")
    if owner != host or not rest.isdigit():
        return False
    return _worker_id(int(rest)) != worker


def _started(pid: int) -> str:
    """When the process started, in the kernel's own ticks; "gone" when there is no such process."""
    try:
        # After the last ")" of the name: state is field 3, the start time is field 22.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "gone" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return "alive" if _answers(pid) else "gone"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
