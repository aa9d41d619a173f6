"""Runs a program to its end and watches the memory of it and of all that it starts."""

import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

PROC = Path("/proc")
LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. `peak_mb` is None where the system does not tell."""

    exit_code: int
    output: str
    errors: str
    seconds: float
    peak_mb: float | None


def run_watched(command: Sequence[str], *, folder: Path, limit_seconds: float) -> Ended:
    """Run a program; raises `subprocess.TimeoutExpired`, and ends it, after `limit_seconds`."""
    began = perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        done = threading.Event()
        peaks: dict[int, int] = {}
        watcher = threading.Thread(target=_watch, args=(process.pid, done, peaks))
        watcher.start()
        try:
            output, errors = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
        finally:
            done.set()
            watcher.join()
        return Ended(
            exit_code=process.returncode,
            output=output,
            errors=errors,
            seconds=perf_counter() - began,
            peak_mb=sum(peaks.values()) / 1_000 if peaks else None,
        )


def _watch(root: int, done: threading.Event, peaks: dict[int, int]) -> None:
    """Keep each process's high-water mark in kB; their sum is never less than the true peak."""
    while not done.wait(LOOK_EVERY_SECONDS):
        for pid in _tree(root):
            peaks[pid] = max(peaks.get(pid, 0), _high_water_kb(pid))


def _tree(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for listing in (PROC / str(pid) / "task").glob("*/children"):
            waiting += map(int, _text(listing).split())
    return found


def _high_water_kb(pid: int) -> int:
    for line in _text(PROC / str(pid) / "status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024 // 1_000
    return 0


def memory_kb(pid: int) -> int:
    """What a process holds of memory now (its resident set) in units of 1,000 bytes; 0 if ended."""
    for line in _text(PROC / str(pid) / "status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1_024 // 1_000
    return 0


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # it ended between two looks
        return ""
