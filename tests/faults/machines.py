"""Machines of a test: worker processes that cannot see each other's, each with its own wire.

As a program (`python machines.py`) this file has imported everything and forks a worker for every
line that it reads: a worker that is killed all the time need not import for seconds each time.
"""

import contextlib
import ctypes
import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from cut_wire import Wire


PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass
class Machine:
    """One machine with at most one worker at a time."""

    name: str
    wire: "Wire"
    pid: int | None = None
    frozen: bool = False

    @property
    def worker_prefix(self) -> str:
        """What the id of its running worker begins with, as a pattern of SQL."""
        return f"{self.name}~%/{self.pid}/%"

    @property
    def is_up(self) -> bool:
        """Whether its worker runs, frozen or not."""
        from support.processes import is_running

        return self.pid is not None and is_running(self.pid)

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory is short."""
        self._signal(signal.SIGKILL)
        self.pid, self.frozen = None, False

    def freeze(self) -> None:
        """Stop it where it stands, as a virtual machine that is moved."""
        self.frozen = True
        self._signal(signal.SIGSTOP)

    def tell_where(self) -> None:
        """Write into its log where each of its threads stands: for the report of a failed test."""
        self._signal(signal.SIGUSR1)
        time.sleep(0.5)

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        self.frozen = False
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass
class Machines:
    """All machines of a test, and the process that forks their workers."""

    environment: Mapping[str, str]
    folder: Path
    machines: list[Machine] = field(default_factory=list)
    _forking: "subprocess.Popen[str] | None" = None
    arguments: tuple[str, ...] = ("worker",)

    def __enter__(self) -> Self:
        self._forking = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(self.environment),
        )
        return self

    def __exit__(self, *_error: object) -> None:
        for machine in self.machines:
            machine.kill()
        if self._forking is not None:
            self._forking.terminate()
            self._forking.wait()
            for stream in (self._forking.stdin, self._forking.stdout):
                if stream is not None:
                    stream.close()

    def add(self, wire: "Wire") -> Machine:
        """A machine whose worker does not run yet."""
        machine = Machine(f"machine-{len(self.machines)}", wire)
        self.machines.append(machine)
        return machine

    def boot(self, machine: Machine) -> None:
        """Start the worker of a machine."""
        assert self._forking is not None
        assert self._forking.stdin is not None
        assert self._forking.stdout is not None
        wanted = {
            "host": machine.name,
            "log": str(self.folder / f"{machine.name}.log"),
            "environment": {"AUTOPAY_DATABASE_URL": machine.wire.url},
            "arguments": self.arguments,
        }
        print(json.dumps(wanted), file=self._forking.stdin, flush=True)
        machine.pid = int(self._forking.stdout.readline())
        machine.frozen = False

    def logs(self) -> str:
        """What all workers said, for the report of a failed test."""
        files = sorted(self.folder.glob("machine-*.log"))
        return "\n".join(f"== {f.name}\n{f.read_text()[-6000:]}" for f in files)


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """True as soon as the condition holds; False when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def fork_for_each_line() -> None:
    """Fork a worker for each wish on standard input; prints its process id."""
    import app.commands.charging
    from app.cli import main

    assert app.commands.charging
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_worker(wanted)
            sys.argv = ["autopay", *wanted["arguments"]]
            main()
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become_worker(wanted: dict[str, object]) -> None:
    import socket

    # A test that ends without its teardown leaves no worker behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(wanted["environment"])  # type: ignore[arg-type] # names and values of it
    log = os.open(str(wanted["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for here, stream in ((null, 0), (log, 1), (log, 2)):
        os.dup2(here, stream)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    # Processes of one machine see each other's end at once; those of different machines must not.
    socket.gethostname = lambda: str(wanted["host"])


if __name__ == "__main__":
    fork_for_each_line()
