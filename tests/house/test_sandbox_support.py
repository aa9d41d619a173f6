"""The `sandbox` fixture: a real process with a control surface, and nothing of it stays behind."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support.house import ROOT
from support.processes import gone_within, is_running
from support.sandbox import PAGE_SIZE, Sandbox, SandboxDidNotStart, SandboxStarter

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def test_it_gives_what_a_client_needs(sandbox: Sandbox) -> None:
    assert sandbox.base_url.startswith("http://127.0.0.1:")
    assert sandbox.private_key_file.read_text().startswith("-----BEGIN")
    assert all([sandbox.merchant_id, sandbox.store_id, sandbox.public_key_id])
    assert httpx.get(sandbox.base_url, trust_env=False).status_code < 500


def test_each_test_finds_it_empty(sandbox: Sandbox) -> None:
    assert [*sandbox.permissions(), *sandbox.charges(), *sandbox.refunds()] == []
    sandbox.create_permissions([{"amountLimit": 50_000}])
    assert len(list(sandbox.permissions())) == 1
    sandbox.reset()
    assert [*sandbox.permissions(), *sandbox.requests()] == []


def test_all_pages_are_read_and_in_order(sandbox: Sandbox) -> None:
    made = sandbox.create_permissions({"amountLimit": 50_000} for _ in range(PAGE_SIZE + 1))
    listed = [row["chargePermissionId"] for row in sandbox.permissions()]
    assert listed == [row["chargePermissionId"] for row in made]
    assert len(set(listed)) == PAGE_SIZE + 1


def test_a_permission_can_be_closed_by_the_buyer(sandbox: Sandbox) -> None:
    sandbox.create_permissions([{"id": "B01-1234567-1234567"}])
    sandbox.patch_permission("B01-1234567-1234567", state="Closed", reasonCode="BuyerClosed")
    (row,) = sandbox.permissions()
    assert row["state"] == "Closed"


def test_time_is_virtual(start_sandbox: SandboxStarter) -> None:
    running = start_sandbox(clock=NEW_YEAR)
    assert NEW_YEAR <= running.clock() < NEW_YEAR + timedelta(hours=1)
    running.advance(86_400)
    assert running.clock() >= NEW_YEAR + timedelta(days=1)
    running.set_clock(NEW_YEAR + timedelta(days=31))
    assert running.clock() >= NEW_YEAR + timedelta(days=31)
    start_sandbox.end(running)
    assert not is_running(running.process.pid)


def test_faults_come_and_go(sandbox: Sandbox) -> None:
    sandbox.faults([{"operation": "createCharge", "kind": "503", "times": 1}])
    sandbox.clear_faults()


def test_a_refused_control_call_fails_the_test_with_the_answer(sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError, match="PATCH /charge-permissions/B01-0 → 4"):
        sandbox.patch_permission("B01-0", state="Closed")


def test_a_start_that_fails_says_what_the_program_wrote(
    start_sandbox: SandboxStarter,
) -> None:
    with pytest.raises(SandboxDidNotStart, match=r"(?s)exit code 2.*warp"):
        start_sandbox(throttle="warp")


@pytest.mark.slow
def test_a_killed_run_leaves_no_local_amazon_pay(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from support.sandbox import SandboxStarter\n"
        "running = SandboxStarter(new_folder=lambda: Path(sys.argv[1]))()\n"
        "print(running.process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.PIPE,
    )
    with run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        run.send_signal(signal.SIGKILL)
    assert gone_within(10, lambda: is_running(server))
