"""A worker of this machine is seen to live or not; of another machine nothing is claimed."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from scheduler import identity
from scheduler.identity import dead_workers, one_run, this_worker

HOST = socket.gethostname()
# What a worker id begins with on this machine: its name, and what tells it from others of the name.
MACHINE = this_worker().split("/")[0]


def worker_of(child: subprocess.Popen[str]) -> str:
    """What the child says its own id is."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


@pytest.fixture
def child():
    """A process that tells its worker id and then waits."""
    program = (
        "import sys; from scheduler.identity import this_worker; "
        "print(this_worker(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_this_worker_lives_and_is_always_the_same() -> None:
    assert this_worker() == this_worker()
    assert this_worker().startswith(f"{MACHINE}/{os.getpid()}/")
    assert dead_workers([this_worker()]) == set()


def test_a_living_child_is_not_dead(child: subprocess.Popen[str]) -> None:
    worker = worker_of(child)
    assert worker != this_worker()
    assert dead_workers([worker]) == set()


def test_a_killed_child_is_dead_before_and_after_it_is_reaped(
    child: subprocess.Popen[str],
) -> None:
    worker = worker_of(child)
    os.kill(child.pid, signal.SIGKILL)
    # WNOWAIT leaves the zombie where it is: its entry is there, but it charges no more.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert dead_workers([worker, this_worker()]) == {worker}
    child.wait()
    assert dead_workers([worker, this_worker()]) == {worker}


def test_a_recycled_process_id_is_another_worker() -> None:
    started = this_worker().rpartition("/")[2]
    before = f"{MACHINE}/{os.getpid()}/{int(started) - 1}"
    assert dead_workers([before]) == {before}


@pytest.mark.parametrize(
    "worker",
    [
        pytest.param(f"{MACHINE}-2/1/1", id="another machine"),
        pytest.param(f"not-{MACHINE}/{os.getpid()}/1", id="another machine, our process id"),
        pytest.param(f"{HOST}~0/{os.getpid()}/1", id="a container of the same name"),
        pytest.param("", id="empty"),
        pytest.param("w", id="one word"),
        pytest.param(f"{MACHINE}/x/1", id="no process id"),
        pytest.param(f"{MACHINE}//1", id="an empty process id"),
    ],
)
def test_what_cannot_be_seen_is_never_called_dead(worker: str) -> None:
    assert dead_workers([worker]) == set()


def test_a_host_name_with_a_slash_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.socket, "gethostname", lambda: "rack/7")
    gone = f"{this_worker().rpartition(f'/{os.getpid()}/')[0]}/4194305/1"
    assert gone.startswith("rack/7~")
    assert dead_workers([this_worker(), gone]) == {gone}


def test_without_proc_a_process_is_asked_whether_it_is_there(
    monkeypatch: pytest.MonkeyPatch, child: subprocess.Popen[str]
) -> None:
    """On systems without /proc the start is not known, only whether the process answers."""

    def no_proc(*_args: object) -> str:
        raise FileNotFoundError

    worker_of(child)
    monkeypatch.setattr(identity.Path, "read_text", no_proc)
    assert this_worker() == f"{MACHINE}/{os.getpid()}/alive"
    worker = f"{MACHINE}/{child.pid}/alive"
    assert dead_workers([worker]) == set()
    child.kill()
    child.wait()
    assert dead_workers([worker]) == {worker}


def test_a_run_that_has_ended_is_dead_while_its_process_lives() -> None:
    """So what a run leaves when the database was away is taken over by the next one at once."""
    with one_run() as first, one_run() as second:
        assert first != second
        assert dead_workers([first, second, this_worker()]) == set()
    assert dead_workers([first, second, this_worker()]) == {first, second}


def test_runs_of_another_process_live_as_long_as_it_does(child: subprocess.Popen[str]) -> None:
    run = f"{worker_of(child)}#1"
    assert dead_workers([run]) == set()
    child.kill()
    child.wait()
    assert dead_workers([run]) == {run}
