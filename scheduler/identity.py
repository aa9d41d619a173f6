"""Who a worker is, so that a dead one's unfinished work can be taken over at once.

A worker id names the machine, the process and the process's start, `host~place/process/start`, and
where it runs slices also the run: `…#7`. On the same machine it can be seen whether that very
process still lives, and in the same process whether that very run goes on; what happens on other
machines is told by `scheduler.heartbeat`, or at the latest by the lease of an attempt.
"""

import hashlib
import itertools
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_runs = itertools.count(1)
_going_on: set[str] = set()


def this_worker() -> str:
    """The id of the running process."""
    return _worker_id(os.getpid())


@contextmanager
def one_run() -> Iterator[str]:
    """The id of one run of this process; from its end on, what it left counts as a dead one's."""
    run = f"{this_worker()}#{next(_runs)}"
    _going_on.add(run)
    try:
        yield run
    finally:
        _going_on.discard(run)


def process_of(worker: str) -> str:
    """The worker id of the process that a run belongs to; a worker id itself stays as it is."""
    return worker.partition("#")[0]


def dead_workers(worker_ids: Iterable[str]) -> set[str]:
    """Those of the given workers and runs that were on this machine and are no more."""
    machine, here = _machine(), this_worker()
    return {
        worker
        for worker in worker_ids
        if _is_dead(process_of(worker), machine)
        or (worker != here and process_of(worker) == here and worker not in _going_on)
    }


def _worker_id(pid: int) -> str:
    return f"{_machine()}/{pid}/{_started(pid)}"


def _machine() -> str:
    return f"{socket.gethostname()}~{_place()}"


@cache
def _place() -> str:
    """Tells apart machines of one name and containers, whose process ids mean nothing outside."""
    known = [_text(Path("/proc/sys/kernel/random/boot_id")), _link(Path("/proc/self/ns/pid"))]
    return hashlib.sha256("".join(known).encode()).hexdigest()[:8]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _link(file: Path) -> str:
    try:
        return os.readlink(file)
    except OSError:
        return ""


def _is_dead(worker: str, machine: str) -> bool:
    owner, _, rest = worker.rpartition("/")[0].rpartition("/")
    if owner != machine or not rest.isdigit():
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
