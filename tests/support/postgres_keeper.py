"""A process that keeps one PostgreSQL alive for as long as a test run lives, and then removes it.

Run as a program. It waits on the test run's process, not on the worker that happened to ask first,
so that a killed run (`kill -9` included) leaves neither a server nor a folder behind, and a
worker that dies does not take the server away from the others. Standard library only.
"""

import argparse
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO

from support.postgres_binaries import run_as

START_SECONDS = 60  # a first start takes 1.5 s here; a loaded two-core machine can take twenty
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

# Tests may lose their data in a power cut; they may not wait for the disk.
FAST_AND_PRIVATE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
    "listen_addresses": "",
    "max_connections": "150",
    "timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",  # inside the data folder, so it goes with it
}

# Benchmarks of durable work may not cheat: each commit waits for the disk, as in production.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
WANTS_DURABLE = "AUTOPAY_TEST_DURABLE"


class AskedToStopError(Exception):
    """SIGTERM came. Not an OSError, for `Popen.poll` swallows those."""


def main() -> int:
    arguments = _arguments()
    base: Path = arguments.base
    signal.signal(signal.SIGTERM, _leave)
    server: subprocess.Popen[bytes] | None = None
    try:
        with (base / "server.log").open("ab") as log:
            server = _start(base=base, programs=arguments.programs, log=log)
        (base / "ready").touch()
        _wait_for_end_of(arguments.watch, server)
    except AskedToStopError:
        pass
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        # The folder stays, for its log; whoever stops the run removes it.
        (base / "ready").unlink(missing_ok=True)
        (base / "failed").write_text(f"{error}\n")
        _stop(server)
        return 1
    _stop(server)
    shutil.rmtree(base, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder for data, socket and log")
    parser.add_argument("--programs", type=Path, required=True, help="folder of initdb, postgres")
    parser.add_argument("--watch", type=int, required=True, help="process id of the test run")
    return parser.parse_args()


def _leave(signum: int, frame: FrameType | None) -> None:
    raise AskedToStopError


def _start(*, base: Path, programs: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    data = base / "data"
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # no PG* variable of the caller
    subprocess.run(
        [
            *(programs / "initdb", "--no-sync", "--no-instructions", "--auth=trust"),
            *("--username=postgres", "--encoding=UTF8", "--locale=C", "-D", data),
        ],
        check=True,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        cwd=base,
        env=environment,
        **run_as(),
    )
    settings = FAST_AND_PRIVATE | (DURABLE if os.environ.get(WANTS_DURABLE) else {})
    options = [f"--{name}={value}" for name, value in settings.items()]
    server: subprocess.Popen[bytes] = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", base, *options],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        cwd=base,
        env=environment,
        # After the user change on purpose: changing the user clears the signal.
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        **run_as(),
    )
    try:
        _wait_until_ready(data, server)
    except RuntimeError:
        _stop(server)
        raise
    return server


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _wait_until_ready(data: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"postgres ended with code {server.returncode} while starting")
        if _says_ready(data / "postmaster.pid"):
            return
        time.sleep(0.02)
    raise RuntimeError(f"postgres was not ready after {START_SECONDS} s")


def _says_ready(status_file: Path) -> bool:
    try:
        lines = status_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _wait_for_end_of(pid: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the process `pid` has ended; raise RuntimeError when postgres ends before it."""
    is_gone = _watcher_of(pid)
    while not is_gone():
        if server.poll() is not None:
            raise RuntimeError(f"postgres ended with code {server.returncode} during the tests")


def _watcher_of(pid: int) -> Callable[[], bool]:
    """A function that waits a moment and says whether the process has ended."""
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return lambda: True
        # A pidfd sees the end of a killed process even while nobody has reaped it.
        return lambda: bool(select.select([descriptor], [], [], 1.0)[0])

    def poll() -> bool:
        time.sleep(0.2)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    return poll


def _stop(server: subprocess.Popen[bytes] | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if server is None or server.poll() is not None:
        return
    server.send_signal(signal.SIGINT)  # "fast": roll back, disconnect, leave
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
